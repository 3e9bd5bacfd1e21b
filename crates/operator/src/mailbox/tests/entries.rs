//! Entries: filing, delivery, flags, quotas, rights, two writers at a time.
use super::{House, flags, message, on_both, refused};
use crate::mailbox::deliver::Target;
use crate::mailbox::entries::{FlagChange, FlagSet, Flags};
use crate::{Actor, Who};
use sceau_domain::{RefusalCode, Timestamp};
use sceau_store::{StoreError, access, params};
use std::time::Duration;

on_both!(
    a_message_filed_is_there_byte_for_byte,
    delivery_finds_its_folder,
    flags_and_keywords_change,
    keywords_have_a_limit_and_are_forgotten,
    quotas_hold,
    rights_are_asked_at_every_act,
    two_writers_on_one_folder,
    a_refused_append_leaves_nothing,
    many_entries_at_once,
    a_long_folder_is_of_one_instant,
    what_is_expunged_can_be_collected,
);

async fn a_message_filed_is_there_byte_for_byte(h: House) {
    let mut watch = h.operator.watch(&h.actor);
    let text = format!("Subject: a\r\n\r\n{}", "0123456789abcde\r\n".repeat(10_000));
    let date = Timestamp(86_400_000);
    let keep = flags(Flags::SEEN, &["$Label1"]);
    let (uidvalidity, uid) =
        h.operator.append(&h.actor, "Drafts", keep.clone(), Some(date), h.message(&text)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.expect("woken");
    let drafts = h.open("Drafts").await;
    assert_eq!((drafts.folder.uidvalidity, drafts.folder.uidnext, uid), (uidvalidity, 2, 1));
    let e = &drafts.entries[0];
    assert_eq!((e.uid, &e.flags, e.internal_date, e.size), (1, &keep, date, text.len() as u64));
    let mut reader = h.operator.open_message(&h.actor, e.message).await.unwrap();
    assert_eq!(reader.read(0, text.len() + 10).await.unwrap(), text.as_bytes());
    assert_eq!(reader.read(100_000, 7).await.unwrap(), &text.as_bytes()[100_000..100_007]);
    assert!(reader.read(text.len() as u64, 10).await.unwrap().is_empty());
    let found = h.operator.summaries(&h.actor, &[1, e.message]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].summary.envelope.subject.as_deref(), Some("a"));
    refused(
        h.operator.append(&h.actor, "Nowhere", FlagSet::default(), None, h.message("a: b\r\n\r\n")).await,
        RefusalCode::FolderUnknown,
    );
}

async fn delivery_finds_its_folder(h: House) {
    let to = h.bal_id();
    let placed = h.deliver(to, Target::Inbox, b"Received: here\r\n", "Subject: s\r\n\r\nbody").await.unwrap();
    let inbox = h.open("INBOX").await;
    assert_eq!((placed.folder, placed.uid, placed.uidvalidity), (inbox.folder.id, 1, inbox.folder.uidvalidity));
    let e = &inbox.entries[0];
    assert_eq!((e.message, e.size, e.internal_date), (placed.message, 16 + 18, Timestamp(5)));
    let mut reader = h.operator.open_message(&h.actor, e.message).await.unwrap();
    assert_eq!(reader.size(), 34);
    assert_eq!(reader.read(0, 100).await.unwrap(), b"Received: here\r\nSubject: s\r\n\r\nbody");
    assert_eq!(reader.read(10, 12).await.unwrap(), b"here\r\nSubjec");
    assert_eq!(reader.read(19, 3).await.unwrap(), b"jec");
    // By special use, whatever its name; made again when it was deleted.
    h.operator.rename_folder(&h.actor, "Sent", "Envoyés").await.unwrap();
    h.deliver(to, Target::Sent, b"", "a: b\r\n\r\n").await.unwrap();
    assert_eq!(h.open("Envoyés").await.entries.len(), 1);
    h.operator.delete_folder(&h.actor, "Envoyés").await.unwrap();
    h.deliver(to, Target::Sent, b"", "a: b\r\n\r\n").await.unwrap();
    h.deliver(to, Target::Sent, b"", "a: b\r\n\r\n").await.unwrap();
    assert_eq!(h.open("Sent").await.entries.len(), 2);
    refused(h.deliver(to, Target::Folder(12), b"", "a: b\r\n\r\n").await, RefusalCode::FolderUnknown);
}

