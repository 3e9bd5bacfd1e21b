//! TEST ONLY: a ground that gives way. Under a database that asked for it, any statement, BEGIN or COMMIT may meet a serialisation failure or a
//! lost connection, before or after it took place, by a seeded generator.
//!
//! The faults are real: the server itself raises the serialisation failure, and itself ends the session, so that what the engine meets is
//! what the driver makes of it. After some failures in a row a thread is spared until it has finished something, so that every transaction
//! ends well within the engine's patience.
use super::pg_session::{Failure, Session};
use super::pg_value::Again;
use crate::StoreError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

/// Where a fault may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Point {
    Begin,
    BeforeStatement,
    AfterStatement,
    BeforeCommit,
    AfterCommit,
}

/// One fault in so many statements.
const STATEMENTS: u64 = 30;
/// One fault in so many BEGIN and COMMIT.
const ENDS: u64 = 8;
/// Failures in a row after which a thread is spared.
const IN_A_ROW: u32 = 5;

/// The faults of one database.
#[derive(Debug)]
pub(crate) struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    random: u64,
    in_a_row: HashMap<ThreadId, u32>,
    made: HashMap<(Point, bool), u64>,
}

/// Databases that asked for faults, by connection string.
static ASKED: Mutex<Option<HashMap<String, Arc<Faults>>>> = Mutex::new(None);

fn asked() -> MutexGuard<'static, Option<HashMap<String, Arc<Faults>>>> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on connections with this string are unreliable.
pub(crate) fn ask(url: &str, seed: u64) -> Arc<Faults> {
    let state = State { random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, ..State::default() };
    let faults = Arc::new(Faults { state: Mutex::new(state) });
    asked().get_or_insert_default().insert(url.to_owned(), Arc::clone(&faults));
    faults
}
/// The faults that were asked for.
pub(super) fn of(url: &str) -> Option<Arc<Faults>> {
    asked().as_ref()?.get(url).cloned()
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Faults made so far, by kind, for the test to say that there were some.
    pub fn made(&self) -> Vec<(String, u64)> {
        let kind = |lost: bool| if lost { "lost" } else { "conflict" };
        let mut made: Vec<_> =
            self.state().made.iter().map(|((p, lost), n)| (format!("{p:?} {}", kind(*lost)), *n)).collect();
        made.sort();
        made
    }
    /// Is there a fault at this point; does it lose the connection?
    fn here(&self, point: Point) -> Option<bool> {
        let mut state = self.state();
        // Xorshift: enough to choose by, and the same for a seed each time.
        let mut x = state.random;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.random = x;
        let one_in = if matches!(point, Point::BeforeStatement | Point::AfterStatement) { STATEMENTS } else { ENDS };
        let thread = std::thread::current().id();
        let row = state.in_a_row.entry(thread).or_default();
        if !(x >> 20).is_multiple_of(one_in) || *row >= IN_A_ROW {
            if point == Point::AfterCommit {
                *row = 0;
            }
            return None;
        }
        *row += 1;
        // Before a transaction there is nothing to be in conflict with, and after its end no more.
        let lost = matches!(point, Point::Begin | Point::AfterCommit) || (x >> 50).is_multiple_of(2);
        *state.made.entry((point, lost)).or_default() += 1;
        Some(lost)
    }
}

impl Session {
    /// Perhaps fails here.
    pub(super) fn trip(&mut self, point: Point) -> Result<(), Failure> {
        let Some(lost) = self.faults.as_ref().and_then(|f| f.here(point)) else { return Ok(()) };
        let sql = if lost {
            "SELECT pg_terminate_backend(pg_backend_pid())"
        } else {
            "DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '40001'; END $$"
        };
        match self.client.batch_execute(sql) {
            Err(e) if point == Point::BeforeCommit => {
                // What follows is COMMIT's own failure: it ends the transaction.
                let _ = self.client.batch_execute("ROLLBACK");
                Err(e.into())
            }
            Err(e) => Err(e.into()),
            Ok(()) => Err(Failure { error: StoreError::Other("a fault had no effect".into()), again: Again::No }),
        }
    }
}
