//! NOTIFY (RFC 5465): what is told without being asked for, and what is not.
use crate::client::{Client, one};
use crate::world::World;
use std::time::Duration;
use tokio::time::timeout;

/// Nothing is said for a moment.
async fn silent(c: &mut Client) {
    if let Ok(said) = timeout(Duration::from_millis(150), c.response()).await {
        panic!("{said:?}");
    }
}

#[tokio::test]
async fn other_mailboxes_are_counted_as_they_change() {
    let w = World::new().await;
    let (mut c, mut other) = (Client::inbox(&w).await, Client::inbox(&w).await);
    assert!(one(&c.ok("CAPABILITY").await, "* CAPABILITY").contains(" NOTIFY"));
    for name in ["Listes", "Listes/Lemonade", "Autre"] {
        other.ok(&format!("CREATE {name}")).await;
    }
    // RFC 5465 §3.1: STATUS at once, of what is followed and not selected.
    let set = "NOTIFY SET STATUS (selected (MessageNew (uid body.peek[header.fields (subject)]) MessageExpunge)) \
               (subtree Listes (MessageNew MessageExpunge)) (mailboxes (Autre Absent) (MessageNew MessageExpunge FlagChange))";
    let all = c.ok(set).await;
    assert_eq!(all.len(), 4, "{all:#?}");
    one(&all, "* STATUS \"Listes/Lemonade\" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY ");
    one(&all, "* STATUS \"Listes\" (");
    one(&all, "* STATUS \"Autre\" (");
    // Between commands, without a question.
    let text = crate::client::letter("un");
    other.append("Listes/Lemonade", "", &text).await;
    assert!(c.response().await.unwrap().starts_with("* STATUS \"Listes/Lemonade\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY "));
    other.append("Autre", "", &text).await;
    assert!(c.response().await.unwrap().starts_with("* STATUS \"Autre\" (MESSAGES 1 UIDNEXT 2 "));
    // Flags are told of where they were asked for.
    for name in ["Listes/Lemonade", "Autre"] {
        other.ok(&format!("SELECT {name}")).await;
        other.ok("STORE 1 +FLAGS (\\Seen)").await;
    }
    let told = c.response().await.unwrap();
    assert!(told.starts_with("* STATUS \"Autre\" (MESSAGES 1 ") && told.contains(" UNSEEN 0"), "{told}");
    // Of the selected mailbox: EXISTS, then what was asked of the message.
    other.append("INBOX", "", &text).await;
    assert_eq!(c.response().await.as_deref(), Some("* 1 EXISTS"));
    let told = c.response().await.unwrap();
    assert!(
        told.starts_with("* 1 FETCH (UID 1 BODY[HEADER.FIELDS (subject)] {") && told.contains("Subject: un"),
        "{told}"
    );
    // Its flags are not.
    other.ok("SELECT INBOX").await;
    other.ok("STORE 1 +FLAGS (\\Flagged)").await;
    silent(&mut c).await;
    assert_eq!(c.ok("NOOP").await.len(), 1);
    other.ok("STORE 1 +FLAGS (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    assert_eq!(c.response().await.as_deref(), Some("* 1 EXPUNGE"));
    // In IDLE the same is told (RFC 5465 §4), and with CONDSTORE the modseq.
    c.ok("ENABLE CONDSTORE").await;
    c.send("i IDLE\r\n").await;
    assert_eq!(c.response().await.as_deref(), Some("+ idling"));
    other.append("Listes", "", &text).await;
    let told = c.response().await.unwrap();
    assert!(told.starts_with("* STATUS \"Listes\" (MESSAGES 1 ") && told.contains(" HIGHESTMODSEQ "), "{told}");
    other.append("INBOX", "", &text).await;
    assert_eq!(c.response().await.as_deref(), Some("* 1 EXISTS"));
    assert!(c.response().await.unwrap().starts_with("* 1 FETCH (UID 2 BODY[HEADER.FIELDS (subject)] {"));
    c.send("DONE\r\n").await;
    c.until("i").await;
}

#[tokio::test]
async fn names_and_subscriptions_are_told() {
    let w = World::new().await;
    let (mut c, mut other) = (Client::anne(&w).await, Client::anne(&w).await);
    c.ok("NOTIFY SET (mailboxes Secret NONE) (personal (MailboxName SubscriptionChange))").await;
    other.ok("CREATE \"R&AOk-sultats\"").await;
    assert_eq!(c.response().await.as_deref(), Some("* LIST (\\HasNoChildren) \"/\" \"R&AOk-sultats\""));
    other.ok("CREATE Secret").await;
    other.ok("SUBSCRIBE \"R&AOk-sultats\"").await;
    assert_eq!(c.response().await.as_deref(), Some("* LIST (\\HasNoChildren \\Subscribed) \"/\" \"R&AOk-sultats\""));
    other.ok("RENAME \"R&AOk-sultats\" Examens").await;
    let told = c.response().await.unwrap();
    assert!(told.ends_with("\"/\" \"Examens\" (\"OLDNAME\" (\"R&AOk-sultats\"))"), "{told}");
    other.ok("DELETE Examens").await;
    assert_eq!(c.response().await.as_deref(), Some("* LIST (\\NonExistent) \"/\" \"Examens\""));
    other.ok("UNSUBSCRIBE Sent").await;
    assert_eq!(c.response().await.as_deref(), Some("* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\""));
    // Annotations (RFC 5465 §5.6, §5.7): which, never what they say.
    c.ok("NOTIFY SET (mailboxes Sent NONE) (personal (MailboxMetadataChange ServerMetadataChange))").await;
    other.ok("SETMETADATA INBOX (/private/comment \"un\" /shared/comment \"deux\")").await;
    assert_eq!(c.response().await.as_deref(), Some("* METADATA \"INBOX\" /private/comment /shared/comment"));
    other.ok("SETMETADATA Sent (/private/comment \"un\")").await;
    other.ok("SETMETADATA INBOX (/shared/comment NIL)").await;
    assert_eq!(c.response().await.as_deref(), Some("* METADATA \"INBOX\" /shared/comment"));
    other.ok("SETMETADATA \"\" (/private/vendor/x \"1\")").await;
    assert_eq!(c.response().await.as_deref(), Some("* METADATA \"\" /private/vendor/x"));
    // Messages were not asked for.
    other.append("Archive", "", &crate::client::letter("un")).await;
    silent(&mut c).await;
    c.ok("NOTIFY NONE").await;
    other.ok("CREATE Encore").await;
    silent(&mut c).await;
}

#[tokio::test]
async fn the_selected_mailbox_is_told_as_was_asked() {
    let w = World::new().await;
    let (mut c, mut other) = (Client::inbox(&w).await, Client::inbox(&w).await);
    // A snapshot: nothing is told, not even when a command gives the occasion, and numbers hold.
    c.ok("NOTIFY NONE").await;
    other.letter("un").await;
    silent(&mut c).await;
    assert_eq!(c.ok("NOOP").await.len(), 1);
    // RFC 5465 §3.1: a new NOTIFY tells what happened meanwhile.
    let all = c.ok("NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))").await;
    assert_eq!(all[0], "* 1 EXISTS");
    other.letter("deux").await;
    assert_eq!(c.response().await.as_deref(), Some("* 2 EXISTS"));
    other.ok("NOOP").await;
    other.ok("STORE 2 +FLAGS (\\Flagged)").await;
    assert_eq!(c.response().await.as_deref(), Some("* 2 FETCH (UID 2 FLAGS (\\Flagged))"));
    // Delayed: the number stays until a command at which EXPUNGE may be told.
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    silent_but_flags(&mut c).await;
    assert_eq!(c.ok("FETCH 2 UID").await[0], "* 2 FETCH (UID 2)");
    assert_eq!(c.ok("NOOP").await[0], "* 1 EXPUNGE");
    // Another mailbox, the same wishes; then rights that end.
    other.append("Archive", "", &crate::client::letter("la")).await;
    c.ok("SELECT Archive").await;
    other.append("Archive", "", &crate::client::letter("bas")).await;
    assert_eq!(c.response().await.as_deref(), Some("* 2 EXISTS"));
    for token in w.op.tokens(&w.admin, Some("anne"), 0, 1000).await.unwrap() {
        w.op.revoke_token(&w.admin, token.id).await.unwrap();
    }
    assert!(c.response().await.unwrap().starts_with("* BYE "));
}

/// `\Deleted` may be told before the message goes, or not.
async fn silent_but_flags(c: &mut Client) {
    while let Ok(said) = timeout(Duration::from_millis(150), c.response()).await {
        let said = said.unwrap();
        assert!(said.contains(" FETCH (UID 1 FLAGS (\\Deleted))"), "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused() {
    let w = World::with(|c| c.notify_folders = 8).await;
    let mut c = Client::inbox(&w).await;
    for bad in [
        "NOTIFY",
        "NOTIFY SET",
        "NOTIFY SET ()",
        "NOTIFY SET (personal)",
        "NOTIFY SET (personal ())",
        "NOTIFY SET (elsewhere (MailboxName))",
        // RFC 5465 §5, §6.1.
        "NOTIFY SET (personal (MessageNew))",
        "NOTIFY SET (personal (FlagChange))",
        "NOTIFY SET (selected (MessageNew MessageExpunge)) (selected-delayed (MessageNew MessageExpunge))",
        "NOTIFY SET (selected (MailboxName))",
        "NOTIFY SET (selected (MessageNew (RFC822) MessageExpunge))",
        "NOTIFY SET (subtree () (MailboxName))",
        "NOTIFY SET (selected NONE) garbage",
    ] {
        assert!(c.bad(bad).await.starts_with("BAD "), "{bad}");
    }
    for unknown in ["AnnotationChange", "Whatever"] {
        let no = c.no(&format!("NOTIFY SET (inboxes (MessageNew MessageExpunge {unknown}))")).await;
        assert!(no.starts_with("NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName "), "{no}");
    }
    // Six folders there are; up to eight are followed.
    c.ok("NOTIFY SET (personal (MailboxName))").await;
    let mut other = Client::anne(&w).await;
    for n in 7..=8 {
        other.ok(&format!("CREATE d{n}")).await;
        assert!(c.response().await.unwrap().starts_with("* LIST "));
    }
    other.ok("CREATE d9").await;
    assert!(c.response().await.unwrap().starts_with("* LIST "));
    assert!(c.response().await.unwrap().starts_with("* OK [NOTIFICATIONOVERFLOW] "));
    other.ok("CREATE d10").await;
    silent(&mut c).await;
    assert!(c.no("NOTIFY SET (personal (MailboxName))").await.starts_with("NO [NOTIFICATIONOVERFLOW] "));
    // What is not named does not count.
    c.ok("NOTIFY SET (mailboxes (d9 INBOX) (MailboxName))").await;
    other.ok("RENAME d9 d11").await;
    assert!(c.response().await.unwrap().ends_with("\"d11\" (\"OLDNAME\" (\"d9\"))"));
    other.ok("RENAME d11 d12").await;
    silent(&mut c).await;
    c.ok("NOTIFY SET (mailboxes (a b c d) (MessageNew MessageExpunge)) (subtree (e f g h) NONE)").await;
    assert!(c.no("NOTIFY SET (mailboxes (a b c d e f g h i) NONE)").await.starts_with("NO [NOTIFICATIONOVERFLOW] "));
    c.bad(&format!("NOTIFY SET{}", " (personal NONE)".repeat(65))).await;
    // Before login there is nothing to follow.
    let mut stranger = Client::secure(&w).await;
    stranger.bad("NOTIFY NONE").await;
}

#[tokio::test]
async fn mailboxes_of_other_bals_are_followed_until_the_access_ends() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let inbox = "\"Autres BAL/accueil@alpha.mssante.fr/INBOX\"";
    c.ok(&format!("NOTIFY SET (mailboxes {inbox} (MessageNew MessageExpunge MailboxName))")).await;
    let mut other = Client::secure(&w).await;
    other.ok(&format!("LOGIN bruno*accueil@alpha.mssante.fr {}", w.bruno)).await;
    other.letter("pour l'accueil").await;
    let told = c.response().await.unwrap();
    assert!(told.starts_with(&format!("* STATUS {inbox} (MESSAGES 1 UIDNEXT 2 ")), "{told}");
    // What is not followed is not told: her own BAL, other folders there.
    let mut own = Client::anne(&w).await;
    own.letter("pour moi").await;
    other.ok("CREATE Dossier").await;
    silent(&mut c).await;
    w.op.end_access(&w.admin, "accueil@alpha.mssante.fr", "anne", None).await.unwrap();
    other.letter("pour bruno").await;
    assert_eq!(c.response().await.unwrap(), format!("* LIST (\\NonExistent) \"/\" {inbox}"));
    other.letter("encore").await;
    silent(&mut c).await;
    c.ok("NOOP").await;
}

#[tokio::test]
async fn clients_that_count_by_uid_are_told_by_uid() {
    let w = World::new().await;
    let mut other = Client::inbox(&w).await;
    for n in 1..=4 {
        other.letter(&format!("m{n}")).await;
    }
    for (enable, told) in [("QRESYNC", "* 1 FETCH (UID 2 "), ("UIDONLY", "* 3 UIDFETCH (")] {
        let mut c = Client::anne(&w).await;
        c.ok(&format!("ENABLE {enable}")).await;
        c.ok("SELECT INBOX").await;
        c.ok("NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))").await;
        let first = other.ok("UID SEARCH ALL").await[0].split(' ').nth(2).unwrap().to_owned();
        other.ok(&format!("UID STORE {first} +FLAGS.SILENT (\\Deleted)")).await;
        other.ok("EXPUNGE").await;
        // The flag may be told before the message goes, or not.
        let mut line = c.response().await.unwrap();
        if line.contains("FETCH") {
            line = c.response().await.unwrap();
        }
        assert_eq!(line, format!("* VANISHED {first}"));
        let next: u32 = first.parse::<u32>().unwrap() + 1;
        other.ok(&format!("UID STORE {next} +FLAGS.SILENT (\\Flagged)")).await;
        let line = c.response().await.unwrap();
        assert!(line.starts_with(told) && line.contains("\\Flagged"), "{line}");
    }
}