/// Long folders are read in parts, each in a transaction of its own (more than eight entries in a test's build).
async fn a_long_folder_is_of_one_instant(h: House) {
    for n in 0..40 {
        h.file("INBOX", &format!("Subject: {n}\r\n\r\nx")).await;
    }
    let folder = h.open("INBOX").await.folder.id;
    let (op, actor) = (h.operator.clone(), h.actor.clone());
    let gone = [1, 2, 17];
    op.change_flags(&actor, folder, &gone, FlagChange::Add, flags(Flags::DELETED, &[]), None).await.unwrap();
    op.expunge(&actor, folder, None).await.unwrap();
    let all: Vec<u32> = (1..=40).filter(|uid| !gone.contains(uid)).collect();
    let uids = all.clone();
    let change = move |change| {
        let (op, actor, uids) = (op.clone(), actor.clone(), uids.clone());
        async move { op.change_flags(&actor, folder, &uids, change, flags(Flags::SEEN, &["Urgent"]), None).await.unwrap() }
    };
    change(FlagChange::Add).await;
    let changing = tokio::spawn(async move {
        for _ in 0..20 {
            change(FlagChange::Remove).await;
            change(FlagChange::Add).await;
        }
    });
    let mut listings = 0;
    while !changing.is_finished() || listings == 0 {
        let entries = h.open("INBOX").await.entries;
        assert_eq!(entries.iter().map(|e| e.uid).collect::<Vec<_>>(), all);
        assert!(entries.iter().all(|e| e.flags == entries[0].flags && e.modseq == entries[0].modseq));
        listings += 1;
    }
    changing.await.unwrap();
}

async fn flags_and_keywords_change(h: House) {
    for n in 0..3 {
        h.file("INBOX", &format!("Subject: {n}\r\n\r\nx")).await;
    }
    let inbox = h.open("INBOX").await.folder;
    let op = &h.operator;
    let uids = [3, 1, 99, 1];
    let set = |change, f: FlagSet, since| op.change_flags(&h.actor, inbox.id, &uids, change, f, since);
    let (changed, left) = set(FlagChange::Add, flags(Flags::SEEN, &["Urgent", "b"]), None).await.unwrap();
    assert_eq!(changed.iter().map(|e| e.uid).collect::<Vec<_>>(), [1, 3]);
    assert!(left.is_empty());
    assert_eq!(changed[0].flags, flags(Flags::SEEN, &["b", "Urgent"]));
    assert_eq!(changed, [0, 2].map(|i| h_open(&h)[i].clone()));
    // The same again changes nothing; the case of a keyword does not count.
    let (same, _) = set(FlagChange::Add, flags(Flags::SEEN, &["URGENT"]), None).await.unwrap();
    assert_eq!(same, changed);
    let (removed, _) = set(FlagChange::Remove, flags(Flags::default(), &["urgent", "unknown"]), None).await.unwrap();
    assert_eq!(removed[1].flags, flags(Flags::SEEN, &["b"]));
    assert!(removed[0].modseq > changed[0].modseq);
    // One of two changed meanwhile (RFC 7162).
    let change = FlagChange::Add;
    let (later, _) = op.change_flags(&h.actor, inbox.id, &[3], change, flags(Flags::DELETED, &[]), None).await.unwrap();
    let (kept, left) = set(FlagChange::Replace, flags(Flags::DRAFT, &[]), Some(later[0].modseq - 1)).await.unwrap();
    assert_eq!((kept.len(), kept[0].uid, kept[0].flags.clone(), left), (1, 1, flags(Flags::DRAFT, &[]), vec![3]));
    let status = op.folder_status(&h.actor, "INBOX").await.unwrap();
    assert_eq!((status.messages, status.unseen, status.deleted), (3, 2, 1));
    refused(set(FlagChange::Add, flags(Flags::SEEN, &["a b"]), None).await, RefusalCode::SyntaxError);

    fn h_open(h: &House) -> Vec<crate::mailbox::entries::Entry> {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(h.open("INBOX"))).entries
    }
}

