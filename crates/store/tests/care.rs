//! Backup, restore and moves of whole stores, between both engines.
#[macro_use]
mod support;

use sceau_store::accounts::{self, Bal, Domain, Person};
use sceau_store::blob::{self, BlobId, BlobRow, Collected};
use sceau_store::care::backup::{BackedUp, backup};
use sceau_store::care::moving::{Move, migrate};
use sceau_store::care::restore::{LEAP, restore};
use sceau_store::care::{CareError, Phase, Progress};
use sceau_store::testing::{EmptyDatabase, TestStore};
use sceau_store::{BlobPlace, DataKey, EngineUrl, Row, Store, StoreConfig, StoreError, Tx, Value, folders, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

on_both_engines! {
    everything_comes_back_into_either_engine,
    what_is_there_is_not_copied_again_and_old_generations_go,
    nothing_is_collected_while_a_backup_runs,
    a_damaged_backup_is_found_out_before_anything_is_written,
    a_store_moves_to_either_engine_and_back,
    a_closed_bal_stays_unreadable,
    rows_are_of_one_instant,
}

type Result<T = ()> = std::result::Result<T, StoreError>;

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut x = seed | 1;
    (0..len)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x as u8
        })
        .collect()
}

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
            let person = Person { id, login, name, national_id, created: 5, admin_role: None, disabled: None };
            accounts::insert_person(tx, &person)?;
        }
        let bal = Bal {
            id: 1,
            address_key: "a@sceau.example".into(),
            address: "A@sceau.example".into(),
            domain_id: 1,
            kind: "Per".into(),
            label: "Camille".into(),
            test: false,
            reachable: true,
            state: "active".into(),
            used_bytes: 0,
            message_count: 0,
            quota_bytes: i64::MAX,
            created: -5,
        };
        accounts::insert_bal(tx, &bal)?;
        accounts::grant(tx, 2, 1, "holder", 7)?;
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

async fn restored(config: &StoreConfig, s: &TestStore) -> std::result::Result<u64, CareError> {
    restore(config, &s.folder().join("backup"), None, &Arc::default()).await.map(|r| r.rows)
}

async fn everything_comes_back_into_either_engine(mut s: TestStore) {
    let blobs = world(&s).await;
    many(&s, 5_000).await;
    let before = rows(&s).await;
    let progress = Arc::new(Progress::default());
    let done = backup(&s, s.folder().join("backup"), None, &progress).await.unwrap();
    assert_eq!((done.blobs, done.copied, done.missing), (1, 1, 0));
    let (phase, at, of) = progress.now();
    assert_eq!((phase, at, of), (Phase::Blobs, 1, 1));
    // What comes after the snapshot is not in it.
    many_more(&s).await;
    let uidnext = s.read(|tx| folders::by_id(tx, 1, 10)).await.map_err(|e: StoreError| e).unwrap().unwrap().uidnext;
    // Nobody else may hold the keyring.
    s.close().await;
    let database = EmptyDatabase::new().await;
    for (name, url) in [("there", sqlite(&s, "there")), ("far", database.url())] {
        let config = elsewhere(&s, url, name);
        assert_eq!(restored(&config, &s).await, Ok(done.rows), "{name}");
        assert_eq!(restored(&config, &s).await, Err(CareError::NotEmpty), "{name}");
        s.reopen_with(config).await.unwrap();
        assert_eq!(rows(&s).await, before, "{name}");
        opens(&s, &blobs).await;
        let (folder, bal, gone) = s
            .read(|tx| {
                let bal = tx.query_opt("SELECT modseq, journal_floor FROM bals", &[])?.unwrap();
                Ok::<_, StoreError>((
                    folders::by_id(tx, 1, 10)?.unwrap(),
                    bal,
                    tx.query("SELECT uid, uid_last, modseq FROM vanished", &[])?,
                ))
            })
            .await
            .unwrap();
        // UIDs that were given since the backup are never given again, and earlier views begin anew.
        assert_eq!(folder.uidnext, uidnext + LEAP);
        assert_eq!((bal.int(0).unwrap(), folder.modseq), (bal.int(1).unwrap(), bal.int(0).unwrap()));
        assert_eq!(gone[0].0, params![uidnext, uidnext + LEAP - 1, folder.modseq]);
        let acts: Vec<String> = s
            .read(|tx| {
                tx.query("SELECT act FROM traces ORDER BY id", &[])?.iter().map(|r| r.text(0)).collect::<Result<_>>()
            })
            .await
            .unwrap();
        assert_eq!(acts, ["store.restored"]);
        s.close().await;
    }
}

