//! What the IMAP door writes of any message is well formed: parentheses balance, strings end, literals are as long as they say, no line ends elsewhere;
//! parts lie within the message; and any URL of CATENATE is read or refused.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_imap::codec::{Out, url};
use sceau_imap::content::{envelope, structure};
use sceau_message::scan::{Limits, Part, Scanner};

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

fuzz_target!(|input: &[u8]| {
    let _ = url::parse(input);
    let mut scanner = Scanner::new(Limits::default());
    if scanner.push(input).is_err() {
        return;
    }
    let Ok(scan) = scanner.finish() else { return };
    within(&scan.root, scan.size);
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
