//! PostgreSQL 15 and later: a pool of threads, each with its own connection.
//!
//! Promises: writing closures run in READ COMMITTED, reading ones on one snapshot; a transaction in which a statement met a serialisation
//! failure, a deadlock or a lost connection runs again, with backoff, whatever the closure made of the error; after a COMMIT whose answer was
//! lost the server is asked whether it took place, so that nothing is done twice and nothing acknowledged is missing.
use super::migrate::Migrations;
use super::pg_tls::{self, Connector};
use super::pg_value::{Again, again, declared, error};
use super::portable::{self, Dialect};
use super::work::{Queue, Work, join};
use super::{Row, Threads, Tx, Value};
use crate::StoreError;
use postgres::types::{ToSql, Type};
use postgres::{Client, SimpleQueryMessage, Statement};
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Statements kept prepared, a connection.
const STATEMENTS: usize = 256;
/// Times a transaction is run before its conflict is reported.
const ATTEMPTS: u32 = 12;
/// How long, since it was queued, a transaction waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Every session's settings. Only a session that would lose acknowledged commits is corrected; stronger settings stay.
const SESSION: &str = "SET default_transaction_isolation = 'read committed'; SET statement_timeout = '60s'; SET lock_timeout = '20s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET standard_conforming_strings = on; SET client_min_messages = 'warning'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')";
/// Migrations take this session lock (an arbitrary number of ours).
const MIGRATION_LOCK: i64 = 0x5cea_0001;

/// A database that answers and is no newer than we are.
pub(crate) struct Pending {
    connector: Connector,
    session: Session,
    migrations: &'static Migrations,
    version: i64,
    threads: Threads,
}

/// Serves a database.
#[derive(Debug)]
pub(crate) struct Postgres {
    writes: Arc<Queue>,
    reads: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Pending {
    /// Connects and looks; writes nothing.
    pub fn connect(url: &str, migrations: &'static Migrations, threads: Threads) -> Result<Self, StoreError> {
        let connector = pg_tls::connector(url)?;
        let mut session = Session::open(&connector).map_err(|e| error(&e))?;
        let (number, encoding) = session.facts()?;
        if number < 150_000 {
            return Err(StoreError::Other(format!("PostgreSQL 15 or later is needed, this is {}", number / 10_000)));
        }
        if encoding != "UTF8" {
            return Err(StoreError::Other(format!("the database must be encoded in UTF8, not {encoding}")));
        }
        let version = session.version(migrations).map_err(|e| error(&e))?;
        migrations.check(version)?;
        Ok(Self { connector, session, migrations, version, threads })
    }
    /// Version found; 0 when new.
    pub fn version(&self) -> i64 {
        self.version
    }
    /// Reads before anything is migrated.
    pub fn read<T>(&mut self, f: impl FnOnce(&mut dyn Tx) -> Result<T, StoreError>) -> Result<T, StoreError> {
        f(&mut PgTx::new(&mut self.session))
    }
    /// Migrates and begins to serve.
    pub fn start(mut self) -> Result<Postgres, StoreError> {
        self.session.migrate(self.migrations)?;
        let mut engine = Postgres { writes: Arc::default(), reads: Arc::default(), threads: Vec::new() };
        for (queue, n, mode) in
            [(&engine.writes, self.threads.writers, Mode::Write), (&engine.reads, self.threads.readers, Mode::Read)]
        {
            for _ in 0..n {
                let (queue, connector) = (Arc::clone(queue), self.connector.clone());
                let mut worker = Worker { connector, session: None, mode };
                let name = if mode == Mode::Write { "store-writer" } else { "store-reader" };
                let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
                    while let Some(batch) = queue.take(1) {
                        batch.into_iter().for_each(|work| worker.carry_out(work));
                    }
                });
                engine.threads.push(thread.map_err(|e| StoreError::io("thread", &e))?);
            }
        }
        Ok(engine)
    }
}

impl Postgres {
    /// Where writing closures wait.
    pub fn writes(&self) -> &Queue {
        &self.writes
    }
    /// Where reading closures wait.
    pub fn reads(&self) -> &Queue {
        &self.reads
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
        join(&mut self.threads);
    }
}

/// A connection with its prepared statements.
struct Session {
    client: Client,
    statements: HashMap<(String, Vec<Type>), Statement>,
}

