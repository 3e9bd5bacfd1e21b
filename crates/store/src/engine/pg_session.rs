//! One connection to PostgreSQL: its settings, its prepared statements, the transactions on it, and the mark by which the fate of a COMMIT is
//! known whose answer was lost.
//!
//! **The mark.** A writing transaction sets a number of its own in a row that only its connection writes. When the answer to COMMIT is lost,
//! another connection locks that row (which waits for the old transaction's end) and looks: the number is there if and only if the
//! transaction took place. `pg_xact_status` would not do: a transaction of which nothing reached the disk before a crash leaves its number to
//! another one, which is then found "committed". A row that is written again and again grows a chain of versions while somebody's long
//! snapshot (a backup) needs the old ones: a connection takes a new row now and then. A COMMIT that answered with a warning is one whose answer
//! was lost.
use super::migrate::Migrations;
use super::pg_tls::Connector;
use super::pg_value::{Again, again, declared, error};
use super::portable::{self, Dialect};
use super::{Columns, Row, Tx, Value};
use crate::StoreError;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{ToSql, Type};
use postgres::{Client, SimpleQueryMessage, Statement};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Statements kept prepared, a connection.
const STATEMENTS: usize = 256;
/// Transactions marked in one row.
const MARKS: i64 = 500;
/// Every session's settings. Only a session that would lose acknowledged commits is corrected; stronger settings stay.
const SESSION: &str = "SET default_transaction_isolation = 'read committed'; SET statement_timeout = '60s'; SET lock_timeout = '20s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET standard_conforming_strings = on; SET client_min_messages = 'warning'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')";
/// Migrations take this session lock (an arbitrary number of ours).
const MIGRATION_LOCK: i64 = 0x5cea_0001;
/// Makes the engine's own table of marks, which is no data (the catalogue leaves it out), and forgets the rows of connections that are long gone.
const MAKE_MARKS: &str = "CREATE TABLE IF NOT EXISTS commit_marks (writer BIGINT PRIMARY KEY, mark BIGINT NOT NULL, \
    opened TIMESTAMPTZ NOT NULL DEFAULT now()) WITH (fillfactor = 10); \
    DELETE FROM commit_marks WHERE opened < now() - interval '7 days'";

/// Why something failed on a session, and whether running the transaction again may help.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: StoreError,
    pub again: Again,
}

impl From<postgres::Error> for Failure {
    fn from(e: postgres::Error) -> Self {
        Self { error: error(&e), again: again(&e) }
    }
}
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error, again: Again::No }
    }
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Write,
    Read,
}

/// The mark of one writing transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    writer: i64,
    number: i64,
}

/// A connection with its prepared statements.
pub(super) struct Session {
    pub client: Client,
    statements: HashMap<(String, Vec<Type>), Statement>,
    /// Row of marks and the last number in it.
    marked: Option<Mark>,
    /// The server warned.
    warned: Arc<AtomicBool>,
    #[cfg(any(test, feature = "testing"))]
    pub faults: Option<std::sync::Arc<super::pg_faults::Faults>>,
}

