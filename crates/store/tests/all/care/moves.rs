//! Moves between engines and places.
use super::*;
use sceau_store::care::moving::{Move, migrate};
use sceau_store::care::{Phase, Progress};
use sceau_store::testing::EmptyDatabase;

on_both_engines! {
    a_store_moves_to_either_engine_and_back,
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
