//! SELECT, EXAMINE, CLOSE, UNSELECT.
use crate::client::{Client, one};
use crate::world::World;

#[tokio::test]
async fn select_tells_what_the_rfc_wants() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.append("INBOX", "(\\Seen Perso) ", &crate::client::letter("un")).await;
    c.letter("deux").await;
    let all = c.ok("SELECT inbox").await;
    assert_eq!(
        one(&all, "* FLAGS "),
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded $Important $Junk $MDNSent $NotJunk $Phishing Perso)"
    );
    assert!(one(&all, "* OK [PERMANENTFLAGS (").contains(" Perso \\*)]"));
    assert_eq!(one(&all, "* 2 EXISTS"), "* 2 EXISTS");
    assert_eq!(one(&all, "* 0 RECENT"), "* 0 RECENT");
    one(&all, "* OK [UNSEEN 2]");
    one(&all, "* OK [UIDVALIDITY ");
    one(&all, "* OK [UIDNEXT 3]");
    one(&all, "* OK [HIGHESTMODSEQ ");
    assert!(all.last().unwrap().starts_with("OK [READ-WRITE] "));
    let all = c.ok("EXAMINE INBOX").await;
    one(&all, "* OK [CLOSED] ");
    one(&all, "* OK [PERMANENTFLAGS ()] ");
    assert!(all.last().unwrap().starts_with("OK [READ-ONLY] "));
    assert!(c.no("STORE 1 +FLAGS (\\Deleted)").await.ends_with("(right.missing)"));
    c.no("EXPUNGE").await;
    // Reading in EXAMINE sets nothing.
    let all = c.ok("FETCH 2 (BODY[TEXT] FLAGS)").await;
    assert!(one(&all, "* 2 FETCH").contains("FLAGS ()"));
    assert!(c.no("SELECT nulle-part").await.contains("[NONEXISTENT]"));
    // A SELECT that fails leaves nothing selected.
    c.bad("FETCH 1 FLAGS").await;
}

#[tokio::test]
async fn rev2_has_no_recent_and_names_the_mailbox() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    assert_eq!(c.ok("ENABLE IMAP4rev2").await[0], "* ENABLED IMAP4rev2");
    c.ok("CREATE \"Résultats\"").await;
    c.letter("un").await;
    let all = c.ok("SELECT \"Résultats\"").await;
    assert_eq!(one(&all, "* LIST "), "* LIST () \"/\" \"Résultats\"");
    let all = c.ok("SELECT INBOX").await;
    assert!(!all.iter().any(|r| r.contains("RECENT") || r.contains("[UNSEEN")), "{all:?}");
    let all = c.ok("SEARCH ALL").await;
    assert!(all[0].starts_with("* ESEARCH (TAG ") && all[0].ends_with(" ALL 1"), "{all:?}");
}

#[tokio::test]
async fn close_removes_and_unselect_does_not() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for n in ["a", "b", "c"] {
        c.letter(n).await;
    }
    c.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    c.ok("UNSELECT").await;
    one(&c.ok("SELECT INBOX").await, "* 3 EXISTS");
    let all = c.ok("CLOSE").await;
    assert_eq!(all.len(), 1, "{all:?}");
    one(&c.ok("SELECT INBOX").await, "* 2 EXISTS");
    c.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    c.ok("EXAMINE INBOX").await;
    c.ok("CLOSE").await;
    one(&c.ok("SELECT INBOX").await, "* 2 EXISTS");
}
