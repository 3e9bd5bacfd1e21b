//! SEARCH.
use crate::client::{Client, letter};
use crate::world::World;

async fn some(w: &World) -> Client {
    let mut c = Client::inbox(w).await;
    for n in ["alpha", "beta", "gamma alpha"] {
        c.letter(n).await;
    }
    c.append("INBOX", "(\\Seen Suivi) \"17-Jul-1996 02:44:25 -0700\" ", &letter("vieux").replace("Bonjour", "Déjà"))
        .await;
    c.ok("STORE 1 +FLAGS.SILENT (\\Flagged)").await;
    c
}

#[tokio::test]
async fn keys() {
    let w = World::new().await;
    let mut c = some(&w).await;
    for (keys, want) in [
        ("ALL", " 1 2 3 4"),
        ("UNSEEN", " 1 2 3"),
        ("FLAGGED", " 1"),
        ("KEYWORD suivi", " 4"),
        ("UNKEYWORD Suivi SUBJECT ALPHA", " 1 3"),
        ("SUBJECT alpha NOT SUBJECT gamma", " 1"),
        ("OR SUBJECT beta (SEEN FROM camille)", " 2 4"),
        ("BEFORE 1-Jan-2000", " 4"),
        ("ON 17-Jul-1996", " 4"),
        ("SENTSINCE 1-Jan-2026 2:4", " 2 3 4"),
        ("2:3", " 2 3"),
        ("3:99", " 3 4"),
        ("UID 4", " 4"),
        ("HEADER Message-ID \"<beta@\"", " 2"),
        ("HEADER X-None \"\"", ""),
        ("BODY bonjour", " 1 2 3"),
        ("TEXT beta", " 2"),
        ("TO anne.martin CC x", ""),
        ("LARGER 10 SMALLER 100000", " 1 2 3 4"),
        ("RECENT", ""),
        ("NEW", ""),
        ("OLD", " 1 2 3 4"),
    ] {
        assert_eq!(c.ok(&format!("SEARCH {keys}")).await[0], format!("* SEARCH{want}"), "{keys}");
    }
}

/// What flags decide is answered from what the session knows, while nothing changes; what others change is told at once.
#[tokio::test]
async fn flags_are_searched_without_a_look_at_the_store() {
    let w = World::new().await;
    let (mut c, mut other) = (some(&w).await, Client::inbox(&w).await);
    let mut least = u64::MAX;
    // What was judged a second ago is judged again: on a machine that is slow once.
    for _ in 0..5 {
        c.ok("NOOP").await;
        let before = w.store.statements();
        assert_eq!(c.ok("SEARCH UNSEEN").await[0], "* SEARCH 1 2 3");
        let after = w.store.statements();
        least = least.min(after.0 + after.1 - before.0 - before.1);
    }
    assert_eq!(least, 0);
    for (word, unseen) in [("+", "* SEARCH 1 3"), ("-", "* SEARCH 1 2 3")] {
        other.ok(&format!("STORE 2 {word}FLAGS (\\Seen)")).await;
        let told = c.ok("NOOP").await;
        assert!(told[0].starts_with("* 2 FETCH ("), "{told:?}");
        assert_eq!(c.ok("SEARCH UNSEEN").await[0], unseen);
    }
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    // Not told while numbers are looked up, and not forgotten.
    let told = c.ok("SEARCH UNSEEN").await;
    assert_eq!(told[0], "* SEARCH 1 2 3");
    assert_eq!(c.ok("SEARCH UNSEEN").await[0], "* SEARCH 1 2 3");
    assert_eq!(c.ok("NOOP").await[0], "* 1 EXPUNGE");
}

#[tokio::test]
async fn texts_in_charsets() {
    let w = World::new().await;
    let mut c = some(&w).await;
    c.send("a SEARCH CHARSET UTF-8 BODY {6+}\r\ndéjà\r\n").await;
    assert_eq!(c.until("a").await[0], "* SEARCH 4");
    c.send(b"b SEARCH CHARSET ISO-8859-1 BODY {4+}\r\nd\xe9j\xe0\r\n").await;
    assert_eq!(c.until("b").await[0], "* SEARCH 4");
    assert!(c.no("SEARCH CHARSET x-none BODY a").await.contains("[BADCHARSET (UTF-8 US-ASCII)]"));
}

