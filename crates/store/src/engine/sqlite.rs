//! SQLite: many readers, one writer that commits in groups.
//!
//! Promises: `synchronous=FULL` in WAL mode, so a COMMIT that returned is on the disk; a caller is answered only after the COMMIT of its
//! group; one that fails or panics takes nobody along: when it had changed something the group is run again, each closure in its own
//! savepoint (savepoints from the start would copy each page once a closure), and the next groups begin with savepoints, so that somebody
//! whose every act fails makes the others' run twice now and then, never always; if COMMIT fails the whole group fails. Readers see one
//! snapshot each and cannot write. One process at a time: an advisory lock beside the file.
//!
//! Connections, checkpoints, and what a failing disk asks for: [`super::sqlite_file`].
use super::migrate::Migrations;
use super::portable::{self, Dialect, Scanned};
use super::sqlite_file::{BUSY, Connections, LOOK, READERS, STATEMENTS, WRITER, keep_log, log_of, open};
use super::work::{Queue, Work, join};
use super::{Columns, Row, Tx, Value};
use crate::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

/// Closures in one commit at most: beyond, latency grows and nothing is gained.
const GROUP: usize = 256;
/// Groups that begin with savepoints after one failed that had changed something.
const WARY: u32 = 64;

/// A file that is ours (locked) and no newer than we are, not yet migrated nor served.
pub(crate) struct Pending {
    path: PathBuf,
    lock: File,
    migrations: &'static Migrations,
    version: i64,
    readers: usize,
}

/// Serves a file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writes: Arc<Queue>,
    reads: Arc<Queue>,
    connections: Arc<Connections>,
    checkpoints: Option<Sender<Sender<()>>>,
    threads: Vec<JoinHandle<()>>,
    // Released last.
    _lock: File,
}

impl Pending {
    /// Locks a file and looks at its version; writes nothing into it.
    pub fn connect(path: &Path, migrations: &'static Migrations, readers: usize) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            crate::files::private_folder(folder).map_err(|e| StoreError::io("data folder", &e))?;
        }
        let lock = lock(path)?;
        // Nobody else writes: what a process that died left in the log is believed only once the disk has it.
        crate::files::write_again(&log_of(path), None).map_err(|e| StoreError::io("log of the database", &e))?;
        let mut version = 0;
        if path.metadata().is_ok_and(|m| m.len() > 0) {
            let c =
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                    .map_err(|e| error(&e))?;
            c.busy_timeout(BUSY).map_err(|e| error(&e))?;
            version = look(&c, migrations).map_err(|e| error(&e))?.ok_or_else(|| {
                StoreError::Other(format!("{} holds other tables than this program's", path.display()))
            })?;
        }
        migrations.check(version)?;
        Ok(Self { path: path.to_owned(), lock, migrations, version, readers })
    }
    /// Version found; 0 when new.
    pub fn version(&self) -> i64 {
        self.version
    }
    /// Reads before anything is migrated.
    pub fn read<T>(&mut self, f: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let c = open(&self.path)?;
        c.pragma_update(None, "query_only", true).map_err(|e| error(&e))?;
        f(&mut SqliteTx { c: &c, failed: None })
    }
    /// Migrates and begins to serve.
    pub fn start(self) -> Result<Sqlite, StoreError> {
        if !self.path.exists() {
            // SQLite gives its log files the rights of this one.
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            options.open(&self.path).map_err(|e| StoreError::io("database file", &e))?;
        }
        let mut writer = open(&self.path)?;
        migrate(&mut writer, self.migrations, self.version).map_err(|e| error(&e))?;
        let connections = Arc::new(Connections::open(&self.path, writer, self.readers)?);
        let (checkpoints, asked) = channel();
        let mut sqlite = Sqlite {
            writes: Arc::default(),
            reads: Arc::default(),
            connections: Arc::clone(&connections),
            checkpoints: Some(checkpoints),
            threads: Vec::new(),
            _lock: self.lock,
        };
        let (queue, file) = (Arc::clone(&sqlite.writes), Arc::clone(&connections));
        sqlite.spawn("store-writer", move || {
            let mut wary = 0;
            while let Some(batch) = queue.take(GROUP) {
                carry_out(&file, WRITER, batch, |c, batch| commit_group(c, batch, &mut wary));
                file.shorten();
            }
        })?;
        for reader in READERS..READERS + self.readers {
            let (queue, file) = (Arc::clone(&sqlite.reads), Arc::clone(&connections));
            sqlite.spawn("store-reader", move || {
                while let Some(batch) = queue.take(1) {
                    carry_out(&file, reader, batch, |c, batch| batch.into_iter().for_each(|work| snapshot(c, work)));
                }
            })?;
        }
        sqlite.spawn("store-checkpoint", move || connections.keep_short(&asked, LOOK))?;
        Ok(sqlite)
    }
}