impl Session {
    pub fn open(connector: &Connector) -> Result<Self, postgres::Error> {
        let (mut client, warned) = connector.connect()?;
        client.batch_execute(SESSION)?;
        Ok(Self {
            client,
            statements: HashMap::new(),
            marked: None,
            warned,
            #[cfg(any(test, feature = "testing"))]
            faults: connector.faults.clone(),
        })
    }
    /// Server version number and database encoding.
    pub fn facts(&mut self) -> Result<(i64, String), StoreError> {
        let row = self
            .client
            .query_one("SELECT current_setting('server_version_num'), current_setting('server_encoding'), current_setting('fsync')", &[])
            .map_err(|e| error(&e))?;
        if row.get::<_, &str>(2) != "on" {
            tracing::warn!("PostgreSQL runs with fsync off: a power cut loses acknowledged mail");
        }
        Ok((row.get::<_, &str>(0).parse().unwrap_or(0), row.get(1)))
    }
    pub fn version(&mut self, migrations: &Migrations) -> Result<i64, postgres::Error> {
        let known: bool = self.client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&migrations.table])?.get(0);
        if known { Ok(self.client.query_one(migrations.newest().as_str(), &[])?.get(0)) } else { Ok(0) }
    }
    pub fn migrate(&mut self, migrations: &Migrations) -> Result<(), StoreError> {
        let take_turns =
            |client: &mut Client, what: &str| client.batch_execute(&format!("SELECT {what}({MIGRATION_LOCK})"));
        take_turns(&mut self.client, "pg_advisory_lock").map_err(|e| error(&e))?;
        let outcome = self.migrate_alone(migrations);
        // Ends with the session anyway.
        let _ = take_turns(&mut self.client, "pg_advisory_unlock");
        outcome
    }
    fn migrate_alone(&mut self, migrations: &Migrations) -> Result<(), StoreError> {
        // Another starter may have migrated, perhaps further than we know.
        let found = self.version(migrations).map_err(|e| error(&e))?;
        migrations.check(found)?;
        if migrations.must_be_alone(found) {
            super::pg_link::alone(self)?;
        }
        for m in migrations.after(found) {
            let mut apply = || {
                let mut tx = self.client.transaction()?;
                tx.batch_execute("SET LOCAL statement_timeout = 0")?;
                tx.batch_execute(&migrations.create_table())?;
                for statement in portable::adapt(m.sql, Dialect::Postgres) {
                    tx.batch_execute(&statement)?;
                }
                tx.batch_execute(&migrations.record(m))?;
                tx.commit()
            };
            apply().map_err(|e: postgres::Error| error(&e))?;
            tracing::info!(schema = m.name, "migrated");
        }
        self.client.batch_execute(MAKE_MARKS).map_err(|e| error(&e))
    }

    /// Opens a transaction; a writing one sets its mark.
    pub fn begin(&mut self, mode: Mode) -> Result<Option<Mark>, Failure> {
        #[cfg(any(test, feature = "testing"))]
        self.trip(super::pg_faults::Point::Begin)?;
        if mode == Mode::Read {
            self.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            return Ok(None);
        }
        let mark = self.next_mark()?;
        let Mark { writer, number } = mark;
        let sql = format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; EXECUTE mark({writer}, {number})");
        let touched = self.client.simple_query(&sql)?.into_iter().rev().find_map(|m| match m {
            SimpleQueryMessage::CommandComplete(rows) => Some(rows),
            _ => None,
        });
        if touched == Some(1) {
            return Ok(Some(mark));
        }
        Err(Failure { error: StoreError::Transient("a connection has lost its mark".into()), again: Again::Lost })
    }
    fn next_mark(&mut self) -> Result<Mark, Failure> {
        if let Some(mark) = &mut self.marked
            && mark.number < MARKS
        {
            mark.number += 1;
            return Ok(*mark);
        }
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| StoreError::Other("no randomness".into()))?;
        let mark = Mark { writer: i64::from_be_bytes(random) & i64::MAX, number: 1 };
        // Whether this row survives a crash says nothing: without it the transactions that it marked are not there either.
        let mut tx = self.client.transaction()?;
        tx.batch_execute("SET LOCAL synchronous_commit = off")?;
        match self.marked.take() {
            Some(old) => tx.batch_execute(&format!("DELETE FROM commit_marks WHERE writer = {}", old.writer))?,
            None => {
                tx.batch_execute("PREPARE mark(bigint, bigint) AS UPDATE commit_marks SET mark = $2 WHERE writer = $1")?
            }
        }
        tx.batch_execute(&format!("INSERT INTO commit_marks (writer, mark) VALUES ({}, 0)", mark.writer))?;
        tx.commit()?;
        self.marked = Some(mark);
        Ok(mark)
    }
    /// Did the transaction with this mark take place? Waits for its end, and for the standbys that its COMMIT had to wait for: locking the
    /// row writes, after what that COMMIT wrote, and ends with a COMMIT of its own.
    pub fn took_place(&mut self, mark: Mark) -> Result<Option<bool>, Failure> {
        let sql = "SELECT mark FROM commit_marks WHERE writer = $1 FOR UPDATE";
        self.warned.store(false, Ordering::SeqCst);
        let found = self.client.query_opt(sql, &[&mark.writer])?;
        self.not_warned()?;
        Ok(found.map(|row| row.get::<_, i64>(0) == mark.number))
    }
    /// COMMIT warns for one reason: it was told to wait no longer (`pg_cancel_backend`) for the standby that must have it too. It took place
    /// here, and nobody knows whether it survives this server: that is no success yet.
    fn not_warned(&self) -> Result<(), Failure> {
        if !self.warned.load(Ordering::SeqCst) {
            return Ok(());
        }
        let error = StoreError::Transient("a commit did not wait for its standby".into());
        Err(Failure { error, again: Again::Lost })
    }
    pub fn commit(&mut self) -> Result<(), Failure> {
        #[cfg(any(test, feature = "testing"))]
        self.trip(super::pg_faults::Point::BeforeCommit)?;
        self.warned.store(false, Ordering::SeqCst);
        self.client.batch_execute("COMMIT")?;
        self.not_warned()?;
        #[cfg(any(test, feature = "testing"))]
        self.trip(super::pg_faults::Point::AfterCommit)?;
        Ok(())
    }
    /// Statements are prepared anew: a neighbour changed the schema.
    pub fn forget_statements(&mut self) {
        self.statements.clear();
    }
    fn prepared(&mut self, sql: &str, params: &[Value]) -> Result<Statement, Failure> {
        let types: Vec<Type> = params.iter().map(declared).collect();
        let key = (sql.to_owned(), types);
        if let Some(statement) = self.statements.get(&key) {
            // Counted when it was prepared; a text may still hold NUL.
            portable::check_values(params.len(), params)?;
            return Ok(statement.clone());
        }
        let scanned = portable::scan(sql)?;
        portable::check_values(scanned.parameters, params)?;
        let statement = self.client.prepare_typed(sql, &key.1)?;
        if self.statements.len() >= STATEMENTS {
            // Programs have fewer statements than this; closing them all is simpler than choosing.
            self.statements.clear();
        }
        self.statements.insert(key, statement.clone());
        Ok(statement)
    }
}

