use super::*;
use sceau_message::scan::{Limits, Scanner};

fn scan(message: &str) -> Part {
    let mut s = Scanner::new(Limits::default());
    s.push(message.replace('\n', "\r\n").as_bytes()).unwrap();
    s.finish().unwrap().root
}

fn written(message: &str, extended: bool) -> String {
    let mut out = Out::new();
    write(&mut out, &scan(message), extended);
    String::from_utf8(out.bytes().to_vec()).unwrap()
}

#[test]
fn a_simple_text() {
    let m = "Subject: x\nContent-Type: text/plain; charset=us-ascii\n\nBonjour\nà tous\n";
    assert_eq!(written(m, false), "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 18 2)");
    assert_eq!(
        written(m, true),
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 18 2 NIL NIL NIL NIL)"
    );
}

#[test]
fn a_multipart_with_an_attachment() {
    let m = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\nContent-Type: application/pdf; name=\"a \\\"b\\\".pdf\"\n\
             Content-Disposition: attachment; filename=x.pdf\nContent-Transfer-Encoding: base64\nContent-ID: <1@x>\nContent-Language: fr, en\n\nQUJD\n--b--\n";
    let text = written(m, false);
    assert!(text.starts_with("((\"text\" \"plain\" "), "{text}");
    assert!(
        text.contains("(\"application\" \"pdf\" (\"name\" \"a \\\"b\\\".pdf\") \"<1@x>\" NIL \"base64\" 4)"),
        "{text}"
    );
    assert!(text.ends_with(" \"mixed\")"), "{text}");
    let text = written(m, true);
    assert!(text.contains("NIL (\"attachment\" (\"filename\" \"x.pdf\")) (\"fr\" \"en\") NIL)"), "{text}");
    assert!(text.ends_with(" \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"), "{text}");
}

#[test]
fn names_with_accents_as_each_revision_reads_them() {
    let m = "Content-Type: application/pdf; name*=iso-8859-1'fr'r%E9sum%E9.pdf\n\nx\n";
    assert!(written(m, false).contains("(\"name*\" \"utf-8''r%C3%A9sum%C3%A9.pdf\")"), "{}", written(m, false));
    let mut out = Out::new();
    out.set_utf8(true);
    write(&mut out, &scan(m), false);
    let text = String::from_utf8(out.bytes().to_vec()).unwrap();
    assert!(text.contains("(\"name*\" \"résumé.pdf\")"), "{text}");
}

#[test]
fn a_message_in_a_message() {
    let m = "Content-Type: message/rfc822\n\nSubject: inner\nFrom: a@b.example\nContent-Type: text/html\n\n<p>\n";
    let text = written(m, false);
    let from = "((NIL NIL \"a\" \"b.example\"))";
    let want = format!(
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 67 (NIL \"inner\" {from} {from} {from} NIL NIL NIL NIL NIL) (\"text\" \"html\""
    );
    assert!(text.starts_with(&want), "{text}\n{want}");
    assert!(text.ends_with(" \"7bit\" 5 1) 5)"), "{text}");
}

#[test]
fn what_is_broken_is_still_grammatical() {
    let none = Part {
        mime: sceau_message::scan::Mime { kind: "multipart".into(), subtype: "mixed".into(), ..Default::default() },
        header: (0, 0),
        body: (0, 0),
        lines: 0,
        children: vec![],
        envelope: None,
    };
    let mut out = Out::new();
    write(&mut out, &none, false);
    assert_eq!(out.bytes(), b"((\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0) \"mixed\")");
    let lost = Part {
        mime: sceau_message::scan::Mime { kind: "message".into(), subtype: "rfc822".into(), ..none.mime.clone() },
        ..none
    };
    let mut out = Out::new();
    write(&mut out, &lost, false);
    assert!(out.bytes().starts_with(b"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 0 (NIL "));
}
