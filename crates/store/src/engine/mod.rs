//! [`Tx`]: the small synchronous surface every use case is written on, and the two engines behind it.
//!
//! SQL is portable: parameters `$1…$n` (any order, repeated, without a hole), `BIGINT`, `TEXT`, `BYTEA`, `ON CONFLICT`, `RETURNING`.
//! Text is compared bytewise on both engines. What to know:
//! * a parameter that may be NULL needs a neighbour that tells its type: `col = $1`, or `CAST($1 AS TEXT)`; never `$1 IS NULL`;
//! * `FOR UPDATE` and `FOR UPDATE SKIP LOCKED` (in capitals) may be written: SQLite, with its one writer, drops them;
//! * `LIKE` is case-sensitive; write `ESCAPE` when needed; whole numbers only; truth values are 0 and 1;
//! * `SUM` of no row is NULL: `COALESCE(SUM(x), 0)`;
//! * after a statement failed, the transaction is over: every later statement returns the same error, and the closure fails even if
//!   it returns `Ok`. To meet an existing row, write `ON CONFLICT` and look at the count.
pub(crate) mod catalogue;
mod migrate;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod pg_faults;
mod pg_link;
mod pg_session;
mod pg_tls;
mod pg_value;
mod portable;
mod postgres;
mod sqlite;
mod sqlite_file;
#[cfg(test)]
mod tests;
mod work;

pub(crate) use migrate::{DATA, KEYRING, Migrations};
pub(crate) use pg_link::{FENCE, Fence, Link, Me};
pub(crate) use sqlite::error as sqlite_error;

use crate::{EngineUrl, StoreError};
use sceau_domain::clock::{Clock, SharedClock, SystemClock};

/// A value of a parameter or a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT (no NUL).
    Text(String),
    /// BYTEA / BLOB.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}
impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Int(i64::from(v))
    }
}
impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}
impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
impl From<&String> for Value {
    fn from(v: &String) -> Self {
        Self::Text(v.clone())
    }
}
impl From<Vec<u8>> for Value {
    fn from(v: Vec<u8>) -> Self {
        Self::Bytes(v)
    }
}
impl From<&[u8]> for Value {
    fn from(v: &[u8]) -> Self {
        Self::Bytes(v.to_vec())
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

/// Builds a parameter list: `params![id, "text", bytes]`.
#[macro_export]
macro_rules! params {
    ($($v:expr),* $(,)?) => { &[$($crate::Value::from($v)),*] };
}

/// A row of a result.
#[derive(Debug, Clone)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Column `i` as an integer.
    pub fn int(&self, i: usize) -> Result<i64, StoreError> {
        self.opt_int(i)?.ok_or_else(|| StoreError::Invalid(format!("column {i} is null")))
    }
    /// Column `i` as a text.
    pub fn text(&self, i: usize) -> Result<String, StoreError> {
        self.opt_text(i)?.ok_or_else(|| StoreError::Invalid(format!("column {i} is null")))
    }
    /// Column `i` as bytes.
    pub fn bytes(&self, i: usize) -> Result<Vec<u8>, StoreError> {
        self.opt_bytes(i)?.ok_or_else(|| StoreError::Invalid(format!("column {i} is null")))
    }
    /// Column `i` as a truth value (0 is false).
    pub fn bool(&self, i: usize) -> Result<bool, StoreError> {
        Ok(self.int(i)? != 0)
    }
    /// Column `i` as an integer or NULL.
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(i) {
            Some(Value::Int(v)) => Ok(Some(*v)),
            Some(Value::Null) => Ok(None),
            other => Err(StoreError::Invalid(format!("column {i} is no integer: {}", kind(other)))),
        }
    }
    /// Column `i` as a text or NULL.
    pub fn opt_text(&self, i: usize) -> Result<Option<String>, StoreError> {
        match self.0.get(i) {
            Some(Value::Text(v)) => Ok(Some(v.clone())),
            Some(Value::Null) => Ok(None),
            other => Err(StoreError::Invalid(format!("column {i} is no text: {}", kind(other)))),
        }
    }
    /// Column `i` as bytes or NULL.
    pub fn opt_bytes(&self, i: usize) -> Result<Option<Vec<u8>>, StoreError> {
        match self.0.get(i) {
            Some(Value::Bytes(v)) => Ok(Some(v.clone())),
            Some(Value::Null) => Ok(None),
            other => Err(StoreError::Invalid(format!("column {i} is no byte string: {}", kind(other)))),
        }
    }
}

/// Columns of a row that is only looked at.
pub trait Columns {
    /// Column `i` as an integer.
    fn int(&self, i: usize) -> Result<i64, StoreError>;
    /// Column `i` as bytes or NULL.
    fn opt_bytes(&self, i: usize) -> Result<Option<&[u8]>, StoreError>;
}

impl Columns for Row {
    fn int(&self, i: usize) -> Result<i64, StoreError> {
        Self::int(self, i)
    }
    fn opt_bytes(&self, i: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.0.get(i) {
            Some(Value::Bytes(v)) => Ok(Some(v)),
            Some(Value::Null) => Ok(None),
            other => Err(StoreError::Invalid(format!("column {i} is no byte string: {}", kind(other)))),
        }
    }
}

fn kind(v: Option<&Value>) -> &'static str {
    match v {
        None => "missing",
        Some(Value::Null) => "null",
        Some(Value::Int(_)) => "integer",
        Some(Value::Text(_)) => "text",
        Some(Value::Bytes(_)) => "bytes",
    }
}