impl Session {
    fn open(connector: &Connector) -> Result<Self, postgres::Error> {
        let mut client = connector.connect()?;
        client.batch_execute(SESSION)?;
        Ok(Self { client, statements: HashMap::new() })
    }
    /// Server version number and database encoding.
    fn facts(&mut self) -> Result<(i64, String), StoreError> {
        let row = self
            .client
            .query_one("SELECT current_setting('server_version_num'), current_setting('server_encoding'), current_setting('fsync')", &[])
            .map_err(|e| error(&e))?;
        if row.get::<_, &str>(2) != "on" {
            tracing::warn!("PostgreSQL runs with fsync off: a power cut loses acknowledged mail");
        }
        Ok((row.get::<_, &str>(0).parse().unwrap_or(0), row.get(1)))
    }
    fn version(&mut self, migrations: &Migrations) -> Result<i64, postgres::Error> {
        let known: bool = self.client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&migrations.table])?.get(0);
        if known { Ok(self.client.query_one(migrations.newest().as_str(), &[])?.get(0)) } else { Ok(0) }
    }
    fn migrate(&mut self, migrations: &Migrations) -> Result<(), StoreError> {
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
        Ok(())
    }
    /// Opens a transaction; a writing one tells its number, by which its fate can be asked later.
    fn begin(&mut self, mode: Mode) -> Result<Option<String>, postgres::Error> {
        let sql = match mode {
            Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_current_xact_id()",
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.client.simple_query(sql)?.into_iter().find_map(|m| match m {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }
    fn prepared(&mut self, sql: &str, params: &[Value]) -> Result<Statement, Failure> {
        let types: Vec<Type> = params.iter().map(declared).collect();
        let key = (sql.to_owned(), types);
        if let Some(statement) = self.statements.get(&key) {
            // Counted when it was prepared; a text may still hold NUL.
            portable::check_values(params.len(), params).map_err(Failure::Ours)?;
            return Ok(statement.clone());
        }
        let scanned = portable::scan(sql).map_err(Failure::Ours)?;
        portable::check_values(scanned.parameters, params).map_err(Failure::Ours)?;
        let statement = self.client.prepare_typed(sql, &key.1).map_err(Failure::Theirs)?;
        if self.statements.len() >= STATEMENTS {
            // Programs have fewer statements than this; closing them all is simpler than choosing.
            self.statements.clear();
        }
        self.statements.insert(key, statement.clone());
        Ok(statement)
    }
}

enum Failure {
    Ours(StoreError),
    Theirs(postgres::Error),
}

struct PgTx<'a> {
    session: &'a mut Session,
    /// First statement that failed.
    failed: Option<(StoreError, Again)>,
}

impl<'a> PgTx<'a> {
    fn new(session: &'a mut Session) -> Self {
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
        let outcome = self.session.prepared(sql, params).and_then(|statement| {
            let bound: Vec<&(dyn ToSql + Sync)> = params.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
            f(&mut self.session.client, &statement, &bound)
        });
        outcome.map_err(|failure| {
            let (e, kind) = match failure {
                Failure::Ours(e) => (e, Again::No),
                Failure::Theirs(e) => (error(&e), again(&e)),
            };
            self.failed = Some((e.clone(), kind));
            e
        })
    }
}

impl Tx for PgTx<'_> {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.guarded(sql, params, |client, statement, bound| {
            if !statement.columns().is_empty() {
                return Err(Failure::Ours(StoreError::Invalid("execute() of a statement that returns rows".into())));
            }
            client.execute(statement, bound).map_err(Failure::Theirs)
        })
    }
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.guarded(sql, params, |client, statement, bound| {
            let rows = client.query(statement, bound).map_err(Failure::Theirs)?;
            let columns = statement.columns().len();
            rows.iter()
                .map(|row| {
                    let values = (0..columns).map(|i| row.try_get(i)).collect::<Result<Vec<Value>, _>>();
                    values
                        .map(Row)
                        .map_err(|e| Failure::Ours(StoreError::Invalid(format!("column of another type: {e}"))))
                })
                .collect()
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Write,
    Read,
}

/// What became of one run.
enum Fate {
    /// Committed, or failed for good: answer.
    Done,
    /// Run again.
    Again(Again, StoreError),
}

/// One thread of the pool.
struct Worker {
    connector: Connector,
    session: Option<Session>,
    mode: Mode,
}

impl Worker {
    fn carry_out(&mut self, mut work: Box<dyn Work>) {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (kind, e) = match self.attempt(work.as_mut()) {
                Fate::Done => break,
                Fate::Again(kind, e) => (kind, e),
            };
            metrics::counter!("sceau_store_retries_total").increment(1);
            match kind {
                Again::Lost => self.session = None,
                Again::Stale => self.session.iter_mut().for_each(|s| s.statements.clear()),
                Again::Conflict | Again::No => {}
            }
            let patient = if kind == Again::Lost { work.queued().elapsed() < PATIENCE } else { attempt < ATTEMPTS };
            if !patient {
                metrics::counter!("sceau_store_busy_total").increment(1);
                work.fail(e);
                break;
            }
            std::thread::sleep(backoff(attempt));
        }
        work.release();
    }

    fn attempt(&mut self, work: &mut dyn Work) -> Fate {
        let session = match &mut self.session {
            Some(session) => session,
            empty => match Session::open(&self.connector) {
                Ok(session) => empty.insert(session),
                Err(e) => return reconnect(&e),
            },
        };
        let number = match session.begin(self.mode) {
            Ok(number) => number,
            Err(e) => return reconnect(&e),
        };
        let mut tx = PgTx::new(session);
        let kept = work.run(&mut tx);
        let failed = tx.failed;
        if let Some((e, kind)) = failed {
            if kind != Again::No {
                self.roll_back();
                return Fate::Again(kind, e);
            }
            if kept {
                work.fail(e);
            }
        } else if kept {
            return match session.client.batch_execute("COMMIT") {
                Ok(()) => {
                    if self.mode == Mode::Write {
                        metrics::counter!("sceau_store_commits_total", "engine" => "postgres").increment(1);
                        metrics::histogram!("sceau_store_group_size").record(1.0);
                    }
                    Fate::Done
                }
                Err(e) => match again(&e) {
                    Again::Lost => self.commit_unanswered(work, number.as_deref()),
                    Again::No => {
                        work.fail(error(&e));
                        Fate::Done
                    }
                    kind => Fate::Again(kind, error(&e)),
                },
            };
        }
        self.roll_back();
        Fate::Done
    }

    fn roll_back(&mut self) {
        if self.session.as_mut().is_some_and(|s| s.client.batch_execute("ROLLBACK").is_err()) {
            self.session = None;
        }
    }

    /// The connection broke while COMMIT was on its way: asks the server what became of the transaction.
    fn commit_unanswered(&mut self, work: &mut dyn Work, number: Option<&str>) -> Fate {
        self.session = None;
        let Some(number) = number else {
            // A reading transaction: it changed nothing.
            return Fate::Done;
        };
        let mut tries = 0;
        while work.queued().elapsed() < PATIENCE * 2 {
            tries += 1;
            std::thread::sleep(backoff(tries));
            let Ok(mut session) = Session::open(&self.connector) else { continue };
            let sql = "SELECT COALESCE(pg_xact_status(CAST(CAST($1 AS TEXT) AS xid8)), 'unknown')";
            let Ok(row) = session.client.query_one(sql, &[&number]) else { continue };
            let status: String = row.get(0);
            self.session = Some(session);
            match status.as_str() {
                "committed" => return Fate::Done,
                "aborted" => {
                    return Fate::Again(
                        Again::Conflict,
                        StoreError::Transient("connection to the database lost".into()),
                    );
                }
                // Its old session has not noticed yet.
                "in progress" => {}
                _ => break,
            }
        }
        work.fail(StoreError::Transient("connection to the database lost while committing".into()));
        Fate::Done
    }
}

/// Before the closure ran: whatever went wrong, another connection may be better.
fn reconnect(e: &postgres::Error) -> Fate {
    Fate::Again(Again::Lost, error(e))
}

/// 5 ms doubling to 640 ms, each between half and whole of it so that rivals part.
fn backoff(attempt: u32) -> Duration {
    let whole = 5_u64 << attempt.saturating_sub(1).min(7);
    let mut random = [0_u8; 2];
    // Without randomness the whole is as good.
    let share =
        aws_lc_rs::rand::fill(&mut random).map_or(u64::from(u16::MAX), |()| u64::from(u16::from_be_bytes(random)));
    Duration::from_micros(whole * 500 + whole * 500 * share / u64::from(u16::MAX))
}
