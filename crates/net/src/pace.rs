//! How slow a peer may be. Deadlines per read stop a silent peer; these stop one that drips.
use std::time::Duration;

/// Slow-client limits of a connection. Only time spent waiting for the peer counts, never our own work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A line must be complete this long after its first byte.
    pub line: Duration,
    /// Bytes per second that [`crate::Conn::read_some`] must get, on average over [`Pace::window`].
    pub rate: u32,
    /// Waiting time over which the rate is measured (and so the longest pause inside data).
    pub window: Duration,
    /// What is queued must be taken by the peer within this time, plus the time it needs at [`Pace::rate`].
    pub write: Duration,
}

impl Default for Pace {
    /// A line in a minute; 1 KiB/s measured over the three minutes that RFC 5321 §4.5.3.2.5 gives to a data block;
    /// writes in a minute.
    fn default() -> Self {
        Self {
            line: Duration::from_secs(60),
            rate: 1024,
            window: Duration::from_secs(180),
            write: Duration::from_secs(60),
        }
    }
}

/// Measures the waiting time and the bytes of a run of data reads.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Meter {
    waited: Duration,
    bytes: u64,
}

impl Meter {
    /// Waiting time left before the window is full.
    pub(crate) fn left(&self, pace: &Pace) -> Duration {
        pace.window.saturating_sub(self.waited)
    }
    /// Counts a wait and the bytes it brought; false when a whole window brought too few.
    pub(crate) fn count(&mut self, pace: &Pace, waited: Duration, bytes: usize) -> bool {
        self.waited += waited;
        self.bytes += bytes as u64;
        if self.waited < pace.window {
            return true;
        }
        let enough = self.bytes as u128 * 1000 >= u128::from(pace.rate) * pace.window.as_millis();
        *self = Self::default();
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace { rate: 100, window: Duration::from_secs(10), ..Pace::default() }
    }

    #[test]
    fn a_dripping_peer_is_told_apart_from_a_slow_one() {
        let mut drip = Meter::default();
        for _ in 0..9 {
            assert!(drip.count(&pace(), Duration::from_secs(1), 1));
        }
        assert_eq!(drip.left(&pace()), Duration::from_secs(1));
        assert!(!drip.count(&pace(), Duration::from_secs(1), 1));
        let mut slow = Meter::default();
        for _ in 0..100 {
            assert!(slow.count(&pace(), Duration::from_secs(1), 100));
        }
    }

    #[test]
    fn each_window_is_judged_alone() {
        let mut meter = Meter::default();
        assert!(meter.count(&pace(), Duration::from_secs(10), 1_000_000));
        assert!(!meter.count(&pace(), Duration::from_secs(10), 1));
    }
}
