//! THREAD=ORDEREDSUBJECT and THREAD=REFERENCES.
use crate::client::Client;
use crate::world::World;

/// Files a letter: subject, hour, identifier, what it answers.
async fn file(c: &mut Client, (subject, hour, id, references): (&str, u32, &str, &str)) {
    let references = if references.is_empty() { String::new() } else { format!("References: {references}\n") };
    let text = format!(
        "From: a@x.fr\nSubject: {subject}\nDate: 1 Jan 2026 {hour:02}:00:00 +0000\nMessage-ID: {id}\n{references}\nBonjour\n"
    );
    c.append("INBOX", "", &text).await;
}

#[tokio::test]
async fn conversations() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    assert_eq!(c.ok("THREAD REFERENCES UTF-8 ALL").await[0], "* THREAD");
    for letter in [
        ("Bilan", 1, "<1@x>", ""),
        ("Re: Bilan", 2, "<2@x>", "<1@x>"),
        ("RE: =?utf-8?Q?bilan?=", 4, "<3@x>", "<1@x> <2@x>"),
        ("Re: bilan (fwd)", 3, "<4@x>", "<1@x>"),
        ("Garde", 0, "<5@x>", ""),
        ("Re: garde", 6, "<6@x>", "<absent@x>"),
        ("Avis", 5, "<7@x>", "<gone@x>"),
        ("Autre", 7, "<8@x>", "<gone@x>"),
    ] {
        file(&mut c, letter).await;
    }
    let references = "* THREAD (5 6)(1 (2 3)(4))((7)(8))";
    assert_eq!(c.ok("THREAD REFERENCES UTF-8 ALL").await[0], references);
    let by_subject = "* THREAD (5 6)(1 (2)(4)(3))(7)(8)";
    assert_eq!(c.ok("THREAD ORDEREDSUBJECT US-ASCII ALL").await[0], by_subject);
    // Among what matches alone; nothing too (RFC 5256 §3).
    assert_eq!(c.ok("THREAD REFERENCES UTF-8 NOT 1:2").await[0], "* THREAD (5 6)((4)(3))((7)(8))");
    assert_eq!(c.ok("THREAD ORDEREDSUBJECT US-ASCII TEXT \"gewp\"").await[0], "* THREAD");
    c.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    c.ok("EXPUNGE").await;
    assert_eq!(c.ok("UID THREAD references UTF-8 ALL").await[0], "* THREAD (5 6)(1 (4)(3))((7)(8))");
    assert_eq!(c.ok("THREAD REFERENCES UTF-8 ALL").await[0], "* THREAD (4 5)(1 (3)(2))((6)(7))");
    assert!(c.no("THREAD REFERENCES x-none ALL").await.contains("[BADCHARSET"));
    for bad in [
        "THREAD NADA UTF-8 ALL",
        "THREAD REFERENCES ALL",
        "THREAD REFERENCES UTF-8",
        "THREAD RETURN () REFERENCES UTF-8 ALL",
    ] {
        c.bad(bad).await;
    }
    c.ok("CLOSE").await;
    c.bad("UID THREAD REFERENCES UTF-8 ALL").await;
    let words = c.ok("CAPABILITY").await[0].clone();
    for word in ["THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES"] {
        assert!(words.split(' ').any(|w| w == word), "{word}");
    }
}
