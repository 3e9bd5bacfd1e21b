//! Restores: what comes back, what is refused, what a cut leaves.
use super::*;
use crate::proofs::{attempt, factor};
use sceau_store::accounts::Token;
use sceau_store::care::moving::{Move, migrate};
use sceau_store::care::restore::LEAP;
use sceau_store::care::{Phase, Progress};
use sceau_store::testing::EmptyDatabase;
use sceau_store::{attempts, factors};

on_both_engines! {
    everything_comes_back_into_either_engine,
    a_damaged_backup_is_found_out_before_anything_is_written,
    a_closed_bal_stays_unreadable,
    sessions_do_not_come_back_to_life,
}

async fn sessions_do_not_come_back_to_life(mut s: TestStore) {
    world(&s).await;
    let purposes = ["web", "oauth", "device", "psc"];
    write(&s, move |tx| {
        for (id, purpose) in (1..).zip(purposes) {
            accounts::insert_token(tx, &Token::new(id, 2, (purpose, "x"), &[1, id.to_be_bytes()[7]], 5))?;
        }
        attempts::insert(tx, &attempt(1))?;
        factors::insert(tx, &factor(1, 2, "totp"))
    })
    .await;
    backed_up(&s, None).await.unwrap();
    s.close().await;
    let config = elsewhere(&s, sqlite(&s, "there"), "there");
    restored(&config, &s).await.unwrap();
    s.reopen_with(config).await.unwrap();
    let (live, kept, under_way) = s
        .read(|tx| {
            let live = tx.query("SELECT purpose FROM tokens WHERE revoked IS NULL ORDER BY id", &[])?;
            let live: Vec<String> = live.iter().map(|r| r.text(0)).collect::<Result<_>>()?;
            Ok::<_, StoreError>((live, factors::by_id(tx, 1)?, tx.query("SELECT id FROM attempts", &[])?.len()))
        })
        .await
        .unwrap();
    // What a program or a standing row proves was not open: whoever took it away since takes it away again.
    assert_eq!(live, ["device", "psc"]);
    assert_eq!((kept, under_way), (Some(factor(1, 2, "totp")), 0));
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
        // So are the modseqs of all entries: flags that were changed since are told again.
        let entries =
            s.read(|tx| tx.query("SELECT modseq FROM entries", &[])).await.map_err(|e: StoreError| e).unwrap();
        assert!(entries.iter().all(|r| r.int(0).unwrap() > 1 << 32), "{name}");
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
            let content = file.starts_with(dest.join("blobs"));
            let lost = match said {
                CareError::DamagedContents { count: 1, .. } => content,
                CareError::Damaged(_) | CareError::NoBackup(_) => !content,
                _ => false,
            };
            assert!(lost, "{}", file.display());
            let there = s.folder().join("there");
            assert!(!there.exists() || files(&there).iter().all(|f| f.ends_with("sceau.db.lock")));
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
        restore(&config, From { generation: Some("20200101T000000.000Z"), ..newest(&dest) }, silent(), &Arc::default())
            .await,
        Err(CareError::NoBackup(_))
    ));
    restored(&config, &s).await.unwrap();
}

async fn a_closed_bal_stays_unreadable(mut s: TestStore) {
    world(&s).await;
    backed_up(&s, None).await.unwrap();
    s.vault().destroy_bal_key(1).await.unwrap();
    s.close().await;
    let config = elsewhere(&s, sqlite(&s, "there"), "there");
    let done = restore(&config, newest(&s.folder().join("backup")), silent(), &Arc::default()).await.unwrap();
    assert_eq!(done.to_close, 1);
    // Nothing of it can be read, whatever its row says until the server closes it again.
    s.reopen_with(config).await.unwrap();
    assert_eq!(s.vault().bal_key(1).await.unwrap_err(), StoreError::NoKey);
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
    let work = tokio::spawn(async move { restore(&given, newest(&dest), silent(), &seen).await });
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
