//! MULTIAPPEND (RFC 3502): all messages or none.
use crate::client::{Client, letter, one};
use crate::world::World;

#[tokio::test]
async fn several_messages_come_together() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let [a, b, d] = ["un", "deux", "trois"].map(|s| letter(s).replace('\n', "\r\n"));
    // The example of RFC 3502 §6.3.11: the second and third with their own flags and date.
    c.send(format!("a APPEND INBOX (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {{{}}}\r\n", a.len())).await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send(format!("{a} \" 7-Feb-1994 22:43:05 -0800\" {{{}}}\r\n", b.len())).await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send(format!("{b} ($Forwarded) UTF8 (~{{{}+}}\r\n{d})\r\n", d.len())).await;
    let all = c.until("a").await;
    assert_eq!(all[0], "* 3 EXISTS");
    assert!(one(&all, "a ").starts_with("a OK [APPENDUID ") && one(&all, "a ").contains(" 1:3] "), "{all:?}");
    let got = c.ok("FETCH 1:3 (FLAGS INTERNALDATE RFC822.SIZE)").await;
    assert!(got[0].contains("FLAGS (\\Seen)") && got[0].contains("\" 8-Feb-1994 06:43:04 +0000\""), "{got:?}");
    assert!(got[1].contains("FLAGS ()") && got[1].contains("\" 8-Feb-1994 06:43:05 +0000\""), "{got:?}");
    assert!(got[2].contains("FLAGS ($Forwarded)") && got[2].contains(&format!("RFC822.SIZE {}", d.len())), "{got:?}");
}

#[tokio::test]
async fn one_bad_message_and_none_is_kept() {
    let w = World::with(|c| c.max_append = 2000).await;
    let mut c = Client::anne(&w).await;
    let good = letter("bon").replace('\n', "\r\n");
    let good = format!("{{{}+}}\r\n{good}", good.len());
    let big = "x".repeat(3000);
    for (rest, answer) in [
        (format!(" {{3000+}}\r\n{big}"), "[TOOBIG]"),
        (" {3+}\r\na\0b".to_owned(), "(message.nul)"),
        (" {0+}\r\n".to_owned(), "(syntax.error)"),
        (" (\\Nope) {1+}\r\nx".to_owned(), "(syntax.error)"),
        (" junk".to_owned(), "(syntax.error)"),
        (format!(" ({}) {{1+}}\r\nx", "k".repeat(200)), "(syntax.error)"),
    ] {
        c.send(format!("a APPEND INBOX {good}{rest} {good}\r\nb NOOP\r\n")).await;
        let all = c.until("a").await;
        assert!(all.len() == 1 && all[0].contains(answer) && !all[0].starts_with("a OK"), "{rest}: {all:?}");
        c.until("b").await;
    }
    // The second one asks, and is refused before it comes.
    c.send(format!("c APPEND INBOX {good} {{2001}}\r\n")).await;
    assert!(c.until("c").await[0].contains("[TOOBIG]"));
    // A mailbox that is not there is told once, whatever follows.
    c.send(format!("d APPEND nulle-part {good} {good}\r\n")).await;
    assert!(c.until("d").await[0].starts_with("d NO [TRYCREATE]"));
    assert_eq!(c.ok("STATUS INBOX (MESSAGES UIDNEXT)").await[0], "* STATUS \"INBOX\" (MESSAGES 0 UIDNEXT 1)");
    let many = format!("e APPEND INBOX{}\r\n", format!(" {good}").repeat(101));
    c.send(many).await;
    let answer = c.until("e").await.remove(0);
    assert!(answer.contains("[LIMIT]") && answer.contains("au plus 100"), "{answer}");
    // What is held until the end is bounded: headers count together.
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    let header = format!("X: {}\r\n\r\n", "y".repeat(900_000));
    let heavy = format!(" {{{}+}}\r\n{header}", header.len()).repeat(10);
    c.send(format!("f APPEND INBOX{heavy}\r\n")).await;
    assert!(c.until("f").await[0].contains("[TOOBIG]"));
    assert_eq!(c.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 0)");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_leaves_nothing() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    let good = letter("bon").replace('\n', "\r\n");
    c.send(format!("a APPEND INBOX {{{}+}}\r\n{good} {{100}}\r\n", good.len())).await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send("Subject: x\r\n").await;
    drop(c);
    let mut c = Client::anne(&w).await;
    assert_eq!(c.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 0)");
}

#[tokio::test]
async fn binary_content_is_kept_and_fetched() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    // RFC 3516 §4.4: literal8, a part that says `binary`.
    let content: Vec<u8> = (0..=255).collect();
    let mut m =
        b"Subject: image\r\nMIME-Version: 1.0\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            .to_vec();
    m.extend_from_slice(&content);
    c.send(format!("a APPEND INBOX (\\Seen) ~{{{}}}\r\n", m.len())).await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send(&m).await;
    c.send("\r\n").await;
    assert!(c.until("a").await.last().unwrap().starts_with("a OK [APPENDUID "));
    assert_eq!(one(&c.ok("FETCH 1 BINARY.SIZE[1]").await, "* 1 FETCH "), "* 1 FETCH (BINARY.SIZE[1] 256)");
    c.send("b FETCH 1 BINARY.PEEK[1]\r\n").await;
    let mut got = Vec::new();
    while !got.ends_with(b" completed\r\n") {
        got.extend_from_slice(&c.conn.read_some(4096).await.unwrap());
    }
    assert!(got.starts_with(b"* 1 FETCH (BINARY[1] ~{256}\r\n"));
    assert_eq!(&got[29..29 + 256], content.as_slice());
    // What a client of another kind reads holds no NUL (RFC 9051 §4.3).
    let all = c.ok("FETCH 1 BODY.PEEK[]").await;
    assert!(!one(&all, "* 1 FETCH ").contains('\0') && one(&all, "* 1 FETCH ").contains("base64"), "{all:?}");
    // NUL where nothing says binary, or in a literal that is no literal8, is refused.
    c.send(b"c APPEND INBOX ~{14+}\r\nSubject: x\r\n\r\n\0\r\n").await;
    let all = c.until("c").await;
    assert!(all.last().unwrap().starts_with("c NO ") || all.last().unwrap().starts_with("c BAD "), "{all:?}");
}
