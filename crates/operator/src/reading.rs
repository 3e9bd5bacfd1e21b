//! Acts of reading, traced in batches: kept in memory at most [`LATE`], written sooner when [`BATCH`] of them wait, and at
//! shutdown ([`Operator::flush_traces`]).
//!
//! Promises: reads of one session that follow one another fold into one trace that lists the messages; the buffer is
//! bounded, and when it cannot be written and is full, reading is refused (`system.unavailable`): no act without its trace.
use crate::boxed;
use crate::desk::beside;
use crate::record::{IDS, Record};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Id, StoreError, Tx, desk};
use serde_json::json;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest time a trace of reading waits in memory (the promise is five seconds).
const LATE: Duration = Duration::from_secs(4);
/// Traces that are written without waiting longer; also the size of one transaction.
const BATCH: usize = 500;
/// Traces that may wait while the store does not take them.
const MOST: usize = 10_000;

/// What was read.
#[derive(Debug, Clone)]
pub(crate) enum Read {
    /// `folder.opened`: folder id, how many entries, read-only.
    Folder(Id, usize, bool),
    /// `message.read`: content of a message.
    Message(Id),
    /// `message.listed`: summaries of messages (first, last, how many).
    Listed(Id, Id, usize),
    /// `message.previewed`: first words of messages (first, last, how many).
    Previewed(Id, Id, usize),
    /// `search.run`: entries searched, entries found.
    Search(usize, usize),
}

/// Traces that wait.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    waiting: Mutex<Waiting>,
    /// One flush at a time, so that a shutdown waits for the one under way.
    flushing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    pending: Vec<Pending>,
    /// A task will flush within [`LATE`].
    timer: bool,
}

#[derive(Debug, Clone)]
struct Pending {
    record: Record,
    bal: String,
    /// At a shared BAL: its id, who reads, by which door. Colleagues see who opened a message.
    beside: Option<(Id, Id, &'static str)>,
    what: Facts,
}

#[derive(Debug, Clone)]
enum Facts {
    Fixed(serde_json::Value),
    Messages(Vec<Id>),
    Listed { first: Id, last: Id, count: usize },
}

impl Facts {
    fn of(read: &Read) -> Self {
        match *read {
            Read::Folder(id, entries, read_only) => {
                Self::Fixed(json!({"folder": id, "entries": entries, "read_only": read_only}))
            }
            Read::Message(id) => Self::Messages(vec![id]),
            Read::Listed(first, last, count) | Read::Previewed(first, last, count) => {
                Self::Listed { first, last, count }
            }
            Read::Search(searched, found) => Self::Fixed(json!({"searched": searched, "found": found})),
        }
    }
    /// Takes another reading of the same act and session in; false when it needs a trace of its own.
    fn fold(&mut self, read: &Read) -> bool {
        match (self, read) {
            (Self::Messages(ids), Read::Message(id)) => {
                if ids.last() != Some(id) {
                    if ids.len() >= IDS {
                        return false;
                    }
                    ids.push(*id);
                }
                true
            }
            (Self::Listed { first, last, count }, Read::Listed(f, l, n) | Read::Previewed(f, l, n)) => {
                (*first, *last, *count) = ((*first).min(*f), (*last).max(*l), *count + n);
                true
            }
            _ => false,
        }
    }
    fn data(&self) -> serde_json::Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Messages(ids) => json!({"messages": ids, "count": ids.len()}),
            Self::Listed { first, last, count } => json!({"first": first, "last": last, "count": count}),
        }
    }
}

impl Pending {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        self.record.write(tx, &self.bal, &self.what.data())?;
        match (self.beside, &self.what) {
            (Some((bal, person, door)), Facts::Messages(ids)) => {
                desk::beside::opened(tx, (bal, person), door, self.record.at(), ids)
            }
            _ => Ok(()),
        }
    }
}

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic while the lock is held leaves the list as it was: nothing in it is half-written.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operator {
    /// Notes an act of reading. `bal` is the BAL's address as [`crate::access::Seat::check`] gave it.
    pub(crate) async fn note_reading(&self, actor: &Actor, bal: (Id, String), read: Read) -> Result<(), Refusal> {
        let act = match read {
            Read::Folder(..) => "folder.opened",
            Read::Message(_) => "message.read",
            Read::Listed(..) => "message.listed",
            Read::Previewed(..) => "message.previewed",
            Read::Search(..) => "search.run",
        };
        if self.0.reading.lock().pending.len() >= MOST {
            self.flush_traces().await?;
        }
        let record = self.record(actor, bal.0, act);
        let beside = beside::colleague(actor).map(|(person, door)| (bal.0, person, door));
        let (full, start_timer) = {
            let mut waiting = self.0.reading.lock();
            // Only the latest few are looked at: sessions that read at the same time fold too, at a bounded cost.
            let same = waiting.pending.iter_mut().rev().take(16).find(|p| p.record.same(&record));
            if !same.is_some_and(|p| p.what.fold(&read)) {
                if waiting.pending.len() >= MOST {
                    return Err(RefusalCode::Unavailable.into());
                }
                waiting.pending.push(Pending { record, bal: bal.1, beside, what: Facts::of(&read) });
            }
            (waiting.pending.len() >= BATCH, !std::mem::replace(&mut waiting.timer, true))
        };
        if start_timer {
            tokio::spawn(self.clone().flush_while_needed());
        }
        if full && let Err(refusal) = self.flush_traces().await {
            // They wait for the next attempt; reading goes on while there is room.
            tracing::warn!(code = refusal.code.as_str(), "traces of reading wait in memory");
        }
        Ok(())
    }

    /// Flushes every [`LATE`] until nothing waits any more.
    async fn flush_while_needed(self) {
        loop {
            tokio::time::sleep(LATE).await;
            // A failure is logged where it happens; what was not written waits for the next turn.
            let _ = self.flush_traces().await;
            let mut waiting = self.0.reading.lock();
            if waiting.pending.is_empty() {
                waiting.timer = false;
                return;
            }
        }
    }

    /// Writes every trace of reading that waits. Called at shutdown, after the doors have closed.
    #[boxed]
    pub async fn flush_traces(&self) -> Result<(), Refusal> {
        let _one = self.0.reading.flushing.lock().await;
        loop {
            let batch: Vec<Pending> = {
                let mut waiting = self.0.reading.lock();
                let n = waiting.pending.len().min(BATCH);
                waiting.pending.drain(..n).collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            let rows = batch.clone();
            let written: Result<(), StoreError> =
                self.0.store.write(move |tx| rows.iter().try_for_each(|p| p.write(tx))).await;
            if let Err(e) = written {
                let mut waiting = self.0.reading.lock();
                waiting.pending.splice(..0, batch);
                return Err(crate::refuse::store(&e));
            }
        }
    }
}
