//! Closures on their way to an engine's threads, with their callers' places to be answered at.
//!
//! Promises: every caller is answered, also when a closure panics or the engine stops; a write that was queued is carried out even if
//! its caller no longer waits (it may have been told nothing, so nothing is lost either way). The queue is bounded.
use super::{Link, Timed, Tx};
use crate::StoreError;
use sceau_domain::clock::SharedClock;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// Closures that may wait at one time; beyond, callers are told to come back.
const MAX_WAITING: usize = 16_384;

/// A closure without its types, with its outcome once it ran. All that a caller's types touch is here and in [`Queue::submit`]: the
/// program has hundreds of closures, and whatever is generic over them is compiled as often.
trait Closure: Any + Send {
    /// Runs it (again); true when it returned `Ok`.
    fn run(&mut self, tx: &mut dyn Tx) -> bool;
}

struct Call<T, E, F> {
    f: F,
    outcome: Option<Result<T, E>>,
}

impl<T, E, F> Closure for Call<T, E, F>
where
    F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    fn run(&mut self, tx: &mut dyn Tx) -> bool {
        let outcome = (self.f)(tx);
        let kept = outcome.is_ok();
        self.outcome = Some(outcome);
        kept
    }
}

/// A closure that ran, for its caller; or why its outcome does not count.
type Done = Result<Box<dyn Closure>, StoreError>;

/// A closure on its way.
pub(crate) struct Work {
    closure: Box<dyn Closure>,
    failed: Option<StoreError>,
    panicked: bool,
    clock: Option<SharedClock>,
    reply: oneshot::Sender<Done>,
    queued: Instant,
    #[cfg(any(test, feature = "testing"))]
    statements: Statements,
}

/// How many statements were asked, for tests.
#[cfg(any(test, feature = "testing"))]
type Statements = std::sync::Arc<std::sync::atomic::AtomicU64>;

impl Work {
    /// Runs the closure (again, but not after a panic) and keeps its outcome; true when it returned `Ok`.
    pub fn run(&mut self, tx: &mut dyn Tx) -> bool {
        if self.panicked {
            return false;
        }
        let (closure, clock) = (&mut self.closure, self.clock.as_ref());
        #[cfg(any(test, feature = "testing"))]
        let tx: &mut dyn Tx = &mut super::Counted(tx, &self.statements);
        // The closure's captures may be left half changed by a panic.
        let ran = catch_unwind(AssertUnwindSafe(|| match clock {
            Some(clock) => closure.run(&mut Timed(tx, clock)),
            None => closure.run(tx),
        }));
        self.panicked = ran.is_err();
        self.failed = self.panicked.then(|| StoreError::Other("a transaction panicked".into()));
        ran.unwrap_or(false)
    }
    /// Replaces the outcome by a failure.
    pub fn fail(&mut self, e: StoreError) {
        self.failed = Some(e);
    }
    /// Tells the caller.
    pub fn release(self) {
        // A caller that went away is told nothing.
        let _ = self.reply.send(match self.failed {
            None => Ok(self.closure),
            Some(e) => Err(e),
        });
    }
    /// When it was queued.
    pub fn queued(&self) -> Instant {
        self.queued
    }
}

/// A bounded queue that threads wait on.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    #[cfg(any(test, feature = "testing"))]
    pub statements: Statements,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

impl Queue {
    /// Queues a closure and waits for its outcome, unless the link is lost. What is planned is judged by `clock`, or by the system's. (What the caller's types
    /// are is forgotten before anything is awaited: the program has a thousand callers.)
    pub fn submit<'a, T, E, F>(
        &'a self,
        f: F,
        clock: Option<&'a SharedClock>,
        link: Option<&'a Link>,
    ) -> impl Future<Output = Result<T, E>> + Send + use<'a, T, E, F>
    where
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let carried = self.carry(Box::new(Call { f, outcome: None }), clock, link);
        async move {
            let done: Box<dyn Any> = carried.await?;
            let outcome = done.downcast::<Call<T, E, F>>().ok().and_then(|call| call.outcome);
            outcome.unwrap_or_else(|| Err(StoreError::Other("not run".into()).into()))
        }
    }
    fn carry<'a>(
        &'a self,
        closure: Box<dyn Closure>,
        clock: Option<&'a SharedClock>,
        link: Option<&'a Link>,
    ) -> Pin<Box<dyn Future<Output = Done> + Send + 'a>> {
        Box::pin(async move {
            if let Some(link) = link {
                link.check()?;
            }
            let (reply, answer) = oneshot::channel();
            let work = Work {
                closure,
                failed: None,
                panicked: false,
                clock: clock.cloned(),
                reply,
                queued: Instant::now(),
                #[cfg(any(test, feature = "testing"))]
                statements: self.statements.clone(),
            };
            self.push(work)?;
            answer.await.unwrap_or_else(|_| Err(closed()))
        })
    }
    fn push(&self, work: Work) -> Result<(), StoreError> {
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
    pub fn take(&self, max: usize) -> Option<Vec<Work>> {
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
