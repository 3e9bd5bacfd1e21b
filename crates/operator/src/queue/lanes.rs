//! Lanes: which destinations this process is sending to, over how many connections. Only a memory: what is in whose hands stands in the
//! claims of the store; a lane that nobody gave back is forgotten when its time is over.
use sceau_domain::Timestamp;
use sceau_store::Id;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Nothing was taken for so long although something is due: the lanes that are open are busy with something long.
const STUCK: Duration = Duration::from_secs(1);

/// Open lanes by destination.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<BTreeMap<String, Open>>);

#[derive(Debug)]
struct Open {
    lanes: BTreeMap<Id, Timestamp>,
    taken: Instant,
}

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Destinations with a lane, of those whose time is not over.
    pub fn open(&self, now: Timestamp) -> Vec<String> {
        let mut all = self.lock();
        for open in all.values_mut() {
            open.lanes.retain(|_, until| *until > now);
        }
        all.retain(|_, open| !open.lanes.is_empty());
        all.keys().cloned().collect()
    }
    /// A lane, opened.
    pub fn add(&self, domain: &str, lane: Id, until: Timestamp) {
        let mut all = self.lock();
        let open =
            all.entry(domain.to_owned()).or_insert_with(|| Open { lanes: BTreeMap::new(), taken: Instant::now() });
        open.lanes.insert(lane, until);
    }
    /// A lane goes on.
    pub fn renew(&self, domain: &str, lane: Id, until: Timestamp) {
        if let Some(end) = self.lock().get_mut(domain).and_then(|open| open.lanes.get_mut(&lane)) {
            *end = until;
        }
    }
    /// Every lane of a destination goes on.
    pub fn renew_all(&self, domain: &str, until: Timestamp) {
        if let Some(open) = self.lock().get_mut(domain) {
            open.lanes.values_mut().for_each(|end| *end = until);
        }
    }
    /// A lane took something.
    pub fn took(&self, domain: &str) {
        if let Some(open) = self.lock().get_mut(domain) {
            open.taken = Instant::now();
        }
    }
    /// A lane, closed. How many are left.
    pub fn close(&self, domain: &str, lane: Id) -> usize {
        let mut all = self.lock();
        let Some(open) = all.get_mut(domain) else { return 0 };
        open.lanes.remove(&lane);
        let left = open.lanes.len();
        if left == 0 {
            all.remove(domain);
        }
        left
    }
    /// How many lanes, and whether they are all busy with something long.
    pub fn busy(&self, domain: &str) -> (usize, bool) {
        self.lock().get(domain).map_or((0, false), |open| (open.lanes.len(), open.taken.elapsed() > STUCK))
    }
}

/// What a lane has claimed.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    /// Claimed and not sent yet.
    pub waiting: VecDeque<Id>,
    /// Being sent.
    pub current: Option<Id>,
    /// Sent, its outcome being recorded: still claimed, so that nobody sends it meanwhile.
    pub settling: Option<Id>,
    /// Messages taken so far.
    pub taken: u32,
}

impl Hand {
    /// Everything claimed.
    pub fn all(&self) -> Vec<Id> {
        self.waiting.iter().copied().chain(self.current).chain(self.settling).collect()
    }
}

/// [`Hand`], shared by the copies of a lane.
pub(crate) type SharedHand = Arc<Mutex<Hand>>;

/// The hand, whatever happened to whoever held it.
pub(crate) fn look(hand: &SharedHand) -> MutexGuard<'_, Hand> {
    hand.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_counted_and_forgotten_when_their_time_is_over() {
        let lanes = Lanes::default();
        let at = Timestamp;
        lanes.add("b.test", 1, at(10));
        lanes.add("b.test", 2, at(20));
        lanes.add("a.test", 3, at(10));
        assert_eq!(lanes.open(at(5)), ["a.test", "b.test"]);
        assert_eq!(lanes.busy("b.test"), (2, false));
        lanes.renew("a.test", 3, at(30));
        assert_eq!((lanes.open(at(15)), lanes.busy("b.test").0), (vec!["a.test".to_owned(), "b.test".into()], 1));
        assert_eq!((lanes.close("b.test", 2), lanes.close("b.test", 2)), (0, 0));
        assert_eq!(lanes.open(at(15)), ["a.test"]);
    }
}
