//! MYRIGHTS, GETACL, LISTRIGHTS, SETACL, DELETEACL (RFC 4314), LIST-MYRIGHTS (RFC 8440).
use crate::client::{Client, one};
use crate::others::{login, traced};
use crate::world::World;
use std::time::Duration;
use tokio::time::timeout;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const DESK: &str = "Autres BAL/accueil@alpha.mssante.fr/INBOX";
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_holder_gives_and_takes_what_others_may_do() {
    let w = World::new().await;
    let mut anne = Client::inbox(&w).await;
    anne.letter("un").await;
    let caps = anne.ok("CAPABILITY").await;
    assert!(
        caps[0].contains(" ACL ") && caps[0].contains(" RIGHTS=texk ") && caps[0].contains(" LIST-MYRIGHTS"),
        "{caps:?}"
    );
    assert_eq!(anne.ok("MYRIGHTS INBOX").await[0], "* MYRIGHTS \"INBOX\" lrswipkxteacd");
    assert_eq!(anne.ok("GETACL INBOX").await[0], "* ACL \"INBOX\" anne lrswipkxteacd");
    assert_eq!(anne.ok("LISTRIGHTS INBOX bruno").await[0], "* LISTRIGHTS \"INBOX\" bruno \"\" lr p swikxtecd");
    assert_eq!(anne.ok("LISTRIGHTS Sent anne").await[0], "* LISTRIGHTS \"Sent\" anne lrswipkxteacd");
    let inbox = format!("Autres BAL/{ANNE}/INBOX");
    let mut bruno = login(&w, "bruno", &w.bruno).await;
    assert!(bruno.no(&format!("MYRIGHTS \"{inbox}\"")).await.starts_with("NO [NONEXISTENT]"));
    // A delegation, for as long as the rules let it last.
    anne.ok("SETACL INBOX bruno lr").await;
    assert_eq!(bruno.ok(&format!("MYRIGHTS \"{inbox}\"")).await[0], format!("* MYRIGHTS \"{inbox}\" lr"));
    let listed = bruno.ok(&format!("LIST \"\" \"{inbox}\" RETURN (MYRIGHTS)")).await;
    assert_eq!(listed[1], format!("* MYRIGHTS \"{inbox}\" lr"));
    let top = bruno.ok("LIST \"\" % RETURN (MYRIGHTS)").await;
    assert!(!top.iter().any(|l| l.starts_with("* MYRIGHTS \"Autres")), "{top:?}");
    one(&top, "* MYRIGHTS \"Sent\" lrswipkxteacd");
    one(&bruno.ok(&format!("SELECT \"{inbox}\"")).await, "OK [READ-ONLY]");
    // More: whoever reads there begins anew.
    anne.ok("SETACL INBOX bruno +swikxtep").await;
    let bye = timeout(SOON, bruno.response()).await.expect("the session goes on").unwrap();
    assert!(bye.starts_with("* BYE [NOPERM]"), "{bye}");
    let mut bruno = login(&w, "bruno", &w.bruno).await;
    one(&bruno.ok(&format!("SELECT \"{inbox}\"")).await, "OK [READ-WRITE]");
    let acl = anne.ok("GETACL INBOX").await;
    assert_eq!(acl[0], "* ACL \"INBOX\" anne lrswipkxteacd bruno lrswipkxtecd");
    // He sees neither who else has access, nor gives any.
    for command in ["GETACL", "LISTRIGHTS"] {
        let no = bruno.no(&format!("{command} \"{inbox}\"{}", if command == "GETACL" { "" } else { " anne" })).await;
        assert!(no.starts_with("NO [NOPERM]"), "{no}");
    }
    for command in ["SETACL \"I\" bruno lr", "SETACL \"I\" anne lr", "SETACL \"I\" w lr", "DELETEACL \"I\" bruno"] {
        assert!(bruno.no(&command.replace('I', &inbox)).await.starts_with("NO [NOPERM]"), "{command}");
    }
    anne.ok("DELETEACL INBOX bruno").await;
    anne.ok("DELETEACL INBOX bruno").await;
    let bye = timeout(SOON, bruno.response()).await.expect("the session goes on").unwrap();
    assert!(bye.starts_with("* BYE [NOPERM]"), "{bye}");
    assert_eq!(anne.ok("GETACL INBOX").await[0], "* ACL \"INBOX\" anne lrswipkxteacd");
    for (act, times) in [("delegation.given", 1), ("delegation.changed", 1), ("delegation.ended", 1)] {
        assert_eq!(traced(&w, act, "anne", ANNE).await, times, "{act}");
    }
}

#[tokio::test]
async fn what_is_not_given_over_imap() {
    let w = World::new().await;
    let mut anne = Client::inbox(&w).await;
    // The whole BAL or nothing, to a person, tied rights together.
    for (command, code) in [
        ("SETACL Sent bruno lr", "CANNOT"),
        ("DELETEACL Sent bruno", "CANNOT"),
        ("SETACL INBOX bruno lrs", "CANNOT"),
        ("SETACL INBOX anyone lr", "NOPERM"),
        ("SETACL INBOX -bruno lr", "NOPERM"),
        ("SETACL Absent bruno lr", "NONEXISTENT"),
        ("MYRIGHTS Absent", "NONEXISTENT"),
        ("GETACL \"Autres BAL\"", "NONEXISTENT"),
    ] {
        let no = anne.no(command).await;
        assert!(no.starts_with(&format!("NO [{code}]")), "{command}: {no}");
    }
    for command in
        ["SETACL INBOX anne lr", "SETACL INBOX inconnu lr", "SETACL INBOX bruno swikxte", "SETACL INBOX bruno lra"]
    {
        anne.no(command).await;
    }
    for bad in
        ["SETACL INBOX bruno lrZ", "SETACL INBOX bruno", "SETACL INBOX", "GETACL", "LISTRIGHTS INBOX", "MYRIGHTS"]
    {
        anne.bad(bad).await;
    }
    assert_eq!(anne.ok("GETACL INBOX").await[0], "* ACL \"INBOX\" anne lrswipkxteacd");
    // The responsible of a shared BAL give access to it.
    let acl = anne.ok(&format!("GETACL \"{DESK}\"")).await;
    assert!(acl[0].contains(" anne lrswipkxtea") && acl[0].contains(" bruno lrswip"), "{acl:?}");
    anne.ok(&format!("SETACL \"{DESK}\" bruno lrp")).await;
    let mut bruno = login(&w, "bruno*accueil@alpha.mssante.fr", &w.bruno).await;
    assert_eq!(bruno.ok("MYRIGHTS INBOX").await[0], "* MYRIGHTS \"INBOX\" lrp");
    assert!(bruno.no("SETACL INBOX bruno lrswipkxtea").await.starts_with("NO [NOPERM]"));
    // Somebody must answer for it.
    anne.no(&format!("SETACL \"{DESK}\" anne lr")).await;
    anne.no(&format!("DELETEACL \"{DESK}\" anne")).await;
    anne.ok("NOOP").await;
}
