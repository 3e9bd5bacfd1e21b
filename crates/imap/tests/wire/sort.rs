//! SORT, SORT=DISPLAY, ESORT.
use crate::client::{Client, one};
use crate::world::World;

/// A letter: who, about what, when it says it was written.
pub fn letter(from: &str, subject: &str, date: &str) -> String {
    let date = if date.is_empty() { String::new() } else { format!("Date: {date}\n") };
    format!("From: {from}\nTo: anne.martin@alpha.mssante.fr\nSubject: {subject}\n{date}\nBonjour\n")
}

async fn some(w: &World) -> Client {
    let mut c = Client::inbox(w).await;
    for (arrived, from, subject, date) in [
        (
            "03-Jan-2026 00:00:00 +0000",
            "=?utf-8?Q?Zo=C3=A9?= <anna@x.fr>",
            "Re: Bilan",
            "Thu, 1 Jan 2026 12:00:00 +0200",
        ),
        ("01-Jan-2026 00:00:00 +0000", "carl@x.fr", "avis", "1 Jan 2026 11:00 GMT"),
        ("02-Jan-2026 00:00:00 +0000", "\"Bob\" <bob@y.fr>", "[mss] =?utf-8?Q?BILAN?=", "31 Dec 2025 23:00:00 +0000"),
        ("01-Jan-2026 10:30:00 +0000", "=?utf-8?Q?=C3=89mile?= <zed@x.fr>", "", ""),
    ] {
        c.append("INBOX", &format!("\"{arrived}\" "), &letter(from, subject, date)).await;
    }
    c
}

#[tokio::test]
async fn every_criterion_and_its_reverse() {
    let w = World::new().await;
    let mut c = some(&w).await;
    for (criteria, want) in [
        ("SUBJECT", " 4 2 1 3"),
        ("REVERSE SUBJECT", " 1 3 2 4"),
        ("SUBJECT DATE", " 4 2 3 1"),
        ("SUBJECT REVERSE DATE", " 4 2 1 3"),
        ("DATE", " 3 1 4 2"),
        ("REVERSE DATE", " 2 4 1 3"),
        ("ARRIVAL", " 2 4 3 1"),
        ("REVERSE ARRIVAL", " 1 3 4 2"),
        ("FROM", " 1 3 2 4"),
        ("displayfrom", " 3 2 4 1"),
        ("REVERSE DISPLAYFROM", " 1 4 2 3"),
        ("TO CC DISPLAYTO", " 1 2 3 4"),
        ("REVERSE TO", " 1 2 3 4"),
        ("REVERSE CC DATE", " 3 1 4 2"),
        ("SUBJECT SUBJECT REVERSE SUBJECT DATE", " 4 2 3 1"),
    ] {
        let all = c.ok(&format!("SORT ({criteria}) UTF-8 ALL")).await;
        assert_eq!(all[0], format!("* SORT{want}"), "{criteria}");
    }
    c.append("INBOX", "", &letter("grand@x.fr", &"long ".repeat(500), "")).await;
    assert!(c.ok("SORT (REVERSE SIZE) US-ASCII ALL").await[0].starts_with("* SORT 5 "));
    // Only what matches; nothing too (RFC 5256 §3).
    assert_eq!(c.ok("SORT (DATE) UTF-8 SUBJECT bilan").await[0], "* SORT 3 1");
    assert_eq!(c.ok("SORT (SUBJECT) US-ASCII TEXT \"not in mailbox\"").await[0], "* SORT");
    c.send(b"b UID SORT (FROM) ISO-8859-1 FROM {3+}\r\nZO\xc9\r\n").await;
    assert_eq!(c.until("b").await[0], "* SORT 1");
    let all = c.ok("SORT (RELEVANCY) UTF-8 FUZZY OR SUBJECT bilan TEXT bonjour").await;
    assert_eq!(all[0].split(' ').count(), 7, "{all:?}");
    c.ok("ENABLE CONDSTORE").await;
    let all = c.ok("SORT (DATE) UTF-8 MODSEQ 1").await;
    assert!(all[0].starts_with("* SORT 3 1 4 2 5 (MODSEQ "), "{all:?}");
    assert!(c.no("SORT (DATE) x-none ALL").await.contains("[BADCHARSET (UTF-8 US-ASCII)]"));
    for bad in [
        "SORT () UTF-8 ALL",
        "SORT (NADA) UTF-8 ALL",
        "SORT (DATE REVERSE) UTF-8 ALL",
        "SORT (REVERSE REVERSE DATE) UTF-8 ALL",
        "SORT (DATE) ALL",
        "SORT DATE UTF-8 ALL",
        "SORT (DATE) UTF-8",
        "SORT (RELEVANCY) UTF-8 ALL",
        "SORT RETURN (ALL PARTIAL 1:2) (DATE) UTF-8 ALL",
    ] {
        c.bad(bad).await;
    }
    c.ok("UNSELECT").await;
    c.bad("SORT (DATE) UTF-8 ALL").await;
    let words = c.ok("CAPABILITY").await[0].clone();
    for word in ["SORT", "SORT=DISPLAY", "ESORT", "I18NLEVEL=1"] {
        assert!(words.split(' ').any(|w| w == word), "{word}");
    }
}

