//! Tests: a database of each earlier schema, made from the schema files themselves, is opened by today's program and nothing of it is
//! missing.
use super::check::{counts, engine, loose};
use super::load::ALONE;
use super::tables::DATA_SET;
use crate::blob::BlobRow;
use crate::engine::{Pending, Tx};
use crate::testing::{EmptyDatabase, TestStore};
use crate::{DataKey, EngineUrl, StoreConfig, StoreError, Value, blob, folders, messages, params, testing};

/// Rows as the schema of `version` takes them. BAL 1 has two folders and two messages from schema 2 on, a queue from schema 3 on.
fn fill(tx: &mut dyn Tx, version: i64, content: &BlobRow) -> Result<(), StoreError> {
    tx.execute("INSERT INTO domains (id, name, kind, created) VALUES (1, 'a.example', 'Production', 5)", &[])?;
    tx.execute("INSERT INTO people (id, login, name, created) VALUES (2, 'camille', 'Camille Éloi', 5)", &[])?;
    let sql = "INSERT INTO bals (id, address_key, address, domain_id, kind, label, test, reachable, state, modseq, \
               uidvalidity_next, used_bytes, message_count, quota_bytes, created) \
               VALUES (1, 'c@a.example', 'C@a.example', 1, 'Per', 'C', 0, 1, 'active', 9, 77, $1, $2, 1000000, 5)";
    let filled = version >= 2;
    tx.execute(sql, params![if filled { 30 } else { 0 }, if filled { 3 } else { 0 }])?;
    tx.execute("INSERT INTO access (person_id, bal_id, role, granted) VALUES (2, 1, 'holder', 5)", &[])?;
    let sql = "INSERT INTO traces (id, kind, act, at, actor, outcome, data) VALUES (3, 'Functional', 'login.ok', 5, 'camille', 'ok', '{}')";
    tx.execute(sql, &[])?;
    let sql = "INSERT INTO settings (name, value, version, updated) VALUES ('white_list', $1, 1, 5)";
    tx.execute(sql, params![vec![0_u8, 255]])?;
    blob::insert(tx, content)?;
    if version >= 2 {
        for (folder, counts) in [(10_i64, [2_i64, 1, 0, 20]), (11, [1, 0, 1, 10])] {
            let [messages, unseen, deleted, bytes] = counts;
            let sql = "INSERT INTO folders (id, bal_id, name_sealed, name_tag, subscribed, uidvalidity, uidnext, modseq, created, \
                       messages, unseen, deleted, bytes) VALUES ($1, 1, $2, $2, 1, 70, 8, 9, 5, $3, $4, $5, $6)";
            tx.execute(sql, params![folder, folder.to_be_bytes().to_vec(), messages, unseen, deleted, bytes])?;
        }
        for id in [20_i64, 21] {
            let sql = "INSERT INTO messages (id, bal_id, blob_id, blob_key, summary, size, created) VALUES ($1, 1, $2, $2, $2, 10, 5)";
            tx.execute(sql, params![id, content.id.as_slice()])?;
        }
        for (folder, uid, message, flags) in [(10_i64, 1_i64, 20_i64, 0_i64), (10, 7, 21, 1), (11, 3, 20, 9)] {
            let sql = "INSERT INTO entries (folder_id, uid, bal_id, message_id, modseq, flags, internal_date, size) \
                       VALUES ($1, $2, 1, $3, 4, $4, 5, 10)";
            tx.execute(sql, params![folder, uid, message, flags])?;
        }
        tx.execute("INSERT INTO vanished (folder_id, uid, uid_last, bal_id, modseq) VALUES (10, 2, 6, 1, 8)", &[])?;
    }
    if version >= 3 {
        let sql = "INSERT INTO queue_messages (id, blob_id, epoch, blob_key, bal_id, sender, prefix, size, body_8bit, smtputf8, created, \
                   expires, tag) VALUES (30, $1, 1, $1, 1, 'c@a.example', $1, 1, 0, 0, 5, 9, 't')";
        tx.execute(sql, params![content.id.as_slice()])?;
        let sql = "INSERT INTO queue_entries (id, message_id, destination, recipient, attempts, unreached_base, next_at, expires) \
                   VALUES (31, 30, 'b.example', 'x@b.example', 2, 0, 5, 9)";
        tx.execute(sql, &[])?;
        let sql = "INSERT INTO queue_destinations (domain, next_at, failures, unreached) VALUES ('b.example', 5, 0, 0)";
        tx.execute(sql, &[])?;
    }
    Ok(())
}

