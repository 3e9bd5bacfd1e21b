//! QRESYNC (RFC 7162 §3.2): who comes back hears what he missed, and removals by their UIDs.
use crate::client::{Client, one};
use crate::world::World;
use sceau_store::{StoreError, journal};

/// The number after a word in a response.
fn number(all: &[String], word: &str) -> u64 {
    let line = all.iter().find(|r| r.contains(word)).unwrap_or_else(|| panic!("no {word} in {all:#?}"));
    let rest = line.split_once(word).unwrap().1;
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Untagged responses.
fn untagged(all: &[String]) -> &[String] {
    &all[..all.len() - 1]
}

/// VANISHED and FETCH responses.
fn changes(all: &[String]) -> Vec<String> {
    let change = |r: &&String| r.starts_with("* VANISHED") || r.contains(" FETCH (");
    all.iter().filter(change).cloned().collect()
}

async fn letters(w: &World, names: &[&str]) -> Client {
    let mut c = Client::anne(w).await;
    for n in names {
        c.letter(n).await;
    }
    c.ok("SELECT INBOX").await;
    c
}

async fn qresync(w: &World) -> Client {
    let mut c = Client::anne(w).await;
    assert_eq!(c.ok("ENABLE QRESYNC").await[0], "* ENABLED QRESYNC");
    c
}

async fn remove(c: &mut Client, uids: &str) {
    c.ok(&format!("UID STORE {uids} +FLAGS.SILENT (\\Deleted)")).await;
    c.ok(&format!("UID EXPUNGE {uids}")).await;
}

/// What FETCH tells of a change, without its modseq.
fn flagged(seq: u32, uid: u32, flags: &str) -> String {
    format!("* {seq} FETCH (UID {uid} FLAGS ({flags}) MODSEQ (")
}

#[track_caller]
fn told(got: &[String], want: &[String]) {
    assert_eq!(got.len(), want.len(), "{got:#?}");
    for (g, w) in got.iter().zip(want) {
        assert!(if w.contains("VANISHED") { g == w } else { g.starts_with(w) }, "{got:#?}");
    }
}

#[tokio::test]
async fn it_must_be_enabled() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    assert!(c.ok("CAPABILITY").await[0].contains(" CONDSTORE QRESYNC "));
    c.ok("SELECT INBOX").await;
    assert!(c.bad("SELECT INBOX (QRESYNC (1 1))").await.ends_with("(sequence.error)"));
    c.bad("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)").await;
    // What was selected still is.
    c.ok("CHECK").await;
    c.ok("UNSELECT").await;
    assert_eq!(c.ok("ENABLE CONDSTORE QRESYNC").await[0], "* ENABLED CONDSTORE QRESYNC");
    assert_eq!(c.ok("ENABLE QRESYNC CONDSTORE").await[0], "* ENABLED");
    let all = c.ok("SELECT INBOX").await;
    let (validity, modseq) = (number(&all, "[UIDVALIDITY "), number(&all, "[HIGHESTMODSEQ "));
    for bad in ["1", "(1)", "(0 1)", "(1 1 1:*)", "(1 1 1 (1))", "(1 1 (1 1) 1)", "(1 1) x"] {
        c.bad(&format!("SELECT INBOX (QRESYNC {bad})")).await;
    }
    c.bad("FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)").await;
    c.bad("UID FETCH 1:* (FLAGS) (VANISHED)").await;
    // A mailbox that never had a message.
    let all =
        c.ok(&format!("SELECT INBOX (CONDSTORE QRESYNC ({validity} {modseq} (1:4294967295 1:4294967295)))")).await;
    assert!(changes(&all).is_empty(), "{all:#?}");
}