impl Sqlite {
    fn spawn(&mut self, name: &str, f: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let thread =
            std::thread::Builder::new().name(name.into()).spawn(f).map_err(|e| StoreError::io("thread", &e))?;
        self.threads.push(thread);
        Ok(())
    }
    /// Where writing closures wait.
    pub fn writes(&self) -> &Queue {
        &self.writes
    }
    /// Where reading closures wait.
    pub fn reads(&self) -> &Queue {
        &self.reads
    }
    /// Empties the log file, so that nothing that was deleted stays in it. Blocking; waits for readers up to five seconds.
    pub fn empty_log(&self) {
        let (done, wait) = channel();
        if self.checkpoints.as_ref().is_some_and(|c| c.send(done).is_ok()) {
            // The thread answers or is gone.
            let _ = wait.recv();
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
        self.checkpoints = None;
        join(&mut self.threads);
        self.connections.close();
    }
}

/// Runs closures on a connection; without one, everybody is told to come back.
fn carry_out(file: &Connections, place: usize, batch: Vec<Work>, run: impl FnOnce(&Connection, Vec<Work>)) {
    let mut waiting = Some(batch);
    let done = file.with(place, |c| waiting.take().map(|batch| run(c, batch)));
    if let (Err(e), Some(batch)) = (done, waiting) {
        for mut work in batch {
            work.fail(e.clone());
            work.release();
        }
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&name).map_err(|e| StoreError::io("lock file", &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path.display().to_string())),
        Err(TryLockError::Error(e)) => Err(StoreError::io("lock file", &e)),
    }
}

