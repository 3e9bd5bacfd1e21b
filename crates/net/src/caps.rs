//! Counts of connections: of a listener, and of each remote address. A place is given back when its guard is dropped.
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug)]
pub(crate) struct Caps {
    total: usize,
    each: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by: HashMap<IpAddr, usize>,
}

/// A connection's place.
#[derive(Debug)]
pub(crate) struct Place {
    caps: Arc<Caps>,
    who: IpAddr,
}

impl Caps {
    pub(crate) fn new(total: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { total, each, held: Mutex::default() })
    }
    /// A place for this address, unless a cap is reached.
    pub(crate) fn enter(self: &Arc<Self>, remote: IpAddr) -> Option<Place> {
        let who = counted(remote);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.total >= self.total {
            return None;
        }
        let mine = held.by.entry(who).or_default();
        if *mine >= self.each {
            // An entry made just now holds zero: only possible when the cap itself is zero.
            if *mine == 0 {
                held.by.remove(&who);
            }
            return None;
        }
        *mine += 1;
        held.total += 1;
        Some(Place { caps: self.clone(), who })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.caps.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.total -= 1;
        if let Some(mine) = held.by.get_mut(&self.who) {
            *mine -= 1;
            if *mine == 0 {
                held.by.remove(&self.who);
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

    #[test]
    fn caps_by_address_and_in_total_and_places_come_back() {
        let caps = Caps::new(3, 2);
        let a: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let b: IpAddr = "192.0.2.2".parse().unwrap();
        let first = caps.enter(a).unwrap();
        let _second = caps.enter(mapped).unwrap();
        assert!(caps.enter(a).is_none());
        let _third = caps.enter(b).unwrap();
        assert!(caps.enter("192.0.2.3".parse().unwrap()).is_none(), "the listener is full");
        drop(first);
        assert!(caps.enter(a).is_some());
        let held = caps.held.lock().unwrap();
        assert_eq!((held.total, held.by.len()), (2, 2));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let caps = Caps::new(10, 1);
        let _one = caps.enter("2001:db8:1:2::1".parse().unwrap()).unwrap();
        assert!(caps.enter("2001:db8:1:2:ffff::9".parse().unwrap()).is_none());
        assert!(caps.enter("2001:db8:1:3::1".parse().unwrap()).is_some());
    }
}