#[tokio::test]
async fn who_comes_back_hears_what_he_missed() {
    let w = World::new().await;
    let mut other = letters(&w, &["un", "deux", "trois", "quatre", "cinq"]).await;
    let all = other.ok("SELECT INBOX").await;
    let (validity, modseq) = (number(&all, "[UIDVALIDITY "), number(&all, "[HIGHESTMODSEQ "));
    other.ok("STORE 2 +FLAGS.SILENT (\\Flagged)").await;
    remove(&mut other, "1,3").await;
    other.letter("six").await;

    let mut c = qresync(&w).await;
    let all = c.ok(&format!("SELECT INBOX (QRESYNC ({validity} {modseq}))")).await;
    one(&all, "* 4 EXISTS");
    let missed = ["* VANISHED (EARLIER) 1,3".to_owned(), flagged(1, 2, "\\Flagged"), flagged(4, 6, "")];
    told(&changes(&all), &missed);
    let now = number(&all, "[HIGHESTMODSEQ ");
    // Before: what was selected is closed.
    let all = c.ok(&format!("EXAMINE INBOX (QRESYNC ({validity} {modseq} 2:5))")).await;
    assert!(all[0].starts_with("* OK [CLOSED] "), "{all:#?}");
    told(&changes(&all), &["* VANISHED (EARLIER) 3".to_owned(), flagged(1, 2, "\\Flagged")]);
    assert!(all.last().unwrap().starts_with("OK [READ-ONLY] "), "{all:#?}");
    for nothing in [
        format!("({validity} {now})"),
        format!("({validity} {now} 1:100)"),
        format!("({validity} {modseq} 4:5)"),
        format!("({} {modseq})", validity + 1),
    ] {
        let all = c.ok(&format!("SELECT INBOX (QRESYNC {nothing})")).await;
        assert!(changes(&all).is_empty(), "{nothing}: {all:#?}");
        one(&all, &format!("* OK [UIDVALIDITY {validity}]"));
    }
    // A state that the mailbox never had: everything.
    let all = c.ok(&format!("SELECT INBOX (QRESYNC ({validity} 9223372036854775807))")).await;
    assert_eq!(changes(&all).len(), 5, "{all:#?}");
    assert_eq!(changes(&all)[0], "* VANISHED (EARLIER) 1,3");
    // Another mailbox of the same name has another UIDVALIDITY.
    c.ok("CREATE x").await;
    let all = c.ok("SELECT x").await;
    let (old, since) = (number(&all, "[UIDVALIDITY "), number(&all, "[HIGHESTMODSEQ "));
    c.append("x", "", &crate::client::letter("x")).await;
    c.ok("DELETE x").await;
    c.ok("CREATE x").await;
    let all = c.ok(&format!("SELECT x (QRESYNC ({old} {since}))")).await;
    assert!(number(&all, "[UIDVALIDITY ") > old && changes(&all).is_empty(), "{all:#?}");
}

#[tokio::test]
async fn what_the_journal_has_forgotten() {
    let w = World::new().await;
    let mut other = letters(&w, &["un", "deux", "trois", "quatre", "cinq", "six"]).await;
    remove(&mut other, "2").await;
    let all = other.ok("SELECT INBOX").await;
    let (validity, modseq) = (number(&all, "[UIDVALIDITY "), number(&all, "[HIGHESTMODSEQ "));
    remove(&mut other, "4").await;
    w.store.clock.advance_ms(3 * 3_600_000);
    let before = w.store.clock().now().0;
    w.store.write::<_, StoreError, _>(move |tx| journal::prune(tx, before, 1000)).await.unwrap();

    // Every UID that is not there; what the client shows that it knows is left out.
    let mut c = qresync(&w).await;
    for (data, want) in [
        ("", Some("2,4")),
        (" 1:6", Some("2,4")),
        (" 3:6", Some("4")),
        (" 5:6", None),
        (" 1:6 (1:2 1,3)", Some("4")),
        (" (1:2 1,3)", Some("4")),
        // The first pair that does not hold ends the comparison.
        (" 1:6 (1:3 1,2,5)", Some("2,4")),
        (" 1:6 (1,9 1,6)", Some("2,4")),
        (" 1:6 (4 6)", None),
    ] {
        let all = c.ok(&format!("SELECT INBOX (QRESYNC ({validity} {modseq}{data}))")).await;
        let want: Vec<String> = want.iter().map(|w| format!("* VANISHED (EARLIER) {w}")).collect();
        assert_eq!(changes(&all), want, "{data}");
    }
    // From now on it is known exactly again.
    let now = number(&c.ok("SELECT INBOX").await, "[HIGHESTMODSEQ ");
    remove(&mut other, "6").await;
    let all = c.ok(&format!("SELECT INBOX (QRESYNC ({validity} {now}))")).await;
    assert_eq!(changes(&all), ["* VANISHED (EARLIER) 6"]);
}

