//! PostgreSQL 15 and later: a pool of threads, each with its own connection.
//!
//! Promises: writing closures run in READ COMMITTED, reading ones on one snapshot; a transaction in which a statement met a serialisation
//! failure, a deadlock or a lost connection runs again, with backoff, whatever the closure made of the error; after a COMMIT whose answer was
//! lost the database is asked whether it took place, so that nothing is done twice and nothing acknowledged is missing, also when the
//! server was restarted or a standby took its place meanwhile.
use super::migrate::Migrations;
use super::pg_session::{Failure, Mark, Mode, PgTx, Session};
use super::pg_tls::{self, Connector};
use super::pg_value::{Again, error};
use super::work::{Queue, Work, join};
use super::{Threads, Tx};
use crate::StoreError;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Times a transaction is run before its conflict is reported.
const ATTEMPTS: u32 = 12;
/// How long, since it was queued, a transaction waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

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
    connector: Box<Connector>,
    writes: Arc<Queue>,
    reads: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Pending {
    /// Connects and looks; writes nothing.
    pub fn connect(url: &str, migrations: &'static Migrations, threads: Threads) -> Result<Self, StoreError> {
        let connector = pg_tls::connector(url)?;
        let mut session = Session::open(&connector).map_err(|e| error(&e))?;
        #[cfg(any(test, feature = "testing"))]
        {
            // Starting is not tried again, so nothing is made to fail in it.
            session.faults = None;
        }
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
        let mut engine = Postgres {
            connector: Box::new(self.connector.clone()),
            writes: Arc::default(),
            reads: Arc::default(),
            threads: Vec::new(),
        };
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
    /// How to reach the database.
    pub fn connector(&self) -> &Connector {
        &self.connector
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
    fn carry_out(&mut self, mut work: Work) {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (kind, e) = match self.attempt(&mut work) {
                Fate::Done => break,
                Fate::Again(kind, e) => (kind, e),
            };
            metrics::counter!("sceau_store_retries_total").increment(1);
            match kind {
                Again::Lost => self.session = None,
                Again::Stale => self.session.iter_mut().for_each(Session::forget_statements),
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

    fn attempt(&mut self, work: &mut Work) -> Fate {
        let session = match &mut self.session {
            Some(session) => session,
            empty => match Session::open(&self.connector) {
                Ok(session) => empty.insert(session),
                Err(e) => return Fate::Again(Again::Lost, error(&e)),
            },
        };
        let mark = match session.begin(self.mode) {
            Ok(mark) => mark,
            // Before the closure ran: whatever went wrong, another connection may be better.
            Err(failure) => return Fate::Again(Again::Lost, failure.error),
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
            return match session.commit() {
                Ok(()) => {
                    if self.mode == Mode::Write {
                        metrics::counter!("sceau_store_commits_total", "engine" => "postgres").increment(1);
                        metrics::histogram!("sceau_store_group_size").record(1.0);
                    }
                    Fate::Done
                }
                Err(Failure { again: Again::Lost, .. }) => self.commit_unanswered(work, mark),
                Err(Failure { again: Again::No, error }) => {
                    work.fail(error);
                    Fate::Done
                }
                Err(Failure { again, error }) => Fate::Again(again, error),
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

    /// The connection broke while COMMIT was on its way, or COMMIT was told not to wait for a standby: asks the database whether the transaction took place.
    fn commit_unanswered(&mut self, work: &mut Work, mark: Option<Mark>) -> Fate {
        self.session = None;
        let Some(mark) = mark else {
            // A reading transaction: it changed nothing.
            return Fate::Done;
        };
        let mut tries = 0;
        while work.queued().elapsed() < PATIENCE * 2 {
            tries += 1;
            std::thread::sleep(backoff(tries));
            let Ok(mut session) = Session::open(&self.connector) else { continue };
            let Ok(found) = session.took_place(mark) else { continue };
            self.session = Some(session);
            match found {
                Some(true) => return Fate::Done,
                Some(false) => {
                    let e = StoreError::Transient("connection to the database lost".into());
                    return Fate::Again(Again::Conflict, e);
                }
                // The row is gone: this connection slept for days in its COMMIT, or somebody emptied the table.
                None => break,
            }
        }
        work.fail(StoreError::Transient("connection to the database lost while committing".into()));
        Fate::Done
    }
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
