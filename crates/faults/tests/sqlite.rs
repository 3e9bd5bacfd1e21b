//! The layer and the model, with SQLite alone: what COMMIT acknowledged survives every cut; on a lying disk it does not.
use rusqlite::Connection;
use sceau_faults::{Cut, Die, Op, Recorder, Replay, Trouble};
use std::path::Path;

fn open(path: &Path) -> Connection {
    let c = Connection::open(path).unwrap();
    c.pragma_update(None, "journal_mode", "WAL").unwrap();
    c.pragma_update(None, "synchronous", "FULL").unwrap();
    c.pragma_update(None, "wal_autocheckpoint", 20).unwrap();
    c
}

fn rows(path: &Path) -> Result<Vec<u64>, rusqlite::Error> {
    let c = Connection::open(path)?;
    let whole: String = c.query_row("PRAGMA integrity_check", [], |r| r.get(0))?;
    if whole != "ok" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    let mut statement = c.prepare("SELECT n FROM t")?;
    statement.query_map([], |r| r.get::<_, i64>(0))?.map(|n| n.map(|n| n as u64)).collect()
}

/// Cuts at which something acknowledged was missing or the file did not open.
fn losses(replay: &mut Replay, ops: &[Op], scratch: &Path) -> usize {
    let mut die = Die::new(7);
    let mut losses = 0;
    for (i, op) in ops.iter().enumerate() {
        replay.play(op);
        if i % 7 != 0 {
            continue;
        }
        let folder = scratch.join(i.to_string());
        let cut = Cut::thrown(&mut die);
        replay.cut(&folder, cut, &mut die).unwrap();
        let found = rows(&folder.join("t.db")).unwrap_or_default();
        losses += usize::from(replay.acknowledged().iter().any(|n| !found.contains(n)));
        std::fs::remove_dir_all(&folder).unwrap();
    }
    losses
}

#[test]
fn commits_survive_and_a_lying_disk_is_found_out() {
    let scratch = tempfile::tempdir().unwrap();
    let live = scratch.path().join("live");
    std::fs::create_dir(&live).unwrap();
    let path = live.join("t.db");
    open(&path).execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, x BLOB)").unwrap();
    let (mut honest, mut liar) = (Replay::of(&live).unwrap(), Replay::of(&live).unwrap());
    liar.lies = true;
    let recorder = Recorder::install(&live);
    let c = open(&path);
    for n in 0..150_u64 {
        let insert = || c.execute("INSERT INTO t VALUES (?1, zeroblob(3000))", [n as i64]);
        if n % 10 == 9 {
            // What a failed synchronisation lost is written again, not synchronised again.
            recorder.trouble(Trouble::Sync);
            insert().unwrap_err();
            recorder.trouble(Trouble::None);
        }
        insert().unwrap();
        recorder.acknowledged(n);
    }
    // No room: the write fails, reading goes on, and once there is room all is well again.
    recorder.trouble(Trouble::Full);
    let full = c.execute("INSERT INTO t VALUES (1000, zeroblob(3000))", []).unwrap_err();
    assert_eq!(full.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
    let count: i64 = c.query_row("SELECT COUNT(*) FROM t", [], |r| r.get(0)).unwrap();
    assert_eq!(count, 150);
    recorder.trouble(Trouble::None);
    c.execute("INSERT INTO t VALUES (1000, zeroblob(3000))", []).unwrap();
    recorder.acknowledged(1000);
    let ops = recorder.take();
    drop(c);
    assert!(ops.iter().filter(|op| matches!(op, Op::Sync(_))).count() >= 150);
    assert_eq!(losses(&mut honest, &ops, scratch.path()), 0);
    assert!(losses(&mut liar, &ops, scratch.path()) > 0, "a disk that synchronises nothing loses something");
}

/// A file with one row in a table, and a recording from there.
fn recorded(scratch: &Path) -> (std::sync::Arc<Recorder>, Replay, Connection, std::path::PathBuf) {
    let live = scratch.join("live");
    std::fs::create_dir(&live).unwrap();
    let path = live.join("t.db");
    open(&path).execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, x BLOB)").unwrap();
    let (disk, recorder, c) = (Replay::of(&live).unwrap(), Recorder::install(&live), open(&path));
    c.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    (recorder, disk, c, path)
}

/// Is anything acknowledged missing after a cut at the end that keeps what is safe and nothing else?
fn loses(recorder: &Recorder, mut disk: Replay, scratch: &Path) -> bool {
    recorder.take().iter().for_each(|op| disk.play(op));
    let folder = scratch.join("cut");
    disk.cut(&folder, Cut::Nothing, &mut Die::new(1)).unwrap();
    let found = rows(&folder.join("t.db")).unwrap_or_default();
    assert!(!disk.acknowledged().is_empty());
    disk.acknowledged().iter().any(|n| !found.contains(n))
}

/// A transaction stands half in the log when the checkpoint of another connection fails to synchronise the log.
fn half_written(tells_one: bool) -> bool {
    let scratch = tempfile::tempdir().unwrap();
    let (recorder, disk, c, path) = recorded(scratch.path());
    if tells_one {
        recorder.tell_one();
    }
    // A small memory: what does not fit goes to the log before its COMMIT.
    c.pragma_update(None, "cache_size", 10).unwrap();
    let other = open(&path);
    c.execute("INSERT INTO t VALUES (0, zeroblob(3000))", []).unwrap();
    recorder.acknowledged(0);
    let mut refused = 0;
    loop {
        c.execute_batch("BEGIN").unwrap();
        for n in 1..200_i64 {
            c.execute("INSERT INTO t VALUES (?1, zeroblob(3000))", [n]).unwrap();
        }
        if refused == 0 {
            recorder.trouble(Trouble::Sync);
            other.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap_err();
            recorder.trouble(Trouble::None);
        }
        if c.execute_batch("COMMIT").is_ok() {
            break;
        }
        refused += 1;
        if !c.is_autocommit() {
            c.execute_batch("ROLLBACK").unwrap();
        }
    }
    (0..200).for_each(|n| recorder.acknowledged(n));
    assert_eq!(refused, u32::from(!tells_one));
    loses(&recorder, disk, scratch.path())
}

/// Why the writer must hear of a synchronisation that failed for the checkpoint: Linux tells it since 4.13.
#[test]
fn a_commit_is_safe_only_where_every_handle_hears_of_a_failure() {
    assert!(!half_written(false));
    assert!(half_written(true), "told to one handle only");
}

/// Why the store does not go on after a checkpoint that failed: SQLite by itself would.
#[test]
fn sqlite_alone_loses_what_a_partial_checkpoint_copied_when_the_next_one_fails() {
    let scratch = tempfile::tempdir().unwrap();
    let (recorder, disk, c, path) = recorded(scratch.path());
    let (reader, checkpoint) = (open(&path), || c.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())));
    let insert = |from: i64| {
        for n in from..from + 50 {
            c.execute("INSERT INTO t VALUES (?1, zeroblob(3000))", [n]).unwrap();
            recorder.acknowledged(n as u64);
        }
    };
    insert(0);
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM t").unwrap();
    insert(50);
    // As far as the reader sees, without synchronising.
    checkpoint().unwrap();
    reader.execute_batch("COMMIT").unwrap();
    recorder.trouble(Trouble::SyncOf(".db"));
    checkpoint().unwrap_err();
    recorder.trouble(Trouble::None);
    checkpoint().unwrap();
    // The log is begun anew.
    insert(100);
    assert!(loses(&recorder, disk, scratch.path()));
}
