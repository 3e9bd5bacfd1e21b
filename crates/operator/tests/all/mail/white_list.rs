//! The white list's life: the last good copy serves whatever happens, and alarms say what happens.
use sceau_domain::DomainName;
use sceau_operator::Operator;
use sceau_store::testing::{START, TestStore};
use sceau_testkit::pki::{DAY, Pki, source};
use sceau_testkit::world::*;
use sceau_trust::Trust;

async fn open(store: &TestStore, pki: &Pki) -> Operator {
    let mut config = config();
    config.white_list = Some(source());
    Operator::open(config, (**store).clone(), Trust::new(pki.anchors())).await.unwrap()
}

fn contains(op: &Operator, domain: &str) -> bool {
    op.trust().white_list().is_some_and(|l| l.contains(&domain.parse::<DomainName>().unwrap()))
}

async fn open_alarms(store: &TestStore) -> Vec<String> {
    let rows = store.read(|tx| sceau_store::alarms::list(tx, false, 100)).await;
    let mut codes: Vec<String> =
        rows.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}")).into_iter().map(|a| a.code).collect();
    codes.sort();
    codes
}

#[tokio::test]
async fn the_last_good_copy_serves_and_survives_a_restart() {
    let (store, pki, stranger) = (sceau_store::testing::sqlite().await, Pki::new(), Pki::new());
    let op = open(&store, &pki).await;
    assert!(op.trust().white_list().is_none());

    let first = pki.list(&[("beta.mssante.fr", BETA), ("gamma.mssante.fr", GAMMA)], START.plus_ms(-DAY));
    let view = op.put_white_list(first.clone()).await.unwrap();
    assert!(view.changed && view.error.is_none());
    assert_eq!(view.added, ["beta.mssante.fr", "gamma.mssante.fr"]);
    assert!(!op.put_white_list(first.clone()).await.unwrap().changed);

    let second = pki.list(&[("beta.mssante.fr", GAMMA), ("delta.mssante.fr", BETA)], START);
    let view = op.put_white_list(second.clone()).await.unwrap();
    assert_eq!(
        (view.added, view.removed, view.altered),
        (vec!["delta.mssante.fr".to_owned()], vec!["gamma.mssante.fr".to_owned()], vec!["beta.mssante.fr".to_owned()],)
    );
    assert_eq!(view.generated, Some(START));

    // Nothing bad comes in force; each cause has its alarm.
    let altered = String::from_utf8(second.clone()).unwrap().replace("delta.mssante.fr", "pirate.mssante.fr");
    for (bad, alarm) in [
        (first.clone(), "white_list.rollback"),
        (pki.list(&[("pirate.mssante.fr", BETA)], START), "white_list.twin"),
        (altered.into_bytes(), "white_list.signature"),
        (b"<html>".to_vec(), "white_list.format"),
        (stranger.list(&[("pirate.mssante.fr", BETA)], START.plus_ms(1000)), "white_list.signer"),
        (pki.list(&[("pirate.mssante.fr", BETA)], START.plus_ms(DAY)), "white_list.future"),
    ] {
        let view = op.put_white_list(bad).await.unwrap();
        assert!(!view.changed);
        assert_eq!(view.error.as_ref().map(|e| e.0.as_str()), Some(alarm));
        assert!(contains(&op, "delta.mssante.fr") && !contains(&op, "pirate.mssante.fr"));
        assert!(open_alarms(&store).await.contains(&alarm.to_owned()));
    }
    // Unreachable: the same.
    let view = op.refresh_white_list().await.unwrap();
    assert_eq!(view.error.as_ref().map(|e| e.0.as_str()), Some("white_list.fetch"));
    assert!(contains(&op, "delta.mssante.fr"));
    assert!(op.white_list_state().last_error.is_some());
    assert_eq!(open_alarms(&store).await.len(), 7);

    // A restart finds it again, and a good list ends the alarms.
    let op = open(&store, &pki).await;
    assert!(contains(&op, "delta.mssante.fr"));
    assert_eq!(op.white_list_state().generated, Some(START));
    op.put_white_list(pki.list(&[("beta.mssante.fr", BETA)], START.plus_ms(2000))).await.unwrap();
    assert_eq!(open_alarms(&store).await, Vec::<String>::new());
    assert!(op.white_list_state().last_error.is_none());
    let traces = store.read(|tx| {
        sceau_store::traces::list(
            tx,
            &sceau_store::traces::Filter { act: Some("white_list".into()), limit: 10, ..Default::default() },
        )
    });
    assert_eq!(traces.await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}")).len(), 3);
}

#[tokio::test]
async fn a_copy_that_the_anchors_no_longer_trust_is_not_restored() {
    let (store, pki) = (sceau_store::testing::sqlite().await, Pki::new());
    let op = open(&store, &pki).await;
    op.put_white_list(pki.list(&[("beta.mssante.fr", BETA)], START)).await.unwrap();
    let op = open(&store, &Pki::new()).await;
    assert!(op.trust().white_list().is_none());
    assert_eq!(open_alarms(&store).await, ["white_list.signer"]);
}

#[tokio::test]
async fn a_full_store_is_told_and_its_recovery_too() {
    let (store, pki) = (sceau_store::testing::sqlite().await, Pki::new());
    let op = open(&store, &pki).await;
    let refusal = sceau_operator::refuse::store(&sceau_store::StoreError::Full);
    assert_eq!(refusal.code.as_str(), "system.storage_full");
    op.housekeeping().await.unwrap();
    assert_eq!(open_alarms(&store).await, ["store.full"]);
    op.housekeeping().await.unwrap();
    assert_eq!(open_alarms(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_copy_that_is_not_restored_still_forbids_older_lists() {
    let (store, pki, next) = (sceau_store::testing::sqlite().await, Pki::new(), Pki::new());
    let op = open(&store, &pki).await;
    op.put_white_list(pki.list(&[("beta.mssante.fr", BETA)], START)).await.unwrap();
    for _ in 0..2 {
        // The anchors changed: no list is in force, and a good one that somebody kept from before must not be.
        let op = open(&store, &next).await;
        let old = next.list(&[("pirate.mssante.fr", BETA)], START.plus_ms(-DAY));
        let view = op.put_white_list(old).await.unwrap();
        assert_eq!(view.error.as_ref().map(|e| e.0.as_str()), Some("white_list.rollback"));
        assert!(op.trust().white_list().is_none());
    }
    let op = open(&store, &next).await;
    let view = op.put_white_list(next.list(&[("gamma.mssante.fr", GAMMA)], START)).await.unwrap();
    assert!(view.error.is_none() && contains(&op, "gamma.mssante.fr"));
}

#[tokio::test]
async fn without_a_source_nothing_is_fetched_or_put() {
    let w = World::new().await;
    assert_eq!(code(w.op.refresh_white_list().await), "admin.invalid");
    assert_eq!(code(w.op.put_white_list(Vec::new()).await), "admin.invalid");
    w.op.run_white_list(tokio_util::sync::CancellationToken::new()).await;
}

#[tokio::test]
async fn the_loop_stops_when_asked() {
    let (store, pki) = (sceau_store::testing::sqlite().await, Pki::new());
    let op = open(&store, &pki).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn({
        let (op, stop) = (op.clone(), stop.clone());
        async move { op.run_white_list(stop).await }
    });
    while open_alarms(&store).await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    stop.cancel();
    tokio::time::timeout(std::time::Duration::from_secs(10), running).await.expect("stopped").unwrap();
}
