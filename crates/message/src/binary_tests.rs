use super::*;
use crate::scan::{Limits, Scan, Scanner};
use proptest::prelude::*;

fn scan(message: &[u8]) -> Scan {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(message).unwrap();
    scanner.finish().unwrap()
}

fn rewritten(message: &[u8], cut: usize) -> Result<Vec<u8>, BinaryError> {
    let mut writer = Rewriter::new(&scan(message).root)?;
    let mut out = Vec::new();
    for piece in message.chunks(cut.max(1)) {
        writer.push(piece, &mut out)?;
    }
    writer.finish(&mut out)?;
    Ok(out)
}

/// Decoded content of every leaf, in order.
fn leaves(message: &[u8]) -> Vec<Vec<u8>> {
    fn walk(part: &Part, message: &[u8], out: &mut Vec<Vec<u8>>) {
        if part.children.is_empty() {
            let from = usize::try_from(part.body.0).unwrap();
            let body = &message[from..from + usize::try_from(part.body.1).unwrap()];
            out.push(match part.mime.encoding.as_str() {
                "base64" => {
                    let text: Vec<u8> = body.iter().copied().filter(|b| !b"\r\n".contains(b)).collect();
                    STANDARD.decode(text).unwrap()
                }
                _ => body.to_vec(),
            });
        }
        part.children.iter().for_each(|child| walk(child, message, out));
    }
    let mut out = Vec::new();
    walk(&scan(message).root, message, &mut out);
    out
}

fn mixed(image: &[u8]) -> Vec<u8> {
    [
        b"From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: BINARY\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
          Content-Type: text/plain\r\n\r\nBonjour\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding:\r\n binary\r\nContent-ID: <i>\r\n\r\n",
        image,
        b"\r\n--b--\r\n",
    ]
    .concat()
}

#[test]
fn binary_parts_become_base64_and_nothing_else_changes() {
    let image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR \r not a line\n.\r\n.\r\n\n--bad\r";
    let out = rewritten(&mixed(image), usize::MAX).unwrap();
    assert!(LineCheck::new(78).push(&out).is_none() && out.is_ascii(), "{}", String::from_utf8_lossy(&out));
    let text = String::from_utf8(out.clone()).unwrap();
    assert!(text.contains("Content-Transfer-Encoding: 8bit\r\nContent-Type: multipart/mixed"), "{text}");
    assert!(text.contains("image/png\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <i>\r\n\r\niVBOR"), "{text}");
    assert_eq!(leaves(&out), [b"Bonjour".to_vec(), image.to_vec()]);
    assert_eq!(scan(&out).root.children[1].mime.encoding, "base64");
}

#[test]
fn a_message_that_is_one_binary_part() {
    let head = b"From: a@b.test\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\n";
    for body in [&b"%PDF\0\xff\r"[..], b"", b"\r\n", &[0; 57], &[0; 58], &[b'\n'; 4000]] {
        let out = rewritten(&[head, body].concat(), 7).unwrap();
        assert!(out.ends_with(b"\r\n") && LineCheck::new(LINE).push(&out).is_none());
        assert_eq!(leaves(&out), [body.to_vec()]);
    }
}

#[test]
fn a_message_in_a_message_keeps_its_parts() {
    let inner = mixed(b"\0\x01");
    let outer = [
        b"From: a@b.test\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n".as_slice(),
        &inner,
    ]
    .concat();
    let out = rewritten(&outer, 3).unwrap();
    assert!(out.starts_with(b"From: a@b.test\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"));
    assert_eq!(leaves(&out).last().unwrap(), b"\0\x01");
}

#[test]
fn what_is_no_line_outside_of_a_binary_part_spoils_the_message() {
    let flaw = |message: &[u8]| rewritten(message, 5).unwrap_err();
    assert_eq!(flaw(b"From: a@b.test\r\n\r\na\0b"), BinaryError::Flaw(Flaw::Nul));
    assert_eq!(flaw(b"From: a@b.test\r\n\r\na\r\n.\nb"), BinaryError::Flaw(Flaw::BareNewline));
    assert_eq!(
        flaw(b"From: a@b.test\r\nX: a\rb\r\nContent-Transfer-Encoding: binary\r\n\r\n\0"),
        BinaryError::Flaw(Flaw::BareNewline)
    );
    assert_eq!(
        flaw(b"From: a@b.test\nContent-Transfer-Encoding: binary\r\n\r\n\0"),
        BinaryError::Flaw(Flaw::BareNewline)
    );
    let bare = [mixed(b"\0"), b"epilogue\r\n.\n".to_vec()].concat();
    assert_eq!(flaw(&bare), BinaryError::Flaw(Flaw::BareNewline));
    // A delimiter after a bare LF: another reader would not see it.
    let text = String::from_utf8(mixed(b"x")).unwrap();
    assert_eq!(flaw(text.replace("x\r\n--b--", "x\n--b--").as_bytes()), BinaryError::Flaw(Flaw::BareNewline));
    let signed = text.replace("multipart/mixed", "multipart/signed").replacen("BINARY", "8bit", 1);
    assert_eq!(flaw(signed.as_bytes()), BinaryError::Signed);
}

proptest! {
    #[test]
    fn however_it_is_cut_and_whatever_the_part_holds(
        image in prop::collection::vec(any::<u8>(), 0..300),
        cut in 1usize..80,
    ) {
        // A part that holds the delimiter is another message; it is left out.
        prop_assume!(!image.windows(3).any(|w| w == b"--b"));
        let message = mixed(&image);
        let out = rewritten(&message, cut).unwrap();
        prop_assert_eq!(&out, &rewritten(&message, usize::MAX).unwrap());
        prop_assert!(LineCheck::new(LINE).push(&out).is_none());
        prop_assert_eq!(leaves(&out), leaves(&message));
    }

    #[test]
    fn never_anything_but_lines(message in prop::collection::vec(prop::sample::select(b"ab:- \r\n\0\xff".to_vec()), 0..200), cut in 1usize..9) {
        let head = b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\n\
                     Content-Transfer-Encoding: binary\r\n\r\n";
        let message = [head.as_slice(), &message].concat();
        if let Ok(out) = rewritten(&message, cut) {
            prop_assert!(LineCheck::new(LINE).push(&out).is_none());
        }
    }
}
