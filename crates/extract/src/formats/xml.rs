//! XML: the text of its nodes, as a stream; of CDA R2 (HL7 `ClinicalDocument`) also what stands in attributes that a reader sees.
//!
//! No tree is built, no DTD is read, no entity is defined: there is nothing to expand. Depth and nodes are bounded.
use super::{Text, plain};
use crate::{Limits, Why};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;

/// How far an encoding declaration is looked for, bytes.
const DECLARATION: usize = 256;
/// Bytes of a document's text in UTF-8 for one of its own, at most (windows-1252 to UTF-8).
const WIDER: usize = 3;

/// Pushes the text of an XML document.
pub fn text(content: &[u8], limits: &Limits, out: &mut Text) -> Result<(), Why> {
    walk(&decoded(content), limits, &mut Plain { clinical: None, parents: Vec::new() }, out)
}

/// What is done with the nodes of a document.
pub(super) trait Visit {
    /// An element begins (and ends at once when it is empty).
    fn start(&mut self, element: &BytesStart<'_>, out: &mut Text);
    /// An element of this local name ends.
    fn end(&mut self, name: &str, out: &mut Text);
    /// Is text wanted here?
    fn wants(&self) -> bool;
}

/// Walks a document within its budgets.
pub(super) fn walk(xml: &str, limits: &Limits, visit: &mut dyn Visit, out: &mut Text) -> Result<(), Why> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().allow_dangling_amp = true;
    let (mut depth, mut nodes, mut seen) = (0_u32, 0_u32, false);
    while !out.is_full() {
        nodes += 1;
        if nodes > limits.nodes || depth > limits.depth {
            return Err(Why::Excess);
        }
        match reader.read_event().map_err(|_| Why::Broken)? {
            Event::Start(e) => {
                (depth, seen) = (depth + 1, true);
                visit.start(&e, out);
            }
            Event::Empty(e) => {
                seen = true;
                visit.start(&e, out);
                visit.end(e.local_name().as_ref(), out);
            }
            Event::End(e) => {
                depth = depth.saturating_sub(1);
                visit.end(e.local_name().as_ref(), out);
            }
            Event::Text(t) if visit.wants() => push(&t.xml10_content(), out),
            Event::CData(t) if visit.wants() => push(&t.xml10_content(), out),
            Event::GeneralRef(r) if visit.wants() => reference(&r, out),
            // Whoever defines entities wants them expanded.
            Event::DocType(_) => return Err(Why::Excess),
            Event::Eof if depth > 0 || !seen => return Err(Why::Broken),
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(())
}

/// White space of the markup is one blank.
fn push(text: &str, out: &mut Text) {
    let edge = |c: Option<char>| c.is_some_and(char::is_whitespace);
    if edge(text.chars().next()) {
        out.push(" ");
    }
    for (i, word) in text.split_whitespace().enumerate() {
        if i > 0 {
            out.push(" ");
        }
        out.push(word);
    }
    if !text.trim().is_empty() && edge(text.chars().next_back()) {
        out.push(" ");
    }
}

/// A character reference or one of the five entities that need no definition.
fn reference(r: &BytesRef<'_>, out: &mut Text) {
    match r.resolve_char_ref() {
        Err(_) => {}
        Ok(Some(c)) => out.push(c.encode_utf8(&mut [0; 4])),
        Ok(None) => out.push(resolve_xml_entity(&r.xml10_content()).unwrap_or_default()),
    }
}

/// The document as UTF-8: by its byte order mark, its declaration, else UTF-8 if it is, else windows-1252.
pub(super) fn decoded(content: &[u8]) -> Cow<'_, str> {
    let (encoding, skip) = Encoding::for_bom(content).unwrap_or_else(|| (declared(content), 0));
    let content = &content[skip..];
    if encoding == UTF_8
        && let Ok(text) = std::str::from_utf8(content)
    {
        return Cow::Borrowed(text);
    }
    let mut text = Text::new(content.len().saturating_mul(WIDER));
    plain::decode(encoding, content, &mut text);
    Cow::Owned(text.finish())
}

fn declared(content: &[u8]) -> &'static Encoding {
    let guess = || if plain::is_utf8(content) { UTF_8 } else { WINDOWS_1252 };
    let head = &content[..content.len().min(DECLARATION)];
    let Some(head) = head.trim_ascii_start().strip_prefix(b"<?xml") else { return guess() };
    let head = &head[..head.windows(2).position(|w| w == b"?>").unwrap_or(head.len())];
    let Some(at) = head.windows(8).position(|w| w == b"encoding") else { return guess() };
    let value = head[at + 8..].trim_ascii_start().strip_prefix(b"=").unwrap_or_default().trim_ascii_start();
    let value = value.get(1..).unwrap_or_default();
    let end = value.iter().position(|b| matches!(b, b'"' | b'\'')).unwrap_or(value.len());
    // A document that can be read as XML so far is no UTF-16.
    Encoding::for_label(&value[..end]).filter(|e| e.is_ascii_compatible()).unwrap_or_else(guess)
}

