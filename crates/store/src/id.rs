//! Ids: 63 bits, time-ordered, unique over nodes without talking (41 bits of milliseconds since 2020, 10 of node, 12 of counter).
//!
//! Promises: ids of one maker only grow, also when the clock goes back or when more than 4,096 are made in a millisecond (then they
//! run ahead of it). A maker opened on existing data begins a second after the newest trace, so that a clock set back between two runs
//! makes no id twice.
use sceau_domain::clock::SharedClock;
use std::sync::{Mutex, PoisonError};

/// An id of any row.
pub type Id = i64;

/// 2020-01-01T00:00:00Z, milliseconds.
const EPOCH_MS: i64 = 1_577_836_800_000;
const COUNTER_BITS: u32 = 12;
const NODE_BITS: u32 = 10;
/// Highest node number.
pub const MAX_NODE: u16 = (1 << NODE_BITS) - 1;
/// Numbers from here on are for commands that open a shared store beside its servers; no server has one.
pub const FIRST_VISITOR: u16 = MAX_NODE - 15;

/// The node that made an id.
pub fn node_of(id: Id) -> u16 {
    // Ten bits.
    ((id >> COUNTER_BITS) & i64::from(MAX_NODE)) as u16
}

/// Makes ids.
#[derive(Debug)]
pub struct IdMaker {
    node: i64,
    clock: SharedClock,
    /// Milliseconds since [`EPOCH_MS`], counter: the last id made.
    last: Mutex<(i64, i64)>,
}

impl IdMaker {
    /// A maker for a node, well beyond `newest` (an id found in the data, 0 when there is none).
    pub fn new(node: u16, clock: SharedClock, newest: Id) -> Self {
        // Ids without a trace may have been made after it.
        let floor = (newest.max(0) >> (NODE_BITS + COUNTER_BITS)) + 1_000;
        Self { node: i64::from(node & MAX_NODE), clock, last: Mutex::new((floor, -1)) }
    }
    /// The next id, greater than any before it from this maker.
    pub fn make(&self) -> Id {
        let now = self.clock.now().0 - EPOCH_MS;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (ms, counter) = *last;
        *last = if now > ms {
            (now, 0)
        } else if counter + 1 < 1 << COUNTER_BITS {
            (ms, counter + 1)
        } else {
            (ms + 1, 0)
        };
        (last.0 << (NODE_BITS + COUNTER_BITS)) | (self.node << COUNTER_BITS) | last.1
    }
}

/// When an id was made, milliseconds since 1970.
pub fn made_at(id: Id) -> sceau_domain::Timestamp {
    sceau_domain::Timestamp((id >> (NODE_BITS + COUNTER_BITS)) + EPOCH_MS)
}

/// The smallest id that can be made at this instant: what is below was made before.
pub fn first_at(at: sceau_domain::Timestamp) -> Id {
    // Whoever asks may name any instant.
    at.0.saturating_sub(EPOCH_MS).clamp(0, Id::MAX >> (NODE_BITS + COUNTER_BITS)) << (NODE_BITS + COUNTER_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_domain::Timestamp;
    use sceau_domain::clock::ManualClock;
    use std::sync::Arc;

    #[test]
    fn ids_grow_whatever_the_clock_does() {
        let clock = Arc::new(ManualClock::at(Timestamp(EPOCH_MS + 9_000)));
        let maker = IdMaker::new(7, clock.clone(), 0);
        let mut ids: Vec<Id> = (0..10_000).map(|_| maker.make()).collect();
        clock.advance_ms(-500);
        ids.push(maker.make());
        clock.advance_ms(5_000);
        ids.push(maker.make());
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(made_at(ids[0]), Timestamp(EPOCH_MS + 9_000));
        assert!(first_at(Timestamp(EPOCH_MS + 9_000)) <= ids[0] && ids[0] < first_at(Timestamp(EPOCH_MS + 9_001)));
        assert_eq!((first_at(Timestamp(i64::MIN)), first_at(Timestamp(i64::MAX)) > ids[0]), (0, true));
        assert_eq!((ids[0] >> COUNTER_BITS) & i64::from(MAX_NODE), 7);
        let next = IdMaker::new(7, Arc::new(ManualClock::at(Timestamp(0))), ids[ids.len() - 1]);
        assert!(next.make() > ids[ids.len() - 1]);
    }

    #[test]
    fn nodes_never_meet() {
        let clock: SharedClock = Arc::new(ManualClock::at(Timestamp(EPOCH_MS + 9_999)));
        let (a, b) = (IdMaker::new(0, clock.clone(), 0), IdMaker::new(MAX_NODE, clock, 0));
        let mut all: Vec<Id> = (0..5_000).flat_map(|_| [a.make(), b.make()]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 10_000);
    }
}
