//! Memory of failed logins (in a sliding minute) and of rights judged a moment ago. Bounded.
//!
//! Tokens have 256 bits and are not guessed: what is held back is the noise of devices that insist with a dead token, and whoever
//! probes. A device must not lock out those who share its address (a whole hospital behind one), so failures count for the place
//! *with the login as it was given*; a place alone waits only after [`PLACE`] times as many. Nobody is held back elsewhere: a
//! stranger cannot lock somebody else out. Whether a login exists plays no part.
use sceau_domain::Timestamp;
use sceau_store::Id;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Window of failures, milliseconds.
const WINDOW: i64 = 60_000;
/// A place may fail so many times more often than one login there.
pub const PLACE: u32 = 20;
/// How long a judged right is believed, milliseconds.
const BELIEVED: i64 = 1_000;
/// How many takings away are remembered by whom they concern; who was away for longer is concerned by any.
const TAKEN: usize = 256;
/// Most places, most logins and most rights remembered; when full, everything that is over is forgotten, then everything.
const MOST: usize = 50_000;

/// Failures in the present minute and the one before.
#[derive(Debug, Clone, Copy)]
struct Failures {
    since: i64,
    before: u32,
    present: u32,
}

impl Failures {
    fn count(&self, now: i64) -> i64 {
        // The window slides: the part of the minute before that is still in sight counts in proportion.
        match now - self.since {
            // The clock went back: nobody is held back until it has caught up.
            a if a < 0 => 0,
            a if a < WINDOW => i64::from(self.present) + i64::from(self.before) * (WINDOW - a) / WINDOW,
            a if a < 2 * WINDOW => i64::from(self.present) * (2 * WINDOW - a) / WINDOW,
            _ => 0,
        }
    }
    fn add(&mut self, now: i64) {
        *self = match now - self.since {
            a if (0..WINDOW).contains(&a) => Self { present: self.present.saturating_add(1), ..*self },
            a if (WINDOW..2 * WINDOW).contains(&a) => {
                Self { since: self.since + WINDOW, before: self.present, present: 1 }
            }
            _ => Self { since: now, before: 0, present: 1 },
        };
    }
}

/// Failures by what they are counted for.
#[derive(Debug)]
struct Counter<K>(HashMap<K, Failures>);

impl<K> Default for Counter<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Counter<K> {
    fn count(&self, key: &K, now: i64) -> i64 {
        self.0.get(key).map_or(0, |f| f.count(now))
    }
    fn add(&mut self, key: K, now: i64) {
        if self.0.len() >= MOST {
            self.0.retain(|_, f| now - f.since < 2 * WINDOW);
            if self.0.len() >= MOST {
                self.0.clear();
            }
        }
        self.0.entry(key).or_insert(Failures { since: now, before: 0, present: 0 }).add(now);
    }
}

