//! Decoded pieces of index files, kept in memory within a bound that all indexes of the process share.
//!
//! Promises: nothing of a BAL that was closed is kept, nor comes back by a search that had begun before.
use sceau_store::Id;
use sceau_store::blob::BlobId;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes in a piece: a chunk of a blob.
pub(super) const PIECE: u64 = 64 << 10;

/// Closed BALs remembered at most. Beyond, those of before are forgotten: the searches of that time are over.
const CLOSED: usize = 4_096;

/// Which piece of which blob, of which BAL.
type Key = (Id, BlobId, u64);

/// Pieces used lately.
#[derive(Debug)]
pub(super) struct Cache {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    pieces: HashMap<Key, (Arc<Vec<u8>>, u64)>,
    /// By the time of their last use.
    order: BTreeMap<u64, Key>,
    bytes: usize,
    clock: u64,
    closed: HashSet<Id>,
}

impl Kept {
    fn drop_where(&mut self, mut gone: impl FnMut(&Key) -> bool) {
        let Self { pieces, order, bytes, .. } = self;
        pieces.retain(|key, (piece, used)| {
            let stays = !gone(key);
            if !stays {
                *bytes -= piece.len();
                order.remove(used);
            }
            stays
        });
    }
}

impl Cache {
    /// At most this many bytes.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // The pieces are immutable; at worst their order was half-written.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// A piece, if it is here.
    pub fn get(&self, key: Key) -> Option<Arc<Vec<u8>>> {
        let mut kept = self.lock();
        kept.clock += 1;
        let now = kept.clock;
        let (piece, used) = kept.pieces.get_mut(&key)?;
        let (piece, before) = (Arc::clone(piece), std::mem::replace(used, now));
        kept.order.remove(&before);
        kept.order.insert(now, key);
        Some(piece)
    }
    /// Keeps a piece, in place of those used longest ago; none of a closed BAL.
    pub fn put(&self, key: Key, piece: Arc<Vec<u8>>) {
        let mut kept = self.lock();
        if kept.closed.contains(&key.0) {
            return;
        }
        kept.clock += 1;
        let now = kept.clock;
        kept.bytes += piece.len();
        if let Some((old, used)) = kept.pieces.insert(key, (piece, now)) {
            kept.bytes -= old.len();
            kept.order.remove(&used);
        }
        kept.order.insert(now, key);
        while kept.bytes > self.most {
            let Some((_, oldest)) = kept.order.pop_first() else { return };
            if let Some((gone, _)) = kept.pieces.remove(&oldest) {
                kept.bytes -= gone.len();
            }
        }
    }
    /// A BAL is closed: what is kept of it goes, and no more is kept.
    pub fn close(&self, bal: Id) {
        let mut kept = self.lock();
        if kept.closed.len() >= CLOSED {
            kept.closed.clear();
        }
        kept.closed.insert(bal);
        kept.drop_where(|key| key.0 == bal);
    }
    /// Was this BAL closed?
    pub fn is_closed(&self, bal: Id) -> bool {
        self.lock().closed.contains(&bal)
    }
    /// Nothing is kept any more.
    pub fn clear(&self) {
        self.lock().drop_where(|_| true);
    }
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first_and_the_bound_holds() {
        let cache = Cache::new(30);
        let piece = |n| Arc::new(vec![n; 10]);
        for n in 0..3 {
            cache.put((1, [n; 16], 0), piece(n));
        }
        assert_eq!(cache.get((1, [0; 16], 0)), Some(piece(0)));
        cache.put((1, [3; 16], 7), piece(3));
        assert_eq!(cache.get((1, [1; 16], 0)), None);
        assert!([0, 2].iter().all(|n| cache.get((1, [*n; 16], 0)).is_some()));
        cache.put((1, [3; 16], 7), piece(4));
        assert_eq!((cache.get((1, [3; 16], 7)), cache.bytes()), (Some(piece(4)), 30));
        cache.put((1, [9; 16], 0), Arc::new(vec![0; 31]));
        assert_eq!((cache.get((1, [9; 16], 0)), cache.bytes()), (None, 0));
    }

    #[test]
    fn nothing_of_a_closed_mailbox_stays_or_comes_back() {
        let cache = Cache::new(1000);
        let piece = |n| Arc::new(vec![n; 10]);
        (0..6_u8).for_each(|n| cache.put((Id::from(n % 2), [n; 16], 0), piece(n)));
        cache.close(1);
        cache.put((1, [7; 16], 0), piece(7));
        assert!(cache.is_closed(1) && !cache.is_closed(0));
        let here: Vec<u8> = (0..8).filter(|n| cache.get((Id::from(n % 2), [*n; 16], 0)).is_some()).collect();
        assert_eq!((here, cache.bytes()), (vec![0, 2, 4], 30));
        // The order is whole: what is left still goes by age, and everything at once.
        cache.put((0, [9; 16], 0), Arc::new(vec![0; 990]));
        assert_eq!((cache.get((0, [0; 16], 0)), cache.bytes()), (None, 1000));
        cache.clear();
        assert_eq!(cache.bytes(), 0);
    }
}
