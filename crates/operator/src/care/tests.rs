//! Seeded faults: each is found by its code; what can be healed is, and the next look finds nothing; what is lost is named, and the rest
//! serves.
use super::finding::Kind;
use super::fsck::{Options, Report, fsck};
use crate::mailbox::deliver::Target;
use crate::mailbox::entries::Flags;
use crate::mailbox::tests::{House, flags, on_both};
use sceau_store::care::Progress;
use sceau_store::traces::{Filter, list};
use sceau_store::{StoreError, Tx, Value, blob, params};
use std::collections::BTreeSet;

on_both!(what_can_be_derived_is_healed, what_is_lost_is_named_and_the_rest_serves);

const ALL: Options = Options { blobs: true, content: true, repair: false };

async fn look(h: &House, options: Options) -> Report {
    fsck(&h.store, options, &Progress::default()).await.unwrap()
}

async fn codes(h: &House) -> BTreeSet<&'static str> {
    let report = look(h, ALL).await;
    report.findings.iter().map(|f| f.code.as_str()).collect()
}

async fn fault(h: &House, f: impl FnMut(&mut dyn Tx) -> Result<(), StoreError> + Send + 'static) {
    h.store.write(f).await.unwrap();
}

async fn sql(h: &House, sql: &'static str) {
    fault(h, move |tx| {
        assert!(tx.execute(sql, &[])? > 0, "{sql}");
        Ok(())
    })
    .await;
}

/// Flips a bit of one sealed column of one row.
async fn flip(h: &House, table: &'static str, column: &'static str, row: &'static str) {
    fault(h, move |tx| {
        let found = tx.query(&format!("SELECT id, {column} FROM {table} WHERE {row} ORDER BY id LIMIT 1"), &[])?;
        let mut sealed = found[0].bytes(1)?;
        let middle = sealed.len() / 2;
        sealed[middle] ^= 1;
        let id: Value = found[0].0[0].clone();
        tx.execute(&format!("UPDATE {table} SET {column} = $2 WHERE id = $1"), &[id, sealed.into()]).map(drop)
    })
    .await;
}

fn letter(subject: &str, bytes: usize) -> String {
    let mut x = 88_172_645_463_325_252_u64;
    let body: String = (0..bytes)
        .map(|i| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            if i % 70 == 69 { '\n' } else { char::from(b'a' + (x % 26) as u8) }
        })
        .collect();
    format!("From: a@a.example\r\nSubject: {subject}\r\n\r\n{}\r\n", body.replace('\n', "\r\n"))
}

/// Five letters: one large, one with a prefix, one with a keyword; another folder; a neighbour.
async fn house(h: &House) {
    h.file("INBOX", &letter("un", 100)).await;
    h.file("INBOX", &letter("deux", 60_000)).await;
    h.deliver(h.bal_id(), Target::Inbox, b"Received: from b.example\r\n", &letter("trois", 200)).await.unwrap();
    let with = flags(Flags::SEEN, &["a-relire"]);
    h.operator.append(&h.actor, "INBOX", with, None, h.message(&letter("quatre", 50))).await.unwrap();
    h.operator.create_folder(&h.actor, "Dossiers/Été", None).await.unwrap();
    h.file("Dossiers/Été", &letter("cinq", 30_000)).await;
    assert_eq!(codes(h).await, BTreeSet::new());
}

