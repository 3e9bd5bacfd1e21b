//! What content has besides bytes: object ids, save dates, previews; filing of several messages, and in another's place.
use super::{House, on_both, refused};
use crate::Operator;
use crate::mailbox::append::Replacing;
use crate::mailbox::entries::FlagSet;
use sceau_domain::{RefusalCode, Timestamp};
use sceau_store::{StoreError, params, testing};
use std::path::Path;

on_both!(
    object_ids_lead_back_and_to_nothing_else,
    save_dates_are_of_the_folder,
    previews_are_kept_and_made_again,
    what_is_damaged_is_told_apart_and_nothing_is_kept_of_it,
    damage_is_known_to_other_nodes_and_after_a_restart,
    pages_hold_no_more_than_they_may,
    several_messages_or_none,
    one_message_in_anothers_place,
);

async fn object_ids_lead_back_and_to_nothing_else(h: House) {
    h.file("INBOX", "Subject: a\r\n\r\nx").await;
    let inbox = h.open("INBOX").await;
    let (op, message) = (&h.operator, inbox.entries[0].message);
    let (email, mailbox) = (op.email_object(message), op.mailbox_object(inbox.folder.id));
    assert_eq!(op.message_of_object(&email), Some(message));
    assert_eq!(op.mailbox_of_object(&mailbox), Some(inbox.folder.id));
    assert_eq!((op.message_of_object(&mailbox), op.mailbox_of_object(&email)), (None, None));
    // Neighbours in time have nothing in common, and one digit changed is no id.
    let next = op.email_object(message + 1);
    let same = email.bytes().zip(next.bytes()).skip(1).filter(|(a, b)| a == b).count();
    assert!(same < 10, "{email} {next}");
    let last = if email.ends_with('0') { '1' } else { '0' };
    assert_eq!(op.message_of_object(&format!("{}{last}", &email[..email.len() - 1])), None);
    // The same message is of another conversation in another BAL.
    let summaries = op.summaries(&h.actor, &[message]).await.unwrap();
    assert_ne!(op.thread_object(h.bal_id(), &summaries[0]), op.thread_object(h.bal_id() + 1, &summaries[0]));
}

async fn save_dates_are_of_the_folder(h: House) {
    let date = Some(Timestamp(5));
    let before = h.operator.now().0;
    h.operator.append(&h.actor, "INBOX", FlagSet::default(), date, h.message("Subject: a\r\n\r\nx")).await.unwrap();
    let inbox = h.open("INBOX").await.folder.id;
    let saved = h.operator.saved_dates(&h.actor, inbox, &[1, 2]).await.unwrap();
    assert_eq!(saved.len(), 1);
    assert!(saved[&1].0 >= before && h.open("INBOX").await.entries[0].internal_date == Timestamp(5));
    h.operator.copy(&h.actor, inbox, &[1], "Sent").await.unwrap();
    let sent = h.open("Sent").await.folder.id;
    assert!(h.operator.saved_dates(&h.actor, sent, &[1]).await.unwrap()[&1] >= saved[&1]);
    h.operator.move_entries(&h.actor, sent, &[1], "Archive").await.unwrap();
    assert!(h.operator.saved_dates(&h.actor, sent, &[1]).await.unwrap().is_empty());
    let neighbour = h.neighbour(1 << 20).await;
    refused(h.operator.saved_dates(&neighbour, inbox, &[1]).await, RefusalCode::FolderUnknown);
}

