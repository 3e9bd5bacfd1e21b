//! Closures on their way to an engine's threads, with their callers' places to be answered at.
//!
//! Promises: every caller is answered, also when a closure panics or the engine stops; a write that was queued is carried out even if
//! its caller no longer waits (it may have been told nothing, so nothing is lost either way). The queue is bounded.
use super::Tx;
use crate::StoreError;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// Closures that may wait at one time; beyond, callers are told to come back.
const MAX_WAITING: usize = 16_384;

/// A closure without its types.
pub(crate) trait Work: Send {
    /// Runs the closure (again) and keeps its outcome; true when it returned `Ok`.
    fn run(&mut self, tx: &mut dyn Tx) -> bool;
    /// Replaces the outcome by a failure.
    fn fail(&mut self, e: StoreError);
    /// Tells the caller.
    fn release(self: Box<Self>);
    /// When it was queued.
    fn queued(&self) -> Instant;
}

struct Call<T, E, F> {
    f: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    queued: Instant,
}

impl<T, E, F> Work for Call<T, E, F>
where
    F: FnMut(&mut dyn Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut dyn Tx) -> bool {
        // The closure's captures may be left half changed by a panic; it is never run again after one.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.f)(tx)))
            .unwrap_or_else(|_| Err(StoreError::Other("a transaction panicked".into()).into()));
        let kept = outcome.is_ok();
        self.outcome = Some(outcome);
        kept
    }
    fn fail(&mut self, e: StoreError) {
        self.outcome = Some(Err(e.into()));
    }
    fn release(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(StoreError::Other("not run".into()).into()));
        // A caller that went away is told nothing.
        let _ = self.reply.send(outcome);
    }
    fn queued(&self) -> Instant {
        self.queued
    }
}

/// A bounded queue that threads wait on.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Work>>,
    closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

impl Queue {
    /// Queues a closure and waits for its outcome.
    pub async fn submit<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.push(Box::new(Call { f, outcome: None, reply, queued: Instant::now() }))?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }
    fn push(&self, work: Box<dyn Work>) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(closed());
        }
        if state.waiting.len() >= MAX_WAITING {
            metrics::counter!("sceau_store_busy_total").increment(1);
            return Err(StoreError::Transient("too many transactions are waiting".into()));
        }
        state.waiting.push_back(work);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }
    /// Waits for work; at most `max` of it. None when the queue is closed and empty.
    pub fn take(&self, max: usize) -> Option<Vec<Box<dyn Work>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if !state.waiting.is_empty() {
                let n = state.waiting.len().min(max);
                return Some(state.waiting.drain(..n).collect());
            }
            if state.closed {
                return None;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
    /// Takes nothing more; what waits is still carried out.
    pub fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.ready.notify_all();
    }
}

fn closed() -> StoreError {
    StoreError::Other("the store is closed".into())
}

/// Waits for threads to end, unless called by one of them.
pub(crate) fn join(threads: &mut Vec<std::thread::JoinHandle<()>>) {
    for thread in threads.drain(..) {
        if thread.thread().id() != std::thread::current().id() {
            // A thread of ours that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}