#[tokio::test]
async fn fuzzy_keys_look_for_words_in_any_of_their_forms() {
    let w = World::new().await;
    let mut c = some(&w).await;
    let word = letter("pluriel").replace("Bonjour", "Deux ordonnances renouvelées");
    c.append("INBOX", "", &word).await;
    for (keys, want) in [
        ("FUZZY BODY ordonnance", " 5"),
        ("BODY ordonnance", " 5"),
        ("BODY renouvelee", ""),
        ("FUZZY BODY \"renouvelee ordonnance\"", " 5"),
        ("FUZZY SUBJECT ALPHA", " 1 3"),
        ("FUZZY (SUBJECT alpha FLAGGED)", " 1"),
        ("FLAGGED FUZZY SUBJECT alpha", " 1"),
        ("NOT FUZZY SUBJECT alpha", " 2 4 5"),
        ("FUZZY NOT OR SUBJECT alpha SUBJECT beta", " 4 5"),
        ("FUZZY FUZZY FROM camille", " 1 2 3 4 5"),
        ("FUZZY TEXT deja", " 4"),
        ("FUZZY TEXT \"-deja OU (\"", " 4"),
        ("FUZZY 2:3", " 2 3"),
        ("FUZZY TEXT \"\" 1:2", " 1 2"),
    ] {
        assert_eq!(c.ok(&format!("SEARCH {keys}")).await[0], format!("* SEARCH{want}"), "{keys}");
    }
    assert!(c.ok("CAPABILITY").await[0].contains(" SEARCH=FUZZY "));
    assert!(c.ok("SEARCH RETURN (COUNT) FUZZY SUBJECT Alpha").await[0].ends_with(" COUNT 2"));
    let scored = c.ok("SEARCH RETURN (ALL RELEVANCY) OR FUZZY SUBJECT alpha FUZZY TEXT deja").await;
    assert!(scored[0].ends_with(" ALL 1,3:4 RELEVANCY (60 60 40)"), "{scored:?}");
    for bad in
        ["SEARCH RETURN (RELEVANCY) ALL", "SEARCH FUZZY", "SEARCH FUZZY ", "SEARCH FUZZY BODY", "SEARCH FUZZY NADA"]
    {
        c.bad(bad).await;
    }
    c.no(&format!("SEARCH FUZZY TEXT \"{}\"", "mot ".repeat(1000))).await;
    assert_eq!(c.ok("SEARCH ALL").await[0], "* SEARCH 1 2 3 4 5");
}

#[tokio::test]
async fn extended_results_and_the_saved_one() {
    let w = World::new().await;
    let mut c = some(&w).await;
    let all = c.ok("SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN").await;
    assert!(all[0].starts_with("* ESEARCH (TAG \"") && all[0].ends_with("\") MIN 1 MAX 3 COUNT 3 ALL 1:3"), "{all:?}");
    let all = c.ok("UID SEARCH RETURN () SUBJECT none").await;
    assert!(all[0].ends_with("\") UID"), "{all:?}");
    assert_eq!(c.ok("SEARCH RETURN (SAVE) SUBJECT alpha").await.len(), 1);
    assert_eq!(c.ok("FETCH $ UID").await[..2], ["* 1 FETCH (UID 1)", "* 3 FETCH (UID 3)"]);
    assert_eq!(c.ok("SEARCH $ SUBJECT gamma").await[0], "* SEARCH 3");
    assert_eq!(c.ok("SEARCH RETURN (SAVE MAX) ALL").await.len(), 2);
    assert_eq!(c.ok("FETCH $ UID").await[0], "* 4 FETCH (UID 4)");
    c.no("SEARCH RETURN (SAVE) CHARSET x-none BODY a").await;
    assert_eq!(c.ok("FETCH $ UID").await.len(), 1);
}

