//! Mail that no good program wrote: FETCH answers with what there is, in well-formed responses, and the session goes on.
use crate::client::{Client, one};
use crate::world::World;

/// Parentheses outside of strings and literals balance.
fn balanced(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut depth, mut i) = (0i64, 0);
    while i < bytes.len() {
        match bytes[i] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'"' => {
                i += 1;
                while bytes[i] != b'"' {
                    i += if bytes[i] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' => {
                let end = i + text[i..].find("}\r\n").unwrap();
                i = end + 2 + text[i + 1..end].parse::<usize>().unwrap();
            }
            _ => {}
        }
        i += 1;
    }
    depth == 0
}

#[tokio::test]
async fn broken_messages_have_structures() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let messages = [
        "x",
        "\n",
        ": \n\n",
        "Subject\n\nno colon\n",
        "From: <<>>,,;:@@\nTo: (((\nCc: \"\\\nDate: hier\nMessage-ID: x y\n\nb\n",
        "Subject: \u{1}\u{7f}\n folded\n\t\n\n",
        "Content-Type: multipart/mixed\n\nno boundary\n",
        "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n----\n",
        "Content-Type: multipart/mixed; boundary=b\n\nnothing\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n--b--\n--b\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b--\n",
        "Content-Type: message/rfc822\n\n",
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==\n",
        "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: in\n\nx",
        "Content-Type: /\n\n",
        "Content-Type: text\n\n",
        "Content-Type: text/plain; charset\n\n",
        "Content-Type: text/plain; charset=\"\\\n\n",
        "Content-Type: text/plain; =x; a=; a*=x; a*0*=utf-8'';a*1=y\n\n",
        "Content-Disposition: ; filename=\"a\"\nContent-Language: ,,fr,\nContent-MD5: \"\nContent-ID: <\nContent-Location: \n\n",
        "Content-Type: text/plain\nContent-Type: text/html\nSubject: a\nSubject: b\nFrom: a@b\nFrom: c@d\n\n",
        "MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: un\n\nx\n--b\n\n\n--b--\n",
    ];
    for m in messages {
        c.append("INBOX", "", m).await;
    }
    c.ok("NOOP").await;
    let items = "(RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE PREVIEW THREADID BODY.PEEK[1] BODY.PEEK[1.1.MIME] BODY.PEEK[HEADER.FIELDS (SUBJECT)] BINARY.SIZE[1] BODY.PEEK[TEXT]<0.3>)";
    let all = c.ok(&format!("FETCH 1:* {items}")).await;
    assert_eq!(all.len(), messages.len() + 1);
    for (text, response) in messages.iter().zip(&all) {
        assert!(balanced(response), "{text:?}: {response}");
    }
    // What is sent is what came.
    for (n, text) in messages.iter().enumerate() {
        let all = c.ok(&format!("FETCH {} BODY.PEEK[]", n + 1)).await;
        assert!(all[0].ends_with(&format!("{})", text.replace('\n', "\r\n"))), "{text:?}: {all:?}");
    }
    for search in ["SUBJECT x", "FROM x", "BODY x", "TEXT x", "SENTSINCE 1-Jan-2000"] {
        c.ok(&format!("SEARCH {search}")).await;
    }
}

#[tokio::test]
async fn ten_thousand_addresses_and_parts() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let to: Vec<String> = (0..10_000).map(|n| format!("\"P {n}\" <p{n}@exemple.fr>")).collect();
    c.append("INBOX", "", &format!("Subject: x\nTo: {}\n\nx\n", to.join(",\n "))).await;
    let parts = "--b\n\nx\n".repeat(9_999);
    c.append("INBOX", "", &format!("Content-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n")).await;
    // A hundred levels of messages in messages are the most that is taken.
    let deep = |n: usize| format!("{}Subject: fond\n\nx\n", "Content-Type: message/rfc822\n\n".repeat(n));
    c.append("INBOX", "", &deep(99)).await;
    c.ok("NOOP").await;
    let all = c.ok("FETCH 1:3 (ENVELOPE BODYSTRUCTURE)").await;
    let got = one(&all, "* 1 FETCH ");
    assert_eq!(got.matches("\"exemple.fr\")").count(), 10_000);
    assert!(got.contains("(\"P 9999\" NIL \"p9999\" \"exemple.fr\")") && balanced(got));
    let got = one(&all, "* 2 FETCH ");
    assert!(got.matches("(\"text\" \"plain\"").count() == 9_999 && balanced(got));
    let got = one(&all, "* 3 FETCH ");
    assert!(got.matches("\"rfc822\"").count() == 99 && got.contains("\"fond\"") && balanced(got));
    let path = vec!["1"; 100].join(".");
    let all = c.ok(&format!("FETCH 2:3 (BODY.PEEK[9999] BODY.PEEK[10000] BODY.PEEK[{path}])")).await;
    assert!(all[0].contains("BODY[9999] {1}\r\nx BODY[10000] NIL"), "{}", all[0]);
    assert!(all[1].contains("] {3}\r\nx\r\n)"), "{}", all[1]);
    // One more of each is refused, and nothing is kept.
    for m in [
        format!("To: {},\n a@b\n\nx\n", to.join(",\n ")),
        format!("Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n", "--b\n\nx\n".repeat(10_001)),
        deep(100),
        format!("X: {}\n\n", "y".repeat(1 << 20)),
    ] {
        let m = m.replace('\n', "\r\n");
        c.send(format!("a APPEND INBOX {{{}+}}\r\n{m}\r\n", m.len())).await;
        let all = c.until("a").await;
        assert!(all.last().unwrap().starts_with("a NO "), "{all:?}");
    }
    assert_eq!(c.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 3)");
}
