//! How many connections a destination is sent to over: it starts with one or two, grows while the destination takes mail, shrinks when it pushes
//! back (421, 4xx to a command, a connection that breaks or hangs), and is bounded by the configuration.
//!
//! Pure but for the clock that is passed in; kept in memory, by process: each node learns for itself, as each has its own address.
use sceau_domain::DomainName;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Connections at first.
const FIRST: f32 = 2.0;
/// After a push back nothing is opened beside for so long.
const REST: Duration = Duration::from_secs(30);
/// What was taken so long ago was taken lately.
const LATELY: Duration = Duration::from_secs(60);
/// Destinations remembered while nothing is sent to them.
const REMEMBERED: usize = 1_000;

/// The windows of all destinations.
#[derive(Debug)]
pub(super) struct Windows {
    most: f32,
    all: Mutex<BTreeMap<DomainName, Window>>,
}

#[derive(Debug)]
struct Window {
    size: f32,
    lanes: u32,
    /// Lanes on whose connection a message is being sent.
    sending: u32,
    rests_until: Option<Instant>,
    good: Option<Instant>,
}

impl Windows {
    /// At most `most` connections to one destination.
    pub fn new(most: usize) -> Self {
        // Far fewer than a float counts exactly.
        #[allow(clippy::cast_precision_loss)]
        Self { most: (most.clamp(1, 1_000) as f32), all: Mutex::default() }
    }
    fn lock(&self) -> MutexGuard<'_, BTreeMap<DomainName, Window>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn with<T>(&self, domain: &DomainName, f: impl FnOnce(&mut Window, f32) -> T) -> T {
        let mut all = self.lock();
        if all.len() >= REMEMBERED && !all.contains_key(domain) {
            all.retain(|_, w| w.lanes > 0);
        }
        let first = FIRST.min(self.most);
        let window = all.entry(domain.clone()).or_insert(Window {
            size: first,
            lanes: 0,
            sending: 0,
            rests_until: None,
            good: None,
        });
        f(window, self.most)
    }
    /// A lane was opened.
    pub fn opened(&self, domain: &DomainName) {
        self.with(domain, |w, _| w.lanes += 1);
    }
    /// A lane was closed.
    pub fn closed(&self, domain: &DomainName) {
        self.with(domain, |w, _| w.lanes = w.lanes.saturating_sub(1));
    }
    /// A message was taken: one more connection for as many messages as there are connections.
    pub fn took(&self, domain: &DomainName, now: Instant) {
        self.with(domain, |w, most| {
            w.size = (w.size + 1.0 / w.size).min(most);
            w.good = Some(now);
        });
    }
    /// The destination pushed back: half as many.
    pub fn pushed_back(&self, domain: &DomainName, now: Instant) {
        self.with(domain, |w, _| {
            w.size = (w.size / 2.0).max(1.0);
            w.rests_until = Some(now + REST);
        });
    }
    /// A message is being sent to it, or no more.
    pub fn sends(&self, domain: &DomainName, begins: bool) {
        self.with(domain, |w, _| w.sending = if begins { w.sending + 1 } else { w.sending.saturating_sub(1) });
    }
    /// Does another lane stand beside one that failed, and does the destination take mail: a message is on its way there, or one was taken lately?
    pub fn goes_on(&self, domain: &DomainName, now: Instant) -> bool {
        self.with(domain, |w, _| {
            w.lanes > 1 && (w.sending > 0 || w.good.is_some_and(|at| now.saturating_duration_since(at) < LATELY))
        })
    }
    /// Destinations with a lane to which another may be opened.
    pub fn widened(&self, now: Instant) -> Vec<DomainName> {
        let fits = |w: &Window| {
            // Windows are between 1 and a thousand.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let room = w.size as u32;
            w.lanes > 0 && w.lanes < room && w.rests_until.is_none_or(|end| end <= now)
        };
        self.lock().iter().filter(|(_, w)| fits(w)).map(|(d, _)| d.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn domain() -> DomainName {
        "beta.test".parse().unwrap()
    }

    #[test]
    fn a_window_grows_while_mail_is_taken_and_shrinks_when_the_destination_pushes_back() {
        let (windows, d, start) = (Windows::new(4), domain(), Instant::now());
        assert!(windows.widened(start).is_empty(), "nothing is sent there yet");
        windows.opened(&d);
        assert_eq!(windows.widened(start), std::slice::from_ref(&d), "a second one may be opened");
        windows.opened(&d);
        assert!(windows.widened(start).is_empty());
        for _ in 0..3 {
            windows.took(&d, start);
        }
        assert_eq!(windows.widened(start), std::slice::from_ref(&d));
        windows.opened(&d);
        for _ in 0..100 {
            windows.took(&d, start);
        }
        windows.opened(&d);
        assert!(windows.widened(start).is_empty(), "never more than four");
        windows.closed(&d);
        windows.closed(&d);
        windows.closed(&d);
        windows.pushed_back(&d, start);
        assert!(windows.widened(start).is_empty(), "it rests");
        assert_eq!(windows.widened(start + REST), std::slice::from_ref(&d));
        windows.pushed_back(&d, start);
        assert!(windows.widened(start + REST).is_empty(), "one is enough");
        assert!(!windows.goes_on(&d, start), "no other lane");
        windows.opened(&d);
        assert!(windows.goes_on(&d, start) && !windows.goes_on(&d, start + LATELY));
        windows.sends(&d, true);
        assert!(windows.goes_on(&d, start + LATELY), "one is on its way");
    }

    proptest! {
        #[test]
        fn whatever_happens_there_is_one_lane_at_least_and_no_more_than_configured(most in 1_usize..20, acts in prop::collection::vec(any::<bool>(), 0..200)) {
            let (windows, d, now) = (Windows::new(most), domain(), Instant::now());
            windows.opened(&d);
            for good in acts {
                if good { windows.took(&d, now) } else { windows.pushed_back(&d, now) }
            }
            let mut lanes = 1;
            while !windows.widened(now + REST).is_empty() {
                windows.opened(&d);
                lanes += 1;
            }
            prop_assert!(lanes <= most.max(1));
        }
    }
}