/// XML of any sort: text apart at each element, but for marks within words. CDA: with codes and identities.
struct Plain {
    /// Is it a clinical document? Known at the first element.
    clinical: Option<bool>,
    /// Kept for CDA only: names of the elements that are open.
    parents: Vec<String>,
}

impl Visit for Plain {
    fn start(&mut self, element: &BytesStart<'_>, out: &mut Text) {
        let local_name = element.local_name();
        let name = local_name.as_ref();
        if !INLINE.contains(&name) {
            out.apart();
        }
        if *self.clinical.get_or_insert(name == "ClinicalDocument") {
            self.clinical_start(name, element, out);
            self.parents.push(name.to_owned());
        }
    }
    fn end(&mut self, name: &str, out: &mut Text) {
        if !INLINE.contains(&name) {
            out.apart();
        }
        self.parents.pop();
    }
    fn wants(&self) -> bool {
        // Letters and images in base64.
        !self.parents.iter().any(|p| p == "observationMedia" || p == "nonXMLBody")
    }
}

impl Plain {
    /// What a CDA says in attributes: names of codes, results with their unit, numbers of people.
    fn clinical_start(&mut self, name: &str, element: &BytesStart<'_>, out: &mut Text) {
        let of_person = self.parents.last().is_some_and(|p| PEOPLE.contains(&p.as_str()));
        for attribute in element.attributes().flatten() {
            let shown = match attribute.key.local_name().as_ref() {
                "displayName" => true,
                "extension" => name == "id" && of_person,
                "value" | "unit" => RESULTS.contains(&name),
                _ => false,
            };
            if shown && let Ok(value) = attribute.normalized_value(XmlVersion::Explicit1_0) {
                push(&value, out);
                out.push(" ");
            }
        }
    }
}

/// Marks that stand within words (CDA narrative, XHTML).
const INLINE: [&str; 10] = ["content", "sub", "sup", "linkHtml", "b", "i", "u", "em", "strong", "span"];
/// Elements whose `id` is a person's: the patient's INS, a professional's RPPS.
const PEOPLE: [&str; 4] = ["patientRole", "assignedAuthor", "assignedEntity", "associatedEntity"];
/// Elements whose `value` and `unit` are results.
const RESULTS: [&str; 4] = ["value", "low", "high", "doseQuantity"];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(xml: &[u8]) -> Result<String, Why> {
        let mut out = Text::new(10_000);
        text(xml, &Limits { depth: 20, nodes: 1000, ..Limits::default() }, &mut out)?;
        Ok(out.finish())
    }

    const CDA: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
 <id root="1.2.3" extension="not-of-a-person"/>
 <code code="11502-2" displayName="CR d'examens biologiques"/>
 <title>Compte rendu d&#8217;examens &amp; suite</title>
 <recordTarget><patientRole><id root="1.2.250.1.213.1.4.8" extension="277076322082910"/>
  <patient><name><family>CORSE</family><given>Anne</given></name></patient></patientRole></recordTarget>
 <component><section><title>Biochimie</title>
  <text><table><tr><td>Gly<content styleCode="Bold">cémie</content></td><td>1,05 g/l</td></tr></table></text>
  <entry><observation><code displayName="Glucose"/><value value="1.05" unit="g/L"/></observation></entry>
  <observationMedia><value>UjBsR09EbGg=</value></observationMedia>
 </section></component>
</ClinicalDocument>"#;

    #[test]
    fn a_clinical_document_says_what_its_reader_sees() {
        let text = of(CDA.as_bytes()).unwrap();
        let words: Vec<&str> = text.split_whitespace().collect();
        for word in
            ["277076322082910", "CORSE", "Anne", "Glycémie", "1,05", "Glucose", "g/L", "biologiques", "d’examens", "&"]
        {
            assert!(words.contains(&word), "{word} in {text}");
        }
        assert!(!text.contains("UjBs") && !text.contains("not-of-a-person"), "{text}");
    }

    #[test]
    fn any_charset() {
        assert_eq!(of(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9t\xe9</a>").unwrap(), "été");
        assert_eq!(of(b"<a>\xe9t\xe9</a>").unwrap(), "été");
        assert_eq!(of(b"\xff\xfe<\0a\0>\0\xe9\0<\0/\0a\0>\0").unwrap(), "é");
    }

    #[test]
    fn nothing_is_expanded_and_budgets_hold() {
        let laughs = b"<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><l>&b;</l>";
        assert_eq!(of(laughs), Err(Why::Excess));
        assert_eq!(of(b"<!DOCTYPE l SYSTEM 'file:///etc/passwd'><l/>"), Err(Why::Excess));
        assert_eq!(of(b"<l>&nothing;x&#0;</l>").unwrap(), "x");
        assert_eq!(of(&b"<a>".repeat(100)), Err(Why::Excess));
        assert_eq!(of([b"<a>".to_vec(), b"<b/>".repeat(2000), b"</a>".to_vec()].concat().as_slice()), Err(Why::Excess));
        for broken in [&b"<a>"[..], b"", b"<a></b>", b"x", b"<a", b"<a>x"] {
            assert_eq!(of(broken), Err(Why::Broken), "{broken:?}");
        }
    }
}