async fn what_can_be_derived_is_healed(h: House) {
    house(&h).await;
    let faults: [(&'static str, &[&str]); 16] = [
        ("UPDATE folders SET modseq = 1 WHERE messages > 0", &["folder.modseq"]),
        ("UPDATE bals SET uidvalidity_next = 1", &["bal.uidvalidity"]),
        ("UPDATE bals SET journal_floor = modseq + 5", &["bal.modseq"]),
        ("UPDATE folders SET name_tag = name_sealed WHERE special_use = 'sent'", &["folder.name"]),
        (
            "INSERT INTO vanished (folder_id, uid, uid_last, bal_id, modseq) \
             SELECT folder_id, uid, uid, bal_id, 1 FROM entries WHERE uid = 2",
            &["entry.vanished"],
        ),
        (
            "INSERT INTO vanished (folder_id, uid, uid_last, bal_id, modseq) \
             SELECT id, uidnext + 3, uidnext + 5, bal_id, 1 FROM folders WHERE messages > 1",
            &["folder.uidnext"],
        ),
        ("UPDATE folders SET unseen = unseen + 1 WHERE messages > 0", &["folder.counts"]),
        ("UPDATE folders SET bytes = 0, messages = 99", &["folder.counts"]),
        ("UPDATE bals SET used_bytes = used_bytes - 7, message_count = 0", &["bal.counts"]),
        ("UPDATE folders SET uidnext = 1 WHERE messages > 0", &["folder.uidnext"]),
        ("UPDATE bals SET modseq = 0", &["bal.modseq"]),
        ("UPDATE entries SET size = size + 1 WHERE uid = 2", &["entry.size", "folder.counts", "bal.counts"]),
        ("UPDATE entries SET folder_id = 7 WHERE uid = 4", &["entry.folder", "folder.counts", "bal.counts"]),
        ("DELETE FROM entries WHERE uid = 3", &["message.hidden", "folder.counts", "bal.counts"]),
        ("UPDATE entries SET message_id = 999 WHERE uid = 2", &["entry.message", "message.hidden"]),
        ("DELETE FROM keywords", &["entry.keywords"]),
    ];
    for (statement, expected) in faults {
        sql(&h, statement).await;
        heals(&h, statement, expected).await;
    }
    // All of it is told, not a first part.
    fault(&h, |tx| {
        let sql = "INSERT INTO entries (folder_id, uid, bal_id, message_id, modseq, flags, internal_date, size) \
                   SELECT 7, CAST($1 AS BIGINT), id, CAST($1 AS BIGINT), 1, 1, 1, 1 FROM bals";
        (1..=2_100_i64).try_for_each(|uid| tx.execute(sql, params![uid]).map(drop))
    })
    .await;
    assert!(look(&h, ALL).await.found >= 2 * 2_100);
    sql(&h, "DELETE FROM entries WHERE folder_id = 7").await;
    flip(&h, "folders", "name_sealed", "special_use IS NULL AND messages > 1").await;
    heals(&h, "name of INBOX", &["folder.name"]).await;
    assert!(h.names().await.contains(&"INBOX".to_owned()));
    flip(&h, "folders", "name_sealed", "special_use = 'sent'").await;
    heals(&h, "name of Sent", &["folder.name"]).await;
    assert!(h.names().await.contains(&"Sent".to_owned()));
    for which in ["size < 2000", "size > 20000"] {
        flip(&h, "messages", "summary", which).await;
        heals(&h, "summary", &["message.summary"]).await;
    }
    let with = flags(Flags::SEEN, &["a-relire"]);
    h.operator.append(&h.actor, "INBOX", with, None, h.message(&letter("six", 50))).await.unwrap();
    flip(&h, "keywords", "name_sealed", "slot >= 0").await;
    heals(&h, "keyword", &["keyword.name"]).await;
    // Rows of search of a message that is gone.
    let bal = h.bal_id();
    fault(&h, move |tx| {
        let sql = "INSERT INTO texts (message_id, bal_id, version, made, pass, text_key) VALUES (999, $1, 1, 1, 0, $2)";
        tx.execute(sql, params![bal, vec![1_u8]]).map(drop)
    })
    .await;
    heals(&h, "texts", &["search.index"]).await;
    // Garbage: a row and an object that nothing names.
    fault(&h, |tx| {
        let sql = "INSERT INTO blobs (id, size, inline, created) VALUES ($1, 3, $1, 5)";
        tx.execute(sql, params![vec![7_u8; 16]]).map(drop)
    })
    .await;
    let stray = h.store.folder().join("stray");
    std::fs::write(&stray, b"sealed").unwrap();
    blob::put_raw(&h.store, [9; 16], &stray).await.unwrap();
    h.store.clock.advance_ms(2 * 3_600_000);
    heals(&h, "garbage", &["blob.unnamed", "blob.stray"]).await;
    // The queue: a message that nobody waits for, a destination that nobody tries.
    fault(&h, move |tx| {
        let sql = "INSERT INTO queue_messages (id, blob_id, epoch, blob_key, bal_id, sender, prefix, size, body_8bit, smtputf8, \
                   created, expires, tag) SELECT 5, blob_id, 1, blob_key, bal_id, '', blob_key, 1, 0, 0, 1, 2, 't' \
                   FROM messages ORDER BY id LIMIT 1";
        tx.execute(sql, &[]).map(drop)
    })
    .await;
    let found = codes(&h).await;
    assert_eq!(found, BTreeSet::from(["queue.empty", "queue.sealed"]));
    heals(&h, "queue", &["queue.empty"]).await;
    // Each repair left its trace.
    let filter = Filter { act: Some("store.repaired".into()), limit: 100, ..Filter::default() };
    let traces = h.store.read(move |tx| list(tx, &filter)).await.map_err(|e: StoreError| e).unwrap();
    assert!(traces.len() >= 15, "{}", traces.len());
}

/// The fault is found, healed, and gone; every message can be read.
async fn heals(h: &House, what: &str, expected: &[&str]) {
    let found = codes(h).await;
    assert!(expected.iter().all(|code| found.contains(code)), "{what}: {found:?}");
    let report = look(h, Options { repair: true, ..ALL }).await;
    assert!(report.findings.iter().filter(|f| f.repairable).all(|f| f.repaired), "{what}: {report:?}");
    assert_eq!(codes(h).await, BTreeSet::new(), "{what}");
    readable(h).await;
}

/// Reads every message that a folder shows; how many.
async fn readable(h: &House) -> usize {
    let mut count = 0;
    for name in h.names().await {
        for entry in h.open(&name).await.entries {
            let mut reader = h.operator.open_message(&h.actor, entry.message).await.unwrap();
            let size = reader.size();
            reader.read(0, usize::try_from(size).unwrap()).await.unwrap();
            assert_eq!(h.operator.summaries(&h.actor, &[entry.message]).await.unwrap().len(), 1);
            count += 1;
        }
    }
    count
}

async fn what_is_lost_is_named_and_the_rest_serves(h: House) {
    house(&h).await;
    let other = h.neighbour(1 << 20).await;
    let other_id = other.bal.as_ref().unwrap().id;
    h.deliver(other_id, Target::Inbox, b"", &letter("sept", 10)).await.unwrap();
    // One after the other, each on another message.
    flip(&h, "messages", "blob_key", "size < 200").await;
    flip(&h, "messages", "prefix", "prefix IS NOT NULL").await;
    sql(&h, "UPDATE blobs SET size = size + 1 WHERE size > 20000 AND size < 40000").await;
    let big = "SELECT id FROM blobs WHERE inline IS NULL AND size > 50000";
    let ids = h.store.read(move |tx| tx.query(big, &[])?.iter().map(|r| blob::id_from(&r.bytes(0)?)).collect()).await;
    blob::remove_raw(&h.store, ids.map_err(|e: StoreError| e).unwrap()).await.unwrap();
    h.store.vault().destroy_bal_key(other_id).await.unwrap();
    // A patient's address in the queue, and a BAL that bears another's address than the one of its opening.
    let (bal, trace, now) = (h.bal_id(), h.store.new_id(), h.store.clock().now().0);
    fault(&h, move |tx| {
        let sql = "INSERT INTO queue_messages (id, blob_id, epoch, blob_key, bal_id, sender, sender_sealed, prefix, size, body_8bit, \
                   smtputf8, created, expires, tag) SELECT 5, blob_id, 1, blob_key, bal_id, '', blob_key, blob_key, 1, 0, 0, 1, 2, 't' \
                   FROM messages ORDER BY id LIMIT 1";
        tx.execute(sql, &[])?;
        let sql = "INSERT INTO queue_destinations (domain, next_at, failures, unreached) VALUES ('b.example', 5, 0, 0)";
        tx.execute(sql, &[])?;
        let sql = "INSERT INTO queue_entries (id, message_id, destination, recipient, recipient_sealed, attempts, unreached_base, next_at, \
                   expires) VALUES (6, 5, 'b.example', 'p-1@b.example', $1, 0, 0, 5, 9)";
        tx.execute(sql, params![vec![1_u8; 40]])?;
        let sql = "INSERT INTO uploads (id, bal_id, draft_id, sealed, size, held, created) VALUES (7, $1, 8, $2, 9, 9, 1)";
        tx.execute(sql, params![bal, vec![1_u8; 4]])?;
        let sql = "INSERT INTO upload_pieces (upload_id, first, bal_id, size, blob_id, blob_key) VALUES (7, 0, $1, 5, $2, $2)";
        tx.execute(sql, params![bal, vec![1_u8; 16]])?;
        let sql = "INSERT INTO traces (id, kind, act, at, actor, bal_id, bal, outcome, data) \
                   VALUES ($1, 'Functional', 'bal.opened', $2, 'camille', $3, 'autre@a.example', 'ok', '{}')";
        tx.execute(sql, params![trace, now, bal]).map(drop)
    })
    .await;
    let expected = [
        "bal.address",
        "bal.key",
        "blob.lost",
        "message.content",
        "message.key",
        "message.prefix",
        "queue.address",
        "queue.sealed",
        "upload.blob",
        "upload.held",
    ];
    let report = look(&h, Options { repair: true, ..ALL }).await;
    let found: BTreeSet<&str> = report.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(found, BTreeSet::from(expected), "{report:?}");
    assert!(report.repaired == 0 && report.findings.iter().all(|f| f.bal.is_some() && !f.repairable));
    assert!(
        report
            .findings
            .iter()
            .filter(|f| ![Kind::BalKey, Kind::BalAddress, Kind::UploadBlob, Kind::UploadHeld].contains(&f.code))
            .all(|f| f.message.is_some()),
        "{report:?}"
    );
    // Another look says the same: nothing was touched.
    assert_eq!(look(&h, ALL).await.found, report.found);
    // The rest serves.
    let entries = h.open("INBOX").await.entries;
    let mut read = 0;
    for entry in &entries {
        if let Ok(mut reader) = h.operator.open_message(&h.actor, entry.message).await {
            read += usize::from(reader.read(0, 10).await.is_ok());
        }
    }
    assert_eq!((entries.len(), read), (4, 1));
    h.file("INBOX", &letter("huit", 100)).await;
}
