//! Decoded pieces of index files, kept in memory within a bound that all indexes of the process share.
use sceau_store::blob::BlobId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes in a piece: a chunk of a blob.
pub(super) const PIECE: u64 = 64 << 10;

/// Which piece of which blob.
type Key = (BlobId, u64);

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
    /// Keeps a piece, in place of those used longest ago.
    pub fn put(&self, key: Key, piece: Arc<Vec<u8>>) {
        let mut kept = self.lock();
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
            cache.put(([n; 16], 0), piece(n));
        }
        assert_eq!(cache.get(([0; 16], 0)), Some(piece(0)));
        cache.put(([3; 16], 7), piece(3));
        assert_eq!(cache.get(([1; 16], 0)), None);
        assert!([0, 2].iter().all(|n| cache.get(([*n; 16], 0)).is_some()));
        cache.put(([3; 16], 7), piece(4));
        assert_eq!((cache.get(([3; 16], 7)), cache.bytes()), (Some(piece(4)), 30));
        cache.put(([9; 16], 0), Arc::new(vec![0; 31]));
        assert_eq!((cache.get(([9; 16], 0)), cache.bytes()), (None, 0));
    }
}