async fn many_more(s: &Store) {
    write(s, |tx| tx.execute("INSERT INTO accepted_mail (digest, at) VALUES ($1, 1)", params![vec![9_u8; 40]])).await;
}

async fn what_is_there_is_not_copied_again_and_old_generations_go(s: TestStore) {
    world(&s).await;
    let first = backed_up(&s, None).await.unwrap();
    assert_eq!((first.blobs, first.copied), (1, 1));
    message(&s, 102, &noise(70_000, 5)).await;
    let second = backed_up(&s, Some(2)).await.unwrap();
    assert_eq!((second.blobs, second.copied, second.generations_removed), (2, 1, 0));
    // What a cut left is never taken for a generation, and goes.
    let dest = s.folder().join("backup");
    let cut = dest.join("20990101T000000.000Z.partial");
    std::fs::create_dir(&cut).unwrap();
    // A file that was cut short is copied again.
    let big = s.read(|tx| tx.query("SELECT id FROM blobs WHERE inline IS NULL ORDER BY id", &[])).await;
    let big = hex::encode(big.map_err(|e: StoreError| e).unwrap()[0].bytes(0).unwrap());
    let file = dest.join("blobs").join(&big[..2]).join(&big);
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..100]).unwrap();
    let third = backed_up(&s, None).await.unwrap();
    assert_eq!((third.blobs, third.copied), (2, 1));
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    assert!(!cut.exists());
    // The message goes, and its blob with the last generation that names it.
    write(&s, |tx| {
        let row = tx.query_opt("SELECT blob_id FROM messages WHERE id = 102", &[])?.unwrap();
        tx.execute("DELETE FROM entries WHERE message_id = 102", &[])?;
        tx.execute("DELETE FROM messages WHERE id = 102", &[])?;
        blob::release(tx, &blob::id_from(&row.bytes(0)?)?, sceau_domain::Timestamp(0))
    })
    .await;
    assert_eq!(blob::collect(&s).await.unwrap().rows, 1);
    let fourth = backed_up(&s, Some(2)).await.unwrap();
    assert_eq!((fourth.blobs, fourth.generations_removed, fourth.blobs_removed), (1, 2, 0));
    let fifth = backed_up(&s, Some(1)).await.unwrap();
    assert_eq!((fifth.copied, fifth.generations_removed, fifth.blobs_removed), (0, 2, 1));
    assert_eq!(files(&dest.join("blobs")).len(), 1);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in folder.read_dir().unwrap().map(std::result::Result::unwrap) {
        if entry.metadata().unwrap().is_dir() { out.extend(files(&entry.path())) } else { out.push(entry.path()) }
    }
    out
}

async fn nothing_is_collected_while_a_backup_runs(s: TestStore) {
    world(&s).await;
    let (id, _) = message(&s, 102, &noise(70_000, 5)).await;
    let release = |s: &Store| {
        let s = s.clone();
        async move {
            write(&s, move |tx| {
                tx.execute("DELETE FROM entries WHERE message_id = 102", &[])?;
                tx.execute("DELETE FROM messages WHERE id = 102", &[])?;
                blob::release(tx, &id, sceau_domain::Timestamp(0))
            })
            .await;
        }
    };
    // As a backup does it, in another process.
    let until = s.clock().now().0 + 60_000;
    let hold = move |tx: &mut dyn Tx| sceau_store::leases::take(tx, "backup", "another", until - 60_000, until);
    assert!(write(&s, hold).await);
    release(&s).await;
    assert_eq!(blob::collect(&s).await.unwrap(), Collected::default());
    assert_eq!(blob::sweep(&s).await.unwrap(), Collected::default());
    assert_eq!(backed_up(&s, None).await, Err(CareError::Running));
    // Its process died: the hold ends by time.
    s.clock.advance_ms(60_000);
    assert_eq!(blob::collect(&s).await.unwrap().rows, 1);
    assert_eq!(backed_up(&s, None).await.unwrap().blobs, 1);
    // And it is given back.
    let held = s.read(|tx| tx.query("SELECT name FROM leases WHERE until > 0", &[])).await;
    assert!(held.map_err(|e: StoreError| e).unwrap().is_empty());
}

