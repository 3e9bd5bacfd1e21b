//! Seats for what costs time or memory and anybody may ask for: few are worked at once, few wait, and whoever is beyond hears so at once.
//!
//! Promises: as many at once as there are seats, whoever hangs up; a bounded number who wait; whoever is expected has room where strangers have none.
use crate::refuse;
use sceau_domain::{Refusal, RefusalCode};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// How many may wait for each seat; as many again who are expected.
pub(crate) const WAITING: u32 = 16;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    seats: OnceLock<Arc<Semaphore>>,
    waiting: Arc<AtomicU32>,
}

/// What is worked there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// Where it is counted, by `outcome`: `computed`, `busy`.
    pub counter: &'static str,
    /// How many at once.
    pub seats: u32,
    /// What whoever is beyond hears.
    pub busy: RefusalCode,
}

/// A place in the queue; given back when dropped.
struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Seats {
    /// Have strangers no place any more?
    pub fn is_full(&self, seats: u32) -> bool {
        self.waiting.load(Ordering::SeqCst) >= seats.saturating_mul(WAITING)
    }

    /// Does work on a thread of its own, in one of the seats that there are for it.
    ///
    /// # Errors
    /// [`Work::busy`] at once when too many wait.
    pub async fn work<T: Send + 'static>(
        &self,
        Work { counter, seats, busy }: Work,
        expected: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let room = seats.saturating_mul(WAITING).saturating_mul(if expected { 2 } else { 1 });
        let place = Place(self.waiting.clone());
        let counted = |outcome: &'static str| metrics::counter!(counter, "outcome" => outcome).increment(1);
        if self.waiting.fetch_add(1, Ordering::SeqCst) >= room {
            counted("busy");
            return Err(busy.into());
        }
        let pool = self.seats.get_or_init(|| Arc::new(Semaphore::new(seats as usize))).clone();
        let seat = pool.acquire_owned().await.map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
        counted("computed");
        // They go with the work: whoever hangs up does not end it, and must not make room for more of it.
        let held = (seat, place);
        let working = tokio::task::spawn_blocking(move || {
            let _held = held;
            work()
        });
        working.await.map_err(|e| refuse::abnormal(counter, &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, mpsc};
    use std::time::Duration;
    use tokio::task::JoinSet;

    const SEATS: u32 = 2;
    const WORK: Work = Work { counter: "sceau_essai_total", seats: SEATS, busy: RefusalCode::LoginBusy };

    async fn until(what: &str, mut done: impl FnMut() -> bool) {
        for _ in 0..6_000 {
            if done() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never: {what}");
    }

    /// F267: as many at once as there are seats, whoever hangs up; as many who wait as there are places; the others hear at once that it is so.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_flood_is_bounded_and_keeps_out_nobody_who_is_expected() {
        let state = Arc::new(Seats::default());
        let (open, gate) = mpsc::channel::<()>();
        // Each works until there is nobody any more who could open the gate.
        let gate = Arc::new(Mutex::new(gate));
        let (present, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let work = || {
            let (gate, present, most) = (gate.clone(), present.clone(), most.clone());
            move || {
                most.fetch_max(present.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let _ = gate.lock().unwrap().recv();
                present.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let come = |expected: bool| {
            let (state, work) = (state.clone(), work());
            async move { state.work(WORK, expected, work).await }
        };
        let mut strangers = JoinSet::new();
        for _ in 0..SEATS * WAITING {
            strangers.spawn(come(false));
        }
        until("all of them wait", || state.is_full(SEATS)).await;
        until("the seats are taken", || present.load(Ordering::SeqCst) == SEATS).await;
        assert_eq!(come(false).await.unwrap_err().code, RefusalCode::LoginBusy, "one more");
        let mut expected = JoinSet::new();
        for _ in 0..SEATS * WAITING {
            expected.spawn(come(true));
        }
        until("they wait too", || state.waiting.load(Ordering::SeqCst) == 2 * SEATS * WAITING).await;
        assert_eq!(come(true).await.unwrap_err().code, RefusalCode::LoginBusy, "not without a bound either");

        // All strangers hang up. What they began goes on, in its seats; nobody else has one.
        strangers.abort_all();
        while strangers.join_next().await.is_some() {}
        assert_eq!(state.waiting.load(Ordering::SeqCst), SEATS + SEATS * WAITING);
        assert_eq!(state.seats.get().unwrap().available_permits(), 0);
        assert_eq!(present.load(Ordering::SeqCst), SEATS);
        drop(open);
        while let Some(done) = expected.join_next().await {
            done.unwrap().unwrap();
        }
        until("nobody is left", || state.waiting.load(Ordering::SeqCst) == 0).await;
        assert!(most.load(Ordering::SeqCst) <= SEATS, "{most:?} at once");
        state.work(WORK, false, || ()).await.unwrap();
    }
}
