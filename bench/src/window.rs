//! The measured window: one start for all sessions, an end in time and in count.
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Barrier;

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Its number, from 0; never given twice in a run.
    pub number: u64,
    /// When it is due, in an open load.
    pub due: Option<Instant>,
}

/// See the module.
#[derive(Debug)]
pub struct Window {
    barrier: Barrier,
    start: OnceLock<Instant>,
    length: Duration,
    most: u64,
    rate: Option<f64>,
    given: AtomicU64,
    numbers: AtomicU64,
}

impl Window {
    /// For so many sessions, so long, at most so many tickets, in an open load at so many a second.
    pub fn new(sessions: u32, length: Duration, most: u64, rate: Option<f64>) -> Self {
        Self {
            barrier: Barrier::new(sessions as usize),
            start: OnceLock::new(),
            length,
            most,
            rate,
            given: AtomicU64::new(0),
            numbers: AtomicU64::new(0),
        }
    }
    /// A number outside the count, for the warm-up.
    pub fn unmeasured(&self) -> Ticket {
        Ticket { number: self.numbers.fetch_add(1, Ordering::Relaxed), due: None }
    }
    /// Waits until every session is ready; the last one to come starts the clock, after `first` was run once.
    pub async fn begin(&self, first: impl FnOnce()) {
        if self.barrier.wait().await.is_leader() {
            first();
            self.start.get_or_init(Instant::now);
        }
        // The leader may be a moment behind the others.
        self.barrier.wait().await;
    }
    /// When the clock started.
    pub fn start(&self) -> Option<Instant> {
        self.start.get().copied()
    }
    /// When the last ticket may be given.
    pub fn end(&self) -> Option<Instant> {
        Some(self.start()? + self.length)
    }
    /// Is it over?
    pub fn over(&self) -> bool {
        self.end().is_none_or(|end| Instant::now() >= end)
    }
    /// The next ticket, until the end. In an open load the caller waits until it is due.
    pub fn take(&self) -> Option<Ticket> {
        if self.over() {
            return None;
        }
        let turn = self.given.fetch_add(1, Ordering::Relaxed);
        if turn >= self.most {
            return None;
        }
        let due = match self.rate {
            None => None,
            Some(rate) => {
                let after = Duration::try_from_secs_f64(turn as f64 / rate).ok().filter(|d| *d < self.length)?;
                Some(self.start()? + after)
            }
        };
        Some(Ticket { due, ..self.unmeasured() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ends_by_count_with_numbers_that_differ() {
        let w = Window::new(1, Duration::from_secs(600), 3, None);
        assert!(w.take().is_none(), "not begun");
        assert_eq!(w.unmeasured().number, 0);
        let mut looks = 0;
        w.begin(|| looks += 1).await;
        assert_eq!(looks, 1);
        let numbers: Vec<u64> = std::iter::from_fn(|| w.take()).map(|t| t.number).collect();
        assert_eq!(numbers, [1, 2, 3]);
    }

    #[tokio::test]
    async fn ends_by_time() {
        let w = Window::new(1, Duration::ZERO, 3, None);
        w.begin(|| ()).await;
        assert!(w.over() && w.take().is_none());
    }

    #[tokio::test]
    async fn an_open_load_is_due_at_its_rate_whatever_the_server_does() {
        let w = Window::new(1, Duration::from_secs(2), 1000, Some(10.0));
        w.begin(|| ()).await;
        let start = w.start().unwrap();
        let due: Vec<Duration> = std::iter::from_fn(|| w.take()).map(|t| t.due.unwrap() - start).collect();
        assert_eq!(due.len(), 20, "ten a second during two seconds");
        assert_eq!(due[13], Duration::from_millis(1300));
    }
}