/// Looks at a file that another process may be serving: one snapshot, nothing written. `f` gets the version (0: no such file).
pub(crate) fn peek<T>(
    path: &Path,
    migrations: &'static Migrations,
    f: impl FnOnce(i64, &mut dyn Tx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let there = path.metadata().is_ok_and(|m| m.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let c = if there { Connection::open_with_flags(path, flags) } else { Connection::open_in_memory() };
    let c = c.map_err(|e| error(&e))?;
    if log_of(path).metadata().is_ok_and(|log| log.len() > 0) {
        // What a process left in it, if none serves, is for the next server.
        keep_log(&c);
    }
    c.busy_timeout(BUSY).map_err(|e| error(&e))?;
    c.pragma_update(None, "query_only", true).map_err(|e| error(&e))?;
    c.execute_batch("BEGIN").map_err(|e| error(&e))?;
    let version = look(&c, migrations)
        .map_err(|e| error(&e))?
        .ok_or_else(|| StoreError::Other(format!("{} holds other tables than this program's", path.display())))?;
    migrations.check(version)?;
    f(version, &mut SqliteTx { c: &c, failed: None })
}

/// The version of a file: 0 when it has no table, none when its tables are not ours.
fn look(c: &Connection, migrations: &Migrations) -> rusqlite::Result<Option<i64>> {
    let ours = c.query_row(
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?1",
        [migrations.table],
        |r| r.get::<_, i64>(0),
    )?;
    if ours == 1 {
        return c.query_row(&migrations.newest(), [], |r| r.get(0)).map(Some);
    }
    let others: i64 = c.query_row("SELECT COUNT(*) FROM sqlite_master", [], |r| r.get(0))?;
    Ok((others == 0).then_some(0))
}

fn migrate(c: &mut Connection, migrations: &Migrations, found: i64) -> rusqlite::Result<()> {
    for m in migrations.after(found) {
        let tx = c.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.execute_batch(&migrations.create_table())?;
        for statement in portable::adapt(m.sql, Dialect::Sqlite) {
            tx.execute_batch(&statement)?;
        }
        tx.execute_batch(&migrations.record(m))?;
        tx.commit()?;
        tracing::info!(schema = m.name, "migrated");
    }
    Ok(())
}

/// Why a group could not be committed.
enum Broken {
    /// BEGIN or COMMIT failed: everybody fails.
    All(StoreError),
    /// SQLite rolled the whole transaction back inside this closure (no room, I/O error).
    At(usize, StoreError),
}

fn commit_group(c: &Connection, mut batch: Vec<Work>, wary: &mut u32) {
    let outcome = run_group(c, &mut batch, wary);
    if !c.is_autocommit() {
        // Nothing of a broken group may stay open; a failure here means that SQLite rolled back already.
        let _ = c.execute_batch("ROLLBACK");
    }
    match outcome {
        Ok(()) => {
            metrics::counter!("sceau_store_commits_total", "engine" => "sqlite").increment(1);
            // Group sizes are far below what an f64 holds exactly.
            metrics::histogram!("sceau_store_group_size").record(batch.len() as f64);
        }
        Err(Broken::All(e)) => {
            tracing::error!(code = e.code(), error = %e, "a group of transactions could not be committed");
            batch.iter_mut().for_each(|work| work.fail(e.clone()));
        }
        Err(Broken::At(i, e)) => {
            let mut culprit = batch.remove(i);
            culprit.fail(e);
            culprit.release();
            // What the others did was rolled back with it: they run again, each alone.
            batch.into_iter().for_each(|work| commit_group(c, vec![work], wary));
            return;
        }
    }
    batch.into_iter().for_each(Work::release);
}

/// Runs a group and commits it. `wary`: groups that still begin with savepoints.
fn run_group(c: &Connection, batch: &mut [Work], wary: &mut u32) -> Result<(), Broken> {
    let all = |e: rusqlite::Error| {
        if matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy)) {
            metrics::counter!("sceau_store_busy_total").increment(1);
        }
        Broken::All(error(&e))
    };
    let run = |sql: &str| c.prepare_cached(sql).and_then(|mut s| s.raw_execute()).map(drop).map_err(all);
    // One that changed nothing has nothing to be taken back.
    let left_something = |before: u64| c.total_changes() != before;
    // For one alone the transaction is the savepoint.
    let alone = batch.len() == 1;
    if alone || *wary == 0 {
        run("BEGIN IMMEDIATE")?;
        let mut clean = true;
        for (i, work) in batch.iter_mut().enumerate() {
            let before = c.total_changes();
            if !run_one(c, i, work)? && left_something(before) {
                clean = false;
                break;
            }
        }
        if clean {
            return run("COMMIT");
        }
        run("ROLLBACK")?;
        if alone {
            return Ok(());
        }
        // The others run again, each in its own savepoint.
        metrics::counter!("sceau_store_groups_again_total").increment(1);
        *wary = WARY;
    } else {
        *wary -= 1;
    }
    run("BEGIN IMMEDIATE")?;
    for (i, work) in batch.iter_mut().enumerate() {
        let before = c.total_changes();
        run("SAVEPOINT one")?;
        if !run_one(c, i, work)? {
            run("ROLLBACK TO one")?;
            if left_something(before) {
                *wary = WARY;
            }
        }
        run("RELEASE one")?;
    }
    run("COMMIT")
}

/// Runs a closure of a group; whether what it did is to be kept.
fn run_one(c: &Connection, i: usize, work: &mut Work) -> Result<bool, Broken> {
    let mut tx = SqliteTx { c, failed: None };
    let kept = work.run(&mut tx);
    let failed = tx.failed;
    if c.is_autocommit() {
        return Err(Broken::At(i, failed.unwrap_or_else(|| StoreError::Other("transaction lost".into()))));
    }
    match failed {
        Some(e) if kept => {
            work.fail(e);
            Ok(false)
        }
        _ => Ok(kept),
    }
}

/// Runs a reading closure on one snapshot.
fn snapshot(c: &Connection, mut work: Work) {
    match c.prepare_cached("BEGIN").and_then(|mut s| s.raw_execute()) {
        Ok(_) => {
            let mut tx = SqliteTx { c, failed: None };
            if work.run(&mut tx)
                && let Some(e) = tx.failed
            {
                work.fail(e);
            }
            if !c.is_autocommit() {
                // Ends the snapshot; reading left nothing to undo.
                let _ = c.prepare_cached("ROLLBACK").and_then(|mut s| s.raw_execute());
            }
        }
        Err(e) => work.fail(error(&e)),
    }
    work.release();
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(i) => ValueRef::Integer(*i),
            Self::Text(t) => ValueRef::Text(t.as_bytes()),
            Self::Bytes(b) => ValueRef::Blob(b),
        }))
    }
}

impl Columns for rusqlite::Row<'_> {
    fn int(&self, i: usize) -> Result<i64, StoreError> {
        match self.get_ref(i) {
            Ok(ValueRef::Integer(v)) => Ok(v),
            _ => Err(StoreError::Invalid(format!("column {i} is no integer"))),
        }
    }
    fn opt_bytes(&self, i: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.get_ref(i) {
            Ok(ValueRef::Blob(v)) => Ok(Some(v)),
            Ok(ValueRef::Null) => Ok(None),
            _ => Err(StoreError::Invalid(format!("column {i} is no byte string"))),
        }
    }
}