async fn previews_are_kept_and_made_again(h: House) {
    h.file("INBOX", "Subject: a\r\n\r\nBonjour\r\n").await;
    let id = h.open("INBOX").await.entries[0].message;
    assert!(h.operator.previews(&h.actor, &[id], true).await.unwrap().is_empty());
    let made = h.operator.previews(&h.actor, &[id, 1], false).await.unwrap();
    assert_eq!((made.len(), made[&id].as_str()), (1, "Bonjour"));
    assert_eq!(h.operator.previews(&h.actor, &[id], true).await.unwrap()[&id], "Bonjour");
    // One that does not open is made again.
    h.store
        .write::<_, StoreError, _>(|tx| tx.execute("UPDATE messages SET preview = $1", params![b"junk".as_slice()]))
        .await
        .unwrap();
    assert!(h.operator.previews(&h.actor, &[id], true).await.unwrap().is_empty());
    assert_eq!(h.operator.previews(&h.actor, &[id], false).await.unwrap()[&id], "Bonjour");
    assert_eq!(h.operator.previews(&h.actor, &[id], true).await.unwrap()[&id], "Bonjour");
    let neighbour = h.neighbour(1 << 20).await;
    assert!(h.operator.previews(&neighbour, &[id], false).await.unwrap().is_empty());
}

async fn what_is_damaged_is_told_apart_and_nothing_is_kept_of_it(h: House) {
    h.file("INBOX", "Subject: a\r\n\r\nBonjour\r\n").await;
    h.file("INBOX", "Subject: b\r\n\r\nSalut\r\n").await;
    let inbox = h.open("INBOX").await;
    let (first, second) = (inbox.entries[0].message, inbox.entries[1].message);
    let key = "SELECT blob_key FROM messages WHERE id = $1";
    let whole = h.store.read::<_, StoreError, _>(move |tx| tx.query(key, params![first])?[0].bytes(0)).await.unwrap();
    let put = |id: i64, column: &'static str, bytes: Vec<u8>| {
        let sql = format!("UPDATE messages SET {column} = $2 WHERE id = $1");
        h.store.write::<_, StoreError, _>(move |tx| tx.execute(&sql, params![id, bytes.as_slice()]))
    };
    put(first, "blob_key", vec![7; 60]).await.unwrap();
    put(second, "summary", vec![7; 60]).await.unwrap();
    let alarms = async || {
        let open = h.store.read::<_, StoreError, _>(|tx| sceau_store::alarms::open(tx, &["message.damaged"])).await;
        open.unwrap().into_iter().map(|a| (a.subject, a.count)).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        refused(h.operator.open_message(&h.actor, first).await, RefusalCode::MessageDamaged);
        assert_eq!(alarms().await, [(first.to_string(), 1)]);
    }
    let page = h.operator.summaries_page(&h.actor, &[first, second, 5]).await.unwrap();
    assert_eq!((page.found.len(), page.found[0].message, page.damaged, page.told), (1, first, vec![second], 3));
    let words = h.operator.previews(&h.actor, &[first, second], false).await.unwrap();
    assert_eq!((words[&first].as_str(), words[&second].as_str()), ("", ""));
    // Whole again, it has its words.
    put(first, "blob_key", whole).await.unwrap();
    assert_eq!(h.operator.previews(&h.actor, &[first], false).await.unwrap()[&first], "Bonjour");
    h.operator.open_message(&h.actor, first).await.unwrap();
    assert!(alarms().await.is_empty());
}

/// Turns a bit of each object's last third; how many.
fn flip(folder: &Path) -> usize {
    let mut flipped = 0;
    for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if path.is_dir() {
            flipped += flip(&path);
        } else if path.metadata().unwrap().len() > 100_000 {
            let mut bytes = std::fs::read(&path).unwrap();
            let at = bytes.len() * 3 / 4;
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            flipped += 1;
        }
    }
    flipped
}

