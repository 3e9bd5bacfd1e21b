//! Budgets: exceeding one is an error that names it, at whatever piece size; staying inside is none.
use crate::common::scan_by;
use sceau_message::scan::{Limits, ScanError, Scanner};

/// Scans whole and by one byte: the answer must be the same.
fn outcome(message: &str, limits: Limits) -> Result<(), ScanError> {
    let whole = scan_by(message.as_bytes(), usize::MAX, limits).map(|_| ());
    assert_eq!(whole, scan_by(message.as_bytes(), 1, limits).map(|_| ()));
    whole
}

fn nested(depth: usize) -> String {
    (1..depth).map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n")).collect()
}

fn flat(parts: usize) -> String {
    format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(parts - 1))
}

#[test]
fn depth() {
    assert_eq!(outcome(&nested(100), Limits::default()), Ok(()));
    assert_eq!(outcome(&nested(101), Limits::default()), Err(ScanError::TooComplex));
    let messages = |n: usize| "Content-Type: message/rfc822\r\n\r\n".repeat(n);
    assert_eq!(outcome(&messages(99), Limits::default()), Ok(()));
    assert_eq!(outcome(&messages(100), Limits::default()), Err(ScanError::TooComplex));
}

#[test]
fn parts() {
    let limits = Limits { parts: 50, ..Limits::default() };
    assert_eq!(outcome(&flat(50), limits), Ok(()));
    assert_eq!(outcome(&flat(51), limits), Err(ScanError::TooComplex));
    assert_eq!(outcome(&flat(10_001), Limits::default()), Err(ScanError::TooComplex));
}

#[test]
fn header_bytes() {
    let limits = Limits { header_bytes: 20, ..Limits::default() };
    let header = |n: usize| format!("A: {}\r\n\r\nthe body may be as long as it likes", "x".repeat(n - 7));
    assert_eq!(outcome(&header(20), limits), Ok(()));
    assert_eq!(outcome(&header(21), limits), Err(ScanError::HeaderTooBig));
    let limits = Limits { header_bytes: 60, ..Limits::default() };
    let part =
        |n: usize| format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: {}\r\n\r\n", "x".repeat(n));
    assert_eq!(outcome(&part(53), limits), Ok(()));
    assert_eq!(outcome(&part(54), limits), Err(ScanError::HeaderTooBig));
    assert_eq!(
        outcome(&"x".repeat(2 << 20), Limits::default()),
        Err(ScanError::HeaderTooBig),
        "a header that never ends"
    );
}

#[test]
fn headers_together() {
    let limits = Limits { kept_bytes: 45 + 2 * 10, ..Limits::default() };
    assert_eq!(outcome(&flat(11), limits), Ok(()));
    assert_eq!(outcome(&flat(12), limits), Err(ScanError::HeaderTooBig));
}

#[test]
fn parameters_and_addresses() {
    let typed = |n: usize| format!("Content-Type: text/plain{}\r\n\r\n", "; a=b".repeat(n));
    assert_eq!(outcome(&typed(128), Limits::default()), Ok(()));
    assert_eq!(outcome(&typed(129), Limits::default()), Err(ScanError::TooComplex));
    let sent = |n: usize| format!("To: {}\r\n\r\n", "a@b.example,".repeat(n));
    assert_eq!(outcome(&sent(10_000), Limits::default()), Ok(()));
    assert_eq!(scan_by(sent(10_001).as_bytes(), 4096, Limits::default()).map(|_| ()), Err(ScanError::TooComplex));
    let inner = format!("Content-Type: message/rfc822\r\n\r\n{}", sent(10_001));
    assert_eq!(scan_by(inner.as_bytes(), 4096, Limits::default()).map(|_| ()), Err(ScanError::TooComplex));
}

#[test]
fn hostile_messages_are_scanned_in_one_pass() {
    // A hundred open boundaries with a common beginning, and lines that almost match each of them.
    let common = "x".repeat(60);
    let head: String = (10..99)
        .map(|i| format!("Content-Type: multipart/mixed; boundary={common}{i}\r\n\r\n--{common}{i}\r\n"))
        .collect();
    let message = format!("{head}\r\n{}", format!("--{common}--\r\n").repeat(20_000));
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(message.as_bytes()).unwrap();
    assert_eq!(scanner.finish().unwrap().size, message.len() as u64);
}
