//! Power cuts at any instant: one run under a mixed load is recorded below SQLite and below the store's own files, on a disk
//! that fails now and then; then the disk is put together again as a cut at random instants could have left it, opened, and everything that was acknowledged
//! is counted. `SCEAU_LONG=1` takes thousands of instants, otherwise some dozens.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod expected;
mod load;

use expected::Expected;
use load::{ANNE, FROM, letter};
use sceau_faults::{Cut, Die, Op, Replay, Trouble};
use sceau_operator::{Door, Operator};
use sceau_store::{Store, StoreConfig, StoreError, testing};
use sceau_testkit::world::{BETA, World, envelope, origin, peer};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Cuts looked at together.
const IN_FLIGHT: usize = 3;

fn long() -> bool {
    std::env::var_os("SCEAU_LONG").is_some()
}

struct Recording {
    ops: Vec<Op>,
    /// Operations until the people were there: cuts come after.
    ready: usize,
    disk: Replay,
    config: StoreConfig,
    root: std::path::PathBuf,
    expected: Arc<Expected>,
    w: Arc<World>,
}

/// One run under load.
async fn recorded() -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let recorder = sceau_faults::record(&root);
    let w = Arc::new(World::on(testing::sqlite_in(folder).await, |c| c.limits.message_bytes = 1 << 20).await);
    load::long_ago(&w).await;
    let ready = recorder.len();
    let expected = Arc::new(Expected::default());
    load::run(&w, &recorder, &expected).await;
    let ops = recorder.take();
    let files = ops[ready..].iter().filter(|op| matches!(op, Op::Rename(_, to) if to.starts_with("blobs/"))).count();
    assert!(files > 20, "letters became files: {files}");
    Recording { ops, ready, disk: Replay::default(), config: w.store.config.clone(), root, expected, w }
}

/// Cuts the power at `cuts` random instants; what was found wrong, with the instant and the kind of cut.
async fn cut(r: &mut Recording, cuts: usize, seed: u64) -> Vec<String> {
    let mut die = Die::new(seed);
    let mut instants: Vec<usize> = (0..cuts).map(|_| r.ready + die.below(r.ops.len() - r.ready)).collect();
    instants.sort_unstable();
    let scratch = tempfile::tempdir().unwrap();
    let (mut played, mut wrong) = (0, Vec::new());
    let mut checks = tokio::task::JoinSet::new();
    for (i, instant) in instants.into_iter().enumerate() {
        while played <= instant {
            r.disk.play(&r.ops[played]);
            played += 1;
        }
        let kind = Cut::thrown(&mut die);
        let folder = scratch.path().join(i.to_string());
        r.disk.cut(&folder, kind, &mut die).unwrap();
        let (w, expected, acknowledged) = (r.w.clone(), r.expected.clone(), r.disk.acknowledged().clone());
        let config = sceau_faults::moved(&r.config, &r.root, &folder);
        let place = format!("seed {seed}, operation {instant} of {}, {kind:?}", r.ops.len());
        checks.spawn(async move {
            let found = opened(config, &folder, &w, &expected, &acknowledged).await;
            // Its threads may still be closing.
            let _ = std::fs::remove_dir_all(&folder);
            found.into_iter().map(|f| format!("{place}: {f}")).collect::<Vec<_>>()
        });
        if checks.len() >= IN_FLIGHT {
            wrong.extend(checks.join_next().await.unwrap().unwrap());
        }
    }
    while let Some(found) = checks.join_next().await {
        wrong.extend(found.unwrap());
    }
    wrong
}