async fn opens(store: &mut TestStore, data: EngineUrl, version: i64, content: BlobRow, key: DataKey) {
    let (url, made) = (data.clone(), content.clone());
    let age = DATA_SET.at(version).unwrap();
    let engine =
        tokio::task::spawn_blocking(move || Pending::connect(&url, age, ALONE)?.start()).await.unwrap().unwrap();
    let kept = engine.write(move |tx| fill(tx, version, &made)).await;
    kept.unwrap_or_else(|e| panic!("schema {version}: {e}"));
    tokio::task::spawn_blocking(move || drop(engine)).await.unwrap();
    // A database has a place of its own.
    let blobs = store.folder().join(format!("blobs-{version}")).into();
    let config = StoreConfig { data, blobs, ..store.config.clone() };
    store.reopen_with(config).await.unwrap_or_else(|e| panic!("schema {version}: {e}"));
    let known = DATA_SET.migrations.known();
    let (found, floor, person) = store
        .read(|tx| {
            let found = tx.query_opt(&DATA_SET.migrations.newest(), &[])?.unwrap().int(0)?;
            let floor = tx.query_opt("SELECT journal_floor, modseq, label FROM bals", &[])?.unwrap();
            Ok::<_, StoreError>((found, floor, tx.query("SELECT name FROM people", &[])?[0].text(0)?))
        })
        .await
        .unwrap();
    assert_eq!((found, person.as_str()), (known, "Camille Éloi"));
    assert_eq!(floor.0, params![if version < 7 { 9 } else { 0 }, 9, "C"], "schema {version}");
    let mut reader = store.open_blob(content.id, key).await.unwrap();
    assert_eq!(reader.read_at(0, 100).await.unwrap(), b"contenu");
    let (mut real, entries, loose) = store
        .read(|tx| {
            let (real, entries) = (counts::folders(tx, 1)?, folders::list(tx, 1)?);
            let mut all = Vec::new();
            for folder in entries {
                all.extend(
                    messages::entries(tx, folder.id)?.into_iter().map(|e| (folder.id, e.uid, e.message, e.flags)),
                );
            }
            let loose = loose::entries_without_folder(tx, &(i64::MIN, 0))?.len()
                + loose::entries_without_message(tx, &(i64::MIN, 0))?.len()
                + loose::messages_without_blob(tx, &i64::MIN)?.len()
                + loose::queued_without_blob(tx, &i64::MIN)?.len();
            Ok::<_, StoreError>((real, all, loose))
        })
        .await
        .unwrap();
    let expected = if version < 2 { vec![] } else { vec![(10, 1, 20, 0), (10, 7, 21, 1), (11, 3, 20, 9)] };
    assert_eq!((entries, loose), (expected, 0), "schema {version}");
    real.retain(|f| f.kept != f.real || f.uidnext <= f.last_uid);
    assert!(real.is_empty(), "schema {version}: {real:?}");
    assert!(engine::integrity(store).await.unwrap().is_empty());
    assert!(engine::unreadable(store, &super::Progress::default()).await.unwrap().is_empty());
    let waiting = store.read(|tx| tx.query("SELECT attempts FROM queue_entries", &[])).await;
    let waiting: Vec<Vec<Value>> = waiting.map_err(|e: StoreError| e).unwrap().into_iter().map(|r| r.0).collect();
    assert_eq!(waiting, if version < 3 { vec![] } else { vec![params![2].to_vec()] });
}

async fn spooled(store: &TestStore) -> (BlobRow, DataKey) {
    let mut spool = store.spool();
    spool.write(b"contenu").unwrap();
    let spool = spool.finish().unwrap();
    (BlobRow::from(&spool), spool.key.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_earlier_schema_opens_on_sqlite() {
    let mut store = testing::sqlite().await;
    store.vault().create_bal_key(1).await.unwrap();
    for version in 1..=DATA_SET.migrations.known() {
        let (content, key) = spooled(&store).await;
        let data = EngineUrl::Sqlite(store.folder().join(format!("schema-{version}/sceau.db")));
        opens(&mut store, data, version, content, key).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_earlier_schema_opens_on_postgres() {
    let mut store = testing::postgres().await;
    store.vault().create_bal_key(1).await.unwrap();
    let mut databases = Vec::new();
    for version in 1..=DATA_SET.migrations.known() {
        let (content, key) = spooled(&store).await;
        let database = EmptyDatabase::new().await;
        opens(&mut store, database.url(), version, content, key).await;
        databases.push(database);
    }
    store.close().await;
}
