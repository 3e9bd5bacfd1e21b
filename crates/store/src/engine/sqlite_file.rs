//! The connections to one SQLite file, its checkpoints, and what is done when its disk fails.
//!
//! Why: after an fsync that failed, the system forgets what it could not write, goes on showing it to whoever reads, and lets the next fsync
//! succeed. SQLite writes again what a COMMIT could not synchronise, but takes two things for done that are not:
//!
//! * Pages that a checkpoint copied while a reader held it back are copied without fsync, and counted as copied. When the fsync of a later
//!   checkpoint fails they are forgotten; the next one does not copy them again, succeeds, and the log that still held them is begun anew.
//! * Whoever reads the log anew (a process after another one died) believes frames that are shown and that the disk does not have; what it commits
//!   after them goes with them.
//!
//! Promises: after a checkpoint that failed there is no other one, and none at the end, until every connection was closed and opened again, so that
//! everything in the log is copied anew; what stands in a log is written again, durably, before it is read anew, and what was not committed is cut
//! off first. Until that is done commits and readers go on, and the log grows. Needs a system that tells a failed fsync to every handle of
//! the file (Linux 4.13 or later).
use super::sqlite::error;
use crate::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// Statements kept prepared, a connection.
pub(super) const STATEMENTS: usize = 256;
/// How long another process's lock (a backup, a look with the command line tool) is waited for.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// Pages of log (64 MiB) at which the writer checkpoints by itself: then it is the only moment at which the log can be begun anew.
const LOG_PAGES: i64 = 16_384;
/// How often it is looked whether there were commits.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How long every connection is waited for to rest, before they are let go on and it is tried again later.
const REST: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(1);
/// Of a log's file: its header, and the header of each frame, bytes.
const LOG_HEADER: i64 = 32;
const FRAME_HEADER: i64 = 24;

/// The writer's place.
pub(super) const WRITER: usize = 0;
/// The place of whoever makes checkpoints.
const CHECKPOINTER: usize = 1;
/// The first reader's place.
pub(super) const READERS: usize = 2;

type Held<'a> = MutexGuard<'a, Option<Connection>>;

/// Connections by place. One that could not be opened again is missing until it can.
#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    places: Vec<Mutex<Option<Connection>>>,
    /// A checkpoint failed: what it copied may be lost.
    doubt: AtomicBool,
    /// Nobody begins anything: somebody waits until everybody is at rest.
    rest: AtomicBool,
    /// The log is long: `log_pages` at least.
    long: AtomicBool,
    /// [`LOG_PAGES`].
    log_pages: i64,
    /// Something was committed since the last checkpoint.
    pub committed: AtomicBool,
}