/// What is wrong with a store that the power was cut under.
async fn opened(
    config: StoreConfig,
    folder: &Path,
    w: &World,
    expected: &Expected,
    acknowledged: &HashSet<u64>,
) -> Vec<String> {
    let store = match Store::open(config).await {
        Ok(store) => store,
        Err(e) => return vec![format!("does not open: {e}")],
    };
    let op = match Operator::open(w.op.config().clone(), store.clone(), w.op.trust().clone()).await {
        Ok(op) => op,
        Err(e) => return vec![format!("does not open: {}", e.code.as_str())],
    };
    let mut found = expected.check(&op, w, acknowledged).await;
    found.extend(expected::fsck(&store).await);
    found.extend(expected::goes_on(&op, &store, w, folder).await);
    found.extend(expected.check(&op, w, acknowledged).await);
    found.extend(expected::fsck(&store).await);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_a_power_cut_at_any_instant() {
    let by_hand = std::env::var("SCEAU_CUTS").ok().and_then(|n| n.parse().ok());
    let (runs, cuts) = if long() { (4, 600) } else { (1, by_hand.unwrap_or(20)) };
    for run in 0..runs {
        let mut recording = recorded().await;
        assert!(recording.ops.len() > 1000, "{}", recording.ops.len());
        let wrong = cut(&mut recording, cuts, 100 + run).await;
        assert!(wrong.is_empty(), "{} findings, first: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
        println!("run {run}: {} operations recorded, {cuts} cuts, nothing lost", recording.ops.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_lies_about_synchronising_is_found_out() {
    let mut recording = recorded().await;
    recording.disk.lies = true;
    assert!(!cut(&mut recording, 12, 7).await.is_empty(), "the check can fail");
}

/// Each of these would be a cut's work; the store's own check names it. (What people see is counted besides: see the disk that lies.)
#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_behind_the_store_is_found_by_its_own_check() {
    let w = World::with(|c| c.limits.message_bytes = 1 << 20).await;
    for n in 0..4 {
        load::deliver(&w, ANNE, n).await.unwrap();
    }
    w.op.notary(load::notary_settings(w.store.folder())).round().await.unwrap();
    assert_eq!(expected::fsck(&w.store).await, Vec::<String>::new());
    let sql = async |sql: &'static str| w.store.write(move |tx| tx.execute(sql, &[])).await as Result<u64, StoreError>;
    for (seed, heal, code) in [
        ("UPDATE folders SET messages = messages + 1", "UPDATE folders SET messages = messages - 1", "folder.counts"),
        (
            "UPDATE traces SET actor = actor || 'x'",
            "UPDATE traces SET actor = substr(actor, 1, length(actor) - 1)",
            "log",
        ),
        ("UPDATE messages SET size = size + 1", "UPDATE messages SET size = size - 1", "message"),
    ] {
        assert!(sql(seed).await.unwrap() > 0, "{seed}");
        let found = expected::fsck(&w.store).await;
        assert!(found.iter().any(|f| f.contains(code)), "{seed}: {found:?}");
        sql(heal).await.unwrap();
        assert_eq!(expected::fsck(&w.store).await, Vec::<String>::new(), "{heal}");
    }
    // An object that is altered, then gone; a row that is gone.
    let object = objects(&w.store.folder().join("blobs")).pop().unwrap();
    let mut bytes = std::fs::read(&object).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    assert!(!expected::fsck(&w.store).await.is_empty());
    std::fs::remove_file(&object).unwrap();
    assert!(!expected::fsck(&w.store).await.is_empty());
    let w = World::new().await;
    load::deliver(&w, ANNE, 1).await.unwrap();
    let gone: Result<u64, StoreError> = w.store.write(|tx| tx.execute("DELETE FROM entries", &[])).await;
    assert_eq!(gone, Ok(1));
    assert!(!expected::fsck(&w.store).await.is_empty());
}

/// Objects below a folder: all files but the mark.
fn objects(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => found.extend(objects(&path)),
            path if !entry.file_name().to_string_lossy().starts_with('.') => found.push(path),
            _ => {}
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_or_that_fails_refuses_for_now_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = sceau_faults::record(folder.path());
    let w = World::on(testing::sqlite_in(folder).await, |c| c.limits.message_bytes = 1 << 20).await;
    let accept = async |n: u64| {
        let text = letter(n);
        let mut intake = w.op.intake(1 << 20);
        intake.push(text.as_bytes())?;
        let received = intake.finish()?;
        w.op.mx_accept(&peer(BETA), envelope(FROM, &[ANNE]), received, &origin(Door::Mx)).await.map(drop)
    };
    accept(1).await.unwrap();
    accept(3).await.unwrap();
    for (trouble, code) in [
        (Trouble::Full, "system.storage_full"),
        (Trouble::Write, "system.unavailable"),
        (Trouble::Sync, "system.unavailable"),
    ] {
        // 2: a row. 6: a file.
        for n in [2, 6] {
            recorder.trouble(trouble);
            let refused = accept(n).await.expect_err("no durable place");
            assert_eq!(refused.code.as_str(), code, "{trouble:?} {n}");
            assert!(refused.is_temporary(), "the sender comes again");
            // Readers go on.
            assert_eq!(w.inbox("anne", ANNE).await.len(), 2);
            recorder.trouble(Trouble::None);
        }
    }
    // Without restart. What a checkpoint met in the background is told to the writer too, once: the sender comes again.
    for n in [2, 6] {
        if accept(n).await.is_err_and(|e| e.is_temporary()) {
            accept(n).await.unwrap();
        }
    }
    assert_eq!(w.inbox("anne", ANNE).await.len(), 4);
    assert_eq!(expected::fsck(&w.store).await, Vec::<String>::new());
}
