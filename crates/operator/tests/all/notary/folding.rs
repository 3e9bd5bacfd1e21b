//! Traces get their leaves, whatever the order of commits and whoever folds.
use crate::notary::on_both_engines;
use crate::notary::world::{World, operator};
use sceau_notary::audit::Finding;
use sceau_notary::bundle::Bundle;
use sceau_operator::notary::{EvidenceError, LogReader};
use sceau_store::traces::Kind;
use sceau_store::{Store, StoreError};

on_both_engines!(
    everything_committed_is_folded_and_verifies,
    what_was_committed_late_is_found_by_the_patrol,
    the_file_heals_after_a_crash,
    evidence_of_any_trace_verifies_offline,
    keys_are_changed_without_breaking_the_log,
);

async fn everything_committed_is_folded_and_verifies(mut w: World) {
    World::assert_good(&w.verify_with(None, false).await);
    let ids = w.history(3, 30).await;
    assert_eq!(w.notary().round().await.unwrap(), 0, "nothing twice");
    let report = w.verify().await;
    World::assert_good(&report);
    assert_eq!((report.leaves, report.traces, report.checkpoints, report.outside), (90, 90, 3, 3));
    assert_eq!(w.number("SELECT COUNT(*) FROM nodes_of_log").await, 5, "one row for sixteen leaves");
    // A trace that waits is no fault while it is new.
    w.acts(1).await;
    assert_eq!(w.verify().await.waiting, 1);
    // Another process goes on where this one was.
    w.restart().await;
    assert_eq!(w.notary().round().await.unwrap(), 0, "the lease of the dead process is respected");
    w.later(91_000);
    assert!(matches!(w.findings().await[..], [Finding::Unsealed { .. }]));
    assert_eq!(w.notary().round().await.unwrap(), 1);
    // More than one slice: each commits with its checkpoint.
    w.acts(2_500).await;
    assert_eq!(w.notary().round().await.unwrap(), 2_500);
    let report = w.verify().await;
    World::assert_good(&report);
    assert_eq!((report.leaves, report.checkpoints, report.outside), (2_591, 7, 7));
    assert_eq!(w.number("SELECT COUNT(*) FROM leaves l JOIN traces t ON t.id = l.trace_id").await, 2_591);
    assert_eq!(w.rows(&format!("SELECT 1 FROM leaves WHERE trace_id = {}", ids[7])).await.len(), 1);
}

async fn what_was_committed_late_is_found_by_the_patrol(w: World) {
    w.history(1, 5).await;
    // Three acts whose ids are made now: one commits in time, one a little late, one very late.
    let made = [w.trace(Kind::Functional), w.trace(Kind::Functional), w.trace(Kind::Functional)];
    let [first, second, third] = made;
    w.later(1_000);
    w.acts(5).await;
    w.write(vec![first]).await;
    assert_eq!(w.notary().round().await.unwrap(), 6);
    w.later(20_000);
    w.write(vec![second]).await;
    assert_eq!(w.notary().round().await.unwrap(), 1, "found by the window, below the last id");
    // The window moves on; the patrol comes by once a minute.
    for _ in 0..3 {
        w.later(25_000);
        w.acts(1).await;
        w.notary().round().await.unwrap();
    }
    w.write(vec![third]).await;
    let mut found = 0;
    for _ in 0..4 {
        w.later(61_000);
        found += w.notary().round().await.unwrap();
    }
    assert_eq!(found, 1);
    World::assert_good(&w.verify().await);
}

async fn the_file_heals_after_a_crash(mut w: World) {
    w.history(2, 5).await;
    // The process died after the commit and before, or within, the line of the file.
    let text = std::fs::read_to_string(w.file()).unwrap();
    let second = text.lines().next().unwrap().len() + 1;
    for kept in [second, second + 30, text.len() - 1] {
        w.close().await;
        std::fs::write(w.file(), &text[..kept]).unwrap();
        w.store.reopen().await;
        w.start().await;
        w.later(60_000);
        w.notary().round().await.unwrap();
        let report = w.verify().await;
        World::assert_good(&report);
        assert!(std::fs::read_to_string(w.file()).unwrap().starts_with(&text[..kept]), "never rewritten");
    }
    // A folder that cannot be written: folding goes on, the file is completed later.
    std::fs::remove_file(w.file()).unwrap();
    std::fs::create_dir(w.file()).unwrap();
    w.acts(3).await;
    assert_eq!(w.notary().round().await.unwrap(), 3);
    let open = "SELECT code FROM alarms WHERE cleared IS NULL AND code LIKE 'notary.%'";
    assert_eq!(w.rows(open).await.len(), 1);
    std::fs::remove_dir(w.file()).unwrap();
    std::fs::write(w.file(), &text).unwrap();
    w.acts(3).await;
    w.notary().round().await.unwrap();
    assert_eq!(w.outside().last().map(|c| c.size), Some(16));
    World::assert_good(&w.verify().await);
    assert_eq!(w.rows(open).await.len(), 0);
}