async fn damage_is_known_to_other_nodes_and_after_a_restart(h: House) {
    let text = hex::encode(testing::noise(200_000, 7));
    h.file("INBOX", &format!("Subject: a\r\n\r\n{text}\r\n")).await;
    let id = h.open("INBOX").await.entries[0].message;
    // A program that knows no more than the store does: after a restart, or beside this one.
    let other = Operator::open(h.operator.config().clone(), h.store.clone(), h.operator.trust().clone()).await.unwrap();
    let told = async || {
        let open = h.store.read::<_, StoreError, _>(|tx| sceau_store::alarms::open(tx, &["message.damaged"])).await;
        let open = open.unwrap().into_iter().map(|a| a.count).collect::<Vec<_>>();
        (open, h.count("SELECT COUNT(*) FROM traces WHERE act = 'message.damaged' AND bal_id = $1").await)
    };
    let blobs = h.store.folder().join("blobs");
    assert_eq!(flip(&blobs), 1);
    // Whoever comes first is given the beginning.
    let mut first = h.operator.open_message(&h.actor, id).await.unwrap();
    let mut beside = other.open_message(&h.actor, id).await.unwrap();
    let end = first.size() - 10;
    assert_eq!(first.read(0, 10).await.unwrap(), b"Subject: a");
    refused(first.read(end * 3 / 4, 100_000).await, RefusalCode::MessageDamaged);
    assert_eq!(told().await, (vec![1], 1));
    // Found by two before either knew of the other, it is told once.
    refused(beside.read(end * 3 / 4, 100_000).await, RefusalCode::MessageDamaged);
    for operator in [&h.operator, &other] {
        refused(operator.open_message(&h.actor, id).await, RefusalCode::MessageDamaged);
    }
    assert_eq!(told().await, (vec![1], 1));
    // Whole again, whoever finds it so ends the alarm; damaged again, it is told again.
    flip(&blobs);
    other.open_message(&h.actor, id).await.unwrap();
    assert_eq!(told().await, (vec![], 1));
    flip(&blobs);
    let mut again = h.operator.open_message(&h.actor, id).await.unwrap();
    refused(again.read(end * 3 / 4, 100_000).await, RefusalCode::MessageDamaged);
    assert_eq!(told().await, (vec![1], 2));
    tokio::task::spawn_blocking(move || drop(other)).await.unwrap();
}

async fn pages_hold_no_more_than_they_may(h: House) {
    for n in 0..10 {
        h.file("INBOX", &format!("Subject: {n}\r\nX: {}\r\n\r\nx", "y".repeat(900_000))).await;
    }
    let mut ids: Vec<i64> = h.open("INBOX").await.entries.iter().map(|e| e.message).collect();
    // Whatever the order in which they are asked, the first one is told, and all of them in the end.
    for _ in 0..2 {
        ids.reverse();
        let (mut rest, mut told, mut pages) = (ids.as_slice(), Vec::new(), 0);
        while !rest.is_empty() {
            let page = h.operator.summaries_page(&h.actor, rest).await.unwrap();
            assert!((1..8).contains(&page.told) && page.found.len() == page.told, "{} {}", page.told, page.found.len());
            told.extend(page.found.iter().map(|m| m.message));
            rest = &rest[page.told..];
            pages += 1;
        }
        assert_eq!(told, ids);
        assert!(pages > 1);
        assert_eq!(h.operator.summaries(&h.actor, &ids).await.unwrap().len(), 10);
    }
    let entries = h.open("INBOX").await.entries;
    let by = |key| crate::mailbox::search::SortBy { key, reverse: true };
    let subject = by(crate::mailbox::search::SortKey::Subject);
    let query = crate::mailbox::search::Query::Header("x".into(), "YY".into());
    let found = h.operator.sort(&h.actor, &entries, &query, &[subject]).await.unwrap();
    assert_eq!(found, (1..=10).rev().collect::<Vec<u32>>());
    let wanted =
        vec![h.operator.thread_object(h.bal_id(), &h.operator.summaries(&h.actor, &ids[..1]).await.unwrap()[0])];
    let found = h.operator.uids_of_threads(&h.actor, &entries, wanted).await.unwrap();
    assert_eq!(found, [vec![entries.iter().find(|e| e.message == ids[0]).unwrap().uid]]);
}

