//! Numbers, names and dates as servers usually get them wrong.
use crate::client::{Client, letter, one};
use crate::world::World;

/// The number after a word in the one response that has it.
fn number(all: &[String], word: &str) -> u64 {
    let line = all.iter().find(|r| r.contains(word)).unwrap_or_else(|| panic!("no {word} in {all:#?}"));
    let rest = line.split_once(word).unwrap().1;
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn uids_and_uidvalidity_are_never_given_twice() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    // Within one second too.
    let mut last = 0;
    for _ in 0..5 {
        c.ok("CREATE x").await;
        let validity = number(&c.ok("STATUS x (UIDVALIDITY)").await, "UIDVALIDITY ");
        assert!(validity > last, "{validity} after {last}");
        last = validity;
        c.ok("DELETE x").await;
    }
    c.ok("CREATE x").await;
    let first = number(&c.ok("STATUS x (UIDVALIDITY)").await, "UIDVALIDITY ");
    // A renamed mailbox keeps its own; one that takes its name has another.
    c.ok("RENAME x y").await;
    assert_eq!(number(&c.ok("STATUS y (UIDVALIDITY)").await, "UIDVALIDITY "), first);
    c.ok("CREATE x").await;
    assert!(number(&c.ok("STATUS x (UIDVALIDITY)").await, "UIDVALIDITY ") > first);
    for n in ["un", "deux", "trois"] {
        c.letter(n).await;
    }
    c.ok("SELECT INBOX").await;
    c.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)").await;
    c.ok("EXPUNGE").await;
    let all = c.ok("SELECT INBOX").await;
    assert_eq!((number(&all, "[UIDNEXT "), one(&all, "* 0 EXISTS")), (4, "* 0 EXISTS"));
    c.letter("quatre").await;
    assert_eq!(c.ok("UID FETCH 1:* (UID)").await[0], "* 1 FETCH (UID 4)");
    // Moved away and back is another UID.
    c.ok("MOVE 1 x").await;
    c.ok("SELECT x").await;
    c.ok("MOVE 1 INBOX").await;
    assert_eq!(c.ok("STATUS INBOX (MESSAGES UIDNEXT)").await[0], "* STATUS \"INBOX\" (MESSAGES 1 UIDNEXT 6)");
}

#[tokio::test]
async fn recent_is_said_to_rev1_only_and_no_message_has_it() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.letter("un").await;
    let all = c.ok("SELECT INBOX").await;
    one(&all, "* 0 RECENT");
    assert!(!all.iter().any(|r| r.contains("\\Recent")), "{all:?}");
    assert_eq!(c.ok("FETCH 1 FLAGS").await[0], "* 1 FETCH (FLAGS ())");
    // It is the server's to set.
    assert_eq!(c.ok("STORE 1 FLAGS (\\Recent \\Seen)").await[0], "* 1 FETCH (FLAGS (\\Seen))");
    c.append("INBOX", "(\\Recent) ", &letter("deux")).await;
    for (key, want) in [("RECENT", "* SEARCH"), ("NEW", "* SEARCH"), ("OLD", "* SEARCH 1 2"), ("UNSEEN", "* SEARCH 2")]
    {
        assert_eq!(c.ok(&format!("SEARCH {key}")).await[0], want);
    }
    assert_eq!(c.ok("STATUS INBOX (RECENT)").await[0], "* STATUS \"INBOX\" (RECENT 0)");
    c.ok("ENABLE IMAP4rev2").await;
    let all = c.ok("SELECT INBOX").await;
    assert!(!all.iter().any(|r| r.contains("RECENT")), "{all:?}");
}

#[tokio::test]
async fn inbox_is_one_mailbox_in_any_case() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.append("inBOX", "", &letter("un")).await;
    one(&c.ok("SELECT Inbox").await, "* 1 EXISTS");
    assert_eq!(c.ok("STATUS \"iNbOx\" (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 1)");
    assert_eq!(c.ok("LIST \"\" inbox").await[0], "* LIST (\\HasNoChildren) \"/\" \"INBOX\"");
    assert!(c.no("CREATE inbox").await.contains("[ALREADYEXISTS]"));
    assert!(c.no("DELETE inbox").await.contains("[CANNOT]"));
    assert!(c.no("RENAME Sent iNbox").await.contains("[ALREADYEXISTS]"));
    // Below it too, and only there.
    c.ok("CREATE inbox/A").await;
    assert!(c.no("CREATE InBox/A").await.contains("[ALREADYEXISTS]"));
    c.ok("CREATE INBOX/a").await;
    c.ok("CREATE Inboxes").await;
    let all = c.ok("LIST \"\" INBOX/%").await;
    assert_eq!(all.len(), 3, "{all:?}");
    one(&c.ok("LIST \"\" %").await, "* LIST (\\HasNoChildren) \"/\" \"Inboxes\"");
}

