//! Whatever the bytes: a text within its bounds or a cause, and no panic of ours.
use proptest::prelude::*;
use sceau_extract::{Limits, text_of};
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const CDA: &str = "<?xml version='1.0' encoding='UTF-8'?><ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title>R&#233;sultats &amp; suite</title>\
    <patientRole><id extension='277076322082910'/></patientRole><text><content>Gly</content>cémie<![CDATA[ <1> ]]></text>\
    <value unit='g/L' value=\"1,05\"/></ClinicalDocument>";
const RTF: &str = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}}{\*\x y}\uc2\'e9t\u233??\~\{a\bin3 {{{\tab\par}";

fn limits() -> Limits {
    Limits { text: 300, unfolded: 1 << 16, nodes: 500, depth: 20, entries: 5, ..Limits::default() }
}

fn archive() -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let documents = [
        ("IHE_XDM/SUBSET01/CDA.XML", CDA),
        ("LETTRE.RTF", RTF),
        ("LISEZMOI.TXT", "bonjour"),
        ("INDEX.HTM", "<p>&eacute;"),
    ];
    for (name, content) in documents {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A document, changed in a few places, cut, doubled.
fn changed(document: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3u8);
    let changes = prop::collection::vec(change, 0..8);
    (changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(move |(changes, end, whole)| {
        let mut bytes = document.clone();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => {
                    let part = bytes[at..].to_vec();
                    bytes.extend(part);
                }
            }
        }
        if !whole {
            bytes.truncate(end.index(bytes.len()));
        }
        bytes
    })
}

fn holds(name: &str, document: &[u8]) {
    if let Ok(text) = text_of("", name, document, &limits()) {
        assert!(text.len() <= limits().text && !text.contains('\0'), "{text:?}");
    }
}

#[test]
fn good_ones_are_read() {
    let text = text_of("", "IHE_XDM.ZIP", &archive(), &Limits::default()).unwrap();
    for word in ["CDA.XML", "277076322082910", "Résultats & suite", "Glycémie", "g/L", "bonjour", "é"] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

proptest! {
    #[test]
    fn any_xml(bytes in changed(CDA.into())) {
        holds("a.xml", &bytes);
    }
    #[test]
    fn any_rtf(bytes in changed(RTF.into())) {
        holds("a.rtf", &bytes);
    }
    #[test]
    fn any_archive(bytes in changed(archive())) {
        holds("a.zip", &bytes);
    }
    #[test]
    fn any_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        name in prop::sample::select(vec!["a.xml", "a.txt", "a.htm", "a.rtf", "a.zip", "a"]),
    ) {
        holds(name, &bytes);
    }
}