async fn keywords_have_a_limit_and_are_forgotten(h: House) {
    let uid = h.file("INBOX", "a: b\r\n\r\n").await;
    let inbox = h.open("INBOX").await.folder.id;
    let uids = [uid];
    let set = |words: &[&str]| {
        h.operator.change_flags(&h.actor, inbox, &uids, FlagChange::Replace, flags(Flags::default(), words), None)
    };
    // Limit: 5 (see House).
    set(&["a", "b", "c", "d", "e"]).await.unwrap();
    refused(set(&["a", "b", "c", "d", "e", "f"]).await, RefusalCode::KeywordLimit);
    set(&["a"]).await.unwrap();
    let (now, _) = set(&["a", "f", "g"]).await.unwrap();
    assert_eq!(now[0].flags.keywords, ["a", "f", "g"]);
    assert_eq!(h.open("INBOX").await.entries[0].flags.keywords, ["a", "f", "g"]);
}

async fn quotas_hold(h: House) {
    let small = h.neighbour(100).await;
    let id = small.bal.as_ref().unwrap().id;
    let text = format!("a: b\r\n\r\n{}", "x".repeat(52));
    let file = |n: usize| {
        let body = message(&h.operator, &text[..n]);
        h.operator.append(&small, "INBOX", FlagSet::default(), None, body)
    };
    let (_, uid) = file(60).await.unwrap();
    refused(file(60).await, RefusalCode::QuotaExceeded);
    refused(h.deliver(id, Target::Inbox, b"x: y\r\n", &text[..40]).await, RefusalCode::RcptOverQuota);
    let inbox = h.operator.open_folder(&small, "INBOX", true).await.unwrap();
    assert_eq!((inbox.entries.len(), inbox.folder.uidnext), (1, 2));
    refused(h.operator.copy(&small, inbox.folder.id, &[uid], "Archive").await, RefusalCode::QuotaExceeded);
    // Moving needs no room, removing gives it back.
    let moved = h.operator.move_entries(&small, inbox.folder.id, &[uid], "Archive").await.unwrap();
    assert_eq!(moved.pairs, [(1, 1)]);
    file(40).await.unwrap();
    let archive = h.operator.folder(&small, "Archive").await.unwrap().id;
    let deleted = flags(Flags::DELETED, &[]);
    h.operator.change_flags(&small, archive, &[1], FlagChange::Add, deleted, None).await.unwrap();
    assert_eq!(h.operator.expunge(&small, archive, None).await.unwrap(), [1]);
    file(60).await.unwrap();
}

