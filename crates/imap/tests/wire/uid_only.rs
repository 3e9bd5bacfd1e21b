//! UIDONLY (RFC 9586): no message sequence numbers, in neither direction.
use crate::client::{Client, one};
use crate::world::World;

async fn four(w: &World) -> Client {
    let mut c = Client::anne(w).await;
    for n in ["un", "deux", "trois", "quatre"] {
        c.letter(n).await;
    }
    c.ok("CREATE x").await;
    c
}

#[tokio::test]
async fn numbers_are_refused() {
    let w = World::new().await;
    let mut c = four(&w).await;
    assert!(c.ok("CAPABILITY").await[0].contains(" UIDONLY "));
    assert_eq!(c.ok("ENABLE UIDONLY").await[0], "* ENABLED UIDONLY");
    assert_eq!(c.ok("ENABLE UIDONLY").await[0], "* ENABLED");
    let all = c.ok("SELECT INBOX").await;
    assert!(!all.iter().any(|r| r.contains("[UNSEEN")), "{all:#?}");
    one(&all, "* 4 EXISTS");
    for command in [
        "FETCH 1 FLAGS",
        "FETCH 1:* (UID FLAGS)",
        "STORE 1 +FLAGS (\\Seen)",
        "SEARCH ALL",
        "SEARCH UID 1",
        "SEARCH RETURN (ALL) ALL",
        "COPY 1 x",
        "MOVE 1 x",
        "UID SEARCH 1:2",
        "UID SEARCH *",
        "UID SEARCH NOT (1)",
        "UID SEARCH OR 1 UID 2",
        "UID SEARCH RETURN (ALL) SEEN 1",
        "SELECT INBOX (QRESYNC (1 1 (1 1)))",
    ] {
        let bad = c.bad(command).await;
        assert!(bad.starts_with("BAD [UIDREQUIRED] ") && bad.ends_with("(sequence.numbers)"), "{command}: {bad}");
    }
    // The mailbox is still selected, and UIDs do.
    assert_eq!(c.ok("UID SEARCH UID 2:3").await[0], "* SEARCH 2 3");
    c.ok("UID SEARCH RETURN (SAVE) UID 1").await;
    assert_eq!(c.ok("UID FETCH $ FLAGS").await[0], "* 1 UIDFETCH (FLAGS ())");
}

#[tokio::test]
async fn messages_are_told_by_uid() {
    let w = World::new().await;
    let mut c = four(&w).await;
    c.ok("ENABLE UIDONLY").await;
    c.ok("SELECT INBOX").await;
    c.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(c.ok("EXPUNGE").await[0], "* VANISHED 1");
    assert_eq!(c.ok("UID FETCH 1:3 (FLAGS)").await[..2], ["* 2 UIDFETCH (FLAGS ())", "* 3 UIDFETCH (FLAGS ())"]);
    assert_eq!(c.ok("UID FETCH 2 (UID FLAGS)").await[0], "* 2 UIDFETCH (UID 2 FLAGS ())");
    assert_eq!(
        c.ok("UID FETCH 3 BODY[TEXT]").await[0],
        "* 3 UIDFETCH (BODY[TEXT] {15}\r\nBonjour trois\r\n FLAGS (\\Seen))"
    );
    assert_eq!(c.ok("UID STORE 4 +FLAGS (\\Flagged)").await[0], "* 4 UIDFETCH (FLAGS (\\Flagged))");
    let all = c.ok("UID MOVE 3 x").await;
    assert!(all[0].starts_with("* OK [COPYUID ") && all[1] == "* VANISHED 3", "{all:#?}");
    // What others do, with modseqs once they are counted.
    c.ok("ENABLE CONDSTORE").await;
    let mut other = Client::inbox(&w).await;
    other.ok("STORE 1 +FLAGS.SILENT (\\Answered)").await;
    other.letter("cinq").await;
    c.send("i IDLE\r\n").await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(c.response().await.unwrap());
    }
    assert!(seen.iter().any(|r| r == "* 3 EXISTS"), "{seen:#?}");
    assert!(seen.iter().any(|r| r.starts_with("* 2 UIDFETCH (FLAGS (\\Answered) MODSEQ (")), "{seen:#?}");
    other.ok("UID STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    while c.response().await.unwrap() != "* VANISHED 2" {}
    c.send("DONE\r\n").await;
    c.until("i").await;
}
