//! Backup, restore and moves of whole stores, between both engines.
mod backups;
mod damaged;
mod moves;
mod restores;

use sceau_store::accounts::{self, Bal, Domain, Person};
use sceau_store::blob::{self, BlobId, BlobRow};
use sceau_store::care::CareError;
use sceau_store::care::backup::{BackedUp, backup};
use sceau_store::care::restore::{Attest, From, Restored, restore};
use sceau_store::testing::{TestStore, noise};
use sceau_store::{
    BlobPlace, DataKey, EngineUrl, Row, Store, StoreConfig, StoreError, Tx, Value, access, folders, params,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Result<T = ()> = std::result::Result<T, StoreError>;

async fn write<T: Send + 'static>(s: &Store, f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static) -> T {
    s.write(f).await.unwrap()
}

/// A blob named by a message of BAL 1.
async fn message(s: &Store, id: i64, content: &[u8]) -> (BlobId, DataKey) {
    let mut spool = s.spool();
    spool.write(content).unwrap();
    let mut spool = spool.finish().unwrap();
    spool.settle().await.unwrap();
    let row = BlobRow::from(&spool);
    let named = (spool.id, spool.key.clone());
    let blob = spool.id.to_vec();
    write(s, move |tx| {
        blob::insert(tx, &row)?;
        let sql = "INSERT INTO messages (id, bal_id, blob_id, blob_key, prefix, summary, size, created) \
                   VALUES ($1, 1, $2, $3, NULL, $3, 5, 6)";
        tx.execute(sql, params![id, blob.clone(), vec![0_u8, 255, 7]])?;
        let sql = "INSERT INTO entries (folder_id, uid, bal_id, message_id, modseq, flags, keywords, internal_date, size) \
                   VALUES (10, $1, 1, $1, 2, 1, $2, 3, 5)";
        let keywords = (id % 2 == 0).then(|| vec![1_u8, 2]);
        tx.execute(sql, params![id, keywords])
    })
    .await;
    spool.kept();
    named
}

/// People, a BAL with a folder, texts with every kind of letter; two blobs, one of them outside the rows.
async fn world(s: &Store) -> Vec<(BlobId, DataKey, Vec<u8>)> {
    s.vault().create_bal_key(1).await.unwrap();
    write(s, |tx| {
        let domain = Domain { id: 1, name: "sceau.example".into(), kind: "Production".into(), created: 5 };
        accounts::insert_domain(tx, &domain)?;
        for id in 1..=3_i64 {
            let name = format!("Éléonore {id} “ œ 🩺 \\ ' \n");
            let (login, national_id) = (format!("p{id}"), (id == 2).then(|| "810".to_owned()));
            let person = Person { national_id, ..Person::new(id, &login, &name, 5) };
            accounts::insert_person(tx, &person)?;
        }
        let bal = Bal::new(1, ("a@sceau.example", "A@sceau.example"), 1, "Per", -5);
        accounts::insert_bal(tx, &bal)?;
        access::grant(tx, &access::NewAccess::now(2, 1, "holder", 15, 7, "chef"))?;
        let new = folders::NewFolder {
            id: 10,
            bal: 1,
            name_sealed: vec![1, 2, 0],
            name_tag: vec![0; 32],
            special_use: None,
            subscribed: true,
            created: 1_000_000,
        };
        folders::insert(tx, &new, 1)?;
        folders::take_uids(tx, 10, 7)?;
        tx.execute("INSERT INTO settings (name, value, version, updated) VALUES ('é', $1, 1, 2)", params![Vec::new()])
    })
    .await;
    let mut blobs = Vec::new();
    for (id, len) in [(100, 500), (101, 200_001)] {
        let content = noise(len, id as u64);
        let (blob, key) = message(s, id, &content).await;
        blobs.push((blob, key, content));
    }
    blobs
}

