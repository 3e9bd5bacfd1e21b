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
