//! From one BAL of a person to another.
use super::{House, flags, on_both, refused, seated};
use crate::Actor;
use crate::mailbox::across::Takings;
use crate::mailbox::append::Filing;
use crate::mailbox::entries::{FlagChange, Flags};
use sceau_domain::{BalKind, RefusalCode};
use sceau_store::{Id, StoreError, access, params};

on_both!(
    what_describes_a_message_is_sealed_anew,
    what_is_refused_changes_nothing,
    two_who_exchange_their_mail_do_not_wait_for_each_other,
    a_part_is_judged_again_when_it_is_filed,
    the_last_room_is_taken_once,
);

/// The house's person at somebody else's BAL, with these rights.
async fn beside(h: &House, other: &Actor, rights: i64) -> Actor {
    let (person, bal) = (h.actor.person(), other.bal.as_ref().unwrap().id);
    let given = access::NewAccess::now(person, bal, "delegate", rights, 1, "chef");
    h.store.write::<_, StoreError, _>(move |tx| access::grant(tx, &given)).await.unwrap();
    Actor { who: h.actor.who.clone(), ..other.clone() }
}

async fn texts(h: &House, actor: &Actor) -> Vec<String> {
    let mut out = Vec::new();
    for entry in h.operator.open_folder(actor, "INBOX", true).await.unwrap().entries {
        let mut reader = h.operator.open_message(actor, entry.message).await.unwrap();
        let size = usize::try_from(reader.size()).unwrap();
        out.push(String::from_utf8(reader.read(0, size).await.unwrap()).unwrap());
    }
    out
}

/// Bytes and messages that a BAL counts, and those that it holds.
async fn counted(h: &House, bal: Id) -> ((i64, i64), (i64, i64)) {
    let read = h.store.read::<_, StoreError, _>(move |tx| {
        let held = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT), COUNT(*) FROM entries WHERE bal_id = $1";
        let row = &tx.query("SELECT used_bytes, message_count FROM bals WHERE id = $1", params![bal])?[0];
        let counted = (row.int(0)?, row.int(1)?);
        let row = &tx.query(held, params![bal])?[0];
        Ok((counted, (row.int(0)?, row.int(1)?)))
    });
    read.await.unwrap()
}

async fn what_describes_a_message_is_sealed_anew(h: House) {
    let other = h.neighbour(1 << 20).await;
    let there = beside(&h, &other, 7).await;
    let mut sent = vec![h.file("INBOX", "Subject: un\r\n\r\nbonjour").await];
    let folder = h.open("INBOX").await.folder.id;
    let marks = flags(Flags::FLAGGED, &["mot", "autre"]);
    h.operator.change_flags(&h.actor, folder, &sent, FlagChange::Replace, marks.clone(), None).await.unwrap();
    h.deliver(h.bal_id(), super::Target::Inbox, b"Received: x\r\n", "Subject: deux\r\n\r\nsalut").await.unwrap();
    sent.push(sent[0] + 1);
    // Twice the same message, and one that is not there.
    h.operator.copy(&h.actor, folder, &sent[..1], "INBOX").await.unwrap();
    let uids = [sent[0], sent[1], sent[0] + 2, 99];
    let copied = h.operator.transfer_across(&h.actor, folder, &uids, (&there, "INBOX"), false).await.unwrap();
    assert_eq!(copied.pairs, [(uids[0], 1), (uids[1], 2), (uids[2], 3)]);
    let mine = texts(&h, &h.actor).await;
    assert_eq!(mine[1], "Received: x\r\nSubject: deux\r\n\r\nsalut");
    // Whoever holds the other BAL reads it by its key alone.
    assert_eq!(texts(&h, &other).await, mine);
    let entries = h.operator.open_folder(&other, "INBOX", true).await.unwrap().entries;
    assert_eq!(entries[0].flags, flags(Flags::FLAGGED, &["autre", "mot"]));
    assert_eq!(entries[0].message, entries[2].message, "one message, shown twice");
    let summaries = h.operator.summaries(&other, &[entries[1].message]).await.unwrap();
    assert_eq!(summaries[0].prefix, b"Received: x\r\n");
    // What goes from the one stays in the other.
    let moved = h.operator.transfer_across(&h.actor, folder, &uids, (&there, "INBOX"), true).await.unwrap();
    assert_eq!(moved.pairs.len(), 3);
    assert!(h.open("INBOX").await.entries.is_empty());
    assert_eq!(texts(&h, &other).await, [mine.clone(), mine].concat());
    for bal in [h.bal_id(), other.bal.as_ref().unwrap().id] {
        let (counted, held) = counted(&h, bal).await;
        assert_eq!(counted, held);
    }
    assert_eq!(h.used().await, (0, 0));
    assert_eq!(h.count("SELECT COUNT(*) FROM messages WHERE bal_id = $1").await, 0);
    // Each BAL has its trace of each, by the person who did it.
    let (from, to) = (h.bal_id(), other.bal.as_ref().unwrap().id);
    for act in ["mail.copied", "mail.moved"] {
        let sql =
            "SELECT bal_id, data FROM traces WHERE act = $1 AND person_id = $2 AND data LIKE '%_bal%' ORDER BY id";
        let person = h.actor.person();
        let found = h.store.read::<_, StoreError, _>(move |tx| {
            let rows = tx.query(sql, params![act, person])?;
            rows.iter().map(|r| Ok((r.int(0)?, r.text(1)?))).collect::<Result<Vec<_>, _>>()
        });
        let mut found = found.await.unwrap();
        found.sort();
        let bals: Vec<Id> = found.iter().map(|(bal, _)| *bal).collect();
        let mut both = vec![from, to];
        both.sort_unstable();
        assert_eq!(bals, both, "{act}");
        assert!(found.iter().all(|(_, data)| data.contains("\"count\":3")), "{found:?}");
    }
}

