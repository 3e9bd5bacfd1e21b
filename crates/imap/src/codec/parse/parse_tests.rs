//! Examples of RFC 9051, RFC 3501, RFC 5258, RFC 5819, RFC 7162, RFC 4731, and their mistaken cousins.
use super::*;
use crate::codec::command::*;
use crate::codec::partial::Partial;
use crate::codec::sequence::Bound;
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::mailbox::folders::SpecialUse;

fn parse(line: &str) -> Parsed<Command> {
    command(&[Fragment::Line(line.as_bytes().to_vec())]).map(|t| t.command)
}
fn ok(line: &str) -> Command {
    parse(line).unwrap_or_else(|e| panic!("{line}: {e}"))
}
fn set(a: u32, b: u32) -> SequenceSet {
    SequenceSet::Ranges(vec![(Bound::Number(a), Bound::Number(b))])
}
fn fetch_items(line: &str) -> Vec<FetchItem> {
    match ok(line) {
        Command::Fetch(f) => f.items,
        other => panic!("{other:?}"),
    }
}
fn key(line: &str) -> SearchKey {
    match ok(line) {
        Command::Search(s) => s.key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn any_state_and_not_authenticated() {
    assert_eq!(ok("abcd CAPABILITY"), Command::Capability);
    assert_eq!(ok("a002 noop"), Command::Noop);
    assert_eq!(ok("A023 LOGOUT"), Command::Logout);
    assert_eq!(ok("a002 STARTTLS"), Command::StartTls);
    assert_eq!(ok("a023 ID NIL"), Command::Id);
    assert_eq!(ok("a023 ID (\"name\" \"sodr\" \"version\" NIL)"), Command::Id);
    assert_eq!(ok("t1 ENABLE CONDSTORE imap4rev2"), Command::Enable(vec!["CONDSTORE".into(), "IMAP4REV2".into()]));
    let Command::Login { user, password } = ok("a001 LOGIN camille*accueil@exemple.fr \"se\\\"cret\"") else {
        panic!()
    };
    assert_eq!((user.as_str(), password.expose()), ("camille*accueil@exemple.fr", "se\"cret"));
    assert_eq!(format!("{password:?}"), "Secret(…)");
    let Command::Authenticate { mechanism, initial } = ok("a AUTHENTICATE plain dGVzdAB0ZXN0AHRlc3Q=") else {
        panic!()
    };
    assert_eq!((mechanism.as_str(), initial.unwrap().expose()), ("PLAIN", "dGVzdAB0ZXN0AHRlc3Q="));
    assert_eq!(ok("a AUTHENTICATE PLAIN"), Command::Authenticate { mechanism: "PLAIN".into(), initial: None });
}

#[test]
fn mailboxes() {
    let inbox = MailboxName::new("INBOX");
    assert_eq!(
        ok("A142 SELECT INBOX"),
        Command::Select { mailbox: inbox.clone(), read_only: false, condstore: false, qresync: None }
    );
    assert_eq!(
        ok("A EXAMINE INBOX (CONDSTORE)"),
        Command::Select { mailbox: inbox.clone(), read_only: true, condstore: true, qresync: None }
    );
    assert_eq!(
        ok("A003 CREATE owatagusiam/"),
        Command::Create { mailbox: MailboxName::new("owatagusiam/"), uses: vec![] }
    );
    assert_eq!(
        ok("t CREATE MySent (USE (\\Sent))"),
        Command::Create { mailbox: MailboxName::new("MySent"), uses: vec![SpecialUse::Sent] }
    );
    assert_eq!(ok("A685 DELETE foo"), Command::Delete(MailboxName::new("foo")));
    assert_eq!(ok("A RENAME \"a b\" c"), Command::Rename(MailboxName::new("a b"), MailboxName::new("c")));
    assert_eq!(ok("A UNSUBSCRIBE #news.x"), Command::Subscribe(MailboxName::new("#news.x"), false));
    assert_eq!(
        ok("A042 STATUS blurdybloop (UIDNEXT MESSAGES HIGHESTMODSEQ)"),
        Command::Status(
            MailboxName::new("blurdybloop"),
            vec![StatusItem::UidNext, StatusItem::Messages, StatusItem::HighestModSeq]
        )
    );
}

#[test]
fn what_a_client_knows_of_a_mailbox() {
    let known = |line: &str| match ok(line) {
        Command::Select { qresync: Some(q), .. } => *q,
        other => panic!("{other:?}"),
    };
    let q = known("A02 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))");
    assert_eq!((q.uidvalidity, q.modseq, q.matches), (67_890_007, 20_050_715_194_045_000, None));
    assert_eq!(q.known.unwrap().resolve(0).unwrap(), [(41, 41), (43, 211), (214, 541)]);
    let q = known("A EXAMINE x (CONDSTORE QRESYNC (7 9 1:29997 (5000,7500 15000,22500)))");
    assert_eq!(q.matches.unwrap().0.resolve(0).unwrap(), [(5000, 5000), (7500, 7500)]);
    let q = known("A SELECT x (QRESYNC (7 9 (1 1)))");
    assert!(q.known.is_none() && q.matches.is_some());
    assert!(known("A SELECT x (QRESYNC (7 9))").known.is_none());
    for bad in [
        "QRESYNC",
        "QRESYNC ()",
        "QRESYNC (7)",
        "QRESYNC (0 1)",
        "QRESYNC (7 9 )",
        "QRESYNC (7 9 1:*)",
        "QRESYNC (7 9 $)",
        "QRESYNC (7 9 1:2 (1))",
        "QRESYNC (7 9 1:2 (1 *))",
        "QRESYNC (7 9 1:2 (1 2) 3)",
        "QRESYNC (7 9223372036854775808)",
        "QRESYNC (7 9) QRESYNC (7 9)",
    ] {
        assert!(parse(&format!("A SELECT x ({bad})")).is_err(), "{bad}");
    }
}

#[test]
fn list_and_its_extensions() {
    let Command::List(l) = ok("A101 LIST \"\" \"*\"") else { panic!() };
    assert_eq!((l.extended, l.patterns), (false, vec![MailboxName::new("*")]));
    let Command::List(l) = ok("A LIST ~/Mail/ %") else { panic!() };
    assert_eq!((l.reference.as_slice(), l.patterns), (b"~/Mail/".as_slice(), vec![MailboxName::new("%")]));
    let Command::List(l) =
        ok("C02 LIST () \"\" (\"INBOX\" Drafts \"Sent/%\") RETURN (CHILDREN STATUS (MESSAGES UNSEEN))")
    else {
        panic!()
    };
    assert!(l.extended && l.return_children && !l.return_subscribed);
    assert_eq!((l.patterns.len(), l.return_status), (3, vec![StatusItem::Messages, StatusItem::Unseen]));
    let Command::List(l) = ok("C04 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \"%\"") else { panic!() };
    assert!(l.select_subscribed && l.recursive_match);
    let Command::List(l) = ok("t1 list (special-use) \"\" * return (subscribed special-use)") else { panic!() };
    assert!(l.select_special_use && l.return_subscribed && l.return_special_use);
    assert!(parse("A LIST (RECURSIVEMATCH) \"\" *").is_err());
    assert_eq!(
        ok("A LSUB \"#news.\" \"comp.mail.*\""),
        Command::Lsub(MailboxName::new("#news."), MailboxName::new("comp.mail.*"))
    );
}

#[test]
fn fetch_items_and_macros() {
    use FetchItem as I;
    let Command::Fetch(f) = ok("A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])") else { panic!() };
    assert_eq!((f.uid, f.set), (false, set(2, 4)));
    let text = SectionText::Fields { names: vec!["DATE".into(), "FROM".into()], not: false };
    let section = Section { part: vec![], text: Some(text) };
    assert_eq!(f.items, [I::Flags, I::Section(BodySection { section, partial: None, peek: false })]);
    assert_eq!(fetch_items("A FETCH 1 FAST"), [I::Flags, I::InternalDate, I::Size]);
    assert_eq!(fetch_items("A FETCH 1 full").len(), 5);
    assert_eq!(fetch_items("A FETCH 1 (UID BODY UID)"), [I::Uid, I::Body]);
    let section = Section { part: vec![4, 2], text: Some(SectionText::Header) };
    assert_eq!(
        fetch_items("A UID FETCH * BODY.PEEK[4.2.HEADER]<0.2048>"),
        [I::Section(BodySection { section, partial: Some((0, 2048)), peek: true })]
    );
    assert_eq!(
        fetch_items("A FETCH 1 (BINARY[1.2] BINARY.PEEK[]<5.1> BINARY.SIZE[3])"),
        [
            I::Binary { part: vec![1, 2], partial: None, peek: false },
            I::Binary { part: vec![], partial: Some((5, 1)), peek: true },
            I::BinarySize(vec![3]),
        ]
    );
    let Command::Fetch(f) = ok("s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)") else { panic!() };
    assert_eq!((f.uid, f.changed_since, f.vanished, f.partial), (true, Some(12345), false, None));
    let Command::Fetch(f) = ok("s UID FETCH 300:500 (FLAGS) (PARTIAL -1:-30 CHANGEDSINCE 12345 VANISHED)") else {
        panic!()
    };
    assert_eq!((f.changed_since, f.vanished), (Some(12345), true));
    assert_eq!(f.partial, Some(Partial { from: 1, to: 30, back: true }));
    for bad in [
        "A FETCH 1 (ALL)",
        "A FETCH 1 (FLAGS FAST)",
        "A FETCH 1 ()",
        "A FETCH 1 BODY[",
        "A FETCH 1 BODY[MIME]",
        "A FETCH 1 BODY[0]",
        "A FETCH 1 BODY[1.]",
        "A FETCH 1 BODY[1HEADER]",
        "A FETCH 1 BODY[]<0>",
        "A FETCH 1 BODY[]<0.0>",
        "A FETCH 1 BINARY[1.TEXT]",
        "A FETCH 1 BODY[HEADER.FIELDS ()]",
        "A FETCH 1 BODY[HEADER.FIELDS (\"a b\")]",
        "A FETCH 0 FLAGS",
        "A FETCH 1",
        "A FETCH 1 (FLAGS",
        "A FETCH 1 RFC822.PEEK",
        "A FETCH 1 FLAGS (VANISHED)",
        "A UID FETCH 1 FLAGS (VANISHED)",
        "A FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        "A UID FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)",
        "A UID FETCH 1 FLAGS (PARTIAL 1:2 PARTIAL 1:2)",
        "A UID FETCH 1 FLAGS (PARTIAL)",
        "A UID FETCH 1 FLAGS (PARTIAL 0:2)",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn store_copy_move_expunge() {
    let Command::Store(s) = ok("A003 STORE 2:4 +FLAGS (\\Deleted)") else { panic!() };
    assert_eq!((s.change, s.silent, s.flags.system), (FlagChange::Add, false, Flags::DELETED));
    let Command::Store(s) = ok("a UID STORE 6 (UNCHANGEDSINCE 12121230045) -FLAGS.SILENT \\Seen x") else { panic!() };
    assert_eq!((s.uid, s.unchanged_since, s.silent, s.change), (true, Some(12_121_230_045), true, FlagChange::Remove));
    assert_eq!(s.flags, FlagSet { system: Flags::SEEN, keywords: vec!["x"].into() });
    assert_eq!(
        ok("A003 COPY 2:4 MEETING"),
        Command::Copy(Copy { uid: false, moving: false, set: set(2, 4), to: MailboxName::new("MEETING") })
    );
    assert_eq!(ok("a UID MOVE 42:69 foo").name(), "UID MOVE");
    assert_eq!(ok("A UID EXPUNGE 3000:3002"), Command::Expunge(Some(set(3000, 3002))));
    for bad in [
        "A STORE 1 X-FLAGS ()",
        "A STORE 1 FLAGS",
        "A STORE 1 ++FLAGS ()",
        "A COPY 1",
        "A UID NOOP",
        "A UID EXPUNGE",
        "A MOVE x y",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn search_keys() {
    use SearchKey as K;
    let not = |k| K::Not(Box::new(k));
    assert_eq!(
        key("A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\""),
        K::And(vec![K::Flag(Flags::FLAGGED), K::Since(8797), not(K::From("Smith".into()))])
    );
    assert_eq!(key("A UID SEARCH UNSEEN"), not(K::Flag(Flags::SEEN)));
    assert_eq!(key("A SEARCH ON 1-Feb-1994"), K::And(vec![K::Since(8797), K::Before(8798)]));
    assert_eq!(
        key("A SEARCH OR (SEEN 1:2) NOT UID 5"),
        K::Or(Box::new(K::And(vec![K::Flag(Flags::SEEN), K::Set(set(1, 2))])), Box::new(not(K::Uid(set(5, 5)))))
    );
    assert_eq!(key("a SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338"), K::ModSeq(620_162_338));
    assert_eq!(key("a SEARCH HEADER Message-ID \"\""), K::Header("Message-ID".into(), String::new()));
    assert_eq!(key("a SEARCH $"), K::Set(SequenceSet::Saved));
    let Command::Search(s) = ok("A282 SEARCH RETURN (MIN COUNT) FLAGGED") else { panic!() };
    assert_eq!(s.returns, Some(SearchReturn { min: true, count: true, ..SearchReturn::default() }));
    let Command::Search(s) = ok("A283 SEARCH RETURN () FLAGGED") else { panic!() };
    assert!(s.returns.unwrap().all);
    let Command::Search(s) = ok("A SEARCH CHARSET x-none TEXT a") else { panic!() };
    assert!(s.bad_charset);
    for bad in [
        "A SEARCH",
        "A SEARCH ()",
        "A SEARCH FOO",
        "A SEARCH NOT",
        "A SEARCH OR SEEN",
        "A SEARCH SINCE x",
        "A SEARCH LARGER",
        "A SEARCH SEEN  SEEN",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn search_texts_are_read_in_their_charset() {
    let fragments = |charset: &str, bytes: &[u8]| {
        command(&[
            Fragment::Line(format!("A SEARCH CHARSET {charset} SUBJECT ").into_bytes()),
            Fragment::Literal { bytes: bytes.to_vec(), binary: false },
            Fragment::Line(vec![]),
        ])
        .map(|t| t.command)
    };
    for (charset, bytes) in [("UTF-8", "\u{e9}".as_bytes()), ("ISO-8859-1", b"\xe9"), ("windows-1252", b"\xe9")] {
        let Command::Search(s) = fragments(charset, bytes).unwrap() else { panic!() };
        assert_eq!(s.key, SearchKey::Subject("\u{e9}".into()));
    }
    assert!(fragments("UTF-8", b"\xe9").is_err());
}

#[test]
fn budgets() {
    let deep = |n: usize| format!("A SEARCH {}SEEN{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&deep(32)).is_ok());
    assert_eq!(parse(&deep(33)), Err(SyntaxError("lists are nested too deeply")));
    assert_eq!(
        parse(&format!("A SEARCH {}SEEN", "NOT ".repeat(5000))),
        Err(SyntaxError("lists are nested too deeply"))
    );
    assert_eq!(parse(&format!("A SEARCH {}", "SEEN ".repeat(1025))), Err(SyntaxError("the search has too many keys")));
    assert!(parse(&format!("A FETCH 1 BODY[{}]", vec!["1"; 200].join("."))).is_err());
    let names = vec!["x"; 300].join(" ");
    assert!(parse(&format!("A FETCH 1 BODY[HEADER.FIELDS ({names})]")).is_err());
    assert!(parse(&format!("A ID ({})", vec!["\"a\" \"b\""; 31].join(" "))).is_err());
}

#[test]
fn other_grammar_errors() {
    for bad in [
        "",
        "a",
        "a ",
        " a NOOP",
        "a  NOOP",
        "(a) NOOP",
        "a+ NOOP",
        "a NOOP x",
        "a LOGIN x",
        "a LOGIN x y z",
        "a LOGIN \"x",
        "a SELECT",
        "a ID (\"a\")",
        "a ENABLE",
        "a STATUS x ()",
        "a STATUS x (FOO)",
        "a STATUS x",
        "a LIST",
        "a LIST \"\"",
        "a LIST (FOO) \"\" *",
        "a LIST \"\" * RETURN (FOO)",
        "a SELECT x (FOO)",
        "a CREATE x (USE (\\All))",
        "a RENAME x",
        "a AUTHENTICATE",
        "a AUTHENTICATE PLAIN !",
        "a LOGIN x \"a\\b\"",
        "a SELECT \"\u{0}\"",
    ] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
    assert!(command(&[Fragment::Line(b"a SELECT \"\xff\"".to_vec())]).is_err());
}

#[test]
fn content_items_and_keys() {
    use FetchItem as I;
    assert_eq!(
        fetch_items("A FETCH 1 (EMAILID THREADID SAVEDATE PREVIEW PREVIEW (LAZY))"),
        [I::EmailId, I::ThreadId, I::SaveDate, I::Preview { lazy: false }, I::Preview { lazy: true }]
    );
    assert_eq!(fetch_items("A FETCH 1 PREVIEW (LAZY)"), [I::Preview { lazy: true }]);
    let Command::Fetch(f) = ok("A FETCH 1 PREVIEW (CHANGEDSINCE 5)") else { panic!() };
    assert_eq!((f.items, f.changed_since), (vec![I::Preview { lazy: false }], Some(5)));
    let Command::Fetch(f) = ok("A FETCH 1 PREVIEW (LAZY) (CHANGEDSINCE 5)") else { panic!() };
    assert_eq!((f.items, f.changed_since), (vec![I::Preview { lazy: true }], Some(5)));
    assert_eq!(key("A SEARCH EMAILID Mx-_9"), SearchKey::EmailId("Mx-_9".into()));
    assert_eq!(key("A SEARCH THREADID T1"), SearchKey::ThreadId("T1".into()));
    let (since, before) = (SearchKey::SavedSince(0), SearchKey::SavedBefore(1));
    assert_eq!(key("A SEARCH SAVEDON 1-Jan-1970"), SearchKey::And(vec![since, before]));
    assert_eq!(key("A SEARCH SAVEDATESUPPORTED"), SearchKey::All);
    for bad in [
        "A FETCH 1 (PREVIEW (FAST))",
        "A FETCH 1 (PREVIEW ())",
        "A SEARCH EMAILID",
        "A SEARCH EMAILID \"x\"",
        "A SEARCH SAVEDON x",
        "A FETCH 1 EMAILID[1]",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
    assert!(parse(&format!("A SEARCH EMAILID {}", "M".repeat(256))).is_err());
}