async fn evidence_of_any_trace_verifies_offline(w: World) {
    let ids = w.history(4, 9).await;
    let reader = LogReader::new(w.store.clone());
    let older = w.outside()[1].clone();
    for (i, id) in ids.iter().enumerate() {
        let bundle = reader.evidence(*id, Some(older.clone())).await.unwrap();
        let read = Bundle::parse(bundle.to_json().as_bytes()).unwrap();
        assert_eq!((read.leaf.number, read.trace.id, read.checkpoint.size), (i as u64, *id, 36));
        assert_eq!(read.verify(&w.keys().await[0]), Ok(()));
    }
    let new = w.acts(1).await[0];
    assert_eq!(reader.evidence(new, None).await, Err(EvidenceError::NotYet));
    assert_eq!(reader.evidence(5, None).await, Err(EvidenceError::Unknown));
    let mut foreign = older;
    foreign.root[0] ^= 1;
    assert_eq!(reader.evidence(ids[0], Some(foreign)).await, Err(EvidenceError::Foreign));
}

async fn keys_are_changed_without_breaking_the_log(w: World) {
    w.history(1, 4).await;
    let (new, old) = w.store.vault().rotate_signing_key().await.unwrap();
    w.history(1, 4).await;
    let keys: Vec<String> = w.outside().iter().map(|c| c.key.clone()).collect();
    assert_eq!(keys, [old, new].map(|k| sceau_notary::PublicKey(k).id()));
    World::assert_good(&w.verify().await);
}

/// Two nodes fold at once, again and again, while both write: one log without a hole, every trace once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_fold_one_log() {
    let w = World::new(sceau_store::testing::postgres().await).await;
    let mut config = w.store.config.clone();
    (config.node, config.name, config.spools) = (2, "second".into(), w.store.folder().join("spools2"));
    let other = Store::open(config).await.unwrap();
    let mut settings = w.settings.clone();
    settings.checkpoints = w.store.folder().join("outside/second.jsonl");
    let second = operator(&other).await.notary(settings.clone());
    let (mut folded, mut by_second) = (0, 0);
    for round in 0..12 {
        // The lease ends now and then: whoever comes first has it.
        w.later(if round % 4 == 3 { 61_000 } else { 100 });
        w.acts(40).await;
        let (a, b) = tokio::join!(w.notary().round(), second.round());
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a == 0 || b == 0, "one at a time: {a} and {b}");
        folded += a + b;
        by_second += b;
    }
    // The first holder dies without a word; the other takes over when the lease ends, and not before.
    let first_holds = w.rows("SELECT owner FROM leases WHERE name = 'notary' AND owner LIKE '1:%'").await.len() == 1;
    let survivor = if first_holds { &second } else { w.notary() };
    w.acts(7).await;
    assert_eq!(survivor.round().await.unwrap(), 0);
    w.later(60_001);
    folded += survivor.round().await.unwrap();
    assert_eq!(folded, 487, "{by_second} by the second node");
    let own = w.verify().await;
    World::assert_good(&own);
    let of_second = w.verify_with(Some(settings.checkpoints), false).await;
    World::assert_good(&of_second);
    assert_eq!(own.outside + of_second.outside, own.checkpoints);
    assert_eq!(w.number("SELECT MAX(number) + 1 FROM leaves").await, 487);
}

/// With statements and commits that fail at random, before or after they took place, nothing is folded twice and nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folding_over_a_database_that_fails() {
    let w = World::new(sceau_store::testing::failing_postgres(7).await).await;
    let mut folded = 0;
    for _ in 0..15 {
        w.later(100);
        w.acts(20).await;
        // Some rounds fail as a whole; the next one makes up for it.
        folded += w.notary().round().await.unwrap_or(0);
    }
    w.later(61_000);
    for _ in 0..3 {
        folded += w.notary().round().await.unwrap_or(0);
    }
    assert!(folded <= 300);
    let report = w.verify().await;
    World::assert_good(&report);
    assert_eq!(report.leaves, 300);
    let failed: Result<(), StoreError> = w.store.ping().await;
    failed.unwrap();
}

/// What folding costs, printed: nothing is asserted of speed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cost_of_folding_is_told() {
    let w = World::new(sceau_store::testing::sqlite().await).await;
    for batch in 0..3 {
        for _ in 0..5 {
            w.acts(1_000).await;
        }
        let begun = std::time::Instant::now();
        let count = w.notary().round().await.unwrap();
        let taken = begun.elapsed();
        let idle = std::time::Instant::now();
        w.notary().round().await.unwrap();
        println!(
            "{batch}: {count} leaves in {taken:?}, {:.0} a second; a round with nothing new, {} traces in the window: {:?}",
            count as f64 / taken.as_secs_f64(),
            (batch + 1) * 5_000,
            idle.elapsed()
        );
    }
    World::assert_good(&w.verify().await);
}
