//! Tells sessions that a BAL changed, after the commit: those of this node at once, those of the others by the store's word between
//! nodes (see [`crate::nodes`]).
//!
//! Promises: a parked watcher costs a slot in a list and no task; changes fold; a BAL nobody watches costs nothing.
use crate::boxed;
use sceau_store::{Event, Id, Store};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Watched BALs, with the version of each: another number after each change, which no BAL ever had before.
type Map = Mutex<HashMap<Id, watch::Sender<u64>>>;

/// The next version.
fn next() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// Registry of watchers, by BAL.
#[derive(Debug, Default)]
pub struct Hub {
    map: Arc<Map>,
    /// Where the other nodes are told; none: there are none.
    store: Option<Store>,
}

/// One session's view of a BAL's changes. Cheap while parked.
#[derive(Debug)]
pub struct Watch {
    bal: Id,
    map: Arc<Map>,
    /// Is all that changes the BAL heard before whoever changed it is answered?
    hears_all: bool,
    /// `None` only while being dropped.
    receiver: Option<watch::Receiver<u64>>,
}

fn lock(map: &Map) -> MutexGuard<'_, HashMap<Id, watch::Sender<u64>>> {
    // Nothing in the map is ever half-written.
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// Waits until the BAL changed since the last call returned (or since [`Hub::watch`]). Cancel-safe; many changes may fold into one.
    #[boxed]
    pub async fn changed(&mut self) {
        let changed = match &mut self.receiver {
            Some(receiver) => receiver.changed().await.is_ok(),
            None => false,
        };
        if !changed {
            // The sender lives as long as its watchers; without one nothing will ever change.
            std::future::pending::<()>().await;
        }
    }
    /// What is another number after each change of the BAL, told before whoever changed it hears that it is done. None where other nodes may have changed it
    /// and not been heard yet.
    pub fn version(&self) -> Option<u64> {
        self.receiver.as_ref().filter(|_| self.hears_all).map(|receiver| *receiver.borrow())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut map = lock(&self.map);
        self.receiver = None;
        if map.get(&self.bal).is_some_and(|sender| sender.receiver_count() == 0) {
            map.remove(&self.bal);
        }
    }
}

impl Hub {
    /// A registry that tells the other nodes of this store too.
    pub fn over(store: Store) -> Self {
        Self { map: Arc::default(), store: Some(store) }
    }
    /// Watches a BAL.
    pub fn watch(&self, bal: Id) -> Watch {
        let mut map = lock(&self.map);
        let sender = map.entry(bal).or_insert_with(|| watch::Sender::new(next()));
        let receiver = Some(sender.subscribe());
        let hears_all = self.store.as_ref().is_none_or(|store| !store.is_shared());
        Watch { bal, map: self.map.clone(), hears_all, receiver }
    }
    /// A transaction of this node that changed the BAL was committed.
    pub fn notify(&self, bal: Id) {
        self.heard(bal);
        if let Some(store) = &self.store {
            store.announce(Event::Bal(bal));
        }
    }
    /// Another node changed the BAL.
    pub fn heard(&self, bal: Id) {
        if let Some(sender) = lock(&self.map).get(&bal) {
            sender.send_replace(next());
        }
    }
    /// Any BAL may have changed.
    pub fn heard_anything(&self) {
        lock(&self.map).values().for_each(|sender| {
            sender.send_replace(next());
        });
    }
    /// BALs that somebody watches.
    pub fn watched(&self) -> Vec<Id> {
        lock(&self.map).keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    async fn quiet(w: &mut Watch) -> bool {
        timeout(Duration::from_millis(20), w.changed()).await.is_err()
    }

    #[tokio::test]
    async fn a_change_wakes_every_watcher_of_its_bal_once() {
        let hub = Hub::default();
        let (mut a, mut b, mut other) = (hub.watch(1), hub.watch(1), hub.watch(2));
        hub.notify(1);
        hub.notify(1);
        a.changed().await;
        b.changed().await;
        assert!(quiet(&mut a).await && quiet(&mut other).await);
        hub.notify(1);
        a.changed().await;
        hub.heard_anything();
        a.changed().await;
        other.changed().await;
        let mut watched = hub.watched();
        watched.sort_unstable();
        assert_eq!(watched, [1, 2]);
    }

    #[test]
    fn a_version_is_told_once_and_never_comes_back() {
        let hub = Hub::default();
        let first = hub.watch(1);
        let (before, again) = (first.version(), hub.watch(1).version());
        assert!(before.is_some() && before == again);
        hub.notify(2);
        assert_eq!(first.version(), before);
        hub.notify(1);
        let after = first.version();
        assert_ne!(after, before);
        // Forgotten and watched again: what changed meanwhile was not counted.
        drop(first);
        let later = hub.watch(1).version();
        assert!(later != before && later != after);
    }

    #[tokio::test]
    async fn a_change_before_the_watch_is_not_seen_and_a_cancelled_wait_loses_nothing() {
        let hub = Hub::default();
        let mut first = hub.watch(1);
        hub.notify(1);
        let mut late = hub.watch(1);
        assert!(quiet(&mut late).await);
        hub.notify(1);
        late.changed().await;
        first.changed().await;
    }

    #[test]
    fn a_bal_is_forgotten_with_its_last_watcher() {
        let hub = Hub::default();
        let a = hub.watch(1);
        let b = hub.watch(1);
        drop(a);
        assert_eq!(lock(&hub.map).len(), 1);
        drop(b);
        assert!(lock(&hub.map).is_empty());
        hub.notify(1);
    }
}
