//! Filling an empty database with rows from elsewhere, in slices, so that a run that was killed goes on where it stopped.
//!
//! Promises: only an empty database is filled, or one that an earlier run with the same origin left unfinished; a database that is being
//! filled is opened by nobody else ([`super::tables::PROGRESS`]); how far it is stands in the same transaction as the rows.
use super::backup::off;
use super::error::CareError;
use super::rows;
use super::tables::{self, PROGRESS, Set, Shape};
use crate::engine::catalogue::{self, Kind};
use crate::engine::{Engine, Pending, Row, Threads, Tx, Value};
use crate::{EngineUrl, StoreError, params};
use std::collections::HashMap;

/// Bytes and rows of one transaction, about.
const SLICE: (usize, usize) = (2 << 20, 2_000);
/// Rows bound in one statement, and values at most.
const BOUND: (usize, usize) = (100, 1_200);
/// This work is done one thing at a time.
pub(crate) const ALONE: Threads = Threads { writers: 1, readers: 1 };

/// A database that is being filled.
#[derive(Debug)]
pub(crate) struct Loader {
    pub engine: Engine,
    pub kind: Kind,
    shapes: Vec<Shape>,
    loaded: HashMap<String, u64>,
    waiting: Vec<Row>,
    bytes: usize,
    /// The table whose rows wait.
    table: Option<usize>,
}

/// Refuses what others use, what is newer than we are, and opens the rest as it is: nothing is migrated. None when it is empty.
pub(crate) async fn open_as_is(url: &EngineUrl, set: &'static Set) -> Result<Option<(Engine, i64)>, CareError> {
    let url = url.clone();
    off(move || {
        let name = shown(&url);
        let mut pending = Pending::connect(&url, set.migrations, ALONE).map_err(|e| in_use(e, &name))?;
        alone(&mut pending, &name)?;
        let version = pending.version();
        drop(pending);
        let Some(age) = set.at(version) else { return Ok(None) };
        let engine = Pending::connect(&url, age, ALONE).and_then(Pending::start).map_err(|e| in_use(e, &name))?;
        Ok(Some((engine, version)))
    })
    .await
}

/// How a database is named to people: never its connection string, which may hold a password.
pub(crate) fn shown(url: &EngineUrl) -> String {
    match url {
        EngineUrl::Sqlite(path) => path.display().to_string(),
        EngineUrl::Postgres(url) => {
            let database = url.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
            let plain = !database.is_empty() && !database.contains(['=', '@', ':', ' ']);
            if plain { format!("PostgreSQL {database}") } else { "PostgreSQL".into() }
        }
    }
}

fn in_use(e: StoreError, name: &str) -> CareError {
    match e {
        StoreError::Locked(_) => CareError::InUse(name.to_owned()),
        other => other.into(),
    }
}

