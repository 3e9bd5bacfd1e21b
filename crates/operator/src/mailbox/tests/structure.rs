//! The tree of folders.
use super::{House, flags, on_both, refused};
use crate::mailbox::entries::{FlagSet, Flags};
use crate::mailbox::folders::SpecialUse;
use sceau_domain::RefusalCode;
use sceau_store::{StoreError, params};

on_both!(
    a_bal_starts_with_its_folders,
    folders_are_made_with_their_parents,
    deleting,
    renaming,
    renaming_inbox_moves_its_messages,
    names_are_sealed,
    two_creators_of_one_folder,
);

async fn a_bal_starts_with_its_folders(h: House) {
    let folders = h.operator.folders(&h.actor).await.unwrap();
    let names: Vec<&str> = folders.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]);
    assert!(folders.iter().all(|f| f.subscribed && f.uidnext == 1 && f.uidvalidity > 0 && f.modseq > 0));
    assert_eq!(folders[4].special_use, Some(SpecialUse::Sent));
    assert_eq!(h.operator.folder(&h.actor, "inbox").await.unwrap(), folders[0]);
    refused(h.operator.folder(&h.actor, "nowhere").await, RefusalCode::FolderUnknown);
    // The folders of another are others.
    let other = h.neighbour(1000).await;
    assert!(h.operator.folders(&other).await.unwrap().iter().all(|f| folders.iter().all(|g| g.id != f.id)));
}

async fn folders_are_made_with_their_parents(h: House) {
    let made = h.operator.create_folder(&h.actor, "Patients/e\u{301}te\u{301}/2026/", None).await.unwrap();
    assert_eq!((made.name.as_str(), made.subscribed, made.uidnext), ("Patients/été/2026", false, 1));
    let names = h.names().await;
    assert!(names.contains(&"Patients".to_owned()) && names.contains(&"Patients/été".to_owned()));
    refused(h.operator.create_folder(&h.actor, "Patients/été", None).await, RefusalCode::FolderExists);
    refused(h.operator.create_folder(&h.actor, "Inbox", None).await, RefusalCode::FolderExists);
    refused(h.operator.create_folder(&h.actor, "a//b", None).await, RefusalCode::FolderName);
    refused(h.operator.create_folder(&h.actor, "Gone", Some(SpecialUse::Trash)).await, RefusalCode::FolderExists);
    refused(h.operator.create_folder(&h.actor, &["x"; 25].join("/"), None).await, RefusalCode::FolderLimit);
    h.operator.subscribe_folder(&h.actor, "Patients", true).await.unwrap();
    assert!(h.operator.folder(&h.actor, "Patients").await.unwrap().subscribed);
    refused(h.operator.subscribe_folder(&h.actor, "Nobody", true).await, RefusalCode::FolderUnknown);
    assert_eq!(h.count("SELECT COUNT(*) FROM traces WHERE bal_id = $1 AND act = 'folder.created'").await, 1);
}

async fn deleting(h: House) {
    let old = h.operator.create_folder(&h.actor, "a/b", None).await.unwrap();
    refused(h.operator.delete_folder(&h.actor, "a").await, RefusalCode::FolderHasChildren);
    refused(h.operator.delete_folder(&h.actor, "INBOX").await, RefusalCode::FolderReserved);
    refused(h.operator.delete_folder(&h.actor, "c").await, RefusalCode::FolderUnknown);
    let kept = h.file("INBOX", "Subject: kept\r\n\r\nx").await;
    let inbox = h.open("INBOX").await.folder.id;
    h.operator.copy(&h.actor, inbox, &[kept], "a/b").await.unwrap();
    h.file("a/b", "Subject: gone\r\n\r\nx").await;
    h.operator.delete_folder(&h.actor, "a/b").await.unwrap();
    refused(h.operator.changes(&h.actor, old.id, 0).await, RefusalCode::FolderUnknown);
    assert_eq!(h.count("SELECT COUNT(*) FROM messages WHERE bal_id = $1").await, 1);
    assert_eq!(h.count("SELECT COUNT(*) FROM entries WHERE bal_id = $1").await, 1);
    let size = h.open("INBOX").await.entries[0].size as i64;
    assert_eq!(h.used().await, (size, 1));
    let again = h.operator.create_folder(&h.actor, "a/b", None).await.unwrap();
    assert!(again.uidvalidity > old.uidvalidity, "UIDVALIDITY is never reused");
    h.operator.delete_folder(&h.actor, "a/b").await.unwrap();
    h.operator.delete_folder(&h.actor, "a").await.unwrap();
}

