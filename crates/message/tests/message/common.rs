//! What the tests of this crate share.
use sceau_message::scan::{Limits, Part, Scan, ScanError, Scanner};
use std::fmt::Write;

/// Scans a message in one piece.
pub fn scan(message: &[u8]) -> Scan {
    scan_with(message, Limits::default()).unwrap()
}

/// Scans a message in one piece, under these budgets.
pub fn scan_with(message: &[u8], limits: Limits) -> Result<Scan, ScanError> {
    let mut scanner = Scanner::new(limits);
    scanner.push(message)?;
    scanner.finish()
}

/// Scans a message in pieces of `size` bytes.
pub fn scan_by(message: &[u8], size: usize, limits: Limits) -> Result<Scan, ScanError> {
    let mut scanner = Scanner::new(limits);
    for piece in message.chunks(size) {
        scanner.push(piece)?;
    }
    scanner.finish()
}

/// The bytes a range of a part points at.
pub fn slice(message: &[u8], (start, length): (u64, u64)) -> &[u8] {
    &message[start as usize..(start + length) as usize]
}

/// The structure as a person would note it: one line a part, `type/subtype lines [header] [body]`; the body of a leaf
/// only. CR and LF are shown as `\r\n`.
pub fn outline(message: &str) -> String {
    fn note(message: &[u8], part: &Part, depth: usize, out: &mut String) {
        let show = |range| format!("{:?}", String::from_utf8_lossy(slice(message, range)));
        let body = if part.children.is_empty() { format!(" {}", show(part.body)) } else { String::new() };
        let (kind, subtype) = (&part.mime.kind, &part.mime.subtype);
        writeln!(out, "{:w$}{kind}/{subtype} {} {}{body}", "", part.lines, show(part.header), w = depth * 2).unwrap();
        for child in &part.children {
            note(message, child, depth + 1, out);
        }
    }
    let scan = scan(message.as_bytes());
    let mut out = String::new();
    note(message.as_bytes(), &scan.root, 0, &mut out);
    out
}

/// Checks what must hold of any scan of any message.
pub fn check_laws(message: &[u8], scan: &Scan) {
    assert_eq!(scan.size, message.len() as u64);
    assert_eq!(scan.header, slice(message, scan.root.header));
    assert_eq!(scan.root.header.0, 0);
    assert_eq!(scan.root.body.0 + scan.root.body.1, scan.size, "the root's body reaches the end");
    let non_ascii = scan.header_8bit || scan.body_8bit;
    assert_eq!(non_ascii, !message.is_ascii());
    check_part(message, &scan.root);
}

fn check_part(message: &[u8], part: &Part) {
    let end = part.body.0 + part.body.1;
    assert_eq!(part.header.0 + part.header.1, part.body.0, "the body follows the header: {part:?}");
    let body = slice(message, part.body);
    let ends = body.iter().filter(|&&b| b == b'\n').count() as u64;
    let unfinished = body.last().is_some_and(|&b| b != b'\n');
    assert_eq!(part.lines, ends + u64::from(unfinished), "lines of {part:?}");
    if part.mime.is_multipart() {
        assert!(!part.children.is_empty(), "a multipart has a part");
    }
    let mut at = part.body.0;
    for child in &part.children {
        assert!(child.header.0 >= at, "children do not overlap");
        at = child.body.0 + child.body.1;
        assert!(at <= end, "a child stays inside its parent: {child:?} in {part:?}");
        check_part(message, child);
    }
}