/// More rows than a page or a slice holds.
async fn many(s: &Store, rows: i64) {
    write(s, move |tx| {
        for i in 0..rows {
            let sql = "INSERT INTO accepted_mail (digest, at) VALUES ($1, $2)";
            tx.execute(sql, params![i.wrapping_mul(0x5851_f42d_4c95_7f2d).to_be_bytes().as_slice(), i])?;
        }
        Ok(())
    })
    .await;
}

const TABLES: [&str; 9] =
    ["domains", "people", "bals", "access", "settings", "messages", "entries", "accepted_mail", "folders"];

/// Every row of the tables that the tests fill; what a restore changes on purpose is left out.
async fn rows(s: &Store) -> BTreeMap<&'static str, Vec<Vec<Value>>> {
    s.read(|tx| {
        let mut all = BTreeMap::new();
        for table in TABLES {
            let columns = match table {
                "bals" => "id, address_key, address, label, quota_bytes, created, state",
                // A restore moves modseqs on.
                "entries" => "folder_id, uid, bal_id, message_id, flags, keywords, internal_date, size",
                "folders" => "id, bal_id, name_sealed, name_tag, uidvalidity, subscribed",
                _ => "*",
            };
            let rows = tx.query(&format!("SELECT {columns} FROM {table} ORDER BY 1, 2"), &[])?;
            all.insert(table, rows.into_iter().map(|Row(values)| values).collect());
        }
        Ok::<_, StoreError>(all)
    })
    .await
    .unwrap()
}

async fn opens(s: &Store, blobs: &[(BlobId, DataKey, Vec<u8>)]) {
    for (id, key, content) in blobs {
        let mut reader = s.open_blob(*id, key.clone()).await.unwrap();
        assert_eq!(&reader.read_at(0, content.len() + 1).await.unwrap(), content);
    }
}

/// Data and blobs elsewhere, the same keyring.
fn elsewhere(s: &TestStore, data: EngineUrl, name: &str) -> StoreConfig {
    let folder = s.folder().join(name);
    StoreConfig {
        data,
        blobs: BlobPlace::Folder(folder.join("blobs")),
        spools: folder.join("spools"),
        ..s.config.clone()
    }
}

fn sqlite(s: &TestStore, name: &str) -> EngineUrl {
    EngineUrl::Sqlite(s.folder().join(name).join("sceau.db"))
}

async fn backed_up(s: &TestStore, keep: Option<usize>) -> std::result::Result<BackedUp, CareError> {
    s.clock.advance_ms(1_000);
    backup(s, s.folder().join("backup"), keep, &Arc::default()).await
}

/// The newest generation of a folder, whole.
fn newest(folder: &Path) -> From<'_> {
    From { folder, generation: None, leave_out_damaged: false }
}

/// Nothing is said of a log.
fn silent() -> Arc<Attest> {
    Arc::new(|_, _, _, _| serde_json::Value::Null)
}

/// Restores the newest generation. A server that many tests share may be busy for a moment: what is temporary is tried again.
async fn restored(config: &StoreConfig, s: &TestStore) -> std::result::Result<u64, CareError> {
    restored_leaving(config, s, false).await.map(|r| r.rows)
}

/// Likewise, with damaged contents left out or not.
async fn restored_leaving(
    config: &StoreConfig,
    s: &TestStore,
    leave_out_damaged: bool,
) -> std::result::Result<Restored, CareError> {
    let dest = s.folder().join("backup");
    let from = From { leave_out_damaged, ..newest(&dest) };
    for _ in 0..40 {
        match restore(config, from, silent(), &Arc::default()).await {
            Err(CareError::Store(e)) if e.is_transient() => {
                tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            }
            done => return done,
        }
    }
    panic!("the server stays busy");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in folder.read_dir().unwrap().map(std::result::Result::unwrap) {
        if entry.metadata().unwrap().is_dir() { out.extend(files(&entry.path())) } else { out.push(entry.path()) }
    }
    out
}