#[tokio::test]
async fn uid_fetch_tells_what_vanished_first() {
    let w = World::new().await;
    let mut other = letters(&w, &["un", "deux", "trois", "quatre"]).await;
    let since = number(&other.ok("SELECT INBOX").await, "[HIGHESTMODSEQ ");
    other.ok("STORE 3 +FLAGS.SILENT (\\Flagged)").await;
    remove(&mut other, "1,4").await;
    let mut c = qresync(&w).await;
    c.ok("SELECT INBOX").await;
    let flagged = "* 2 FETCH (UID 3 FLAGS (\\Flagged) MODSEQ (";
    for (command, want) in [
        (format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since} VANISHED)"), &["* VANISHED (EARLIER) 1,4", flagged][..]),
        (format!("UID FETCH 1:2 (FLAGS) (VANISHED CHANGEDSINCE {since})"), &["* VANISHED (EARLIER) 1"]),
        // `*` is the largest UID that was given.
        (format!("UID FETCH 4:* (FLAGS) (CHANGEDSINCE {since} VANISHED)"), &["* VANISHED (EARLIER) 4", flagged]),
        (format!("UID FETCH 2 (FLAGS) (CHANGEDSINCE {since} VANISHED)"), &[]),
        (format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {} VANISHED)", since + 1000), &["* VANISHED (EARLIER) 1,4"]),
    ] {
        let all = c.ok(&command).await;
        let got = changes(&all);
        assert_eq!(got.len(), want.len(), "{command}: {all:#?}");
        assert!(got.iter().zip(want).all(|(g, w)| g.starts_with(w)), "{command}: {all:#?}");
    }
    // What is still shown here vanishes now, not earlier; what came and went meanwhile was never shown.
    other.letter("cinq").await;
    remove(&mut other, "2,5").await;
    let all = c.ok(&format!("UID FETCH 1:6 (FLAGS) (CHANGEDSINCE {since} VANISHED)")).await;
    assert_eq!(untagged(&all)[0], "* VANISHED (EARLIER) 1,4:5");
    assert!(untagged(&all)[1].starts_with(flagged) && untagged(&all)[2] == "* VANISHED 2", "{all:#?}");
}

#[tokio::test]
async fn removals_are_told_by_uid_with_the_new_state() {
    let w = World::new().await;
    let mut c = qresync(&w).await;
    for n in ["un", "deux", "trois", "quatre", "cinq", "six", "sept"] {
        c.letter(n).await;
    }
    c.ok("CREATE x").await;
    c.ok("SELECT INBOX").await;
    let mut other = Client::inbox(&w).await;
    c.ok("UID STORE 1:2 +FLAGS.SILENT (\\Deleted)").await;
    let all = c.ok("EXPUNGE").await;
    assert_eq!(untagged(&all), ["* VANISHED 1:2"]);
    let first = number(&all[1..], "OK [HIGHESTMODSEQ ");
    assert!(c.ok("EXPUNGE").await[0].starts_with("OK EXPUNGE"));
    let all = c.ok("MOVE 1 x").await;
    assert!(all[0].starts_with("* OK [COPYUID ") && all[1] == "* VANISHED 3", "{all:#?}");
    assert!(number(&all[2..], "OK [HIGHESTMODSEQ ") > first);
    c.ok("UID STORE 4 +FLAGS.SILENT (\\Deleted)").await;
    let all = c.ok("UID EXPUNGE 1:*").await;
    assert_eq!(untagged(&all), ["* VANISHED 4"]);
    // Who did not ask for it hears of numbers.
    let all = other.ok("NOOP").await;
    assert_eq!(all[..4], ["* 1 EXPUNGE"; 4], "{all:#?}");
    // By others, in IDLE and out of it.
    c.send("i IDLE\r\n").await;
    c.response().await;
    remove(&mut other, "5").await;
    loop {
        let line = c.response().await.unwrap();
        if line == "* VANISHED 5" {
            break;
        }
        assert!(line.contains(" FETCH (UID 5 FLAGS (\\Deleted) MODSEQ ("), "{line}");
    }
    c.send("DONE\r\n").await;
    c.until("i").await;
    // A message that was read is named by its UID, with the modseq of the change.
    let all = c.ok("FETCH 1 BODY[TEXT]").await;
    let end = all[0].rsplit_once(" FLAGS (\\Seen) MODSEQ (").unwrap().1;
    assert!(end.ends_with(") UID 6)"), "{all:#?}");
    let all = c.ok("STORE 1 +FLAGS.SILENT (\\Flagged)").await;
    assert!(all[0].starts_with("* 1 FETCH (UID 6 MODSEQ ("), "{all:#?}");
    // CLOSE tells nothing, but it is remembered.
    let validity = number(&c.ok("SELECT INBOX").await, "[UIDVALIDITY ");
    let all = c.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    let modseq = number(&all, "MODSEQ (");
    assert_eq!(c.ok("CLOSE").await, ["OK CLOSE completed"]);
    let all = c.ok(&format!("SELECT INBOX (QRESYNC ({validity} {modseq}))")).await;
    assert_eq!(changes(&all), ["* VANISHED (EARLIER) 6"]);
}