struct SqliteTx<'a> {
    c: &'a Connection,
    /// First statement that failed: nothing more is done then, as in PostgreSQL.
    failed: Option<StoreError>,
}

impl SqliteTx<'_> {
    fn guarded<T>(&mut self, f: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(e) = &self.failed {
            return Err(e.clone());
        }
        f(self.c).inspect_err(|e| self.failed = Some(e.clone()))
    }
}

impl Tx for SqliteTx<'_> {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.guarded(|c| {
            let mut statement = bound(c, sql, params)?;
            if statement.column_count() > 0 {
                return Err(StoreError::Invalid("execute() of a statement that returns rows".into()));
            }
            Ok(statement.raw_execute().map_err(|e| error(&e))? as u64)
        })
    }
    fn visit(
        &mut self,
        sql: &str,
        params: &[Value],
        see: &mut dyn FnMut(&dyn Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.guarded(|c| {
            let mut statement = bound(c, sql, params)?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().map_err(|e| error(&e))? {
                see(row)?;
            }
            Ok(())
        })
    }
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.guarded(|c| {
            let mut statement = bound(c, sql, params)?;
            let columns = statement.column_count();
            let mut rows = statement.raw_query();
            let mut out = Vec::new();
            while let Some(row) = rows.next().map_err(|e| error(&e))? {
                let mut values = Vec::with_capacity(columns);
                for i in 0..columns {
                    values.push(match row.get_ref(i).map_err(|e| error(&e))? {
                        ValueRef::Null => Value::Null,
                        ValueRef::Integer(i) => Value::Int(i),
                        ValueRef::Text(t) => Value::Text(
                            String::from_utf8(t.to_vec())
                                .map_err(|_| StoreError::Invalid("text is not UTF-8".into()))?,
                        ),
                        ValueRef::Blob(b) => Value::Bytes(b.to_vec()),
                        ValueRef::Real(_) => return Err(StoreError::Invalid("a column is a floating number".into())),
                    });
                }
                out.push(Row(values));
            }
            Ok(out)
        })
    }
}

thread_local! {
    /// Statements as SQLite reads them: scanned once a thread, not once a row.
    static SCANNED: RefCell<HashMap<String, Rc<Scanned>>> = RefCell::default();
}

fn scanned(sql: &str) -> Result<Rc<Scanned>, StoreError> {
    SCANNED.with_borrow_mut(|known| {
        if let Some(scanned) = known.get(sql) {
            return Ok(Rc::clone(scanned));
        }
        let scanned = Rc::new(portable::scan(sql)?);
        if known.len() >= STATEMENTS {
            known.clear();
        }
        known.insert(sql.to_owned(), Rc::clone(&scanned));
        Ok(scanned)
    })
}

fn bound<'c>(c: &'c Connection, sql: &str, params: &[Value]) -> Result<rusqlite::CachedStatement<'c>, StoreError> {
    let scanned = scanned(sql)?;
    portable::check_values(scanned.parameters, params)?;
    let mut statement = c.prepare_cached(&scanned.sqlite).map_err(|e| error(&e))?;
    for (i, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(i + 1, value).map_err(|e| error(&e))?;
    }
    Ok(statement)
}

/// Our error for SQLite's. Its messages name tables and columns, never values.
pub(crate) fn error(e: &rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(code, message) = e else {
        return match e {
            rusqlite::Error::MultipleStatement => StoreError::Invalid("several statements at once".into()),
            other => StoreError::Other(format!("sqlite: {other}")),
        };
    };
    let message = message.as_deref().unwrap_or("sqlite");
    match code.code {
        ErrorCode::DiskFull => StoreError::Full,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            StoreError::Transient("the database is locked".into())
        }
        ErrorCode::ReadOnly => StoreError::Invalid("writing in a reading transaction, or to a read-only file".into()),
        ErrorCode::ConstraintViolation => match code.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
                StoreError::Exists(message.strip_prefix("UNIQUE constraint failed: ").unwrap_or(message).to_owned())
            }
            _ => StoreError::Invalid(message.to_owned()),
        },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            StoreError::Other("the database file is damaged".into())
        }
        _ => StoreError::Other(format!("sqlite {}: {message}", code.extended_code)),
    }
}