async fn rights_are_asked_at_every_act(h: House) {
    let other = h.neighbour(1000).await;
    let uid = h.file("INBOX", "a: b\r\n\r\n").await;
    let inbox = h.open("INBOX").await;
    let message = inbox.entries[0].message;
    // A folder or message of another BAL is not there.
    refused(h.operator.changes(&other, inbox.folder.id, 0).await, RefusalCode::FolderUnknown);
    refused(h.operator.open_message(&other, message).await, RefusalCode::EntryUnknown);
    assert!(h.operator.summaries(&other, &[message]).await.unwrap().is_empty());
    refused(h.operator.copy(&other, inbox.folder.id, &[uid], "INBOX").await, RefusalCode::FolderUnknown);
    // A person without access to the BAL.
    let thief = Actor { who: other.who.clone(), ..h.actor.clone() };
    let nobody = Actor { bal: None, ..h.actor.clone() };
    for a in [&thief, &nobody] {
        let (op, id, none) = (&h.operator, inbox.folder.id, FlagSet::default);
        let no = RefusalCode::RightMissing;
        refused(op.require_access(a).await, no);
        refused(op.folders(a).await, no);
        refused(op.folder_status(a, "INBOX").await, no);
        refused(op.create_folder(a, "x", None).await, no);
        refused(op.delete_folder(a, "Trash").await, no);
        refused(op.rename_folder(a, "Trash", "x").await, no);
        refused(op.subscribe_folder(a, "Trash", false).await, no);
        refused(op.open_folder(a, "INBOX", true).await, no);
        refused(op.changes(a, id, 0).await, no);
        refused(op.change_flags(a, id, &[uid], FlagChange::Add, none(), None).await, no);
        refused(op.copy(a, id, &[uid], "INBOX").await, no);
        refused(op.move_entries(a, id, &[uid], "Trash").await, no);
        refused(op.expunge(a, id, None).await, no);
        refused(op.append(a, "INBOX", none(), None, h.message("a: b\r\n\r\n")).await, no);
        refused(op.summaries(a, &[message]).await, no);
        refused(op.open_message(a, message).await, no);
        refused(op.search(a, &inbox.entries, &crate::mailbox::search::Query::All).await, no);
    }
    h.operator.require_access(&h.actor).await.unwrap();
    let Who::Person(person) = &h.actor.who else { panic!("a person") };
    let (person, bal) = (person.id, h.bal_id());
    h.store.write::<_, StoreError, _>(move |tx| access::end(tx, person, bal, 2, "chef")).await.unwrap();
    refused(h.operator.changes(&h.actor, inbox.folder.id, 0).await, RefusalCode::RightMissing);
}

async fn two_writers_on_one_folder(h: House) {
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..2 {
        let (operator, actor) = (h.operator.clone(), h.actor.clone());
        tasks.spawn(async move {
            let mut uids = Vec::new();
            for n in 0..15 {
                let body = message(&operator, &format!("Subject: {writer} {n}\r\n\r\nx"));
                uids.push(operator.append(&actor, "INBOX", FlagSet::default(), None, body).await.unwrap().1);
            }
            uids
        });
    }
    let mut all = Vec::new();
    while let Some(uids) = tasks.join_next().await {
        let uids = uids.unwrap();
        assert!(uids.is_sorted());
        all.extend(uids);
    }
    all.sort_unstable();
    assert_eq!(all, (1..=30).collect::<Vec<u32>>());
    let inbox = h.open("INBOX").await;
    assert_eq!(inbox.entries.len(), 30);
    assert!(inbox.entries.windows(2).all(|w| w[0].modseq < w[1].modseq));
    assert_eq!(h.used().await.1, 30);
}

async fn a_refused_append_leaves_nothing(h: House) {
    let files = || walk(&h.store.folder().join("blobs")).len() + walk(&h.store.config.spools).len();
    let before = files();
    let mut text = String::from("a: b\r\n\r\n");
    for n in 0..20_000 {
        text.push_str(&format!("{:x}", n * 2_654_435_761_u64));
    }
    let small = h.neighbour(100).await;
    let no = h.operator.append(&small, "INBOX", FlagSet::default(), None, h.message(&text)).await;
    refused(no, RefusalCode::QuotaExceeded);
    assert_eq!(files(), before);
    assert_eq!(h.count("SELECT COUNT(*) FROM blobs WHERE $1 > 0").await, 0);
    h.operator.append(&h.actor, "INBOX", FlagSet::default(), None, h.message(&text)).await.unwrap();
    assert_eq!(files(), before + 1);
    let mut intake = h.operator.intake(100);
    refused(intake.push(&[b'a'; 101]), RefusalCode::MessageTooBig);
    refused(h.operator.intake(100).push(b"a\0b"), RefusalCode::MessageNul);
}

/// Files below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        if entry.path().is_dir() { files.extend(walk(&entry.path())) } else { files.push(entry.path()) }
    }
    files
}

