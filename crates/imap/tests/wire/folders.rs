//! CREATE, DELETE, RENAME, SUBSCRIBE, LIST, LSUB, STATUS.
use crate::client::{Client, one};
use crate::world::World;

#[tokio::test]
async fn folders_live_and_die() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.ok("CREATE Patients/2026/").await;
    assert!(c.no("CREATE Patients/2026").await.contains("[ALREADYEXISTS]"));
    let all = c.ok("LIST \"\" Patients*").await;
    assert_eq!(all[0], "* LIST (\\HasChildren) \"/\" \"Patients\"");
    assert_eq!(all[1], "* LIST (\\HasNoChildren) \"/\" \"Patients/2026\"");
    assert!(c.no("DELETE Patients").await.contains("[HASCHILDREN]"));
    assert!(c.no("DELETE INBOX").await.contains("[CANNOT]"));
    c.ok("RENAME Patients Dossiers").await;
    assert_eq!(c.ok("LIST Dossiers/ %").await[0], "* LIST (\\HasNoChildren) \"/\" \"Dossiers/2026\"");
    c.ok("DELETE Dossiers/2026").await;
    c.ok("DELETE Dossiers").await;
    assert!(c.no("DELETE Dossiers").await.contains("[NONEXISTENT]"));
    assert_eq!(c.ok("LIST \"\" \"\"").await[0], "* LIST (\\Noselect) \"/\" \"\"");
}

#[tokio::test]
async fn names_are_modified_utf7_or_utf8() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.ok("CREATE \"Envoy&AOk-s\"").await;
    assert_eq!(c.ok("LIST \"\" Envoy*").await[0], "* LIST (\\HasNoChildren) \"/\" \"Envoy&AOk-s\"");
    // Literals do as well.
    c.send("a STATUS {11+}\r\nEnvoy&AOk-s (MESSAGES)\r\n").await;
    assert_eq!(c.until("a").await[0], "* STATUS \"Envoy&AOk-s\" (MESSAGES 0)");
    assert!(c.no("CREATE \"a&b\"").await.contains("[CANNOT]"));
    let mut c = Client::anne(&w).await;
    c.ok("ENABLE UTF8=ACCEPT").await;
    assert_eq!(c.ok("LIST \"\" \"Envoyé*\"").await[0], "* LIST (\\HasNoChildren) \"/\" \"Envoyés\"");
    // A name in NFD is the same name.
    assert!(c.no("CREATE \"Envoye\u{301}s\"").await.contains("[ALREADYEXISTS]"));
}

#[tokio::test]
async fn list_extensions() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    let all = c.ok("LIST \"\" *").await;
    assert!(all.iter().any(|l| l.contains("\\Sent") && l.ends_with("\"Sent\"")), "{all:?}");
    c.ok("CREATE a/b").await;
    c.letter("x").await;
    for folder in ["INBOX", "Sent", "Drafts", "Junk", "Trash", "Archive", "a"] {
        c.run(&format!("UNSUBSCRIBE {folder}")).await;
    }
    c.ok("SUBSCRIBE a/b").await;
    assert_eq!(c.ok("LSUB \"\" %").await[0], "* LSUB (\\Noselect) \"/\" \"a\"");
    assert_eq!(c.ok("LSUB \"\" *").await[0], "* LSUB () \"/\" \"a/b\"");
    assert_eq!(
        c.ok("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %").await[0],
        "* LIST (\\HasChildren) \"/\" \"a\" (\"CHILDINFO\" (\"SUBSCRIBED\"))"
    );
    assert_eq!(c.ok("LIST (SUBSCRIBED) \"\" *").await[0], "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"a/b\"");
    let all = c.ok("LIST (SPECIAL-USE) \"\" *").await;
    assert!(all[..all.len() - 1].iter().all(|l| l.contains(" \\")), "{all:?}");
    let all = c
        .ok("LIST \"\" (INBOX \"a/%\") RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN SIZE UIDNEXT RECENT DELETED))")
        .await;
    assert_eq!(all[0], "* LIST (\\HasNoChildren) \"/\" \"INBOX\"");
    assert!(all[1].starts_with("* STATUS \"INBOX\" (MESSAGES 1 UNSEEN 1 SIZE "), "{all:?}");
    assert!(all[1].ends_with(" UIDNEXT 2 RECENT 0 DELETED 0)"), "{all:?}");
    assert_eq!(all[2], "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"a/b\"");
    c.bad("LIST (RECURSIVEMATCH) \"\" *").await;
}

#[tokio::test]
async fn deleting_the_selected_mailbox() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.ok("CREATE x").await;
    c.ok("SELECT x").await;
    let mut other = Client::anne(&w).await;
    other.ok("SELECT x").await;
    let all = c.ok("DELETE x").await;
    one(&all, "* OK [CLOSED] ");
    c.bad("CHECK").await;
    // Whoever else has it selected is told and let go.
    other.ok("NOOP").await;
    let bye = other.response().await.unwrap();
    assert!(bye.starts_with("* BYE ") && bye.ends_with("(folder.unknown)"), "{bye}");
}

#[tokio::test]
async fn renaming_inbox_moves_its_messages() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    c.letter("x").await;
    let all = c.ok("RENAME INBOX ancien").await;
    one(&all, "* 1 EXPUNGE");
    assert_eq!(c.ok("STATUS ancien (MESSAGES)").await[0], "* STATUS \"ancien\" (MESSAGES 1)");
}