impl Connections {
    /// A writer that is open, and everybody else.
    pub fn open(path: &Path, writer: Connection, readers: usize) -> Result<Self, StoreError> {
        // Only another process, which was looking on while the one before us died, can have kept an account of what was copied.
        let doubt = AtomicBool::new(!is_anew(&writer)?);
        let mut places = vec![Mutex::new(Some(writer))];
        for place in CHECKPOINTER..READERS + readers {
            places.push(Mutex::new(Some(open_at(path, place)?)));
        }
        let off = || AtomicBool::new(false);
        Ok(Self {
            path: path.to_owned(),
            places,
            doubt,
            rest: off(),
            long: off(),
            log_pages: LOG_PAGES,
            committed: off(),
        })
    }
    /// Uses the connection of a place.
    pub fn with<T>(&self, place: usize, f: impl FnOnce(&Connection) -> T) -> Result<T, StoreError> {
        while self.rest.load(Ordering::Acquire) {
            std::thread::sleep(PAUSE);
        }
        // A closure that panics is caught where it runs.
        let held = self.places[place].lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map(f).ok_or_else(|| StoreError::Transient("the database file is being opened again".into()))
    }
    /// After a commit: begins a long log anew.
    pub fn shorten(&self) {
        self.committed.store(true, Ordering::Release);
        if self.long.swap(false, Ordering::AcqRel) && !self.in_doubt() {
            // The writer is here: there is a connection.
            let _ = self.with(WRITER, |c| self.checkpoint(c, "PASSIVE"));
        }
    }
    /// The thread that makes checkpoints: `every` so often (production: [`LOOK`]) when there were commits, and when it is asked to empty the log.
    pub fn keep_short(&self, asked: &Receiver<Sender<()>>, every: Duration) {
        loop {
            let (mode, done) = match asked.recv_timeout(every) {
                Ok(done) => ("TRUNCATE", Some(done)),
                Err(RecvTimeoutError::Timeout) => ("PASSIVE", None),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let healed = self.in_doubt() && self.heal();
            if !self.in_doubt() && (self.committed.swap(false, Ordering::AcqRel) || healed || done.is_some()) {
                let pages = self.with(CHECKPOINTER, |c| self.checkpoint(c, mode));
                if let Ok(Some((log, _))) = pages {
                    // Even when all of it was copied: a writer that never rests has committed more since, and then the log only goes on.
                    self.long.store(log >= self.log_pages, Ordering::Release);
                }
            }
            if let Some(done) = done {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
    }
    /// Closes everything. The last one to close a file copies its log and removes it, unless that is in doubt.
    pub fn close(&self) {
        for place in &self.places {
            // A closure that dropped the last clone of its own store is still at its place.
            let Ok(mut held) = place.try_lock() else { continue };
            if let Some(c) = held.take()
                && self.in_doubt()
            {
                keep_log(&c);
            }
        }
    }
    fn in_doubt(&self) -> bool {
        self.doubt.load(Ordering::Acquire)
    }
    /// Pages of the log, and how many of them the file has now. None when it failed.
    fn checkpoint(&self, c: &Connection, mode: &str) -> Option<(i64, i64)> {
        let pages = c.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |r| Ok((r.get(1)?, r.get(2)?)));
        match pages {
            Ok(pages) => return Some(pages),
            Err(e) if harmless(&e) => tracing::warn!(error = %error(&e), "checkpoint failed; it is tried again"),
            Err(e) => {
                self.doubt.store(true, Ordering::Release);
                tracing::error!(error = %error(&e), "checkpoint failed: no other one until everything in the log is copied anew");
            }
        }
        None
    }
    /// Has everything in the log copied anew from now on. False: not yet.
    fn heal(&self) -> bool {
        self.rest.store(true, Ordering::Release);
        let healed = self.heal_at_rest();
        self.rest.store(false, Ordering::Release);
        healed
    }
    fn heal_at_rest(&self) -> bool {
        let Some(mut held) = self.all_at_rest() else { return false };
        // Nobody writes. The disk first: while it fails, readers keep what they have.
        if let Some(writer) = held[WRITER].as_ref()
            && let Err(e) = write_log_again(&self.path, writer)
        {
            tracing::error!(error = %e, "the log of the database cannot be written again");
            return false;
        }
        // Checkpoints at the end would believe what was counted as copied.
        if !held.iter().filter_map(|c| c.as_ref()).all(keep_log) {
            return false;
        }
        held.iter_mut().for_each(|c| drop(c.take()));
        let mut whole = true;
        for (place, c) in held.iter_mut().enumerate() {
            match open_at(&self.path, place) {
                Ok(opened) => **c = Some(opened),
                Err(e) => {
                    tracing::error!(error = %e, "the database file cannot be opened again yet");
                    whole = false;
                }
            }
        }
        whole = whole && held[WRITER].as_ref().is_some_and(|c| is_anew(c).unwrap_or(false));
        if whole {
            self.doubt.store(false, Ordering::Release);
            tracing::info!("the log of the database is copied anew");
        }
        whole
    }
    /// Every connection, when all of them come to rest soon.
    fn all_at_rest(&self) -> Option<Vec<Held<'_>>> {
        let begun = Instant::now();
        let mut held = Vec::with_capacity(self.places.len());
        // The writer last: it stands still for the shortest time.
        for place in self.places.iter().rev() {
            loop {
                match place.try_lock() {
                    Ok(free) => break held.push(free),
                    Err(TryLockError::Poisoned(free)) => break held.push(free.into_inner()),
                    Err(TryLockError::WouldBlock) if begun.elapsed() >= REST => return None,
                    Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                }
            }
        }
        held.reverse();
        Some(held)
    }
}

/// Nothing that the disk may have forgotten: no room, or somebody else's lock.
fn harmless(e: &rusqlite::Error) -> bool {
    let code = e.sqlite_error_code();
    matches!(code, Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Closing this connection copies nothing and keeps the log. False when that could not be said.
pub(super) fn keep_log(c: &Connection) -> bool {
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap_or(false)
}

/// Is nothing of the log counted as copied?
fn is_anew(c: &Connection) -> Result<bool, StoreError> {
    c.query_row("PRAGMA wal_checkpoint(NOOP)", [], |r| Ok(r.get::<_, i64>(2)? <= 0)).map_err(|e| error(&e))
}

/// The log of a file.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Writes again what was committed to the log, durably, and nothing else: a transaction that was refused must not come back.
fn write_log_again(path: &Path, writer: &Connection) -> Result<(), StoreError> {
    let number = |sql: &str, column: usize| writer.query_row(sql, [], |r| r.get::<_, i64>(column));
    let frames = number("PRAGMA wal_checkpoint(NOOP)", 1).map_err(|e| error(&e))?;
    let page = number("PRAGMA page_size", 0).map_err(|e| error(&e))?;
    let length = if frames > 0 { LOG_HEADER + frames * (FRAME_HEADER + page) } else { 0 };
    crate::files::write_again(&log_of(path), u64::try_from(length).ok())
        .map_err(|e| StoreError::io("log of the database", &e))
}

/// The connection of a place.
fn open_at(path: &Path, place: usize) -> Result<Connection, StoreError> {
    let c = open(path)?;
    if place >= READERS {
        c.pragma_update(None, "query_only", true).map_err(|e| error(&e))?;
    }
    Ok(c)
}

/// A connection as every thread has it.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let c = Connection::open_with_flags(path, flags).map_err(|e| error(&e))?;
    // Where there is no memory to share SQLite keeps its other journal, without a word: after a power cut it may take back what was committed.
    let mode = prepare(&c).map_err(|e| error(&e))?;
    if mode != "wal" {
        return Err(StoreError::Other(format!("no write-ahead log in this folder ({mode}): is it a network's?")));
    }
    Ok(c)
}

/// Its settings; which journal it has in fact.
fn prepare(c: &Connection) -> rusqlite::Result<String> {
    c.busy_timeout(BUSY)?;
    c.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans do not depend on values. Otherwise every join is prepared anew at every execution, because a value was bound that another plan might suit;
    // and patterns given as values find no index, so statements say themselves where what they look for begins.
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let mode = c.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0))?;
    c.pragma_update(None, "synchronous", "FULL")?;
    c.pragma_update(None, "secure_delete", true)?;
    c.pragma_update(None, "foreign_keys", true)?;
    // Ours alone, whose failures are seen.
    c.pragma_update(None, "wal_autocheckpoint", 0)?;
    c.pragma_update(None, "cache_size", -8192)?;
    // As PostgreSQL compares.
    c.pragma_update(None, "case_sensitive_like", true)?;
    // Sorting spills nothing outside the data folder.
    c.pragma_update(None, "temp_store", "MEMORY")?;
    c.pragma_update(None, "trusted_schema", false)?;
    Ok(mode)
}