#[tokio::test]
async fn renaming_inbox_leaves_it_there() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.ok("CREATE INBOX/Suivi").await;
    for n in ["un", "deux"] {
        c.letter(n).await;
    }
    let all = c.ok("SELECT INBOX").await;
    let validity = number(&all, "[UIDVALIDITY ");
    c.ok("STORE 2 +FLAGS.SILENT (\\Flagged Relance)").await;
    let mut other = Client::inbox(&w).await;
    let all = c.ok("RENAME inbox Vieux/Tout").await;
    assert_eq!(all[..2], ["* 1 EXPUNGE", "* 1 EXPUNGE"]);
    assert_eq!(other.ok("NOOP").await[..2], ["* 1 EXPUNGE", "* 1 EXPUNGE"]);
    // Still there, empty, the same, with what is below it; UIDs go on.
    let all = c.ok("SELECT INBOX").await;
    assert_eq!((number(&all, "[UIDVALIDITY "), number(&all, "[UIDNEXT ")), (validity, 3));
    one(&c.ok("LIST \"\" INBOX/Suivi").await, "* LIST ");
    c.ok("SELECT Vieux/Tout").await;
    assert!(c.ok("FETCH 2 FLAGS").await[0].ends_with("(FLAGS (\\Flagged Relance))"));
    c.letter("trois").await;
    c.ok("RENAME INBOX Vieux/Encore").await;
    assert_eq!(c.ok("STATUS Vieux/Encore (MESSAGES)").await[0], "* STATUS \"Vieux/Encore\" (MESSAGES 1)");
    assert!(c.no("RENAME INBOX Vieux").await.contains("[ALREADYEXISTS]"));
}

#[tokio::test]
async fn trees_are_cut_from_below_and_carried_whole() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.ok("CREATE a/b/c").await;
    c.append("a/b", "", &letter("un")).await;
    c.ok("SUBSCRIBE a/b").await;
    for parent in ["a", "a/b"] {
        assert!(c.no(&format!("DELETE {parent}")).await.contains("[HASCHILDREN]"));
    }
    assert!(c.no("RENAME a a/x").await.contains("[CANNOT]"));
    assert!(c.no("RENAME a a").await.contains("[ALREADYEXISTS]"));
    assert!(c.no("RENAME nulle-part x").await.contains("[NONEXISTENT]"));
    c.ok("CREATE ab").await;
    c.ok("SELECT a/b").await;
    c.ok("RENAME a z/y").await;
    // Who has it selected goes on; the name that begins alike stays.
    assert_eq!(c.ok("FETCH 1 FLAGS").await[0], "* 1 FETCH (FLAGS ())");
    let all = c.ok("LIST \"\" * RETURN (SUBSCRIBED)").await;
    one(&all, "* LIST (\\HasChildren) \"/\" \"z\"");
    one(&all, "* LIST (\\HasChildren \\Subscribed) \"/\" \"z/y/b\"");
    one(&all, "* LIST (\\HasNoChildren) \"/\" \"z/y/b/c\"");
    one(&all, "* LIST (\\HasNoChildren) \"/\" \"ab\"");
    for name in ["z/y/b/c", "z/y/b", "z/y", "z"] {
        c.ok(&format!("DELETE {name}")).await;
    }
    c.bad("FETCH 1 FLAGS").await;
}

#[tokio::test]
async fn names_that_cannot_be() {
    let w = World::with(|c| c.max_errors = 1000).await;
    let mut c = Client::anne(&w).await;
    let (long, deep) = ("x".repeat(256), "d/".repeat(40));
    for bad in [
        // No modified UTF-7 (RFC 3501 §5.1.3): open, of printable ASCII, half of a pair, raw bits left over.
        "a&b", "&AGE-", "&2D0-", "&AOk", "&!!-", "&AOl-", // No names.
        "/a", "a//b", "a%b", "a*b", "#news", &long, &deep,
    ] {
        let no = c.no(&format!("CREATE \"{bad}\"")).await;
        assert!(no.contains("[CANNOT]"), "{bad}: {no}");
    }
    // Every script, in and out, both ways of writing.
    let mut utf8 = Client::anne(&w).await;
    utf8.ok("ENABLE UTF8=ACCEPT").await;
    for (wire, name) in [
        ("R&AOk-sultats", "Résultats"),
        ("&BD8EMARGBDgENQQ9BEIESw-", "пациенты"),
        ("&MEIwRDBG-", "あいう"),
        ("&2D3eAA-", "😀"),
        ("&BkUGMQY2Bkk-", "مرضى"),
        ("a&-b", "a&b"),
    ] {
        c.ok(&format!("CREATE \"{wire}\"")).await;
        assert_eq!(
            utf8.ok(&format!("STATUS \"{name}\" (MESSAGES)")).await[0],
            format!("* STATUS \"{name}\" (MESSAGES 0)")
        );
        assert_eq!(
            c.ok(&format!("STATUS \"{wire}\" (MESSAGES)")).await[0],
            format!("* STATUS \"{wire}\" (MESSAGES 0)")
        );
        assert!(utf8.no(&format!("CREATE \"{name}\"")).await.contains("[ALREADYEXISTS]"));
    }
}