#[tokio::test]
async fn what_may_not_be_told_now_is_no_part_of_the_state() {
    let w = World::new().await;
    let mut other = letters(&w, &["un", "deux", "trois", "quatre"]).await;
    let mut c = qresync(&w).await;
    let all = c.ok("SELECT INBOX").await;
    let (validity, known) = (number(&all, "[UIDVALIDITY "), number(&all, "[HIGHESTMODSEQ "));
    other.ok("STORE 4 +FLAGS.SILENT (\\Seen)").await;
    remove(&mut other, "2").await;
    other.ok("STORE 1 +FLAGS.SILENT (\\Seen)").await;
    for command in
        ["FETCH 1:* (FLAGS)", "SEARCH ALL", "STORE 3 +FLAGS (\\Flagged)", "UID SEARCH 1:4", "UID SEARCH NOT 1"]
    {
        let all = c.ok(command).await;
        assert!(!all.iter().any(|r| r.contains("VANISHED") || r.contains("EXPUNGE")), "{command}: {all:#?}");
        // Whoever leaves now and comes back with this hears of the removal.
        assert_eq!(number(&all, "* OK [HIGHESTMODSEQ "), known, "{command}");
    }
    let mut again = qresync(&w).await;
    let all = again.ok(&format!("SELECT INBOX (QRESYNC ({validity} {known}))")).await;
    assert_eq!(changes(&all)[0], "* VANISHED (EARLIER) 2");
    let all = c.ok("UID SEARCH ALL").await;
    assert_eq!(untagged(&all), ["* SEARCH 1 2 3 4", "* VANISHED 2"]);
    assert!(!c.ok("FETCH 1:* (FLAGS)").await.iter().any(|r| r.contains("HIGHESTMODSEQ")));
}

#[tokio::test]
async fn what_a_client_chose_not_to_hear_is_no_part_of_the_state() {
    let w = World::new().await;
    let mut other = letters(&w, &["un", "deux", "trois"]).await;
    let mut c = qresync(&w).await;
    for (wish, flag, uid) in
        [("NOTIFY SET (selected (MessageNew MessageExpunge))", "\\Flagged", 2), ("NOTIFY NONE", "\\Answered", 3)]
    {
        let all = c.ok("SELECT INBOX").await;
        let (validity, known) = (number(&all, "[UIDVALIDITY "), number(&all, "[HIGHESTMODSEQ "));
        c.ok(wish).await;
        other.ok("NOOP").await;
        other.ok(&format!("UID STORE 1 +FLAGS.SILENT ({flag})")).await;
        // A client counts with what it is told of its own changes, unless it is told the state.
        let all = c.ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).await;
        assert_eq!(number(&all, "* OK [HIGHESTMODSEQ "), known, "{wish}: {all:#?}");
        let all = c.ok(&format!("UID EXPUNGE {uid}")).await;
        assert_eq!(changes(&all), [format!("* VANISHED {uid}")], "{wish}");
        // Whoever leaves now and comes back with this hears of the flag.
        let told = number(&all[all.len() - 1..], "OK [HIGHESTMODSEQ ");
        assert_eq!(told, known, "{wish}");
        let all = c.ok(&format!("SELECT INBOX (QRESYNC ({validity} {told}))")).await;
        assert!(one(&all, "* 1 FETCH (UID 1 FLAGS (").contains(flag), "{wish}: {all:#?}");
    }
}

#[tokio::test]
async fn many_removals_come_in_lines_that_can_be_read() {
    let w = World::new().await;
    let mut c = letters(&w, &["un"]).await;
    for _ in 0..11 {
        c.ok("UID COPY 1:* INBOX").await;
    }
    let all = c.ok("SELECT INBOX").await;
    one(&all, "* 2048 EXISTS");
    let (validity, modseq) = (number(&all, "[UIDVALIDITY "), number(&all, "[HIGHESTMODSEQ "));
    let odd: Vec<String> = (0..1024).map(|n| (2 * n + 1).to_string()).collect();
    remove(&mut c, &odd.join(",")).await;
    let mut c = qresync(&w).await;
    let all = c.ok(&format!("SELECT INBOX (QRESYNC ({validity} {modseq}))")).await;
    let lines = changes(&all);
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|l| l.len() < 8192));
    let uids: Vec<&str> = lines.iter().flat_map(|l| l["* VANISHED (EARLIER) ".len()..].split(',')).collect();
    assert_eq!(uids, odd);
}
