//! The structure of messages, well formed and broken, with the bytes every offset points at (RFC 2046 §5).
use crate::common::{check_laws, outline, scan, slice};

/// Checks the outline and the laws.
fn structure(message: &str, expected: &[&str]) {
    check_laws(message.as_bytes(), &scan(message.as_bytes()));
    let found = outline(message);
    assert_eq!(found.lines().collect::<Vec<_>>(), expected, "\n{found}\nof\n{message}");
}

#[test]
fn plain_messages() {
    structure("", &["text/plain 0 \"\" \"\""]);
    structure("Subject: x\r\n", &[r#"text/plain 0 "Subject: x\r\n" """#]);
    structure("Subject: x", &[r#"text/plain 0 "Subject: x" """#]);
    structure("Subject: x\r\n\r\n", &[r#"text/plain 0 "Subject: x\r\n\r\n" """#]);
    structure("\r\nbonjour", &[r#"text/plain 1 "\r\n" "bonjour""#]);
    structure("A: 1\r\n\r\nun\r\ndeux\r\n", &[r#"text/plain 2 "A: 1\r\n\r\n" "un\r\ndeux\r\n""#]);
    structure("A: 1\r\n\r\nun\r\ndeux", &[r#"text/plain 2 "A: 1\r\n\r\n" "un\r\ndeux""#]);
    structure("A: 1\n\nun\ndeux\n", &[r#"text/plain 2 "A: 1\n\n" "un\ndeux\n""#]);
    structure("no field\r\n\r\nbody", &[r#"text/plain 1 "no field\r\n\r\n" "body""#]);
    structure("A: 1\r\n \r\nB: 2\r\n\r\nx", &[r#"text/plain 1 "A: 1\r\n \r\nB: 2\r\n\r\n" "x""#]);
    structure("A: 1\r\n\r\r\nx", &[r#"text/plain 0 "A: 1\r\n\r\r\nx" """#]);
}

#[test]
fn a_multipart_with_preamble_and_epilogue() {
    structure(
        "Content-Type: multipart/mixed; boundary=\"b 1\"\r\n\r\npreamble\r\n--b 1\r\n\r\nun\r\n--b 1 \t\r\nContent-Type: text/html\r\n\r\n\
         deux\r\n\r\n--b 1--  \r\nepilogue\r\n--b 1\r\nstill epilogue",
        &[
            r#"multipart/mixed 13 "Content-Type: multipart/mixed; boundary=\"b 1\"\r\n\r\n""#,
            r#"  text/plain 1 "\r\n" "un""#,
            r#"  text/html 1 "Content-Type: text/html\r\n\r\n" "deux\r\n""#,
        ],
    );
}

#[test]
fn empty_parts_and_parts_without_header() {
    structure(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b\r\nA: 1\r\n--b\r\nA: 2\r\n\r\n--b\r\n\r\n\r\n\r\n--b--",
        &[
            r#"multipart/mixed 16 "Content-Type: multipart/mixed; boundary=b\r\n\r\n""#,
            r#"  text/plain 0 "" """#,
            r#"  text/plain 0 "\r\n" """#,
            r#"  text/plain 0 "\r\n" """#,
            r#"  text/plain 0 "A: 1\r\n" """#,
            r#"  text/plain 0 "A: 2\r\n\r\n" """#,
            r#"  text/plain 1 "\r\n" "\r\n""#,
        ],
    );
}

#[test]
fn boundaries_that_begin_others_are_told_apart() {
    structure(
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=ab\r\n\r\n\
         --ab\r\n\r\nun\r\n--abc\r\nnot a delimiter\r\n --ab\r\n-ab\r\n--ab--x\r\n--ab\r\n\r\ndeux\r\n--ab--\r\n\r\n--a\r\n\r\ntrois\r\n--a--\r\n",
        &[
            r#"multipart/mixed 20 "Content-Type: multipart/mixed; boundary=a\r\n\r\n""#,
            r#"  multipart/alternative 12 "Content-Type: multipart/alternative; boundary=ab\r\n\r\n""#,
            r#"    text/plain 6 "\r\n" "un\r\n--abc\r\nnot a delimiter\r\n --ab\r\n-ab\r\n--ab--x""#,
            r#"    text/plain 1 "\r\n" "deux""#,
            r#"  text/plain 1 "\r\n" "trois""#,
        ],
    );
}

#[test]
fn an_outer_delimiter_closes_what_is_inside() {
    structure(
        "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nun\r\n--o\r\n\
         Content-Type: multipart/mixed; boundary=j\r\n\r\n--j\r\nA: 1\r\n--o\r\n\r\nfin\r\n--o--",
        &[
            r#"multipart/mixed 15 "Content-Type: multipart/mixed; boundary=o\r\n\r\n""#,
            r#"  multipart/mixed 3 "Content-Type: multipart/mixed; boundary=i\r\n\r\n""#,
            r#"    text/plain 1 "\r\n" "un""#,
            r#"  multipart/mixed 2 "Content-Type: multipart/mixed; boundary=j\r\n\r\n""#,
            // inside, the line end before the delimiter is out of reach
            r#"    text/plain 0 "A: 1" """#,
            r#"  text/plain 1 "\r\n" "fin""#,
        ],
    );
}

#[test]
fn a_missing_final_delimiter_closes_at_the_end() {
    structure(
        "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nun\r\nfin\r\n",
        &[
            r#"multipart/mixed 7 "Content-Type: multipart/mixed; boundary=o\r\n\r\n""#,
            r#"  multipart/mixed 4 "Content-Type: multipart/mixed; boundary=i\r\n\r\n""#,
            r#"    text/plain 2 "\r\n" "un\r\nfin\r\n""#,
        ],
    );
    structure(
        "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nun\r\n--o",
        &[
            r#"multipart/mixed 4 "Content-Type: multipart/mixed; boundary=o\r\n\r\n""#,
            r#"  text/plain 1 "\r\n" "un""#,
            r#"  text/plain 0 "" """#,
        ],
    );
}

#[test]
fn a_multipart_without_parts_shows_its_text() {
    structure(
        "Content-Type: multipart/mixed; boundary=never\r\n\r\nbonjour\r\n",
        &[
            r#"multipart/mixed 1 "Content-Type: multipart/mixed; boundary=never\r\n\r\n""#,
            r#"  text/plain 1 "" "bonjour\r\n""#,
        ],
    );
    for head in [
        "multipart/mixed",
        "multipart/mixed; boundary=\"\"",
        "multipart/mixed; boundary=\"  \"",
        "garbage",
        "text",
        "/",
        "a/b/c",
    ] {
        let message = format!("Content-Type: {head}\r\n\r\nx");
        let root = scan(message.as_bytes()).root;
        assert_eq!((&root.mime.kind[..], &root.mime.subtype[..], root.children.len()), ("text", "plain", 0), "{head}");
    }
}

#[test]
fn line_feeds_alone_are_tolerated() {
    structure(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nun\ndeux\n--b\n\ntrois\n\n--b--\n",
        &[
            r#"multipart/mixed 9 "Content-Type: multipart/mixed; boundary=b\n\n""#,
            r#"  text/plain 2 "\n" "un\ndeux""#,
            r#"  text/plain 1 "\n" "trois\n""#,
        ],
    );
}

#[test]
fn a_digest_holds_messages() {
    let message = "Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: un\r\n\r\nbonjour\r\n--d\r\nContent-Type: text/plain\r\n\r\ntexte\r\n\
        --d\r\n\r\nSubject: deux\r\n--d--\r\n";
    structure(
        message,
        &[
            r#"multipart/digest 13 "Content-Type: multipart/digest; boundary=d\r\n\r\n""#,
            r#"  message/rfc822 3 "\r\n""#,
            r#"    text/plain 1 "Subject: un\r\n\r\n" "bonjour""#,
            r#"  text/plain 1 "Content-Type: text/plain\r\n\r\n" "texte""#,
            r#"  message/rfc822 1 "\r\n""#,
            r#"    text/plain 0 "Subject: deux" """#,
        ],
    );
    let root = scan(message.as_bytes()).root;
    let subject = |at: usize| root.children[at].envelope.as_ref().and_then(|e| e.subject.clone());
    assert_eq!((subject(0).as_deref(), subject(2).as_deref()), (Some("un"), Some("deux")));
}

#[test]
fn messages_in_messages() {
    let message = "Subject: dehors\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n\
        Subject: dedans\r\nFrom: Zoé <z@a.example>\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nmême limite\r\n--o--\r\n\
        --o\r\nContent-Type: message/global\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n\r\nsans en-tête\r\n--o\r\n\
        Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQo=\r\n--o--\r\n";
    structure(
        message,
        &[
            r#"multipart/mixed 23 "Subject: dehors\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n""#,
            r#"  message/rfc822 8 "Content-Type: message/rfc822\r\n\r\n""#,
            r#"    multipart/mixed 4 "Subject: dedans\r\nFrom: Zoé <z@a.example>\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n""#,
            r#"      text/plain 1 "\r\n" "même limite""#,
            r#"  message/global 2 "Content-Type: message/global\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n""#,
            r#"    text/plain 1 "\r\n" "sans en-tête""#,
            r#"  message/rfc822 1 "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" "U3ViamVjdDogeA0KDQo=""#,
        ],
    );
    let scan = scan(message.as_bytes());
    assert_eq!(scan.envelope.subject.as_deref(), Some("dehors"));
    let inner = scan.root.children[0].envelope.as_ref().unwrap();
    assert_eq!((inner.subject.as_deref(), inner.from[0].name.as_deref()), (Some("dedans"), Some("Zoé")));
    assert!(scan.root.children[1].envelope.is_some());
    assert!(scan.root.children[2].envelope.is_none(), "what is encoded cannot be pointed into");
}

#[test]
fn a_message_that_is_a_message() {
    structure(
        "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nfond",
        &[
            r#"message/rfc822 5 "Content-Type: message/rfc822\r\n\r\n""#,
            r#"  message/rfc822 3 "Content-Type: message/rfc822\r\n\r\n""#,
            r#"    text/plain 1 "Subject: x\r\n\r\n" "fond""#,
        ],
    );
    structure(
        "Content-Type: message/rfc822",
        &[r#"message/rfc822 0 "Content-Type: message/rfc822""#, r#"  text/plain 0 "" """#],
    );
}

#[test]
fn long_padding_and_long_lines() {
    let padding = " ".repeat(5000);
    let line = "-".repeat(5000);
    let message = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b{padding}\r\n\r\nun\r\n--b{padding}x\r\n{line}\r\n--b{padding}--\r\n--b--{padding}"
    );
    let scan = scan(message.as_bytes());
    check_laws(message.as_bytes(), &scan);
    let only = &scan.root.children[..];
    assert_eq!(only.len(), 1);
    assert_eq!((slice(message.as_bytes(), only[0].body).len(), only[0].lines), (2 + 2 + 5004 + 2 + 5000 + 2 + 5005, 4));
}

#[test]
fn what_the_way_needs_to_know() {
    let seen = |m: &str| {
        let s = scan(m.as_bytes());
        (s.header_8bit, s.body_8bit, s.received)
    };
    assert_eq!(seen("Received: a\r\nRECEIVED : b\r\nX-Received: c\r\n\r\nReceived: d\r\n"), (false, false, 2));
    assert_eq!(seen("Subject: é\r\n\r\nx"), (true, false, 0));
    assert_eq!(seen("Subject: e\r\n\r\né"), (false, true, 0));
    assert_eq!(seen("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: é\r\n"), (false, true, 0));
}