async fn many_entries_at_once(h: House) {
    h.file("INBOX", "Subject: x\r\n\r\nx").await;
    let inbox = h.open("INBOX").await.folder.id;
    // 1, 2, 4 … 2048 entries.
    for _ in 0..11 {
        let uids: Vec<u32> = h.open("INBOX").await.entries.iter().map(|e| e.uid).collect();
        let copied = h.operator.copy(&h.actor, inbox, &uids, "INBOX").await.unwrap();
        assert_eq!(copied.pairs.len(), uids.len());
        assert!(copied.pairs.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 + 1 == w[1].1));
    }
    let before = h.open("INBOX").await;
    assert_eq!((before.entries.len(), before.folder.uidnext), (2048, 2049));
    assert_eq!(h.count("SELECT COUNT(*) FROM messages WHERE bal_id = $1").await, 1);
    // Every second one goes: many tombstones, many statements' worth of values.
    let odd: Vec<u32> = (1..=2048).step_by(2).collect();
    let deleted = flags(Flags::DELETED, &[]);
    let (marked, _) = h.operator.change_flags(&h.actor, inbox, &odd, FlagChange::Add, deleted, None).await.unwrap();
    assert_eq!(marked.len(), 1024);
    assert_eq!(h.operator.expunge(&h.actor, inbox, Some(&odd[..1000])).await.unwrap(), &odd[..1000]);
    assert_eq!(h.operator.expunge(&h.actor, inbox, None).await.unwrap(), &odd[1000..]);
    assert!(h.operator.expunge(&h.actor, inbox, None).await.unwrap().is_empty());
    let even: Vec<u32> = (2..=2048).step_by(2).collect();
    let moved = h.operator.move_entries(&h.actor, inbox, &even, "Archive").await.unwrap();
    assert_eq!(moved.pairs, even.iter().copied().zip(1..).collect::<Vec<_>>());
    let changes = h.operator.changes(&h.actor, inbox, before.folder.modseq).await.unwrap();
    assert!(changes.changed.is_empty());
    let gone: Vec<u32> = changes.vanished.iter().flat_map(|(first, last)| *first..=*last).collect();
    assert_eq!(gone, (1..=2048).collect::<Vec<u32>>());
    let size = before.entries[0].size as i64;
    assert_eq!(h.used().await, (1024 * size, 1024));
    assert_eq!(h.operator.folder_status(&h.actor, "Archive").await.unwrap().messages, 1024);
}

async fn what_is_expunged_can_be_collected(h: House) {
    let uid = h.file("INBOX", "Subject: x\r\n\r\nx").await;
    let inbox = h.open("INBOX").await;
    h.operator.copy(&h.actor, inbox.folder.id, &[uid], "Archive").await.unwrap();
    let blobs = "SELECT COUNT(*) FROM blobs WHERE $1 > 0";
    for (folder, left) in [("INBOX", 1), ("Archive", 0)] {
        let id = h.operator.folder(&h.actor, folder).await.unwrap().id;
        let deleted = flags(Flags::DELETED, &[]);
        h.operator.change_flags(&h.actor, id, &[1], FlagChange::Add, deleted, None).await.unwrap();
        assert_eq!(h.operator.expunge(&h.actor, id, None).await.unwrap(), [1]);
        sceau_store::blob::collect(&h.store).await.unwrap();
        assert_eq!(h.count(blobs).await, left, "after {folder}");
    }
    refused(h.operator.open_message(&h.actor, inbox.entries[0].message).await, RefusalCode::EntryUnknown);
    assert_eq!(h.used().await, (0, 0));
    let traced = h
        .store
        .read::<_, StoreError, _>(|tx| {
            tx.query("SELECT act FROM traces ORDER BY id", params![])?.iter().map(|r| r.text(0)).collect()
        })
        .await
        .unwrap();
    let acts: Vec<String> = traced;
    assert_eq!(acts, ["mail.filed", "mail.copied", "mail.flagged", "mail.expunged", "mail.flagged", "mail.expunged"]);
}