#[tokio::test]
async fn ages_ranges_and_the_headers_of_parts() {
    let w = World::new().await;
    let mut c = some(&w).await;
    // RFC 5032: how long ago it came.
    for (keys, want) in [
        ("YOUNGER 86400", " 1 2 3"),
        ("OLDER 86400", " 4"),
        ("OLDER 86400 YOUNGER 86400", ""),
        ("NOT OLDER 86400 NOT YOUNGER 4294967295", ""),
        ("OR OLDER 4294967295 YOUNGER 4294967295", " 1 2 3 4"),
    ] {
        assert_eq!(c.ok(&format!("SEARCH {keys}")).await[0], format!("* SEARCH{want}"), "{keys}");
    }
    for bad in ["SEARCH OLDER 0", "SEARCH YOUNGER -1", "SEARCH OLDER", "SEARCH YOUNGER 4294967296"] {
        c.bad(bad).await;
    }
    // RFC 9394: results by pages.
    for (options, want) in [
        ("PARTIAL 1:2", "PARTIAL (1:2 1:2)"),
        ("PARTIAL 4:3 COUNT", "COUNT 4 PARTIAL (4:3 3:4)"),
        ("PARTIAL -1:-3 MAX", "MAX 4 PARTIAL (-1:-3 2:4)"),
        ("PARTIAL 5:9", "PARTIAL (5:9 NIL)"),
    ] {
        let all = c.ok(&format!("UID SEARCH RETURN ({options}) ALL")).await;
        assert!(all[0].ends_with(&format!("\") UID {want}")), "{options}: {all:?}");
    }
    c.ok("UID SEARCH RETURN (SAVE PARTIAL -1:-1 MIN) ALL").await;
    assert_eq!(c.ok("FETCH $ UID").await[..2], ["* 1 FETCH (UID 1)", "* 4 FETCH (UID 4)"]);
    for bad in [
        "PARTIAL",
        "PARTIAL 1",
        "PARTIAL 0:1",
        "PARTIAL 1:*",
        "PARTIAL -1:2",
        "PARTIAL 1:2 ALL",
        "PARTIAL 1:2 PARTIAL 1:2",
    ] {
        c.bad(&format!("SEARCH RETURN ({bad}) ALL")).await;
    }
    // RFC 4731 §3.2: MODSEQ is that of what is told.
    c.ok("ENABLE CONDSTORE").await;
    let modseq = |line: &str| line.rsplit_once(" MODSEQ ").unwrap().1.parse::<u64>().unwrap();
    let all = modseq(&c.ok("SEARCH RETURN (ALL) MODSEQ 1").await[0]);
    let min = modseq(&c.ok("SEARCH RETURN (MIN) 2:3 MODSEQ 1").await[0]);
    let max = modseq(&c.ok("SEARCH RETURN (MIN MAX) 2:3 MODSEQ 1").await[0]);
    assert!(min < max && max < all, "{min} {max} {all}");
    // TEXT looks into the headers of parts, BODY does not (RFC 9051 §6.4.4).
    let attached = "From: a@x.fr\nSubject: joint\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nVoici\n--b\n\
                    Content-Type: application/pdf; name=\"=?utf-8?Q?r=C3=A9sultat.pdf?=\"\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n";
    c.append("INBOX", "", attached).await;
    c.send("t SEARCH TEXT {13+}\r\nRÉSULTAT.pdf\r\n").await;
    assert_eq!(c.until("t").await[0], "* SEARCH 5");
    c.send("u SEARCH BODY {13+}\r\nRÉSULTAT.pdf\r\n").await;
    assert_eq!(c.until("u").await[0], "* SEARCH");
    // A thousand sets cost what one does.
    assert_eq!(c.ok(&format!("SEARCH{}", " 1:*".repeat(1000))).await[0], "* SEARCH 1 2 3 4 5");
    assert_eq!(c.ok(&format!("SEARCH NOT ({})", "UID 1:* ".repeat(500).trim())).await[0], "* SEARCH");
}

#[tokio::test]
async fn texts_compare_without_case_in_every_script() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for subject in ["Straße Œdème", "ΑΘΉΝΑ", "Здоровье", "ｆｕｌｌ １２", "e\u{301}te\u{301}"] {
        let text = format!("From: a@x.fr\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{subject}\n");
        c.append("INBOX", "", &text).await;
    }
    for (text, want) in [
        ("STRAßE œDÈME", " 1"),
        ("αθήνα", " 2"),
        ("ЗДОРОВЬЕ", " 3"),
        ("FULL 12", " 4"),
        ("ÉTÉ", " 5"),
        ("ete", ""),
        ("", " 1 2 3 4 5"),
    ] {
        for key in ["SUBJECT", "BODY", "TEXT"] {
            c.send(format!("a SEARCH CHARSET UTF-8 {key} {{{}+}}\r\n{text}\r\n", text.len())).await;
            assert_eq!(c.until("a").await[0], format!("* SEARCH{want}"), "{key} {text}");
        }
    }
}

#[tokio::test]
async fn no_charset_is_named_once_texts_are_utf8() {
    let w = World::new().await;
    let mut c = some(&w).await;
    // IMAP4rev2 alone does not mind.
    c.ok("ENABLE IMAP4rev2").await;
    c.ok("SEARCH CHARSET UTF-8 ALL").await;
    assert_eq!(c.ok("ENABLE UTF8=ACCEPT").await[0], "* ENABLED UTF8=ACCEPT");
    assert_eq!(c.ok("ENABLE UTF8=ACCEPT").await[0], "* ENABLED");
    for command in [
        "SEARCH CHARSET UTF-8 ALL",
        "UID SEARCH CHARSET US-ASCII ALL",
        "SEARCH RETURN (SAVE) CHARSET x-none ALL",
        "ESEARCH IN (selected) CHARSET UTF-8 ALL",
        "SORT (DATE) US-ASCII ALL",
        "UID THREAD REFERENCES ISO-8859-1 ALL",
    ] {
        let bad = c.bad(command).await;
        assert!(bad.contains("UTF8=ACCEPT"), "{command}: {bad}");
    }
    // What must name one names this one.
    for command in ["SEARCH ALL", "SORT (DATE) utf-8 ALL", "THREAD REFERENCES UTF-8 ALL", "ESEARCH IN (selected) ALL"] {
        c.ok(command).await;
    }
}
