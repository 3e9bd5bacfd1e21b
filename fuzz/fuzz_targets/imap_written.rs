//! What the IMAP door writes of any message is well formed: parentheses balance, strings end, literals are as long as they say, no line ends elsewhere;
//! parts, and the sections that name them, lie within the message; every field of a header is picked or left out, never both; what is kept of a
//! message is read back; and any URL of CATENATE is read or refused.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_imap::codec::parse::section_text;
use sceau_imap::codec::{Out, url};
use sceau_imap::content::section::{Located, find, locate, pick_fields};
use sceau_imap::content::{envelope, structure};
use sceau_message::header;
use sceau_message::scan::{Limits, Part, Scanner};
use sceau_message::summary::Summary;
use sceau_operator::mailbox::read::MessageSummary;

/// One response: tokens of RFC 9051 §9, to the last octet.
fn well_formed(bytes: &[u8]) {
    let (mut depth, mut i) = (0i64, 0);
    while i < bytes.len() {
        match bytes[i] {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                assert!(depth >= 0, "a parenthesis is closed that was never opened");
            }
            b'"' => {
                i += 1;
                while bytes[i] != b'"' {
                    assert!(!matches!(bytes[i], b'\r' | b'\n' | 0), "a quoted string holds a line end");
                    i += if bytes[i] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' => {
                let end = i + bytes[i..].iter().position(|&b| b == b'}').expect("a literal mark ends");
                let size: usize = std::str::from_utf8(&bytes[i + 1..end]).unwrap().parse().unwrap();
                assert_eq!(&bytes[end + 1..end + 3], b"\r\n");
                assert!(!bytes[end + 3..end + 3 + size].contains(&0), "a literal holds NUL");
                i = end + 2 + size;
            }
            b => assert!(b.is_ascii_graphic() || b == b' ', "octet {b} outside of a string"),
        }
        i += 1;
    }
    assert_eq!(depth, 0, "a parenthesis is not closed");
}

fn within(part: &Part, size: u64) {
    assert!(part.header.0 + part.header.1 <= size && part.body.0 + part.body.1 <= size);
    part.children.iter().for_each(|child| within(child, size));
}

/// Every number that names a part, as IMAP counts them (RFC 9051 §6.4.5.1), and what can be asked of it.
fn sections(summary: &MessageSummary, size: u64) {
    let root = &summary.summary.root;
    let mut numbers = vec![Vec::new()];
    let mut tried = 0;
    while let Some(number) = numbers.pop() {
        tried += 1;
        if tried > 200 || number.len() > 101 {
            return;
        }
        let dotted: Vec<String> = number.iter().map(u32::to_string).collect();
        let dot = if number.is_empty() { "" } else { "." };
        for text in ["HEADER", "TEXT", "MIME", "HEADER.FIELDS (SUBJECT)", ""] {
            let asked = format!("{}{}{text}", dotted.join("."), if text.is_empty() { "" } else { dot });
            let Ok(section) = section_text(asked.as_bytes()) else { continue };
            match locate(summary, &section) {
                Located::Range(range) | Located::Fields { of: Some(range), .. } => {
                    assert!(range.start + range.len <= size)
                }
                _ => {}
            }
        }
        for next in 1.. {
            let child = [number.as_slice(), &[next]].concat();
            if find(root, &child).is_none() {
                break;
            }
            numbers.push(child);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let _ = url::parse(input);
    let mut scanner = Scanner::new(Limits::default());
    if scanner.push(input).is_err() {
        return;
    }
    let Ok(scan) = scanner.finish() else { return };
    within(&scan.root, scan.size);
    let kept = Summary::of(&scan, &Limits::default());
    assert_eq!(Summary::from_bytes(&kept.to_bytes()).as_ref(), Some(&kept));
    // Each field is in one of the two, as it stands; each ends with an empty line.
    let all: usize =
        header::fields(&scan.header).map(|f| f.raw.len() + if f.raw.ends_with(b"\n") { 0 } else { 2 }).sum();
    let names = ["subject".to_owned(), "X".to_owned()];
    let (picked, left) = (pick_fields(&scan.header, &names, false), pick_fields(&scan.header, &names, true));
    assert_eq!(picked.len() + left.len(), all + 4);
    let prefix = b"Return-Path: <a@b>\r\n".to_vec();
    let size = scan.size + prefix.len() as u64;
    sections(&MessageSummary { message: 1, prefix, summary: kept }, size);
    for utf8 in [false, true] {
        for extended in [false, true] {
            let mut out = Out::new();
            out.set_utf8(utf8);
            out.raw("(");
            envelope::write(&mut out, &scan.envelope);
            out.raw(" ");
            structure::write(&mut out, &scan.root, extended);
            out.raw(")");
            well_formed(out.bytes());
        }
    }
});
