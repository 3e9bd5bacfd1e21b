//! Power cuts where there is no going back: the first start, a rotation of the master key, the destruction of a key. Mail under load is
//! recorded in the operator's crash test.
use sceau_faults::{Cut, Die, Op, Recorder, Replay, Trouble};
use sceau_store::testing::TestStore;
use sceau_store::vault::{rotate, status};
use sceau_store::{MasterKey, Store, StoreConfig, StoreError, settings, testing};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One run: the operations since the folder was as `disk` has it.
struct Run {
    ops: Vec<Op>,
    disk: Replay,
    config: StoreConfig,
    root: PathBuf,
}

impl Run {
    /// Cuts at `cuts` instants; `look` judges what is left, knowing what was acknowledged.
    async fn cut(mut self, cuts: usize, seed: u64, look: impl AsyncFn(StoreConfig, bool) -> Result<(), String>) {
        let (mut die, scratch) = (Die::new(seed), tempfile::tempdir().unwrap());
        let mut instants: Vec<usize> = (0..cuts).map(|_| die.below(self.ops.len())).collect();
        // The end too, with several kinds of cut.
        instants.extend([self.ops.len() - 1; 6]);
        instants.sort_unstable();
        let mut played = 0;
        for (i, instant) in instants.into_iter().enumerate() {
            while played <= instant {
                self.disk.play(&self.ops[played]);
                played += 1;
            }
            let (folder, kind) = (scratch.path().join(i.to_string()), Cut::thrown(&mut die));
            self.disk.cut(&folder, kind, &mut die).unwrap();
            let acknowledged = !self.disk.acknowledged().is_empty();
            let found = look(sceau_faults::moved(&self.config, &self.root, &folder), acknowledged).await;
            found.unwrap_or_else(|e| {
                let of = self.ops.len();
                panic!("seed {seed}, operation {instant} of {of} ({:?}), {kind:?}: {e}", self.ops[instant])
            });
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
}

async fn fresh() -> (Arc<Recorder>, TestStore, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let recorder = sceau_faults::record(&root);
    (recorder, testing::sqlite_in(folder).await, root)
}

async fn close(store: Store) {
    tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
}

/// What is done to a store that is there, recorded from there.
async fn then(recorder: &Arc<Recorder>, s: &mut TestStore, root: &Path, act: impl AsyncFnOnce(&mut TestStore)) -> Run {
    s.close().await;
    recorder.take();
    let (disk, again) = (Replay::of(root).unwrap(), sceau_faults::record(root));
    act(s).await;
    again.acknowledged(0);
    let ops = again.take();
    Run { ops, disk, config: s.config.clone(), root: root.to_owned() }
}

/// Cuts of each test; more by hand.
fn cuts() -> usize {
    std::env::var("SCEAU_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(14)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_is_cut_short_begins_again() {
    first_start(|_| true).await;
}

/// The check can fail: without the synchronisation of the folder above, everything goes with the new folders' names, or the data alone.
#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "seed 1, operation ")]
async fn folders_whose_names_were_not_made_durable_are_missed() {
    first_start(|op| *op != Op::SyncFolder(String::new())).await;
}

async fn first_start(keep: impl Fn(&Op) -> bool) {
    let (recorder, s, root) = fresh().await;
    let key = s.vault().create_bal_key(7).await.unwrap();
    let sealed = key.wrap(AAD, &sceau_store::DataKey::generate().unwrap()).unwrap();
    recorder.acknowledged(0);
    let mut ops = recorder.take();
    ops.retain(keep);
    let run = Run { ops, disk: Replay::default(), config: s.config.clone(), root };
    run.cut(cuts(), 1, async |config, acknowledged| {
        let store = Store::open(config).await.map_err(|e| e.to_string())?;
        let key = store.vault().bal_key(7).await;
        let fine = match &key {
            Ok(key) => key.unwrap_key(AAD, &sealed).is_ok(),
            Err(_) => !acknowledged,
        };
        drop(key);
        close(store).await;
        fine.then_some(()).ok_or("an acknowledged key is lost".into())
    })
    .await;
}

const AAD: sceau_store::vault::Aad<'static> = sceau_store::vault::Aad { owner: 7, object: 1, field: "essai" };

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_cut_short_leaves_exactly_one_master_key_that_opens() {
    let (recorder, mut s, root) = fresh().await;
    for bal in 1..40 {
        s.vault().create_bal_key(bal).await.unwrap();
    }
    let next = MasterKey::generate().unwrap();
    let new = next.clone();
    let run = then(&recorder, &mut s, &root, async |s| {
        let now = sceau_store::testing::START;
        rotate::rotate(&s.config.keyring, &s.config.master, &new, now, |_, _| ()).await.unwrap();
    })
    .await;
    run.cut(cuts(), 2, async |config, acknowledged| {
        let mut opened = Vec::new();
        for (name, master) in [("old", &config.master), ("new", &next)] {
            match Store::open(StoreConfig { master: master.clone(), ..config.clone() }).await {
                Ok(store) => {
                    for bal in 1..40 {
                        store.vault().bal_key(bal).await.map_err(|e| format!("{name}: {bal}: {e}"))?;
                    }
                    close(store).await;
                    opened.push(name);
                }
                Err(StoreError::WrongMasterKey) => {}
                Err(e) => return Err(format!("{name}: {e}")),
            }
        }
        let fine = opened == ["new"] || (opened == ["old"] && !acknowledged);
        fine.then_some(()).ok_or(format!("opened by {opened:?}"))?;
        // An interrupted one goes on.
        rotate::rotate(&config.keyring, &config.master, &next, sceau_store::testing::START, |_, _| ())
            .await
            .map_err(|e| format!("again: {e}"))?;
        let status = status::status(&config.keyring).await.map_err(|e| e.to_string())?;
        status.is_some().then_some(()).ok_or("no status".into())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destruction_that_was_acknowledged_stays_and_is_listed() {
    let (recorder, mut s, root) = fresh().await;
    for bal in [7, 8] {
        s.vault().create_bal_key(bal).await.unwrap();
    }
    let keyring = root.join("keyring/keyring.db");
    let older = root.join("older.db");
    s.close().await;
    std::fs::copy(&keyring, &older).unwrap();
    s.reopen().await;
    let run = then(&recorder, &mut s, &root, async |s| {
        s.reopen().await;
        s.vault().destroy_bal_key(7).await.unwrap();
    })
    .await;
    let gone = async |config: &StoreConfig| -> Result<bool, String> {
        let store = Store::open(config.clone()).await.map_err(|e| e.to_string())?;
        let (seven, eight) = (store.vault().bal_key(7).await.err(), store.vault().bal_key(8).await.err());
        close(store).await;
        if let Some(e) = eight {
            return Err(format!("another BAL's key: {e}"));
        }
        Ok(seven == Some(StoreError::NoKey))
    };
    run.cut(cuts(), 3, async |config, acknowledged| {
        let struck = gone(&config).await?;
        // Yesterday's copy of the keyring is put back: the list beside it destroys again.
        let sceau_store::EngineUrl::Sqlite(path) = &config.keyring else { return Err("SQLite".into()) };
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(path.with_file_name(format!("keyring.db{suffix}")));
        }
        std::fs::copy(path.parent().unwrap().with_file_name("older.db"), path).map_err(|e| e.to_string())?;
        let again = gone(&config).await?;
        // What a key's row says was listed before.
        ((again || !struck) && (struck || !acknowledged)).then_some(()).ok_or(format!("{struck} {again}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_written_keeps_its_key() {
    let (recorder, s, _) = fresh().await;
    s.vault().create_bal_key(7).await.unwrap();
    for trouble in [Trouble::Full, Trouble::Write, Trouble::Sync] {
        recorder.trouble(trouble);
        s.vault().destroy_bal_key(7).await.unwrap_err();
        recorder.trouble(Trouble::None);
        s.vault().bal_key(7).await.unwrap();
    }
    s.vault().destroy_bal_key(7).await.unwrap();
    assert_eq!(s.vault().bal_key(7).await.unwrap_err(), StoreError::NoKey);
}

/// Rows of one transaction that fill many pages.
const ROWS: usize = 200;
/// Of a row's value, bytes.
const SIZE: usize = 2000;

async fn fill(s: &Store, name: &str, size: usize) -> Result<(), StoreError> {
    let rows: Vec<_> = (0..ROWS).map(|i| (format!("{name}.{i}"), testing::noise(size, i as u64 + 1))).collect();
    s.write(move |tx| rows.iter().try_for_each(|(name, value)| settings::put(tx, name, value, 0).map(drop))).await
}

/// How many of these rows there are, as they were written with this size; an error when the file is damaged.
async fn filled(s: &Store, name: &str, size: usize) -> Result<usize, String> {
    let name = name.to_owned();
    let found = s.read(move |tx| {
        let sound = tx.query("PRAGMA integrity_check(5)", &[])?;
        if sound.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()? != ["ok"] {
            return Err(StoreError::Other(format!("{sound:?}")));
        }
        let mut rows = 0;
        for i in 0..ROWS {
            let found = settings::get(tx, &format!("{name}.{i}"))?;
            rows += usize::from(found.is_some_and(|found| found.value == testing::noise(size, i as u64 + 1)));
        }
        Ok(rows)
    });
    found.await.map_err(|e: StoreError| e.to_string())
}

/// A reader that stays with what it sees until it is let go (by dropping what is returned).
async fn stay(s: &Store) -> std::sync::mpsc::Sender<()> {
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let (seen, sees) = tokio::sync::oneshot::channel();
    let (store, mut seen) = (s.clone(), Some(seen));
    tokio::spawn(async move {
        let look = move |tx: &mut dyn sceau_store::Tx| {
            tx.query("SELECT COUNT(*) FROM settings", &[])?;
            seen.take().map(|seen| seen.send(()));
            // Ends with the sender.
            let _ = wait.recv();
            Ok::<_, StoreError>(())
        };
        store.read(look).await
    });
    sees.await.unwrap();
    let_go
}

/// Waits until more than `before` operations are so: checkpoints come every second.
async fn more(recorder: &Recorder, before: usize, of: impl Fn(&Op) -> bool) {
    for _ in 0..2000 {
        if recorder.count(&of) > before {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no checkpoint");
}

/// SQLite alone would lose it: see the test of the played disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_fails_after_a_partial_one_loses_nothing_and_what_was_refused_stays_refused() {
    const DATA: &str = "data/sceau.db";
    let (written, failed, synced) = (
        |op: &Op| matches!(op, Op::Write(name, ..) if name == DATA),
        |op: &Op| *op == Op::SyncFailed(DATA.into()),
        |op: &Op| *op == Op::Sync(DATA.into()),
    );
    let (recorder, mut s, root) = fresh().await;
    // What made the tables is in the file.
    s.reopen().await;
    let first = stay(&s).await;
    fill(&s, "a", SIZE).await.unwrap();
    let second = stay(&s).await;
    fill(&s, "b", SIZE).await.unwrap();
    let before = recorder.count(written);
    drop(first);
    fill(&s, "c", SIZE).await.unwrap();
    // As far as the second reader sees, and not synchronised.
    more(&recorder, before + 60, written).await;
    recorder.trouble(Trouble::SyncOf(DATA));
    drop(second);
    fill(&s, "d", SIZE).await.unwrap();
    more(&recorder, 0, failed).await;
    let before = recorder.count(synced);
    recorder.trouble(Trouble::Sync);
    fill(&s, "refused", SIZE).await.unwrap_err();
    recorder.trouble(Trouble::None);
    more(&recorder, before, synced).await;
    assert_eq!(filled(&s, "refused", SIZE).await, Ok(0));
    // The log is begun anew.
    fill(&s, "e", SIZE).await.unwrap();
    let (mut disk, scratch) = (Replay::default(), tempfile::tempdir().unwrap());
    recorder.take().iter().for_each(|op| disk.play(op));
    disk.cut(scratch.path(), Cut::Nothing, &mut Die::new(1)).unwrap();
    let left = Store::open(sceau_faults::moved(&s.config, &root, scratch.path())).await.unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(filled(&left, name, SIZE).await, Ok(ROWS), "{name}");
    }
    assert_eq!(filled(&left, "refused", SIZE).await, Ok(0));
}

/// The system shows what it could not write: a process that comes after must not build upon it.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_system_remembers_is_written_again_before_it_is_believed() {
    shown_and_not_written(false).await;
}

/// The check can fail: on a disk that never got what was written again, the log that is shown does not stand.
#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "seed 4, operation")]
async fn a_log_that_was_not_written_again_is_missed() {
    shown_and_not_written(true).await;
}

async fn shown_and_not_written(forgotten: bool) {
    let (recorder, mut s, root) = fresh().await;
    fill(&s, "b", 900).await.unwrap();
    // In the file: what follows stands in the log.
    s.reopen().await;
    fill(&s, "a", SIZE).await.unwrap();
    recorder.trouble(Trouble::Sync);
    // They grow: what stood on one page stands on two.
    fill(&s, "b", SIZE).await.unwrap_err();
    let mut disk = Replay::default();
    recorder.take().iter().for_each(|op| disk.play(op));
    // The process dies here, the machine does not: the next one sees the files as they are shown.
    let shown = tempfile::tempdir().unwrap();
    let next = shown.path().canonicalize().unwrap();
    copied(&root, &next);
    let again = sceau_faults::record(&next);
    let config = sceau_faults::moved(&s.config, &root, &next);
    let store = Store::open(config.clone()).await.unwrap();
    assert_eq!(filled(&store, "b", SIZE).await, Ok(ROWS), "it is shown");
    fill(&store, "c", SIZE).await.unwrap();
    again.acknowledged(0);
    let mut ops = again.take();
    if forgotten {
        // What the start wrote to the log of the data before it opened the file.
        let log = |op: &Op| matches!(op, Op::Write(name, ..) | Op::Sync(name) if name == "data/sceau.db-wal");
        let opened = ops.iter().position(|op| matches!(op, Op::Write(name, ..) if name == "data/sceau.db")).unwrap();
        let before = ops.len();
        ops = ops.into_iter().enumerate().filter(|(i, op)| *i > opened || !log(op)).map(|(_, op)| op).collect();
        assert!(ops.len() < before);
    }
    let run = Run { ops, disk, config, root: next };
    run.cut(cuts(), 4, async |config, acknowledged| {
        let store = Store::open(config).await.map_err(|e| e.to_string())?;
        let rows = async |name, size| filled(&store, name, size).await;
        let (a, c, before, after) =
            (rows("a", SIZE).await?, rows("c", SIZE).await?, rows("b", 900).await?, rows("b", SIZE).await?);
        close(store).await;
        let whole = a == ROWS && before.max(after) == ROWS && (c == ROWS || (c == 0 && !acknowledged));
        whole.then_some(()).ok_or(format!("{a} {c} {before} {after} rows"))
    })
    .await;
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &to);
        } else if !entry.file_name().to_string_lossy().ends_with(".lock") {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