/// A transaction.
pub trait Tx {
    /// Runs a statement that returns no row; the number of rows it touched.
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError>;
    /// Runs a query (or a statement with RETURNING); all its rows.
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError>;
    /// Runs a query and shows its rows one by one; nothing is kept of them. For listings of many small rows. An error of `see` ends it.
    fn visit(
        &mut self,
        sql: &str,
        params: &[Value],
        see: &mut dyn FnMut(&dyn Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.query(sql, params)?.iter().try_for_each(|row| see(row))
    }
    /// The first row, if any.
    fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params)?.into_iter().next())
    }
    /// Now, by the store's clock: what is planned (the dates of an access) is judged by it. Milliseconds since 1970.
    fn now(&self) -> i64 {
        SystemClock.now().0
    }
}

/// A transaction whose statements are counted, for tests.
#[cfg(any(test, feature = "testing"))]
pub(crate) struct Counted<'a>(pub &'a mut dyn Tx, pub &'a std::sync::atomic::AtomicU64);

#[cfg(any(test, feature = "testing"))]
impl Counted<'_> {
    fn one(&mut self) -> &mut dyn Tx {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0
    }
}

#[cfg(any(test, feature = "testing"))]
impl Tx for Counted<'_> {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.one().execute(sql, params)
    }
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.one().query(sql, params)
    }
    fn visit(
        &mut self,
        sql: &str,
        params: &[Value],
        see: &mut dyn FnMut(&dyn Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.one().visit(sql, params, see)
    }
    fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        self.one().query_opt(sql, params)
    }
    fn now(&self) -> i64 {
        self.0.now()
    }
}

/// A transaction that knows the store's clock.
pub(crate) struct Timed<'a>(pub &'a mut dyn Tx, pub &'a SharedClock);

impl Tx for Timed<'_> {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.0.execute(sql, params)
    }
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.0.query(sql, params)
    }
    fn visit(
        &mut self,
        sql: &str,
        params: &[Value],
        see: &mut dyn FnMut(&dyn Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.0.visit(sql, params, see)
    }
    fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        self.0.query_opt(sql, params)
    }
    fn now(&self) -> i64 {
        self.1.now().0
    }
}

/// Looks at a database that others may be serving: one snapshot, nothing locked, nothing written. `f` gets the schema version, 0 when
/// there is none. Blocking.
pub(crate) fn peek<T>(
    url: &EngineUrl,
    migrations: &'static Migrations,
    f: impl FnOnce(i64, &mut dyn Tx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match url {
        EngineUrl::Sqlite(path) => sqlite::peek(path, migrations, f),
        EngineUrl::Postgres(_) => {
            let mut pending = Pending::connect(url, migrations, Threads { writers: 1, readers: 1 })?;
            let version = pending.version();
            pending.read(|tx| {
                tx.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &[])?;
                f(version, tx)
            })
        }
    }
}

/// A database that was found to be ours and no newer than we are: not migrated, nothing written yet.
pub(crate) enum Pending {
    Sqlite(sqlite::Pending),
    Postgres(Box<postgres::Pending>),
}

/// Threads of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threads {
    /// That write (PostgreSQL; SQLite has one).
    pub writers: usize,
    /// That read.
    pub readers: usize,
}

impl Pending {
    /// Locks (SQLite) or connects (PostgreSQL), refuses a newer schema. Blocking, as all of this type.
    pub fn connect(url: &EngineUrl, migrations: &'static Migrations, threads: Threads) -> Result<Self, StoreError> {
        Ok(match url {
            EngineUrl::Sqlite(path) => Self::Sqlite(sqlite::Pending::connect(path, migrations, threads.readers)?),
            EngineUrl::Postgres(url) => Self::Postgres(Box::new(postgres::Pending::connect(url, migrations, threads)?)),
        })
    }
    /// Schema version found; 0 when new.
    pub fn version(&self) -> i64 {
        match self {
            Self::Sqlite(p) => p.version(),
            Self::Postgres(p) => p.version(),
        }
    }
    /// Reads before anything is migrated.
    pub fn read<T>(&mut self, f: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(p) => p.read(f),
            Self::Postgres(p) => p.read(f),
        }
    }
    /// Migrates forward and begins to serve.
    pub fn start(self) -> Result<Engine, StoreError> {
        Ok(match self {
            Self::Sqlite(p) => Engine::Sqlite(p.start()?),
            Self::Postgres(p) => Engine::Postgres(p.start()?),
        })
    }
}

/// An opened engine.
#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Engine {
    /// On PostgreSQL, takes the number of a node; on SQLite the file's lock is enough. Blocking.
    pub fn fence(&self, me: Me) -> Result<Option<Fence>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(e) => Fence::take(e.connector().clone(), me).map(Some),
        }
    }
    /// Runs a writing closure by the system's clock; the rest as [`crate::Store::write`] says.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writes().submit(f, None, None).await
    }
    /// Runs a reading closure by the system's clock; the rest as [`crate::Store::read`] says.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.reads().submit(f, None, None).await
    }
    /// Where writing closures wait.
    pub fn writes(&self) -> &work::Queue {
        match self {
            Self::Sqlite(e) => e.writes(),
            Self::Postgres(e) => e.writes(),
        }
    }
    /// Where reading closures wait.
    pub fn reads(&self) -> &work::Queue {
        match self {
            Self::Sqlite(e) => e.reads(),
            Self::Postgres(e) => e.reads(),
        }
    }
    /// After something was destroyed: empties SQLite's log, in which it could still be read. Blocking.
    pub fn empty_log(&self) {
        if let Self::Sqlite(e) = self {
            e.empty_log();
        }
    }
}