async fn a_damaged_backup_is_found_out_before_anything_is_written(mut s: TestStore) {
    world(&s).await;
    let generation = backed_up(&s, None).await.unwrap().generation;
    let dest = s.folder().join("backup");
    s.close().await;
    let config = elsewhere(&s, sqlite(&s, "there"), "there");
    let mut names: Vec<PathBuf> = files(&dest.join(&generation));
    names.extend(files(&dest.join("blobs")));
    assert!(names.len() > 10);
    for file in names {
        let whole = std::fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        let at = flipped.len() / 2;
        flipped[at] ^= 4;
        for bad in [Some(&flipped[..]), Some(&whole[..at]), None] {
            match bad {
                Some(bytes) => std::fs::write(&file, bytes).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
            let said = restored(&config, &s).await.unwrap_err();
            let lost = matches!(said, CareError::Damaged(_) | CareError::File { .. } | CareError::NoBackup(_));
            assert!(lost, "{}: {said:?}", file.display());
            assert!(files(&s.folder().join("there")).iter().all(|f| f.ends_with("sceau.db.lock")));
        }
        std::fs::write(&file, &whole).unwrap();
    }
    // A keyring with keys and no data: not a new operator.
    let opened = Store::open(config.clone()).await.map(drop);
    assert_eq!(opened, Err(StoreError::DataMissing));
    // Without a keyring nothing could be read: said before anything is done.
    let alone = StoreConfig { keyring: sqlite(&s, "no-keyring"), ..config.clone() };
    assert_eq!(restored(&alone, &s).await, Err(CareError::NoKeyring));
    let foreign = StoreConfig { master: sceau_store::MasterKey::generate().unwrap(), ..config.clone() };
    assert_eq!(restored(&foreign, &s).await, Err(CareError::Store(StoreError::WrongMasterKey)));
    assert!(matches!(
        restore(&config, &dest, Some("20200101T000000.000Z"), &Arc::default()).await,
        Err(CareError::NoBackup(_))
    ));
    restored(&config, &s).await.unwrap();
}

async fn a_store_moves_to_either_engine_and_back(mut s: TestStore) {
    let blobs = world(&s).await;
    many(&s, 5_000).await;
    let before = rows(&s).await;
    let journal = |s: &Store| {
        let s = s.clone();
        async move {
            let sql =
                "SELECT b.modseq, b.journal_floor, f.uidnext, f.modseq FROM bals b JOIN folders f ON f.bal_id = b.id";
            s.read(|tx| tx.query_opt(sql, &[])).await.map_err(|e: StoreError| e).unwrap().unwrap().0
        }
    };
    let modseqs = journal(&s).await;
    let plan = |from: &StoreConfig, to: &StoreConfig| Move {
        data: (from.data.clone(), to.data.clone()),
        keyring: Some((from.keyring.clone(), to.keyring.clone())),
        blobs: Some((from.blobs.clone(), to.blobs.clone())),
        spools: to.spools.clone(),
        clock: to.clock.clone(),
    };
    let (data, keyring) = (EmptyDatabase::new().await, EmptyDatabase::new().await);
    let mut from = s.config.clone();
    let at = |name: &str, data: EngineUrl, keyring: EngineUrl| StoreConfig { keyring, ..elsewhere(&s, data, name) };
    let targets = [at("far", data.url(), keyring.url()), at("near", sqlite(&s, "near"), sqlite(&s, "near-keys"))];
    for to in targets {
        // While a server uses it, it does not move.
        let said = migrate(&plan(&from, &to), &Arc::default()).await;
        assert!(matches!(said, Err(CareError::InUse(_))), "{said:?}");
        s.close().await;
        let moved = migrate(&plan(&from, &to), &Arc::default()).await.unwrap();
        assert!(moved.rows > 5_000 && moved.keys >= 2 && moved.blobs == 1, "{moved:?}");
        s.reopen_with(to.clone()).await.unwrap();
        assert_eq!(rows(&s).await, before);
        assert_eq!(journal(&s).await, modseqs);
        opens(&s, &blobs).await;
        s.vault().bal_key(1).await.unwrap();
        from = to;
    }
}

async fn a_closed_bal_stays_unreadable(mut s: TestStore) {
    world(&s).await;
    backed_up(&s, None).await.unwrap();
    s.vault().destroy_bal_key(1).await.unwrap();
    s.close().await;
    let config = elsewhere(&s, sqlite(&s, "there"), "there");
    let done = restore(&config, &s.folder().join("backup"), None, &Arc::default()).await.unwrap();
    assert_eq!(done.to_close, 1);
    // Nothing of it can be read, whatever its row says until the server closes it again.
    s.reopen_with(config).await.unwrap();
    assert_eq!(s.vault().bal_key(1).await.unwrap_err(), StoreError::NoKey);
}

/// Each transaction writes into the first and into the last table that are read: a backup taken meanwhile has both or neither.
async fn rows_are_of_one_instant(mut s: TestStore) {
    world(&s).await;
    many(&s, 3_000).await;
    let (writer, over) = ((*s).clone(), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let until = Arc::clone(&over);
    let load = tokio::spawn(async move {
        let mut n = 1_000_i64;
        while !until.load(std::sync::atomic::Ordering::Relaxed) {
            n += 1;
            write(&writer, move |tx| {
                let sql = "INSERT INTO domains (id, name, kind, created) VALUES ($1, $2, 'Production', 5)";
                tx.execute(sql, params![n, format!("d{n}.example")])?;
                let sql = "INSERT INTO nodes_of_log (level, number, hash) VALUES (900, $1, $2)";
                tx.execute(sql, params![n, vec![1_u8]])
            })
            .await;
        }
        n
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let done = backed_up(&s, None).await.unwrap();
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(load.await.unwrap() > 1_001);
    s.close().await;
    let config = elsewhere(&s, sqlite(&s, "there"), "there");
    assert_eq!(restored(&config, &s).await, Ok(done.rows));
    s.reopen_with(config).await.unwrap();
    let (domains, nodes) = s
        .read(|tx| {
            let count = |tx: &mut dyn Tx, sql: &str| tx.query(sql, &[])?[0].int(0);
            let domains = count(tx, "SELECT COUNT(*) FROM domains WHERE id > 1000")?;
            Ok::<_, StoreError>((domains, count(tx, "SELECT COUNT(*) FROM nodes_of_log WHERE level = 900")?))
        })
        .await
        .unwrap();
    assert_eq!(domains, nodes);
}

/// A move that is killed goes on where it stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_goes_on() {
    let mut s = sceau_store::testing::sqlite().await;
    world(&s).await;
    many(&s, 20_000).await;
    let before = rows(&s).await;
    s.close().await;
    let config = elsewhere(&s, sqlite(&s, "there"), "there");
    let plan = Move {
        data: (s.config.data.clone(), config.data.clone()),
        keyring: None,
        blobs: Some((s.config.blobs.clone(), config.blobs.clone())),
        spools: config.spools.clone(),
        clock: config.clock.clone(),
    };
    let progress = Arc::new(Progress::default());
    let (given, seen) = (plan.clone(), Arc::clone(&progress));
    let work = tokio::spawn(async move { migrate(&given, &seen).await });
    while !matches!(progress.now(), (Phase::Rows, 9_000.., _)) {
        assert!(!work.is_finished());
        tokio::task::yield_now().await;
    }
    work.abort();
    let _ = work.await;
    let moved = loop {
        match migrate(&plan, &Arc::default()).await {
            Err(CareError::InUse(_)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            other => break other.unwrap(),
        }
    };
    assert!(moved.rows > 20_000);
    s.reopen_with(config).await.unwrap();
    assert_eq!(rows(&s).await, before);
}

/// A restore that is killed leaves what nobody opens, and goes on where it stopped.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_unfinished_is_not_opened_and_goes_on() {
    let mut s = sceau_store::testing::sqlite().await;
    let blobs = world(&s).await;
    many(&s, 20_000).await;
    let before = rows(&s).await;
    let done = backed_up(&s, None).await.unwrap();
    s.close().await;
    let config = elsewhere(&s, sqlite(&s, "there"), "there");
    // Stopped somewhere in the middle of the rows.
    let progress = Arc::new(Progress::default());
    let (dest, given, seen) = (s.folder().join("backup"), config.clone(), Arc::clone(&progress));
    let work = tokio::spawn(async move { restore(&given, &dest, None, &seen).await });
    while !matches!(progress.now(), (Phase::Rows, 100.., _)) {
        assert!(!work.is_finished());
        tokio::task::yield_now().await;
    }
    work.abort();
    let _ = work.await;
    // The threads of the stopped run let go of the file.
    let refused = loop {
        match s.reopen_with(config.clone()).await.unwrap_err() {
            StoreError::Locked(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            other => break other,
        }
    };
    assert_eq!(refused, StoreError::Unfinished);
    // Another backup does not go on with it.
    let moving = Move {
        data: (s.config.data.clone(), config.data.clone()),
        keyring: None,
        blobs: None,
        spools: config.spools.clone(),
        clock: config.clock.clone(),
    };
    assert_eq!(migrate(&moving, &Arc::default()).await, Err(CareError::OtherUnfinished));
    assert_eq!(restored(&config, &s).await, Ok(done.rows));
    s.reopen_with(config).await.unwrap();
    assert_eq!(rows(&s).await, before);
    opens(&s, &blobs).await;
}