#[cfg(test)]
mod tests {
    use super::{Connections, WRITER, log_of, open};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    /// Preparing costs as much as ten executions.
    #[test]
    fn a_join_is_prepared_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base.db");
        drop(rusqlite::Connection::open(&path).unwrap());
        let c = open(&path).unwrap();
        c.execute_batch(
            "CREATE TABLE a (k TEXT PRIMARY KEY, b INTEGER); CREATE TABLE b (id INTEGER PRIMARY KEY, n TEXT)",
        )
        .unwrap();
        let mut join = c.prepare("SELECT b.n FROM a JOIN b ON b.id = a.b WHERE a.k = ?1").unwrap();
        for k in ["x", "y", "z"] {
            assert!(!join.exists([k]).unwrap());
        }
        assert_eq!(join.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    /// Checkpoints beside a writer that never rests find all of the log that they knew copied, and something new behind it: the log began anew at no
    /// time, and an import of 100,000 people left three gigabytes of it.
    #[test]
    fn the_log_of_a_writer_that_never_rests_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base.db");
        drop(rusqlite::Connection::open(&path).unwrap());
        let writer = open(&path).unwrap();
        writer.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)").unwrap();
        let mut file = Connections::open(&path, writer, 1).unwrap();
        file.log_pages = 64;
        let file = &file;
        let longest = std::thread::scope(|scope| {
            // Gone at the end, whatever happens: then the thread ends.
            let (_asked, asks) = channel();
            scope.spawn(move || file.keep_short(&asks, Duration::from_millis(5)));
            let mut longest = 0;
            for n in 0..2_000 {
                let sql =
                    "INSERT INTO t (n, b) VALUES (?1 % 50, randomblob(16000)) ON CONFLICT DO UPDATE SET b = excluded.b";
                file.with(WRITER, |c| c.execute(sql, [n]).unwrap()).unwrap();
                file.shorten();
                longest = log_of(&path).metadata().unwrap().len().max(longest);
            }
            longest
        });
        // 2,000 commits of five pages and more are 40 MB of log.
        assert!(longest < 15_000_000, "{longest} bytes of log");
    }
}
