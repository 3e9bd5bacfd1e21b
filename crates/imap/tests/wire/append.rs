//! APPEND.
use crate::client::{Client, letter, one};
use crate::world::World;

#[tokio::test]
async fn an_appended_message_comes_back_byte_for_byte() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let message = letter("accents éàü").replace('\n', "\r\n");
    // Synchronising literal, flags and date.
    c.send(format!("a APPEND INBOX (\\Seen $Forwarded) \"17-Jul-1996 02:44:25 -0700\" {{{}}}\r\n", message.len()))
        .await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send(format!("{message}\r\n")).await;
    let all = c.until("a").await;
    assert_eq!(all[0], "* 1 EXISTS");
    assert!(all[1].starts_with("a OK [APPENDUID "), "{all:?}");
    let all = c.ok("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])").await;
    let got = one(&all, "* 1 FETCH ");
    assert!(got.contains("FLAGS (\\Seen $Forwarded)"), "{got}");
    assert!(got.contains("INTERNALDATE \"17-Jul-1996 09:44:25 +0000\""), "{got}");
    assert!(got.contains(&format!("RFC822.SIZE {} ", message.len())), "{got}");
    assert!(got.contains(&format!("BODY[] {{{}}}\r\n{message})", message.len())), "{got}");
}

#[tokio::test]
async fn refused_before_the_message_is_sent() {
    let w = World::with(|c| c.max_append = 1000).await;
    let mut c = Client::anne(&w).await;
    assert!(c.no("APPEND nulle-part {10}").await.contains("[TRYCREATE]"));
    assert!(c.no("APPEND INBOX {1001}").await.contains("[TOOBIG]"));
    // RFC 3502 §6.3.11: so a client takes its command back.
    assert!(c.no("APPEND INBOX {0}").await.contains("(syntax.error)"));
    c.bad("APPEND INBOX (\\Inconnu) {10}").await;
    // Sent without asking, it is thrown away and the session goes on.
    let big = "x".repeat(5000);
    c.send(format!("a APPEND INBOX {{5000+}}\r\n{big}\r\nb NOOP\r\n")).await;
    assert!(c.until("a").await[0].contains("[TOOBIG]"));
    c.until("b").await;
    c.send("c APPEND INBOX {5+}\r\nhello junk\r\nd NOOP\r\n").await;
    assert!(c.until("c").await[0].starts_with("c BAD "));
    c.until("d").await;
    assert_eq!(c.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 0)");
    // NUL is refused, so is what no client can mean.
    c.send(b"e APPEND INBOX ~{3+}\r\na\0b\r\n").await;
    assert!(c.until("e").await[0].ends_with("(message.nul)"));
    c.send("f APPEND INBOX {9999999999+}\r\n").await;
    assert!(c.response().await.unwrap().starts_with("* BYE "));
}

#[tokio::test]
async fn six_megabytes_go_in_and_come_out() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let mut message = letter("gros").replace('\n', "\r\n");
    let line: String = (0..76).map(|i| char::from(b'A' + (i % 26) as u8)).collect();
    for n in 0..77_000 {
        message.push_str(&format!("{:06}{}\r\n", n, &line[..70]));
    }
    assert!(message.len() > 6_000_000);
    c.send(format!("a APPEND INBOX {{{}}}\r\n", message.len())).await;
    c.response().await;
    c.send(&message).await;
    c.send("\r\n").await;
    c.until("a").await;
    let all = c.ok("FETCH 1 BODY.PEEK[]").await;
    let got = one(&all, "* 1 FETCH ");
    assert!(got.ends_with(&format!("{message})")), "differs");
    // A window far inside.
    let all = c.ok("FETCH 1 BODY.PEEK[]<5000000.100000>").await;
    let got = one(&all, "* 1 FETCH ");
    assert!(
        got.contains("BODY[]<5000000> {100000}\r\n") && got.ends_with(&format!("{})", &message[5_000_000..5_100_000]))
    );
}

#[tokio::test]
async fn utf8_append() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    c.ok("ENABLE UTF8=ACCEPT").await;
    let message = letter("été").replace('\n', "\r\n");
    c.send(format!("a APPEND INBOX UTF8 (~{{{}+}}\r\n{message})\r\n", message.len())).await;
    let all = c.until("a").await;
    assert!(all.last().unwrap().starts_with("a OK [APPENDUID "), "{all:?}");
    let all = c.ok("FETCH 1 ENVELOPE").await;
    assert!(one(&all, "* 1 FETCH").contains("\"été\""), "{all:?}");
}

#[tokio::test]
async fn what_has_no_room_is_refused_before_it_is_sent() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    let quota = "UPDATE bals SET quota_bytes = 1000000 WHERE address_key = 'anne.martin@alpha.mssante.fr'";
    let done = w.store.write(move |tx| tx.execute(quota, &[])).await;
    assert_eq!(done.map_err(|e: sceau_store::StoreError| e).unwrap(), 1);
    assert!(c.no("APPEND INBOX {2000000}").await.starts_with("NO [OVERQUOTA] "));
    let large = format!("Subject: gros\n\n{}\n", "x".repeat(600_000));
    c.append("Drafts", "", &large).await;
    assert!(c.no("APPEND INBOX {600000}").await.starts_with("NO [OVERQUOTA] "));
    // Together they are too many, and none is kept.
    let part = format!("{{300000+}}\r\nSubject: x\r\n\r\n{}", "y".repeat(300_000 - 14));
    c.send(format!("a APPEND INBOX {part} {{300000}}\r\n")).await;
    assert!(c.until("a").await[0].starts_with("a NO [OVERQUOTA] "));
    let twice = "APPEND INBOX CATENATE (URL /Drafts/;UID=1 URL /Drafts/;UID=1)";
    assert!(c.no(twice).await.starts_with("NO [OVERQUOTA] "));
    assert_eq!(c.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 0)");
    // What leaves makes room for what comes in its place.
    c.ok("SELECT Drafts").await;
    let large = large.replace('\n', "\r\n");
    c.send(format!("b REPLACE 1 Drafts {{{}}}\r\n", large.len())).await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send(format!("{large}\r\n")).await;
    assert!(c.until("b").await.last().unwrap().starts_with("b OK "));
    c.send("c REPLACE 1 INBOX {990000}\r\n").await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
}