#[tokio::test]
async fn keywords_have_limits_and_one_writing() {
    let w = World::with(|c| c.max_errors = 1000).await;
    let mut c = Client::anne(&w).await;
    c.letter("un").await;
    c.ok("SELECT INBOX").await;
    let known = "$Forwarded $Important $Junk $MDNSent $NotJunk $Phishing";
    assert!(c.ok(&format!("STORE 1 FLAGS ({known})")).await[0].ends_with(&format!("(FLAGS ({known}))")));
    // Written as first written, whatever the case.
    c.ok("STORE 1 FLAGS (Relance)").await;
    assert_eq!(c.ok("STORE 1 +FLAGS (RELANCE)").await[0], "* 1 FETCH (FLAGS (Relance))");
    assert_eq!(c.ok("SEARCH KEYWORD relance").await[0], "* SEARCH 1");
    for bad in ["(a b", "(\"x\")", "(a(b)", "(a%b)", "(a\\b)", "(é)", "(\\Inconnu)", "(a]b)"] {
        c.bad(&format!("STORE 1 +FLAGS {bad}")).await;
    }
    c.ok(&format!("STORE 1 FLAGS ({})", "k".repeat(128))).await;
    c.no(&format!("STORE 1 FLAGS ({})", "k".repeat(129))).await;
    let names = |from: usize, to: usize| (from..to).map(|n| format!("k{n}")).collect::<Vec<_>>().join(" ");
    assert!(c.no(&format!("STORE 1 FLAGS ({})", names(0, 65))).await.contains("[LIMIT]"));
    // A message has so many, however they come.
    c.ok(&format!("STORE 1 FLAGS ({})", names(0, 60))).await;
    let no = c.no(&format!("STORE 1 +FLAGS ({})", names(60, 65))).await;
    assert!(no.starts_with("NO [LIMIT] ") && no.ends_with("(keyword.too_many)"), "{no}");
    c.ok("STORE 1 -FLAGS (k59)").await;
    c.ok(&format!("STORE 1 +FLAGS.SILENT ({})", names(60, 65))).await;
    c.ok("STORE 1 FLAGS ()").await;
    for n in 0..9 {
        c.ok(&format!("STORE 1 FLAGS.SILENT ({})", names(50 * n, 50 * n + 50))).await;
        c.ok("COPY 1 INBOX").await;
    }
    c.ok(&format!("STORE 1 FLAGS.SILENT ({})", names(450, 500))).await;
    // The BAL's room for keywords is full of those in use; the message keeps what it had, and what nobody uses makes room.
    let no = c.no("STORE 1 +FLAGS (dernier avant fin un-de-trop)").await;
    assert!(no.starts_with("NO [LIMIT] ") && no.ends_with("(keyword.limit)"), "{no}");
    assert!(!c.ok("FETCH 1 FLAGS").await[0].contains("dernier"));
    c.ok("STORE 1:10 FLAGS ()").await;
    assert_eq!(c.ok("STORE 1 FLAGS (dernier)").await.iter().filter(|r| r.contains("(FLAGS (dernier))")).count(), 1);
}

