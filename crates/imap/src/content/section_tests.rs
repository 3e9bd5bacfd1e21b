use super::*;
use sceau_message::scan::{Limits, Scanner};
use sceau_message::summary::Summary;

/// The example of RFC 9051 §6.4.5.1, in short: text, image, a message with text and image, and a multipart.
const MESSAGE: &str = "Subject: outer\nContent-Type: multipart/mixed; boundary=a\n\n\
--a\nContent-Type: text/plain\n\none\n\
--a\nContent-Type: application/octet-stream\n\ntwo\n\
--a\nContent-Type: message/rfc822\n\nSubject: inner\nX-Three: yes\nContent-Type: multipart/mixed; boundary=b\n\n\
--b\n\nthree.one\n--b\nContent-Type: text/html\n\nthree.two\n--b--\n\
--a\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nfour.one\n\
--c\nContent-Type: message/rfc822\n\nSubject: deep\n\nfour.two\n--c--\n\
--a--\n";

fn message(text: &str, prefix: &str) -> (MessageSummary, Vec<u8>) {
    let bytes = text.replace('\n', "\r\n").into_bytes();
    let limits = Limits::default();
    let mut s = Scanner::new(limits);
    s.push(&bytes).unwrap();
    let summary = Summary::of(&s.finish().unwrap(), &limits);
    let summary = MessageSummary { message: 1, prefix: prefix.as_bytes().to_vec(), summary };
    let mut all = prefix.as_bytes().to_vec();
    all.extend_from_slice(&bytes);
    (summary, all)
}

/// The section's bytes as text, or `-` when it is missing.
fn section(m: &(MessageSummary, Vec<u8>), part: &[u32], text: Option<SectionText>) -> String {
    let section = Section { part: part.to_vec(), text };
    let bytes = match locate(&m.0, &section) {
        Located::Missing => b"-".to_vec(),
        Located::Whole => m.1.clone(),
        Located::Range(r) => m.1[r.start as usize..(r.start + r.len) as usize].to_vec(),
        Located::TopHeader => [m.0.prefix.as_slice(), &m.0.summary.header].concat(),
        Located::Fields { of: None, names, not } => {
            pick_fields(&[m.0.prefix.as_slice(), &m.0.summary.header].concat(), names, not)
        }
        Located::Fields { of: Some(r), names, not } => {
            pick_fields(&m.1[r.start as usize..(r.start + r.len) as usize], names, not)
        }
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

fn fields(names: &[&str], not: bool) -> Option<SectionText> {
    Some(SectionText::Fields { names: names.iter().map(|n| (*n).to_owned()).collect(), not })
}

#[test]
fn parts_of_the_example() {
    for prefix in ["", "Return-Path: <a@b.example>\r\nReceived: from x\r\n"] {
        let m = message(MESSAGE, prefix);
        assert_eq!(section(&m, &[1], None), "one");
        assert_eq!(section(&m, &[2], Some(SectionText::Mime)), "Content-Type: application/octet-stream\n\n");
        assert!(section(&m, &[3], None).starts_with("Subject: inner\n"));
        assert!(section(&m, &[3], None).ends_with("--b--"));
        assert!(section(&m, &[3], Some(SectionText::Header)).ends_with("boundary=b\n\n"));
        assert!(section(&m, &[3], Some(SectionText::Text)).starts_with("--b\n"));
        assert_eq!(section(&m, &[3], fields(&["x-three", "nothing"], false)), "X-Three: yes\n\n");
        assert_eq!(section(&m, &[3, 1], None), "three.one");
        assert_eq!(section(&m, &[3, 2], None), "three.two");
        assert_eq!(section(&m, &[4, 1], None), "four.one");
        assert_eq!(section(&m, &[4, 2], Some(SectionText::Header)), "Subject: deep\n\n");
        assert_eq!(section(&m, &[4, 2, 1], None), "four.two");
        assert_eq!(section(&m, &[4, 2, 1], Some(SectionText::Mime)), "Subject: deep\n\n");
        assert!(section(&m, &[], Some(SectionText::Text)).starts_with("--a\n"));
        assert_eq!(section(&m, &[], None), String::from_utf8(m.1.clone()).unwrap().replace("\r\n", "\n"));
    }
}

#[test]
fn what_is_not_there() {
    let m = message(MESSAGE, "");
    for part in [&[5][..], &[1, 1], &[3, 3], &[4, 2, 2], &[4, 2, 1, 1], &[1, 2]] {
        assert_eq!(section(&m, part, None), "-", "{part:?}");
    }
    assert_eq!(section(&m, &[1], Some(SectionText::Header)), "-");
    assert_eq!(section(&m, &[4], Some(SectionText::Text)), "-");
}

#[test]
fn part_one_of_a_simple_message_is_its_body() {
    let m = message("Subject: x\nTo: a@b.example\n\nbody\n", "Received: y\r\n");
    assert_eq!(section(&m, &[1], None), "body\n");
    assert_eq!(section(&m, &[1], Some(SectionText::Mime)), "Received: y\nSubject: x\nTo: a@b.example\n\n");
    assert_eq!(section(&m, &[2], None), "-");
    assert_eq!(section(&m, &[], fields(&["SUBJECT", "received"], false)), "Received: y\nSubject: x\n\n");
    assert_eq!(section(&m, &[], fields(&["subject"], true)), "Received: y\nTo: a@b.example\n\n");
    assert_eq!(section(&m, &[], fields(&["none"], false)), "\n");
}

#[test]
fn a_message_that_is_only_a_message() {
    let m = message("Content-Type: message/rfc822\n\nSubject: in\n\ntext\n", "");
    assert_eq!(section(&m, &[1], None), "Subject: in\n\ntext\n");
    assert_eq!(section(&m, &[1], Some(SectionText::Header)), "Subject: in\n\n");
    assert_eq!(section(&m, &[1, 1], None), "text\n");
}

#[test]
fn partials_end_with_the_section() {
    assert_eq!(cut(10, None), (0, 10));
    assert_eq!(cut(10, Some((3, 4))), (3, 4));
    assert_eq!(cut(10, Some((8, 4))), (8, 2));
    assert_eq!(cut(10, Some((12, 4))), (10, 0));
    assert_eq!(cut(10, Some((0, u64::MAX))), (0, 10));
}
