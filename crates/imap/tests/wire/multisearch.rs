//! MULTISEARCH (RFC 7377).
use crate::client::{Client, letter};
use crate::others::{login, traced};
use crate::world::World;

/// The answers, without tag and UIDVALIDITY.
fn found(all: &[String]) -> Vec<String> {
    let lines = all.iter().filter(|r| r.starts_with("* ESEARCH"));
    let strip = |line: &String| {
        let (_, rest) = line.split_once(" MAILBOX ").unwrap_or_else(|| panic!("{line}"));
        let (name, rest) = rest.split_once(" UIDVALIDITY ").unwrap();
        let (uidvalidity, rest) = rest.split_once(')').unwrap();
        assert!(uidvalidity.parse::<u32>().unwrap() > 0);
        format!("{name}{rest}")
    };
    lines.map(strip).collect()
}

async fn folders(w: &World) -> Client {
    let mut c = Client::anne(w).await;
    for name in ["a", "a/b", "a/b/c", "ab", "x y"] {
        c.ok(&format!("CREATE \"{name}\"")).await;
    }
    for (folder, subject) in [
        ("INBOX", "un"),
        ("a", "deux"),
        ("a", "un"),
        ("a/b", "un"),
        ("a/b/c", "un"),
        ("ab", "un"),
        ("\"x y\"", "un"),
        ("Sent", "deux"),
    ] {
        c.append(folder, "", &letter(subject)).await;
    }
    c
}

#[tokio::test]
async fn mailboxes_are_named_in_every_way() {
    let w = World::new().await;
    let mut c = folders(&w).await;
    for (sources, want) in [
        ("mailboxes INBOX", &["\"INBOX\" UID ALL 1"][..]),
        ("MAILBOXES (inbox \"a\" none INBOX)", &["\"INBOX\" UID ALL 1", "\"a\" UID ALL 2"]),
        ("inboxes", &["\"INBOX\" UID ALL 1"]),
        ("subtree a", &["\"a\" UID ALL 2", "\"a/b\" UID ALL 1", "\"a/b/c\" UID ALL 1"]),
        ("subtree-one a", &["\"a\" UID ALL 2", "\"a/b\" UID ALL 1"]),
        ("subtree (a/b ab)", &["\"a/b\" UID ALL 1", "\"a/b/c\" UID ALL 1", "\"ab\" UID ALL 1"]),
        ("subtree \"x y\"", &["\"x y\" UID ALL 1"]),
        (
            "subtree a mailboxes (ab a)",
            &["\"a\" UID ALL 2", "\"a/b\" UID ALL 1", "\"a/b/c\" UID ALL 1", "\"ab\" UID ALL 1"],
        ),
        ("mailboxes none", &[]),
        ("subtree none", &[]),
        ("subscribed", &["\"INBOX\" UID ALL 1"]),
    ] {
        let all = c.ok(&format!("ESEARCH IN ({sources}) SUBJECT un")).await;
        assert_eq!(found(&all), want, "{sources}");
    }
    let all = c.ok("ESEARCH IN (personal) RETURN (COUNT MIN) SUBJECT un").await;
    assert_eq!(found(&all).len(), 6, "{all:#?}");
    assert!(found(&all).contains(&"\"a\" UID MIN 2 COUNT 1".to_owned()));
    assert!(c.ok("CAPABILITY").await[0].contains(" MULTISEARCH "));
    for bad in [
        "ESEARCH",
        "ESEARCH SUBJECT un",
        "ESEARCH IN (selected) SUBJECT un",
        "ESEARCH IN () ALL",
        "ESEARCH IN (everything) ALL",
        "ESEARCH IN (mailboxes) ALL",
        "ESEARCH IN (mailboxes ()) ALL",
        "ESEARCH IN (personal (depth 1)) ALL",
        "ESEARCH IN (selected-delayed) ALL",
        "ESEARCH IN (personal)",
        "ESEARCH IN (personal) RETURN (SAVE) ALL",
    ] {
        c.bad(bad).await;
    }
    assert!(c.no("ESEARCH IN (personal) CHARSET x-none ALL").await.contains("[BADCHARSET"));
}

#[tokio::test]
async fn the_selected_mailbox_is_the_sessions_own() {
    let w = World::new().await;
    let mut c = folders(&w).await;
    c.ok("SELECT a").await;
    for command in ["ESEARCH SUBJECT un", "ESEARCH IN (selected) SUBJECT un", "ESEARCH IN (mailboxes a selected) 2:*"] {
        assert_eq!(found(&c.ok(command).await), ["\"a\" UID ALL 2"], "{command}");
    }
    let all = c.ok("ESEARCH RETURN (SAVE COUNT) SUBJECT un").await;
    assert_eq!(found(&all), ["\"a\" UID COUNT 1"]);
    assert_eq!(c.ok("FETCH $ UID").await[0], "* 2 FETCH (UID 2)");
    // `$` is of the selected mailbox alone.
    assert_eq!(found(&c.ok("ESEARCH IN (subtree a) $").await), ["\"a\" UID ALL 2"]);
    let mut other = Client::anne(&w).await;
    other.append("a", "", &letter("un")).await;
    // What the session was not told of is not there yet.
    assert_eq!(found(&c.ok("ESEARCH IN (mailboxes a) SUBJECT un").await), ["\"a\" UID ALL 2"]);
    assert_eq!(found(&c.ok("ESEARCH IN (mailboxes a) SUBJECT un").await), ["\"a\" UID ALL 2:3"]);
    let all = c.ok("ESEARCH IN (mailboxes (a ab)) RETURN (PARTIAL -1:-1) MODSEQ 1").await;
    assert_eq!(all.iter().filter(|r| r.contains(" PARTIAL (-1:-1 ") && r.contains(" MODSEQ ")).count(), 2, "{all:#?}");
}

#[tokio::test]
async fn mailboxes_of_other_bals_are_searched_with_the_rights_there() {
    const DESK: &str = "Autres BAL/accueil@alpha.mssante.fr";
    let w = World::new().await;
    let mut anne = Client::anne(&w).await;
    anne.append(&format!("\"{DESK}/INBOX\""), "", &letter("accueil")).await;
    anne.letter("accueil").await;
    let mut bruno = login(&w, "bruno", &w.bruno).await;
    let there = format!("\"{DESK}/INBOX\" UID ALL 1");
    for sources in [
        format!("mailboxes \"{DESK}/INBOX\""),
        format!("subtree \"{DESK}\""),
        "subtree \"Autres BAL\"".to_owned(),
        "subscribed".to_owned(),
    ] {
        let all = bruno.ok(&format!("ESEARCH IN ({sources}) SUBJECT accueil")).await;
        assert_eq!(found(&all), [there.as_str()], "{sources}");
    }
    // Neither his own mailboxes nor those he has no seat at.
    assert!(found(&bruno.ok("ESEARCH IN (personal) SUBJECT accueil").await).is_empty());
    let all =
        bruno.ok("ESEARCH IN (mailboxes \"Autres BAL/anne.martin@alpha.mssante.fr/INBOX\") SUBJECT accueil").await;
    assert!(found(&all).is_empty());
    assert!(traced(&w, "search.run", "bruno", "accueil@alpha.mssante.fr").await > 0);
    assert!(traced(&w, "folder.opened", "bruno", "accueil@alpha.mssante.fr").await > 0);
    assert_eq!(traced(&w, "search.run", "bruno", "anne.martin@alpha.mssante.fr").await, 0);
}