/// What counts as one place: an IPv4 address, an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl From<IpAddr> for Place {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// Failed logins.
#[derive(Debug, Default)]
struct Failed {
    places: Counter<Place>,
    /// By place and keyed hash of the login: of a fixed size, and no list of names. Apart from the places, so that many logins
    /// do not make a place forgotten.
    logins: Counter<(Place, u64)>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Guard {
    failures: Mutex<Failed>,
    hasher: RandomState,
    rights: Mutex<HashMap<(Id, Id), i64>>,
    /// What was taken away lately: version, and whose (none: anybody's). The newest is last.
    taken: Mutex<VecDeque<(u64, Option<Id>)>>,
    version: watch::Sender<u64>,
    /// Which sessions of browsers sat down at which BALs here: that is traced once.
    sat: Mutex<HashSet<(Id, Id)>>,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing behind these locks is ever half-written.
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guard {
    /// A login as it is counted: without the BAL that it asks for, in lower case.
    fn login(&self, login: &str) -> u64 {
        let name = login.split_once('*').map_or(login, |(name, _)| name);
        self.hasher.hash_one(name.to_ascii_lowercase())
    }
    /// What failures count for where no login is named: what was shown. A machine with an old certificate, or a program with a dead token, holds back
    /// itself and none of those beside it. No login that a client can name looks like it.
    pub fn nameless(&self, shown: &[u8]) -> String {
        format!("\0{:016x}", self.hasher.hash_one(shown))
    }
    /// Did this login fail `limit` times or more from this place in the last minute, or the place [`PLACE`] times as often?
    pub fn too_many(&self, from: Option<IpAddr>, login: &str, now: Timestamp, limit: u32) -> bool {
        let Some(place) = from.map(Place::from) else { return false };
        let login = self.login(login);
        let failures = lock(&self.failures);
        failures.logins.count(&(place, login), now.0) >= i64::from(limit)
            || failures.places.count(&place, now.0) >= i64::from(limit) * i64::from(PLACE)
    }
    /// Counts a failure.
    pub fn failed(&self, from: Option<IpAddr>, login: &str, now: Timestamp) {
        let Some(place) = from.map(Place::from) else { return };
        let login = self.login(login);
        let mut failures = lock(&self.failures);
        failures.places.add(place, now.0);
        failures.logins.add((place, login), now.0);
    }
    /// Was this token allowed on this BAL a moment ago?
    pub fn recently_allowed(&self, token: Id, bal: Id, now: Timestamp) -> bool {
        lock(&self.rights).get(&(token, bal)).is_some_and(|at| (now.0 - at).abs() < BELIEVED)
    }
    /// Changes whenever rights were taken away.
    pub fn rights_version(&self) -> u64 {
        *self.version.borrow()
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
    /// Rights were taken away that concern this person, BAL or token (none: anybody's): nothing judged before counts, and sessions are told.
    pub fn forget_rights(&self, of: Option<Id>) {
        let mut rights = lock(&self.rights);
        rights.clear();
        let mut taken = lock(&self.taken);
        if taken.len() >= TAKEN {
            taken.pop_front();
        }
        let next = self.rights_version() + 1;
        taken.push_back((next, of));
        self.version.send_replace(next);
    }
    /// Did this session sit down at this BAL at this node before?
    pub fn sat(&self, token: Id, bal: Id) -> bool {
        lock(&self.sat).contains(&(token, bal))
    }
    /// It did, and it is traced. Of very many all are forgotten: they are traced once more.
    pub fn sits(&self, token: Id, bal: Id) {
        let mut sat = lock(&self.sat);
        if sat.len() >= MOST {
            sat.clear();
        }
        sat.insert((token, bal));
    }
    /// Wakes whenever rights were taken away.
    pub fn rights_taken(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
    /// May what was taken away after `since` concern one of these?
    pub fn concerns(&self, since: u64, ids: &[Id]) -> bool {
        let taken = lock(&self.taken);
        let forgotten = taken.front().is_some_and(|(oldest, _)| *oldest > since + 1);
        let concerned = |of: &Option<Id>| of.is_none_or(|id| ids.contains(&id));
        forgotten || taken.iter().rev().take_while(|(version, _)| *version > since).any(|(_, of)| concerned(of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_fails_too_often_waits_there_and_others_do_not() {
        let g = Guard::default();
        let (bad, other): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let start = Timestamp(1_000_000);
        for i in 0..5 {
            assert!(!g.too_many(Some(bad), "anne", start, 5), "after {i} failures");
            g.failed(Some(bad), "anne", start);
        }
        for same in ["anne", "Anne", "anne*service@exemple.fr"] {
            assert!(g.too_many(Some(bad), same, start, 5), "{same}");
        }
        assert!(!g.too_many(Some(bad), "bruno", start, 5), "the same place, somebody else");
        assert!(!g.too_many(Some(other), "anne", start, 5), "the same login, elsewhere");
        assert!(!g.too_many(Some(bad), "anne", start.plus_ms(2 * WINDOW), 5), "forgotten after the window");
        // A clock that goes back an hour does not hold anybody back for an hour.
        let back = start.plus_ms(-60 * WINDOW);
        assert!(!g.too_many(Some(bad), "anne", back, 5));
        (0..5).for_each(|_| g.failed(Some(bad), "anne", back));
        assert!(g.too_many(Some(bad), "anne", back, 5), "and counting goes on");
    }

    #[test]
    fn a_place_that_tries_many_logins_waits_as_a_whole_and_memory_is_bounded() {
        let g = Guard::default();
        let (bad, other): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8:0:1::1".parse().unwrap());
        let now = Timestamp(1_000_000);
        for i in 0..5 * PLACE {
            assert!(!g.too_many(Some(bad), "anne", now, 5), "after {i} failures of others");
            g.failed(Some(bad), &format!("essai{i}"), now);
        }
        assert!(g.too_many(Some("2001:db8::2".parse().unwrap()), "anne", now, 5));
        assert!(!g.too_many(Some(other), "anne", now, 5));
        (0..=MOST).for_each(|i| g.failed(Some(other), &format!("autre{i}"), now));
        assert!(lock(&g.failures).logins.0.len() <= MOST);
        assert!(g.too_many(Some(bad), "anne", now, 5), "many logins elsewhere do not make a place forgotten");
    }

    #[test]
    fn a_revocation_clears_what_was_judged_and_what_is_being_judged() {
        let g = Guard::default();
        let now = Timestamp(5_000);
        let version = g.rights_version();
        g.allowed(1, 2, now, version);
        assert!(g.recently_allowed(1, 2, now));
        assert!(!g.recently_allowed(1, 2, now.plus_ms(BELIEVED)), "believed for a moment only");
        g.forget_rights(None);
        assert!(!g.recently_allowed(1, 2, now));
        g.allowed(1, 2, now, version);
        assert!(!g.recently_allowed(1, 2, now), "judged before the revocation, told after it");
    }

    #[test]
    fn whom_a_taking_away_concerns_is_known_for_a_while() {
        let g = Guard::default();
        let start = g.rights_version();
        assert!(!g.concerns(start, &[1, 2]));
        g.forget_rights(Some(2));
        let second = g.rights_version();
        assert!(g.concerns(start, &[1, 2]) && !g.concerns(start, &[1, 3]) && !g.concerns(second, &[1, 2]));
        g.forget_rights(None);
        assert!(g.concerns(second, &[1, 3]) && !g.concerns(g.rights_version(), &[1, 3]));
        let third = g.rights_version();
        (0..TAKEN).for_each(|_| g.forget_rights(Some(9)));
        assert!(!g.concerns(third, &[1]), "all are still known");
        g.forget_rights(Some(9));
        assert!(g.concerns(third, &[1]), "the first is forgotten: it could have been anybody's");
        assert!(lock(&g.taken).len() <= TAKEN);
    }
}
