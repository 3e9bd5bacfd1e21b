//! UNAUTHENTICATE (RFC 8437).
use crate::client::{Client, one};
use crate::world::World;

#[tokio::test]
async fn another_person_goes_on_with_the_same_connection() {
    let w = World::new().await;
    let mut c = Client::secure(&w).await;
    assert!(c.bad("UNAUTHENTICATE").await.ends_with("(login.required)"));
    assert!(!c.ok("CAPABILITY").await[0].contains("UNAUTHENTICATE"));
    c.ok(&format!("LOGIN anne {}", w.anne)).await;
    assert!(c.ok("CAPABILITY").await[0].contains(" UNAUTHENTICATE "));
    c.letter("de anne").await;
    c.ok("ENABLE IMAP4rev2 QRESYNC UIDONLY").await;
    c.ok("SELECT INBOX").await;
    c.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    c.bad("UNAUTHENTICATE x").await;
    assert_eq!(c.ok("UNAUTHENTICATE").await, ["OK UNAUTHENTICATE completed"]);
    // As before login: nothing of anne is left, and budgets are small again.
    for command in ["SELECT INBOX", "FETCH 1 FLAGS", "UNAUTHENTICATE", "ENABLE QRESYNC"] {
        assert!(c.bad(command).await.ends_with("(login.required)"), "{command}");
    }
    assert!(c.ok("CAPABILITY").await[0].contains(" AUTH=PLAIN"));
    c.bad(&format!("ID (\"name\" \"{}\")", "x".repeat(9000))).await;
    c.ok(&format!("LOGIN bruno {}", w.bruno)).await;
    let all = c.ok("SELECT INBOX").await;
    one(&all, "* 0 EXISTS");
    one(&all, "* 0 RECENT");
    c.bad("SELECT INBOX (QRESYNC (1 1))").await;
    c.letter("de bruno").await;
    c.ok("NOOP").await;
    assert_eq!(c.ok("FETCH 1 FLAGS").await[0], "* 1 FETCH (FLAGS ())");
    // A wrong login leaves nobody logged in; nothing was expunged.
    c.ok("UNAUTHENTICATE").await;
    c.no("LOGIN anne faux").await;
    c.bad("SELECT INBOX").await;
    c.ok(&format!("LOGIN anne {}", w.anne)).await;
    one(&c.ok("SELECT INBOX").await, "* 1 EXISTS");
}

#[tokio::test]
async fn rights_that_end_do_not_reach_back() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    c.ok("UNAUTHENTICATE").await;
    // anne's token goes: it is nobody's here any more.
    let tokens = w.op.tokens(&w.admin, Some("anne"), 0, 1000).await.unwrap();
    w.op.revoke_token(&w.admin, tokens[0].id).await.unwrap();
    c.ok("NOOP").await;
    c.ok(&format!("LOGIN bruno {}", w.bruno)).await;
    c.ok("SELECT INBOX").await;
}

#[tokio::test]
async fn compression_ends_with_the_login() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.ok("COMPRESS DEFLATE").await;
    c.conn.compress().await.unwrap();
    assert!(!c.ok("CAPABILITY").await[0].contains("COMPRESS"));
    c.ok("UNAUTHENTICATE").await;
    c.conn.uncompress().await.unwrap();
    // The next token is not compressed; whoever it lets in may compress again.
    c.ok(&format!("LOGIN bruno {}", w.bruno)).await;
    c.ok("SELECT INBOX").await;
    c.ok("COMPRESS DEFLATE").await;
    c.conn.compress().await.unwrap();
    c.ok("NOOP").await;
    // What is said before the answer is neither compressed nor not.
    let mut c = Client::anne(&w).await;
    c.ok("COMPRESS DEFLATE").await;
    c.conn.compress().await.unwrap();
    c.send("a UNAUTHENTICATE\r\nb NOOP\r\n").await;
    c.until("a").await;
    c.conn.uncompress().await.ok();
    assert!(c.response().await.is_none_or(|r| !r.starts_with("b OK")));
}

#[tokio::test]
async fn the_mark_behind_a_flush_may_come_late() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.ok("COMPRESS DEFLATE").await;
    // A stored block (RFC 1951 §3.2.4), and a moment later the empty one with which a flush ends.
    let line = b"u UNAUTHENTICATE\r\n";
    c.send([&[0, 18, 0, !18, 0xff][..], &line[..]].concat()).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    c.send([0, 0, 0, 0xff, 0xff]).await;
    c.conn.compress().await.unwrap();
    assert_eq!(c.until("u").await, ["u OK UNAUTHENTICATE completed"]);
    c.conn.uncompress().await.unwrap();
    c.ok(&format!("LOGIN bruno {}", w.bruno)).await;
}