async fn what_is_refused_changes_nothing(h: House) {
    let text = "Subject: un\r\n\r\nbonjour";
    let small = h.neighbour(i64::try_from(text.len()).unwrap()).await;
    let (reader, full) = (h.neighbour(1 << 20).await, small);
    let uids = [h.file("INBOX", text).await, h.file("INBOX", text).await];
    let folder = h.open("INBOX").await.folder.id;
    let (reader_there, full_there) = (beside(&h, &reader, 1).await, beside(&h, &full, 7).await);
    for moving in [false, true] {
        let to = |actor, name| h.operator.transfer_across(&h.actor, folder, &uids, (actor, name), moving);
        refused(to(&reader_there, "INBOX").await, RefusalCode::RightMissing);
        refused(to(&full_there, "INBOX").await, RefusalCode::QuotaExceeded);
        refused(to(&full_there, "Absent").await, RefusalCode::FolderUnknown);
        // Without any access there.
        refused(
            to(&Actor { who: h.actor.who.clone(), ..h.neighbour(9).await }, "INBOX").await,
            RefusalCode::RightMissing,
        );
        refused(
            h.operator.transfer_across(&h.actor, 77, &uids, (&full_there, "INBOX"), moving).await,
            RefusalCode::FolderUnknown,
        );
    }
    // Who may read there may take a copy from there, and take nothing away.
    h.operator.append(&reader, "INBOX", flags(Flags::default(), &[]), None, h.message(text)).await.unwrap();
    let theirs = h.operator.open_folder(&reader_there, "INBOX", true).await.unwrap().folder.id;
    let back = |moving| h.operator.transfer_across(&reader_there, theirs, &[1], (&h.actor, "INBOX"), moving);
    refused(back(true).await, RefusalCode::RightMissing);
    assert_eq!(back(false).await.unwrap().pairs.len(), 1);
    // What could not be sent does not go by a copy: from a BAL of tests to a patient.
    let (from, to) = (reader.bal.as_ref().unwrap().id, h.bal_id());
    let mark = h.store.write::<_, StoreError, _>(move |tx| {
        tx.execute("UPDATE bals SET test = 1 WHERE id = $1", params![from])?;
        tx.execute("UPDATE bals SET kind = 'Usager' WHERE id = $1", params![to])
    });
    mark.await.unwrap();
    let no = back(false).await.unwrap_err();
    assert!(no.code.as_str().starts_with("exchange."), "{no:?}");
    assert_eq!(h.open("INBOX").await.entries.len(), 3);
    assert_eq!(counted(&h, full.bal.as_ref().unwrap().id).await, ((0, 0), (0, 0)));
    assert_eq!(counted(&h, from).await.1.1, 1);
}

async fn two_who_exchange_their_mail_do_not_wait_for_each_other(h: House) {
    let other = h.neighbour(1 << 20).await;
    let there = beside(&h, &other, 7).await;
    for _ in 0..4 {
        h.file("INBOX", "Subject: a\r\n\r\na").await;
        h.operator
            .append(&other, "INBOX", flags(Flags::default(), &[]), None, h.message("Subject: b\r\n\r\nb"))
            .await
            .unwrap();
    }
    let (mine, theirs) = (h.open("INBOX").await, h.operator.open_folder(&there, "INBOX", true).await.unwrap());
    let each = |from: Actor, folder: Id, to: Actor| {
        let operator = h.operator.clone();
        tokio::spawn(async move {
            for uid in 1..=4 {
                let done = operator.transfer_across(&from, folder, &[uid], (&to, "INBOX"), true).await.unwrap();
                assert_eq!(done.pairs.len(), 1);
            }
        })
    };
    let one = each(h.actor.clone(), mine.folder.id, there.clone());
    let two = each(there.clone(), theirs.folder.id, h.actor.clone());
    one.await.unwrap();
    two.await.unwrap();
    assert!(texts(&h, &h.actor).await.iter().all(|t| t.ends_with('b')));
    assert!(texts(&h, &other).await.iter().all(|t| t.ends_with('a')));
    for bal in [h.bal_id(), other.bal.as_ref().unwrap().id] {
        let (counted, held) = counted(&h, bal).await;
        assert_eq!((counted, held.1), (held, 4));
    }
}