fn alone(pending: &mut Pending, name: &str) -> Result<(), CareError> {
    let kind = pending.kind();
    if kind == Kind::Sqlite {
        // Its lock told it already; and the file may not be there yet.
        return Ok(());
    }
    // The sessions of a server that was just stopped need a moment to be gone.
    for _ in 0..20 {
        if pending.read(|tx| catalogue::other_sessions(tx, kind))? == 0 {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Err(CareError::InUse(name.to_owned()))
}

/// Refuses what is in use, not empty, or of another age.
fn takeable(url: &EngineUrl, set: &'static Set, version: i64, origin: &str) -> Result<Kind, CareError> {
    let name = shown(url);
    let mut pending = Pending::connect(url, set.migrations, ALONE).map_err(|e| in_use(e, &name))?;
    alone(&mut pending, &name)?;
    let (kind, found) = (pending.kind(), pending.version());
    if found == 0 {
        // A SQLite file without our tables was refused already.
        let others = kind == Kind::Postgres && !pending.read(|tx| catalogue::tables(tx, kind))?.is_empty();
        return if others { Err(CareError::NotEmpty) } else { Ok(kind) };
    }
    let mut known = Err(CareError::NotEmpty);
    pending.read(|tx| {
        known = look(tx, kind, set, origin);
        Ok(())
    })?;
    known?;
    if found == version { Ok(kind) } else { Err(CareError::Schema { found, wanted: version }) }
}

impl Loader {
    /// Could this database be taken? Writes nothing into it.
    pub async fn check(url: &EngineUrl, set: &'static Set, version: i64, origin: String) -> Result<(), CareError> {
        let url = url.clone();
        off(move || takeable(&url, set, version, &origin).map(drop)).await
    }
    /// Takes an empty database, or one that an earlier run of `origin` left unfinished, and gives it the schema of `version`.
    pub async fn begin(url: &EngineUrl, set: &'static Set, version: i64, origin: String) -> Result<Self, CareError> {
        let (url, same) = (url.clone(), origin.clone());
        let (engine, kind) = off(move || {
            let kind = takeable(&url, set, version, &same)?;
            let newest = set.migrations.known();
            let age = set.at(version).ok_or(StoreError::NewerSchema { found: version, known: newest })?;
            let engine = Pending::connect(&url, age, ALONE).and_then(Pending::start)?;
            Ok((engine, kind))
        })
        .await?;
        let (shapes, loaded) = engine.write(move |tx| claim(tx, kind, set, &origin)).await?;
        Ok(Self { engine, kind, shapes, loaded, waiting: Vec::new(), bytes: 0, table: None })
    }
    /// Rows of a table that an earlier run wrote.
    pub fn loaded(&self, table: &str) -> u64 {
        self.loaded.get(table).copied().unwrap_or(0)
    }
    /// The tables that can be filled.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }
    /// Adds a row of a table, whose values are those of `columns`. Rows come in the order of the table's key.
    pub async fn push(&mut self, table: usize, row: Row) -> Result<(), CareError> {
        if self.table != Some(table) {
            self.flush().await?;
            self.table = Some(table);
        }
        self.bytes += rows::weight(&row);
        self.waiting.push(row);
        if self.bytes >= SLICE.0 || self.waiting.len() >= SLICE.1 { self.flush().await } else { Ok(()) }
    }
    /// Writes what waits.
    pub async fn flush(&mut self) -> Result<(), CareError> {
        let rows = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let Some(shape) = self.table.and_then(|i| self.shapes.get(i)).filter(|_| !rows.is_empty()) else {
            return Ok(());
        };
        let shape = shape.clone();
        let done = self.loaded(&shape.name) + rows.len() as u64;
        let name = shape.name.clone();
        self.engine
            .write(move |tx| {
                insert(tx, &shape, &rows)?;
                let sql = format!(
                    "INSERT INTO {PROGRESS} (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
                );
                tx.execute(&sql, params![table_mark(&shape.name), done.to_string()]).map(drop)
            })
            .await
            .map_err(|e: StoreError| CareError::from(e))?;
        self.loaded.insert(name, done);
        Ok(())
    }
}

fn table_mark(table: &str) -> String {
    format!("table:{table}")
}

/// What an earlier run of `origin` loaded; none when the database is empty. Anything else is refused.
fn look(tx: &mut dyn Tx, kind: Kind, set: &Set, origin: &str) -> Result<Option<HashMap<String, u64>>, CareError> {
    let shapes = tables::shapes(tx, kind, set)?;
    if !tables::unfinished(tx, kind)? {
        let left = set.left.iter().copied().filter(|table| *table != tables::LEAST);
        for table in shapes.iter().map(|s| s.name.as_str()).chain(left) {
            let exists = shapes.iter().any(|s| s.name == table) || !catalogue::columns(tx, kind, table)?.is_empty();
            if exists && tx.query_opt(&format!("SELECT 1 FROM {table} LIMIT 1"), &[])?.is_some() {
                return Err(CareError::NotEmpty);
            }
        }
        return Ok(None);
    }
    let (mut loaded, mut same) = (HashMap::new(), false);
    for row in tx.query(&format!("SELECT name, value FROM {PROGRESS}"), &[])? {
        let (name, value) = (row.text(0)?, row.text(1)?);
        match name.strip_prefix("table:") {
            Some(table) => {
                let count = value.parse().map_err(|_| StoreError::Corrupt("progress".into()))?;
                loaded.insert(table.to_owned(), count);
            }
            None => same |= name == "origin" && value == origin,
        }
    }
    if same { Ok(Some(loaded)) } else { Err(CareError::OtherUnfinished) }
}

/// Marks the database as being filled from `origin`, unless an earlier run did.
fn claim(
    tx: &mut dyn Tx,
    kind: Kind,
    set: &Set,
    origin: &str,
) -> Result<(Vec<Shape>, HashMap<String, u64>), CareError> {
    let loaded = look(tx, kind, set, origin)?;
    if loaded.is_none() {
        tx.execute(&format!("CREATE TABLE {PROGRESS} (name TEXT PRIMARY KEY, value TEXT NOT NULL)"), &[])?;
        tx.execute(&format!("INSERT INTO {PROGRESS} (name, value) VALUES ('origin', $1)"), params![origin])?;
    }
    Ok((tables::shapes(tx, kind, set)?, loaded.unwrap_or_default()))
}

/// Writes rows with few statements.
fn insert(tx: &mut dyn Tx, shape: &Shape, rows: &[Row]) -> Result<(), StoreError> {
    let columns = shape.columns.len();
    let most = (BOUND.1 / columns.max(1)).clamp(1, BOUND.0);
    for group in rows.chunks(most) {
        let mut sql = format!("INSERT INTO {} ({}) VALUES ", shape.name, shape.columns.join(", "));
        let mut values: Vec<Value> = Vec::with_capacity(columns * group.len());
        for (i, row) in group.iter().enumerate() {
            let marks: Vec<String> = (1..=columns).map(|c| format!("${}", i * columns + c)).collect();
            sql.push_str(if i == 0 { "(" } else { ", (" });
            sql.push_str(&marks.join(", "));
            sql.push(')');
            values.extend(row.0.iter().cloned());
        }
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

/// The mark of an unfinished restore or move goes: from now on the store can be opened.
pub(crate) fn finished(tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.execute(&format!("DROP TABLE {PROGRESS}"), &[]).map(drop)
}
