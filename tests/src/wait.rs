//! Waiting for something to become true, with a deadline and a message.
use std::time::{Duration, Instant};

/// Polls `probe` until it gives something; panics with `what` after `seconds`.
pub fn until<T>(what: &str, seconds: u64, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {seconds} s in vain for {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}
