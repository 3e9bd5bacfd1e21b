//! Power cuts at any instant (design §2.1): one run under a mixed load is recorded below SQLite and below the files of spools and blobs;
//! then the disk is put together again as a cut at random instants could have left it, opened, and everything that was acknowledged
//! is counted. `SCEAU_LONG=1` takes thousands of instants, otherwise some dozens.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#[allow(dead_code)] // the world of the mail tests, of which these need a part
#[path = "../mail/common.rs"]
mod common;
mod expected;
#[allow(dead_code)]
#[path = "../mail/pki.rs"]
mod pki;

use common::{BETA, World, envelope, origin, peer};
use expected::{Expected, Seen};
use sceau_faults::{Cut, Die, Op, Recorder, Replay, Trouble};
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::{Door, Operator};
use sceau_store::{EngineUrl, Store, StoreConfig, testing};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const FROM: &str = "paul@beta.mssante.fr";

/// How many acts of each kind the load makes.
const ROUNDS: u64 = 40;
/// Cuts looked at together.
const IN_FLIGHT: usize = 3;

fn long() -> bool {
    std::env::var_os("SCEAU_LONG").is_some()
}

/// Records SQLite's files and ours below a folder.
fn record(folder: &Path) -> Arc<Recorder> {
    use sceau_store::testing::files::Operation;
    let recorder = Recorder::install(folder);
    let seen = recorder.clone();
    testing::files::install(Some(Arc::new(move |operation: &Operation<'_>| {
        let name = |path: &Path| seen.name(path);
        match operation {
            Operation::Folder(path) => {
                seen.may_write()?;
                name(path).into_iter().for_each(|n| seen.add(Op::Folder(n)));
            }
            Operation::Create(path) => {
                seen.may_write()?;
                name(path).into_iter().for_each(|n| seen.add(Op::Create(n)));
            }
            Operation::Write(path, offset, bytes) => {
                seen.may_write()?;
                name(path).into_iter().for_each(|n| seen.add(Op::Write(n, *offset, Arc::from(*bytes))));
            }
            Operation::Sync(path) => {
                seen.may_sync(name(path).as_deref())?;
                name(path).into_iter().for_each(|n| seen.add(Op::Sync(n)));
            }
            Operation::SyncFolder(path) => {
                seen.may_sync(None)?;
                name(path).into_iter().for_each(|n| seen.add(Op::SyncFolder(n)));
            }
            Operation::Rename(from, to) => {
                if let (Some(from), Some(to)) = (name(from), name(to)) {
                    seen.add(Op::Rename(from, to));
                }
            }
            Operation::Remove(path) => name(path).into_iter().for_each(|n| seen.add(Op::Remove(n))),
        }
        Ok(())
    })));
    recorder
}

/// About a third of the letters outgrow the inline limit and become files.
fn letter(n: u64) -> String {
    let mut text = common::letter(FROM, &format!("essai-{n}"));
    let lines = if n.is_multiple_of(3) { 700 } else { 3 };
    let mut x = n + 1;
    for _ in 0..lines {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{x:016x}{:016x}{:016x}\r\n", x.rotate_left(17), x.rotate_left(41)));
    }
    text
}

