//! Counts of connections: of a listener, of each remote address at once, and of each remote address in a minute. A place is given back when its guard
//! is dropped; a minute passes.
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Over which connections of an address are counted.
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses whose connections in a minute are counted; when there are more, those who did not come again are forgotten, then everybody.
const FOLLOWED: usize = 50_000;

#[derive(Debug)]
pub(crate) struct Caps {
    total: usize,
    each: usize,
    /// None for no limit.
    minute: Option<u32>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by: HashMap<IpAddr, usize>,
    came: HashMap<IpAddr, Came>,
}

/// Connections in the present minute and the one before.
#[derive(Debug, Clone, Copy)]
struct Came {
    since: Instant,
    before: u32,
    present: u32,
}

/// Which cap was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Connections at once, of all or of this address.
    AtOnce,
    /// Connections in a minute, of this address.
    Minute,
}

impl Full {
    /// As metrics name it.
    pub(crate) fn outcome(self) -> &'static str {
        match self {
            Self::AtOnce => "busy",
            Self::Minute => "rate",
        }
    }
}

/// A connection's place.
#[derive(Debug)]
pub(crate) struct Place {
    caps: Arc<Caps>,
    /// For whom it counts; nobody yet while a balancer says for whom.
    who: Option<IpAddr>,
}

impl Caps {
    pub(crate) fn new(total: usize, each: usize, minute: u32) -> Arc<Self> {
        Arc::new(Self { total, each, minute: (minute > 0).then_some(minute), held: Mutex::default() })
    }
    /// A place for this address, unless a cap is reached.
    pub(crate) fn enter(self: &Arc<Self>, remote: IpAddr) -> Result<Place, Full> {
        let mut place = self.enter_unknown()?;
        place.is_for(remote)?;
        Ok(place)
    }
    /// A place among all, for an address that is not known yet.
    pub(crate) fn enter_unknown(self: &Arc<Self>) -> Result<Place, Full> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.total >= self.total {
            return Err(Full::AtOnce);
        }
        held.total += 1;
        Ok(Place { caps: self.clone(), who: None })
    }
}

impl Place {
    /// Counts for this address from now on, unless one of its caps is reached.
    pub(crate) fn is_for(&mut self, remote: IpAddr) -> Result<(), Full> {
        let who = counted(remote);
        let mut guard = self.caps.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = &mut *guard;
        if let Some(most) = self.caps.minute
            && !may_come(&mut held.came, who, most, Instant::now())
        {
            return Err(Full::Minute);
        }
        let mine = held.by.get(&who).copied().unwrap_or(0);
        if mine >= self.caps.each {
            return Err(Full::AtOnce);
        }
        held.by.insert(who, mine + 1);
        self.who = Some(who);
        Ok(())
    }
}

/// Counts a connection of this address; false when there were too many in the last minute (which then is not counted: whoever insists is served again
/// when the minute is over).
fn may_come(came: &mut HashMap<IpAddr, Came>, who: IpAddr, most: u32, now: Instant) -> bool {
    if came.len() >= FOLLOWED && !came.contains_key(&who) {
        came.retain(|_, c| now.duration_since(c.since) < 2 * MINUTE);
        if came.len() >= FOLLOWED {
            came.clear();
        }
    }
    let mine = came.entry(who).or_insert(Came { since: now, before: 0, present: 0 });
    let elapsed = now.duration_since(mine.since);
    if elapsed >= 2 * MINUTE {
        *mine = Came { since: now, before: 0, present: 0 };
    } else if elapsed >= MINUTE {
        *mine = Came { since: mine.since + MINUTE, before: mine.present, present: 0 };
    }
    // The window slides: the part of the minute before that is still in sight counts in proportion.
    let left = MINUTE.saturating_sub(now.duration_since(mine.since));
    let before = u128::from(mine.before) * left.as_millis() / MINUTE.as_millis();
    if before + u128::from(mine.present) >= u128::from(most) {
        return false;
    }
    mine.present += 1;
    true
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.caps.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.total -= 1;
        if let Some(who) = self.who
            && let Some(mine) = held.by.get_mut(&who)
        {
            *mine -= 1;
            if *mine == 0 {
                held.by.remove(&who);
            }
        }
    }
}

/// What is counted as one address: an IPv6 customer has a whole /64.
fn counted(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(v6) => {
            let s = v6.segments();
            Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn caps_by_address_and_in_total_and_places_come_back() {
        let caps = Caps::new(3, 2, 0);
        let a = ip("192.0.2.1");
        let first = caps.enter(a).unwrap();
        let _second = caps.enter(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(caps.enter(a).unwrap_err(), Full::AtOnce);
        let _third = caps.enter(ip("192.0.2.2")).unwrap();
        assert!(caps.enter(ip("192.0.2.3")).is_err(), "the listener is full");
        drop(first);
        assert!(caps.enter(a).is_ok());
        let held = caps.held.lock().unwrap();
        assert_eq!((held.total, held.by.len()), (2, 2));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let caps = Caps::new(10, 1, 0);
        let _one = caps.enter(ip("2001:db8:1:2::1")).unwrap();
        assert!(caps.enter(ip("2001:db8:1:2:ffff::9")).is_err());
        assert!(caps.enter(ip("2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn who_is_behind_a_balancer_is_counted_once_it_is_known() {
        let caps = Caps::new(2, 1, 0);
        let mut one = caps.enter_unknown().unwrap();
        let mut other = caps.enter_unknown().unwrap();
        assert!(caps.enter_unknown().is_err());
        one.is_for(ip("192.0.2.1")).unwrap();
        assert_eq!(other.is_for(ip("192.0.2.1")), Err(Full::AtOnce));
        drop((one, other));
        let held = caps.held.lock().unwrap();
        assert_eq!((held.total, held.by.len()), (0, 0));
    }

    #[test]
    fn connections_in_a_minute_slide_out_of_sight() {
        let (mut seen, start) = (HashMap::new(), Instant::now());
        let (a, b) = (counted(ip("2001:db8:1:2::1")), ip("192.0.2.1"));
        let mut came = |who, times: u32, at| (0..times).filter(|_| may_come(&mut seen, who, 10, start + at)).count();
        assert_eq!((came(a, 30, Duration::ZERO), came(b, 3, Duration::ZERO)), (10, 3));
        assert_eq!(came(counted(ip("2001:db8:1:2::2")), 1, MINUTE / 2), 0, "a network is one");
        assert_eq!(came(a, 30, MINUTE + MINUTE / 2), 5, "half of the minute before is still in sight");
        assert_eq!(came(a, 30, 5 * MINUTE), 10);
        let caps = Caps::new(100, 100, 2);
        let places: Vec<_> = (0..3).map(|_| caps.enter(b)).collect();
        assert_eq!(places[2].as_ref().unwrap_err(), &Full::Minute);
    }
}
