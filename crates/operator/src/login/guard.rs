//! Memory of failed logins (by address, in a sliding minute) and of rights judged a moment ago. Bounded.
use sceau_domain::Timestamp;
use sceau_store::Id;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Window of failures, milliseconds.
const WINDOW: i64 = 60_000;
/// How long a judged right is believed, milliseconds.
const BELIEVED: i64 = 1_000;
/// Most addresses and most rights remembered; when full, everything that is over is forgotten, then everything.
const MOST: usize = 50_000;

/// See the module.
#[derive(Debug, Default)]
pub struct Guard {
    failures: Mutex<HashMap<Vec<u8>, (i64, u32, u32)>>,
    rights: Mutex<HashMap<(Id, Id), i64>>,
    version: AtomicU64,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    // Neither map is ever half-written.
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What counts as one place: an IPv4 address, an IPv6 /64.
fn place(ip: IpAddr) -> Vec<u8> {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
    }
}

impl Guard {
    /// Did this place fail `limit` times or more in the last minute? Only the place is held back: a stranger cannot lock
    /// somebody else out.
    pub fn too_many(&self, from: Option<IpAddr>, now: Timestamp, limit: u32) -> bool {
        let Some(ip) = from else { return false };
        let failures = lock(&self.failures);
        let Some((since, before, present)) = failures.get(&place(ip)) else { return false };
        let age = now.0 - since;
        // The window slides: the part of the minute before that is still in sight counts in proportion.
        let counted = match age {
            // The clock went back: nobody is held back until it has caught up.
            a if a < 0 => 0,
            a if a < WINDOW => i64::from(*present) + i64::from(*before) * (WINDOW - a) / WINDOW,
            a if a < 2 * WINDOW => i64::from(*present) * (2 * WINDOW - a) / WINDOW,
            _ => 0,
        };
        counted >= i64::from(limit)
    }
    /// Counts a failure.
    pub fn failed(&self, from: Option<IpAddr>, now: Timestamp) {
        let Some(ip) = from else { return };
        let mut failures = lock(&self.failures);
        if failures.len() >= MOST {
            failures.retain(|_, (since, ..)| now.0 - *since < 2 * WINDOW);
            if failures.len() >= MOST {
                failures.clear();
            }
        }
        let entry = failures.entry(place(ip)).or_insert((now.0, 0, 0));
        match now.0 - entry.0 {
            a if a < 0 => *entry = (now.0, 0, 1),
            a if a < WINDOW => entry.2 += 1,
            a if a < 2 * WINDOW => *entry = (entry.0 + WINDOW, entry.2, 1),
            _ => *entry = (now.0, 0, 1),
        }
    }
    /// Was this token allowed on this BAL a moment ago?
    pub fn recently_allowed(&self, token: Id, bal: Id, now: Timestamp) -> bool {
        lock(&self.rights).get(&(token, bal)).is_some_and(|at| (now.0 - at).abs() < BELIEVED)
    }
    /// Changes whenever rights were taken away.
    pub fn rights_version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }
    /// Remembers a right judged while [`Guard::rights_version`] was `version`; a judgment that a revocation overtook is not kept.
    pub fn allowed(&self, token: Id, bal: Id, now: Timestamp, version: u64) {
        let mut rights = lock(&self.rights);
        if self.rights_version() != version {
            return;
        }
        if rights.len() >= MOST {
            rights.retain(|_, at| now.0 - *at < BELIEVED);
            if rights.len() >= MOST {
                rights.clear();
            }
        }
        rights.insert((token, bal), now.0);
    }
    /// Rights were taken away: nothing judged before counts.
    pub fn forget_rights(&self) {
        let mut rights = lock(&self.rights);
        self.version.fetch_add(1, Ordering::SeqCst);
        rights.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_fails_too_often_waits_and_others_do_not() {
        let g = Guard::default();
        let (bad, other): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let start = Timestamp(1_000_000);
        for i in 0..5 {
            assert!(!g.too_many(Some(bad), start, 5), "after {i} failures");
            g.failed(Some(bad), start);
        }
        assert!(g.too_many(Some(bad), start, 5));
        assert!(!g.too_many(Some(other), start, 5));
        assert!(!g.too_many(Some(bad), start.plus_ms(2 * WINDOW), 5), "forgotten after the window");
        // A clock that goes back an hour does not hold anybody back for an hour.
        let back = start.plus_ms(-60 * WINDOW);
        assert!(!g.too_many(Some(bad), back, 5));
        (0..5).for_each(|_| g.failed(Some(bad), back));
        assert!(g.too_many(Some(bad), back, 5), "and counting goes on");
    }

    #[test]
    fn a_revocation_clears_what_was_judged_and_what_is_being_judged() {
        let g = Guard::default();
        let now = Timestamp(5_000);
        let version = g.rights_version();
        g.allowed(1, 2, now, version);
        assert!(g.recently_allowed(1, 2, now));
        assert!(!g.recently_allowed(1, 2, now.plus_ms(BELIEVED)), "believed for a moment only");
        g.forget_rights();
        assert!(!g.recently_allowed(1, 2, now));
        g.allowed(1, 2, now, version);
        assert!(!g.recently_allowed(1, 2, now), "judged before the revocation, told after it");
    }
}