/// The load: four people at once deliver, append, mark, remove and submit; each act is noted once it was acknowledged.
async fn load(w: &Arc<World>, recorder: &Arc<Recorder>, expected: &Arc<Expected>) {
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..2 {
        let (w, recorder, expected) = (w.clone(), recorder.clone(), expected.clone());
        tasks.spawn(async move {
            for n in (0..ROUNDS).filter(|n| n % 2 == worker) {
                let act = expected.will(Seen::Letter(ANNE, letter(n)));
                let received = w.message(&letter(n));
                w.op.mx_accept(&peer(BETA), envelope(FROM, &[ANNE]), received, &origin(Door::Mx)).await.unwrap();
                recorder.acknowledged(act);
            }
        });
    }
    let (a, r, e) = (w.clone(), recorder.clone(), expected.clone());
    tasks.spawn(async move {
        let actor = a.actor("bruno", BRUNO).await;
        let folder = a.op.folder(&actor, "INBOX").await.unwrap().id;
        for n in 1000..1000 + ROUNDS {
            let act = e.will(Seen::Letter(BRUNO, letter(n)));
            let to = common::envelope(FROM, &[BRUNO]);
            a.op.mx_accept(&peer(BETA), to, a.message(&letter(n)), &origin(Door::Mx)).await.unwrap();
            r.acknowledged(act);
            let uid = a.op.open_folder(&actor, "INBOX", true).await.unwrap().entries.last().unwrap().uid;
            if n % 2 == 0 {
                let act = e.will(Seen::Flagged(BRUNO, uid));
                let flags = FlagSet { system: Flags::FLAGGED, keywords: vec!["$suivi".into()] };
                a.op.change_flags(&actor, folder, &[uid], FlagChange::Add, flags, None).await.unwrap();
                r.acknowledged(act);
            } else {
                // From here on it may be gone, and once acknowledged it must be.
                e.may_go(BRUNO, &letter(n));
                let act = e.will(Seen::Gone(BRUNO, uid));
                let flags = FlagSet { system: Flags::DELETED, keywords: Vec::new() };
                a.op.change_flags(&actor, folder, &[uid], FlagChange::Add, flags, None).await.unwrap();
                a.op.expunge(&actor, folder, Some(&[uid])).await.unwrap();
                r.acknowledged(act);
            }
        }
    });
    let (a, r, e) = (w.clone(), recorder.clone(), expected.clone());
    tasks.spawn(async move {
        let actor = a.actor("anne", ANNE).await;
        for n in 2000..2000 + ROUNDS {
            let act = e.will(Seen::Queued(format!("dest{n}@beta.mssante.fr")));
            let text = letter(n).replace(FROM, ANNE);
            a.submit(&actor, ANNE, &[&format!("dest{n}@beta.mssante.fr")], &text).await.unwrap();
            r.acknowledged(act);
        }
    });
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// The configuration of a store, in another folder.
fn moved(config: &StoreConfig, from: &Path, to: &Path) -> StoreConfig {
    let place = |path: &Path| to.join(path.strip_prefix(from).unwrap());
    let url = |url: &EngineUrl| match url {
        EngineUrl::Sqlite(path) => EngineUrl::Sqlite(place(path)),
        other => other.clone(),
    };
    let mut moved = config.clone();
    (moved.data, moved.keyring) = (url(&config.data), url(&config.keyring));
    moved.blobs = place(&from.join("blobs")).into();
    moved.spools = place(&config.spools);
    moved
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
    let recorder = record(&root);
    let w = Arc::new(World::on(testing::sqlite_in(folder).await, |c| c.limits.message_bytes = 1 << 20).await);
    let ready = recorder.len();
    let expected = Arc::new(Expected::default());
    load(&w, &recorder, &expected).await;
    let ops = recorder.take();
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
        let config = moved(&r.config, &r.root, &folder);
        let place = format!("seed {seed}, operation {instant} of {}, {kind:?}", r.ops.len());
        checks.spawn(async move {
            let found = opened(config, &w, &expected, &acknowledged).await;
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
async fn opened(config: StoreConfig, w: &World, expected: &Expected, acknowledged: &HashSet<u64>) -> Vec<String> {
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
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_a_power_cut_at_any_instant() {
    let (runs, cuts) = if long() { (4, 600) } else { (1, 40) };
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
    assert!(!cut(&mut recording, 30, 7).await.is_empty(), "the check can fail");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_or_that_fails_refuses_for_now_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = record(folder.path());
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
    // Without restart.
    accept(2).await.unwrap();
    accept(6).await.unwrap();
    assert_eq!(w.inbox("anne", ANNE).await.len(), 4);
    assert_eq!(expected::fsck(&w.store).await, Vec::<String>::new());
}
