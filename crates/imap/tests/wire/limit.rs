//! MESSAGELIMIT (RFC 9738): what one command works on when the operator has set a limit.
use crate::client::{Client, one};
use crate::world::World;

#[tokio::test]
async fn commands_work_on_the_last_messages_and_say_how_far() {
    let w = World::with(|c| c.message_limit = Some(3)).await;
    let mut c = Client::anne(&w).await;
    for n in 1..=6 {
        c.letter(&format!("m{n}")).await;
    }
    assert!(c.ok("CAPABILITY").await[0].contains(" MESSAGELIMIT=3"));
    c.ok("SELECT INBOX").await;
    let seqs = |all: &[String]| -> Vec<u32> {
        all[..all.len() - 1].iter().map(|r| r[2..].split(' ').next().unwrap().parse().unwrap()).collect()
    };
    // From the highest UID down.
    let all = c.ok("FETCH 1:* (FLAGS)").await;
    assert_eq!(seqs(&all), [6, 5, 4]);
    assert!(all[3].starts_with("OK [MESSAGELIMIT 3 4] "), "{all:?}");
    let all = c.ok("UID FETCH 1:3 (FLAGS)").await;
    assert!(seqs(&all) == [1, 2, 3] && all[3].starts_with("OK UID FETCH"), "{all:?}");
    let all = c.ok("UID FETCH 1:* (FLAGS) (PARTIAL 1:3)").await;
    assert!(seqs(&all) == [1, 2, 3] && all[3].starts_with("OK UID FETCH"), "{all:?}");
    assert!(c.no("UID FETCH 1:* (FLAGS) (PARTIAL 1:4)").await.starts_with("NO [MESSAGELIMIT 3] "));
    let all = c.ok("STORE 1:4 +FLAGS (\\Flagged)").await;
    assert!(seqs(&all) == [4, 3, 2] && all[3].starts_with("OK [MESSAGELIMIT 3 2] "), "{all:?}");
    assert_eq!(c.ok("SEARCH FLAGGED").await[..], ["* SEARCH 4", "OK [MESSAGELIMIT 3 4] SEARCH completed"]);
    // Who names fewer is answered wholly.
    for (keys, want) in [
        ("UID 1:3 FLAGGED", "2 3"),
        ("UIDBEFORE 4 FLAGGED", "2 3"),
        ("UIDAFTER 3", "4 5 6"),
        ("(UIDAFTER 1 UIDBEFORE 3)", "2"),
        ("1:2 FLAGGED", "2"),
    ] {
        let all = c.ok(&format!("SEARCH {keys}")).await;
        assert_eq!(all[..], [format!("* SEARCH {want}"), "OK SEARCH completed".into()], "{keys}");
    }
    c.bad("SEARCH UIDAFTER 0").await;
    c.bad("SEARCH UIDBEFORE *").await;
    // No order of a part, no copy of a part.
    assert!(c.no("SORT (DATE) UTF-8 ALL").await.starts_with("NO [MESSAGELIMIT 3] "));
    assert!(c.no("THREAD REFERENCES UTF-8 ALL").await.starts_with("NO [MESSAGELIMIT 3] "));
    assert_eq!(c.ok("UID SORT (ARRIVAL) UTF-8 UIDAFTER 3").await[0], "* SORT 4 5 6");
    let no = c.no("COPY 1:* Archive").await;
    assert!(no.starts_with("NO [MESSAGELIMIT 3 4] ") && no.ends_with("(entry.too_many)"), "{no}");
    c.ok("COPY 1:3 Archive").await;
    // What is removed counts, not what is named; EXPUNGE removes all.
    c.ok("UID STORE 1:2 +FLAGS.SILENT (\\Deleted)").await;
    let all = c.ok("UID EXPUNGE 1:*").await;
    assert_eq!(all[..2], ["* 1 EXPUNGE", "* 1 EXPUNGE"]);
    assert!(all[2].starts_with("OK UID EXPUNGE"), "{all:?}");
    let all = c.ok("UID MOVE 1:* Archive").await;
    assert!(one(&all, "* OK [COPYUID ").contains(" 4:6 "), "{all:?}");
    assert!(all.last().unwrap().starts_with("OK [MESSAGELIMIT 3 4] "), "{all:?}");
    // One response has one code.
    c.ok("SELECT Archive (CONDSTORE)").await;
    c.ok("UID STORE 1:6 +FLAGS.SILENT (\\Deleted)").await;
    c.ok("UID STORE 1:3 +FLAGS.SILENT (\\Deleted)").await;
    let all = c.ok("UID EXPUNGE 1:6").await;
    assert_eq!(one(&all, "* NO "), "* NO [MESSAGELIMIT 3 4] Only the last messages");
    assert!(all.last().unwrap().starts_with("OK [HIGHESTMODSEQ "), "{all:?}");
    let all = c.ok("EXPUNGE").await;
    assert_eq!(all.iter().filter(|r| r.ends_with(" EXPUNGE")).count(), 3, "{all:?}");
}

#[tokio::test]
async fn a_search_of_one_mailbox_goes_as_far_and_one_of_several_is_whole_or_refused() {
    let w = World::with(|c| c.message_limit = Some(3)).await;
    let mut c = Client::anne(&w).await;
    for n in 1..=4 {
        c.letter(&format!("m{n}")).await;
    }
    c.append("Archive", "", &crate::client::letter("a")).await;
    for command in ["ESEARCH IN (inboxes) ALL", "ESEARCH IN (mailboxes INBOX) ALL"] {
        let all = c.ok(command).await;
        assert!(
            all[0].ends_with(") UID ALL 2:4") && all[1].starts_with("OK [MESSAGELIMIT 3 2] "),
            "{command}: {all:?}"
        );
    }
    c.ok("SELECT INBOX").await;
    let all = c.ok("ESEARCH IN (selected) RETURN (SAVE COUNT) SUBJECT m").await;
    assert!(all[0].ends_with(") UID COUNT 3") && all[1].starts_with("OK [MESSAGELIMIT 3 2] "), "{all:?}");
    assert_eq!(c.ok("FETCH $ UID").await.len(), 4);
    // Messages of all of them count, as the keys at the top name them.
    for keys in ["ALL", "UID 1:3"] {
        let no = c.run(&format!("ESEARCH IN (mailboxes (INBOX Archive)) {keys}")).await.pop().unwrap();
        assert!(no.starts_with("NO [MESSAGELIMIT 3] "), "{keys}: {no}");
    }
    let all = c.ok("ESEARCH IN (mailboxes (Archive INBOX)) UID 1:2").await;
    assert!(all[0].ends_with(") UID ALL 1") && all[1].ends_with(") UID ALL 1:2") && all.len() == 3, "{all:?}");
}

#[tokio::test]
async fn without_a_limit_there_is_none() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    assert!(!c.ok("CAPABILITY").await[0].contains("MESSAGELIMIT"));
}