async fn renaming(h: House) {
    let made = h.operator.create_folder(&h.actor, "a/b/c", None).await.unwrap();
    h.file("a/b/c", "Subject: x\r\n\r\nx").await;
    refused(h.operator.rename_folder(&h.actor, "a", "a/b/d").await, RefusalCode::FolderName);
    refused(h.operator.rename_folder(&h.actor, "a", "Sent").await, RefusalCode::FolderExists);
    refused(h.operator.rename_folder(&h.actor, "z", "y").await, RefusalCode::FolderUnknown);
    refused(h.operator.rename_folder(&h.actor, "a/b", &["y"; 29].join("/")).await, RefusalCode::FolderLimit);
    h.operator.rename_folder(&h.actor, "a/b", "n/m").await.unwrap();
    let names = h.names().await;
    assert_eq!(&names[names.len() - 4..], ["a", "n", "n/m", "n/m/c"]);
    let moved = h.open("n/m/c").await;
    assert_eq!((moved.folder.id, moved.folder.uidvalidity, moved.entries.len()), (made.id, made.uidvalidity, 1));
    h.operator.rename_folder(&h.actor, "Sent", "Envoyés").await.unwrap();
    assert_eq!(h.operator.folder(&h.actor, "Envoyés").await.unwrap().special_use, Some(SpecialUse::Sent));
}

async fn renaming_inbox_moves_its_messages(h: House) {
    h.operator.create_folder(&h.actor, "INBOX/below", None).await.unwrap();
    let first = h.file("INBOX", "Subject: 1\r\n\r\nx").await;
    let second = h.file("INBOX", "Subject: 2\r\n\r\nx").await;
    let before = h.open("INBOX").await;
    let keyword = flags(Flags::FLAGGED, &["Urgent"]);
    let change = crate::mailbox::entries::FlagChange::Add;
    h.operator.change_flags(&h.actor, before.folder.id, &[second], change, keyword.clone(), None).await.unwrap();
    h.operator.rename_folder(&h.actor, "inbox", "Old/2026").await.unwrap();
    let (inbox, old) = (h.open("INBOX").await, h.open("Old/2026").await);
    assert!(inbox.entries.is_empty());
    assert_eq!((inbox.folder.id, inbox.folder.uidnext), (before.folder.id, 3));
    let changes = h.operator.changes(&h.actor, inbox.folder.id, before.folder.modseq).await.unwrap();
    assert_eq!(changes.vanished, [(first, second)]);
    assert_eq!(old.entries.iter().map(|e| e.uid).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((&old.entries[0].flags, &old.entries[1].flags), (&FlagSet::default(), &keyword));
    assert_eq!(old.entries[0].message, before.entries[0].message);
    assert!(h.names().await.contains(&"INBOX/below".to_owned()));
    assert_eq!(h.used().await.1, 2);
}

async fn names_are_sealed(h: House) {
    h.operator.create_folder(&h.actor, "Cardiologie", None).await.unwrap();
    let inbox = h.open("INBOX").await.folder.id;
    let uid = h.file("INBOX", "Subject: Ordonnance\r\n\r\nparacetamol").await;
    let change = crate::mailbox::entries::FlagChange::Add;
    let word = flags(Flags::default(), &["Cardiologie"]);
    h.operator.change_flags(&h.actor, inbox, &[uid], change, word, None).await.unwrap();
    let sealed: Vec<Vec<u8>> = h
        .store
        .read::<_, StoreError, _>(|tx| {
            let mut all = Vec::new();
            for sql in [
                "SELECT name_sealed FROM folders",
                "SELECT name_tag FROM folders",
                "SELECT name_sealed FROM keywords",
                "SELECT name_tag FROM keywords",
                "SELECT summary FROM messages",
                "SELECT inline FROM blobs",
            ] {
                for row in tx.query(sql, params![])? {
                    all.push(row.bytes(0)?);
                }
            }
            Ok(all)
        })
        .await
        .unwrap();
    assert!(sealed.len() >= 17);
    for word in ["ardiologie", "rdonnance", "paracetamol", "INBOX"] {
        assert!(sealed.iter().all(|s| !s.windows(word.len()).any(|w| w == word.as_bytes())), "{word}");
    }
}

async fn two_creators_of_one_folder(h: House) {
    let (a, b) = tokio::join!(
        h.operator.create_folder(&h.actor, "same/child", None),
        h.operator.create_folder(&h.actor, "same/child", None)
    );
    assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "{a:?} {b:?}");
    refused(if a.is_ok() { b } else { a }, RefusalCode::FolderExists);
    assert_eq!(h.names().await.iter().filter(|n| n.starts_with("same")).count(), 2);
}
