//! REPLACE (RFC 8508): a message takes the place of another, in one act.
use crate::client::{Client, letter, one};
use crate::world::World;

async fn drafts(w: &World) -> Client {
    let mut c = Client::anne(w).await;
    for n in 1..=4 {
        c.append("Drafts", "(\\Draft) ", &letter(&format!("n{n}"))).await;
    }
    c.ok("SELECT Drafts").await;
    c
}

#[tokio::test]
async fn the_examples_of_the_rfc() {
    let w = World::new().await;
    let mut c = drafts(&w).await;
    let m = letter("neuf").replace('\n', "\r\n");
    // §3.4: sequence number, flags, synchronising literal.
    c.send(format!("a REPLACE 4 Drafts (\\Seen \\Draft) {{{}}}\r\n", m.len())).await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send(format!("{m}\r\n")).await;
    let all = c.until("a").await;
    let uid = one(&all, "* OK [APPENDUID ");
    assert!(uid.contains(" 5] "), "{all:?}");
    assert_eq!(all[1..3], ["* 4 EXPUNGE", "* 4 EXISTS"], "{all:?}");
    assert!(all[3].starts_with("a OK "), "{all:?}");
    let got = c.ok("FETCH 4 (UID FLAGS ENVELOPE)").await;
    assert!(
        one(&got, "* 4 FETCH ").contains("UID 5 FLAGS (\\Seen \\Draft) ENVELOPE") && got[0].contains("\"neuf\""),
        "{got:?}"
    );
    // By UID, into another mailbox, with `*` for the last.
    c.send(format!(
        "b UID REPLACE 2 Sent {{{}+}}\r\n{m}\r\nc UID REPLACE * Drafts {{{}+}}\r\n{m}\r\n",
        m.len(),
        m.len()
    ))
    .await;
    let all = c.until("b").await;
    assert!(all.contains(&"* 2 EXPUNGE".to_owned()) && all.last().unwrap().starts_with("b OK "), "{all:?}");
    let all = c.until("c").await;
    assert!(one(&all, "* OK [APPENDUID ").contains(" 6] ") && all.contains(&"* 3 EXPUNGE".to_owned()), "{all:?}");
    assert_eq!(c.ok("STATUS Sent (MESSAGES)").await[0], "* STATUS \"Sent\" (MESSAGES 1)");
    let got = c.ok("UID SEARCH ALL").await;
    assert_eq!(got[0], "* SEARCH 1 3 6");
    // With CONDSTORE the state after is told.
    c.ok("ENABLE CONDSTORE").await;
    c.send(format!("d REPLACE 1 Drafts {{{}+}}\r\n{m}\r\n", m.len())).await;
    assert!(c.until("d").await.last().unwrap().starts_with("d OK [HIGHESTMODSEQ "));
    // With QRESYNC it leaves as VANISHED; with UIDONLY numbers name nothing.
    c.ok("ENABLE QRESYNC").await;
    c.send(format!("e UID REPLACE 6 Drafts {{{}+}}\r\n{m}\r\n", m.len())).await;
    assert!(c.until("e").await.contains(&"* VANISHED 6".to_owned()));
    c.ok("ENABLE UIDONLY").await;
    c.send(format!("f REPLACE 1 Drafts {{{}+}}\r\n{m}\r\n", m.len())).await;
    assert!(c.until("f").await[0].starts_with("f BAD [UIDREQUIRED]"));
}

#[tokio::test]
async fn what_cannot_be_replaced_stays_and_nothing_is_added() {
    let w = World::with(|c| c.max_append = 2000).await;
    let mut c = drafts(&w).await;
    let m = letter("neuf").replace('\n', "\r\n");
    let lit = format!("{{{}+}}\r\n{m}\r\n", m.len());
    let big = format!("{{3000+}}\r\n{}\r\n", "x".repeat(3000));
    for (command, answer) in [
        (format!("REPLACE 1 nulle-part {lit}"), "a NO [TRYCREATE]"),
        (format!("REPLACE 9 Drafts {lit}"), "a BAD "),
        (format!("UID REPLACE 99 Drafts {lit}"), "a NO [EXPUNGEISSUED]"),
        (format!("REPLACE 1 Drafts {big}"), "a NO [TOOBIG]"),
        (format!("REPLACE 1 Drafts (\\Nope) {lit}"), "a BAD "),
    ] {
        c.send(format!("a {command}b NOOP\r\n")).await;
        let all = c.until("a").await;
        assert!(all.len() == 1 && all[0].starts_with(answer), "{command}: {all:?}");
        c.until("b").await;
    }
    // Expunged in another session: the number still stands here.
    let mut other = Client::anne(&w).await;
    other.ok("SELECT Drafts").await;
    other.ok("STORE 2 +FLAGS (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    c.send(format!("c REPLACE 2 Drafts {lit}")).await;
    let all = c.until("c").await;
    assert!(all.last().unwrap().starts_with("c NO [EXPUNGEISSUED]"), "{all:?}");
    assert_eq!(c.ok("STATUS Drafts (MESSAGES UIDNEXT)").await[0], "* STATUS \"Drafts\" (MESSAGES 3 UIDNEXT 5)");
    // A mailbox that is only looked at, and none at all.
    c.ok("EXAMINE Drafts").await;
    c.send(format!("d REPLACE 1 Drafts {lit}")).await;
    assert!(c.until("d").await.last().unwrap().starts_with("d NO "));
    c.ok("UNSELECT").await;
    c.send(format!("e REPLACE 1 Drafts {lit}")).await;
    assert!(c.until("e").await[0].starts_with("e BAD "));
}

#[tokio::test]
async fn two_sessions_replace_the_same_message_once() {
    let w = World::new().await;
    let mut c = drafts(&w).await;
    let mut d = Client::anne(&w).await;
    d.ok("SELECT Drafts").await;
    let m = letter("neuf").replace('\n', "\r\n");
    let command = format!("r UID REPLACE 1 Drafts {{{}+}}\r\n{m}\r\n", m.len());
    c.send(&command).await;
    d.send(&command).await;
    let (a, b) = (c.until("r").await, d.until("r").await);
    let good = [&a, &b].iter().filter(|all| all.last().unwrap().starts_with("r OK ")).count();
    assert_eq!(good, 1, "{a:?} {b:?}");
    assert_eq!(c.ok("STATUS Drafts (MESSAGES)").await[0], "* STATUS \"Drafts\" (MESSAGES 4)");
}