/// A transaction on a session.
pub(super) struct PgTx<'a> {
    session: &'a mut Session,
    /// First statement that failed.
    pub failed: Option<(StoreError, Again)>,
}

impl<'a> PgTx<'a> {
    pub fn new(session: &'a mut Session) -> Self {
        Self { session, failed: None }
    }
    fn guarded<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        f: impl FnOnce(&mut Client, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        if let Some((e, _)) = &self.failed {
            return Err(e.clone());
        }
        self.run(sql, params, f).map_err(|failure| {
            self.failed = Some((failure.error.clone(), failure.again));
            failure.error
        })
    }
    fn run<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        f: impl FnOnce(&mut Client, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let bound: Vec<&(dyn ToSql + Sync)> = params.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        #[cfg(any(test, feature = "testing"))]
        self.session.trip(super::pg_faults::Point::BeforeStatement)?;
        let statement = self.session.prepared(sql, params)?;
        let done = f(&mut self.session.client, &statement, &bound)?;
        #[cfg(any(test, feature = "testing"))]
        self.session.trip(super::pg_faults::Point::AfterStatement)?;
        Ok(done)
    }
}

/// A row's values.
fn values(row: &postgres::Row) -> Result<Row, StoreError> {
    let values = (0..row.len()).map(|i| row.try_get(i)).collect::<Result<Vec<Value>, _>>();
    values.map(Row).map_err(|e| StoreError::Invalid(format!("column of another type: {e}")))
}

impl Tx for PgTx<'_> {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.guarded(sql, params, |client, statement, bound| {
            if !statement.columns().is_empty() {
                return Err(StoreError::Invalid("execute() of a statement that returns rows".into()).into());
            }
            Ok(client.execute(statement, bound)?)
        })
    }
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.guarded(sql, params, |client, statement, bound| {
            let rows = client.query(statement, bound)?;
            Ok(rows.iter().map(values).collect::<Result<_, _>>()?)
        })
    }
    fn visit(
        &mut self,
        sql: &str,
        params: &[Value],
        see: &mut dyn FnMut(&dyn Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.guarded(sql, params, |client, statement, bound| {
            let mut rows = client.query_raw(statement, bound.iter().copied())?;
            while let Some(row) = rows.next()? {
                see(&values(&row)?)?;
            }
            Ok(())
        })
    }
}