async fn several_messages_or_none(h: House) {
    let inbox = h.open("INBOX").await.folder.id;
    let filing = async |folder, text: &str| {
        h.operator.prepare_filing(&h.actor, folder, FlagSet::default(), None, h.message(text)).await.unwrap()
    };
    let three = vec![
        filing(inbox, "a: 1\r\n\r\n").await,
        filing(inbox, "a: 2\r\n\r\n").await,
        filing(inbox, "a: 3\r\n\r\n").await,
    ];
    let filed = h.operator.file(&h.actor, three, None).await.unwrap();
    assert_eq!(filed.uids, [1, 2, 3]);
    // The second one does not fit, or its folder is gone: neither is kept.
    let neighbour = h.neighbour(1000).await;
    let theirs = h.operator.folder(&neighbour, "INBOX").await.unwrap().id;
    let mut two = Vec::new();
    for text in ["a: 1\r\n\r\n".to_owned(), format!("a: 2\r\n\r\n{}", "x".repeat(2000))] {
        let message = h.message(&text);
        two.push(h.operator.prepare_filing(&neighbour, theirs, FlagSet::default(), None, message).await.unwrap());
    }
    refused(h.operator.file(&neighbour, two, None).await, RefusalCode::QuotaExceeded);
    assert!(h.operator.open_folder(&neighbour, "INBOX", true).await.unwrap().entries.is_empty());
    let before = h.used().await;
    let two = vec![filing(inbox, "a: 1\r\n\r\n").await, filing(12, "a: 2\r\n\r\n").await];
    refused(h.operator.file(&h.actor, two, None).await, RefusalCode::FolderUnknown);
    assert_eq!((h.used().await, h.open("INBOX").await.entries.len()), (before, 3));
    refused(h.operator.file(&h.actor, Vec::new(), None).await, RefusalCode::SyntaxError);
}

async fn one_message_in_anothers_place(h: House) {
    h.file("Drafts", "Subject: a\r\n\r\nun").await;
    let drafts = h.open("Drafts").await.folder.id;
    let filing = async |actor: &crate::Actor, folder, text: &str| {
        h.operator.prepare_filing(actor, folder, FlagSet::default(), None, h.message(text)).await.unwrap()
    };
    let place = |uid| Some(Replacing { actor: h.actor.clone(), folder: drafts, uid });
    let new = filing(&h.actor, drafts, "Subject: b\r\n\r\ndeux!").await;
    let filed = h.operator.file(&h.actor, vec![new], place(1)).await.unwrap();
    assert_eq!(filed.uids, [2]);
    let now = h.open("Drafts").await;
    assert_eq!((now.entries.len(), now.entries[0].uid, h.used().await), (1, 2, (19, 1)));
    assert_eq!(h.count("SELECT COUNT(*) FROM messages WHERE bal_id = $1").await, 1);
    let changes = h.operator.changes(&h.actor, drafts, 0).await.unwrap();
    assert_eq!(changes.vanished, [(1, 1)]);
    // Who is gone is not replaced; a full BAL takes a smaller message in a larger one's place.
    let new = filing(&h.actor, drafts, "Subject: c\r\n\r\ntrois").await;
    refused(h.operator.file(&h.actor, vec![new], place(1)).await, RefusalCode::EntryUnknown);
    assert_eq!(h.open("Drafts").await.entries.len(), 1);
    // From one BAL into another of the same rank: both acts or none, each BAL its trace.
    let other = h.neighbour(1 << 20).await;
    let theirs = h.operator.folder(&other, "INBOX").await.unwrap().id;
    let new = filing(&other, theirs, "Subject: d\r\n\r\nquatre").await;
    h.operator.file(&other, vec![new], place(2)).await.unwrap();
    assert!(h.open("Drafts").await.entries.is_empty());
    assert_eq!(
        (h.used().await, h.operator.open_folder(&other, "INBOX", true).await.unwrap().entries.len()),
        ((0, 0), 1)
    );
    let acts = h.store.read::<_, StoreError, _>(|tx| {
        tx.query("SELECT data FROM traces WHERE act = 'mail.expunged'", params![])?
            .iter()
            .map(|r| r.text(0))
            .collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(acts.await.unwrap().len(), 1);
    let new = filing(&other, theirs, "Subject: e\r\n\r\nx").await;
    refused(h.operator.file(&other, vec![new], place(2)).await, RefusalCode::EntryUnknown);
    assert_eq!(h.operator.open_folder(&other, "INBOX", true).await.unwrap().entries.len(), 1);
}