#[tokio::test]
async fn extended_results_stand_in_the_order() {
    let w = World::new().await;
    let mut c = some(&w).await;
    for (options, criteria, want) in [
        ("", "REVERSE DATE", "ALL 2,4,1,3"),
        ("ALL COUNT", "ARRIVAL", "COUNT 4 ALL 2,4,3,1"),
        ("MIN MAX COUNT", "DATE", "MIN 3 MAX 2 COUNT 4"),
        ("PARTIAL 1:2", "DATE", "PARTIAL (1:2 3,1)"),
        ("PARTIAL -1:-2", "FROM", "PARTIAL (-1:-2 2,4)"),
        ("PARTIAL 9:10", "FROM", "PARTIAL (9:10 NIL)"),
        // Runs only where the order runs (RFC 5267 §3.2).
        ("ALL", "TO", "ALL 1:4"),
    ] {
        let all = c.ok(&format!("UID SORT RETURN ({options}) ({criteria}) UTF-8 ALL")).await;
        assert!(one(&all, "* ESEARCH (TAG \"").ends_with(&format!("\") UID {want}")), "{options}: {all:?}");
    }
    assert_eq!(c.ok("SORT RETURN (SAVE) (DATE) UTF-8 SUBJECT bilan").await.len(), 1);
    assert_eq!(c.ok("FETCH $ UID").await[..2], ["* 1 FETCH (UID 1)", "* 3 FETCH (UID 3)"]);
    c.ok("SORT RETURN (SAVE MIN PARTIAL -1:-1) (DATE) UTF-8 ALL").await;
    assert_eq!(c.ok("FETCH $ UID").await[..2], ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)"]);
    c.no("SORT RETURN (SAVE) (DATE) x-none ALL").await;
    assert_eq!(c.ok("FETCH $ UID").await.len(), 1);
    // An IMAP4rev2 client is answered as it asks: only SEARCH is always extended.
    c.ok("ENABLE IMAP4rev2").await;
    assert_eq!(c.ok("UID SORT (DATE) UTF-8 ALL").await[0], "* SORT 3 1 4 2");
}

#[tokio::test]
async fn what_is_expunged_elsewhere_keeps_its_number_until_it_may_be_told() {
    let w = World::new().await;
    let mut c = some(&w).await;
    let mut other = Client::inbox(&w).await;
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    // Of what is gone nothing is known but when it came.
    let all = c.ok("SORT (SUBJECT) UTF-8 ALL").await;
    assert_eq!(all[0], "* SORT 1 4 2 3");
    assert!(!all.iter().any(|r| r.contains("EXPUNGE")), "{all:?}");
    let all = c.ok("THREAD REFERENCES UTF-8 ALL").await;
    assert!(!all.iter().any(|r| r.contains("EXPUNGE")), "{all:?}");
    let all = c.ok("UID SORT (DATE) UTF-8 ALL").await;
    assert_eq!(one(&all, "* SORT"), "* SORT 3 4 2 1");
    assert!(all.contains(&"* 1 EXPUNGE".to_owned()), "{all:?}");
    assert_eq!(c.ok("SORT (DATE) UTF-8 ALL").await[0], "* SORT 2 3 1");
}

/// What 100,000 messages in an order, and as conversations, hold and take. Prints both.
#[test]
#[ignore = "long"]
fn a_hundred_thousand() {
    const ALONE: &str = "SCEAU_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(measure());
        return;
    }
    // The allocator counts the whole program: it measures alone.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sort::a_hundred_thousand", "--ignored", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("held "), "{said}{}", String::from_utf8_lossy(&output.stderr));
    print!("{said}");
}

async fn measure() {
    use crate::memory::MEMORY;
    const COUNT: usize = 100_000;
    const DISTINCT: usize = 500;
    const MOST: usize = 64 << 20;
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for n in 0..DISTINCT {
        let subject = format!("Compte rendu de consultation {} du patient", (n * 77) % DISTINCT);
        let text = letter(&format!("Nom {n} <n{n}@x.fr>"), &subject, "1 Jan 2026 10:00:00 +0000");
        let text = text.replace("From:", &format!("Message-ID: <{n}@x>\nReferences: <{}@x>\nFrom:", n / 4));
        c.append("INBOX", "", &text).await;
    }
    c.ok("CREATE grand").await;
    for _ in 0..COUNT / DISTINCT {
        c.ok("COPY 1:* grand").await;
    }
    c.ok("SELECT grand").await;
    for command in [
        "UID SORT RETURN (COUNT) (REVERSE ARRIVAL) UTF-8 ALL",
        "UID SORT RETURN (COUNT) (SUBJECT REVERSE DATE) UTF-8 ALL",
        "UID SORT RETURN (COUNT) (DISPLAYFROM TO CC FROM SUBJECT DISPLAYTO) UTF-8 ALL",
        "UID SEARCH RETURN (COUNT) FROM \"nom 7\"",
        "THREAD REFERENCES UTF-8 ALL",
        "THREAD ORDEREDSUBJECT UTF-8 ALL",
    ] {
        MEMORY.reset_peak_usage();
        let (before, begun) = (MEMORY.current_usage(), std::time::Instant::now());
        c.ok(command).await;
        let held = MEMORY.peak_usage().saturating_sub(before);
        println!("held {:5} KiB, {:6} ms: {command}", held >> 10, begun.elapsed().as_millis());
        assert!(held < MOST, "{command} held {held} bytes");
    }
}