/// A message for the INBOX there with a part of a message of here, up to its filing.
async fn with_part(h: &House, here: &Actor, (folder, uid): (Id, u32), there: &Actor) -> Filing {
    let mut takings = Takings::default();
    h.operator.may_take(here, (folder, uid), there, &mut takings).await.unwrap();
    let inbox = h.operator.folder(there, "INBOX").await.unwrap().id;
    let message = h.message("Subject: x\r\n\r\npart");
    let none = flags(Flags::default(), &[]);
    h.operator.prepare_filing(there, inbox, none, None, message).await.unwrap().taking(takings)
}

async fn a_part_is_judged_again_when_it_is_filed(h: House) {
    let other = h.neighbour(1 << 20).await;
    let mut there = beside(&h, &other, 7).await;
    // As in one that several people share.
    there.bal.as_mut().unwrap().kind = BalKind::Org;
    let mut uids = Vec::new();
    for n in ["un", "deux"] {
        uids.push(h.file("INBOX", &format!("Subject: {n}\r\n\r\nbonjour")).await);
    }
    h.operator.create_folder(&h.actor, "Dossier", None).await.unwrap();
    let filed = h.file("Dossier", "Subject: trois\r\n\r\nbonjour").await;
    let (inbox, folder) = (h.open("INBOX").await.folder.id, h.open("Dossier").await.folder.id);
    let part = |folder, uid| with_part(&h, &h.actor, (folder, uid), &there);
    let file = async |filing| h.operator.file(&there, vec![filing], None).await;
    assert_eq!(file(part(inbox, uids[0]).await).await.unwrap().uids, [1]);
    // It was marked meanwhile; it went away, maybe among private things; its folder has become one for them.
    let marked = part(inbox, uids[0]).await;
    let mark = flags(Flags::default(), &["$Private"]);
    h.operator.change_flags(&h.actor, inbox, &uids[..1], FlagChange::Add, mark, None).await.unwrap();
    refused(file(marked).await, RefusalCode::CopyPersonal);
    let gone = part(inbox, uids[1]).await;
    h.operator.move_entries(&h.actor, inbox, &uids[1..], "Archive").await.unwrap();
    refused(file(gone).await, RefusalCode::EntryUnknown);
    let renamed = part(folder, filed).await;
    h.operator.rename_folder(&seated(&h.actor, 15), "Dossier", "Privé").await.unwrap();
    refused(file(renamed).await, RefusalCode::Unavailable);
    // One of several is enough, and nothing of it is kept.
    assert_eq!(h.operator.open_folder(&other, "INBOX", true).await.unwrap().entries.len(), 1);
    let (counted, held) = counted(&h, other.bal.as_ref().unwrap().id).await;
    assert_eq!((counted, held.1), (held, 1));
    // The other way: the access to what was read is over.
    let theirs = h.operator.folder(&there, "INBOX").await.unwrap().id;
    let part = with_part(&h, &there, (theirs, 1), &h.actor).await;
    let (person, bal, before) = (h.actor.person(), other.bal.as_ref().unwrap().id, h.used().await);
    let end = h.store.write::<_, StoreError, _>(move |tx| access::end(tx, person, bal, 2, "chef"));
    assert!(end.await.unwrap());
    refused(h.operator.file(&h.actor, vec![part], None).await, RefusalCode::RightMissing);
    assert_eq!(h.used().await, before);
}

async fn the_last_room_is_taken_once(h: House) {
    let text = "Subject: un\r\n\r\nbonjour";
    let size = i64::try_from(text.len()).unwrap();
    for _ in 0..4 {
        let other = h.neighbour(size).await;
        let bal = other.bal.as_ref().unwrap().id;
        let none = flags(Flags::default(), &[]);
        let deliver = || h.deliver(bal, super::Target::Inbox, b"", text);
        let append = h.operator.append(&other, "INBOX", none, None, h.message(text));
        let (one, two, three) = tokio::join!(deliver(), deliver(), append);
        let refusals: Vec<_> = [one.err(), two.err(), three.err()].into_iter().flatten().map(|r| r.code).collect();
        assert_eq!(refusals.len(), 2, "{refusals:?}");
        let full = [RefusalCode::RcptOverQuota, RefusalCode::QuotaExceeded];
        assert!(refusals.iter().all(|code| full.contains(code)), "{refusals:?}");
        assert_eq!(counted(&h, bal).await, ((size, 1), (size, 1)));
    }
}