#[tokio::test]
async fn dates_and_zones() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for (date, kept) in [
        ("17-Jul-1996 02:44:25 -0700", "17-Jul-1996 09:44:25 +0000"),
        ("01-Jan-2026 00:30:00 +0100", "31-Dec-2025 23:30:00 +0000"),
        (" 1-Mar-2024 23:59:59 -1200", " 2-Mar-2024 11:59:59 +0000"),
        ("29-Feb-2024 12:00:00 +1400", "28-Feb-2024 22:00:00 +0000"),
        ("31-Dec-1969 23:59:59 +0000", "31-Dec-1969 23:59:59 +0000"),
    ] {
        c.append("INBOX", &format!("\"{date}\" "), &letter("x")).await;
        c.ok("NOOP").await;
        let all = c.ok("FETCH * (INTERNALDATE)").await;
        assert!(all[0].ends_with(&format!("(INTERNALDATE \"{kept}\")")), "{date}: {all:?}");
    }
    // A search means the day that FETCH tells.
    for (key, want) in [
        ("ON 31-Dec-2025", " 2"),
        ("ON 1-Jan-2026", ""),
        ("SINCE 2-Mar-2024 BEFORE 1-Jan-2026", " 2 3"),
        ("BEFORE 1-Jan-1970", " 5"),
        ("SINCE \"28-Feb-2024\" NOT SINCE 29-Feb-2024", " 4"),
    ] {
        assert_eq!(c.ok(&format!("SEARCH {key}")).await[0], format!("* SEARCH{want}"), "{key}");
    }
    for bad in [
        "30-Feb-2024 00:00:00 +0000",
        "1-Jan-2024 00:00:00 +0000 ",
        "01-Jan-2024 24:00:00 +0000",
        "01-Jan-2024 00:00:00",
        "01-Jan-24 00:00:00 +0000",
        "01-Jan-2024 00:00:00 0000",
    ] {
        c.bad(&format!("APPEND INBOX \"{bad}\" {{10}}")).await;
    }
}

#[tokio::test]
async fn a_session_names_only_what_it_was_told_of() {
    let w = World::new().await;
    let (mut c, mut other) = (Client::inbox(&w).await, Client::inbox(&w).await);
    c.bad("FETCH 1:* FLAGS").await;
    c.bad("FETCH * FLAGS").await;
    assert_eq!(c.ok("UID FETCH * FLAGS").await.len(), 1);
    other.letter("un").await;
    // The message is there, but no number was given for it yet; the answer gives it.
    let all = c.run("FETCH 1 FLAGS").await;
    assert!(all[0] == "* 1 EXISTS" && all[1].starts_with("BAD "), "{all:?}");
    assert_eq!(c.ok("FETCH 1 FLAGS").await[0], "* 1 FETCH (FLAGS ())");
    // One's own is told before the answer, whatever brought it.
    let all = c.append("INBOX", "", &letter("deux")).await;
    assert_eq!(all[0], "* 2 EXISTS");
    let all = c.ok("COPY 1:2 INBOX").await;
    assert_eq!(all[0], "* 4 EXISTS");
    assert_eq!(c.ok("UID SEARCH ALL").await[0], "* SEARCH 1 2 3 4");
    // Commands on numbers that are gone do what they can, and say that it is not all.
    other.ok("NOOP").await;
    other.ok("STORE 1,3 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    assert!(c.no("FETCH 1:4 (UID BODY.PEEK[TEXT])").await.contains("[EXPUNGEISSUED]"));
    assert!(c.no("STORE 3 FLAGS (\\Seen)").await.contains("[EXPUNGEISSUED]"));
    assert!(c.no("FETCH 3 BODY.PEEK[TEXT]").await.contains("[EXPUNGEISSUED]"));
    let all = c.ok("COPY 1:2 Archive").await;
    assert!(all[..2] == ["* 1 EXPUNGE", "* 2 EXPUNGE"] && all[2].contains(" 2 1] "), "{all:?}");
    assert_eq!(c.ok("SEARCH ALL").await[0], "* SEARCH 1 2");
}

#[tokio::test]
async fn a_range_of_what_is_named() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    for n in ["un", "deux", "trois", "quatre", "cinq"] {
        c.letter(n).await;
    }
    c.ok("SELECT INBOX (CONDSTORE)").await;
    c.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    c.ok("EXPUNGE").await;
    let since = number(&c.ok("STORE 3 +FLAGS.SILENT (\\Seen)").await, "MODSEQ (") - 1;
    let last = format!("UID FETCH 1:* (UID) (PARTIAL -1:-2 CHANGEDSINCE {since})");
    let first = format!("UID FETCH 1:* (UID) (CHANGEDSINCE {since} PARTIAL 1:2)");
    for (command, want) in [
        ("UID FETCH 1:* (UID) (PARTIAL 1:2)", &[1, 2][..]),
        ("UID FETCH 3:* (UID) (PARTIAL -1:-2)", &[3, 4]),
        ("UID FETCH 1:* (UID) (PARTIAL -3:-2)", &[2, 3]),
        ("UID FETCH 1:* (UID) (PARTIAL 9:10)", &[]),
        ("FETCH 2:4 (UID) (PARTIAL 3:2)", &[3, 4]),
        // The range first, then what changed in it.
        (last.as_str(), &[3]),
        (first.as_str(), &[]),
    ] {
        let all = c.ok(command).await;
        let got: Vec<u64> =
            all[..all.len() - 1].iter().map(|r| r[2..].split(' ').next().unwrap().parse().unwrap()).collect();
        assert_eq!(got, want, "{command}: {all:?}");
    }
}
