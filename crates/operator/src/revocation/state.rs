//! What a node knows of revocations, in memory. All of it can be read again from the store, and is bounded.
use sceau_domain::Timestamp;
use sceau_store::revocation::SourceRow;
use sceau_trust::ocsp::Answer;
use sceau_trust::{Peer, Purpose, RevocationList};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// Sources known at most: an authority names one or two.
pub(super) const SOURCES: usize = 256;
/// Certificates whose last answer is in memory; beyond, all are forgotten and read again.
const ANSWERS: usize = 20_000;
/// Chains whose judgement is remembered; beyond, all are judged again.
const STANDINGS: usize = 10_000;
/// Things told of; beyond, they are told again.
const TOLD: usize = 4_096;

/// A chain, for a purpose, shown by a client or a server.
pub(super) type Key = (Purpose, bool, [u8; 32]);

/// A chain that was judged good.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub peer: Peer,
    /// What was known when it was judged.
    pub mark: (u64, u64),
    /// Judged again from then on.
    pub until: Timestamp,
}

/// A source and what is going on at it.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    pub row: SourceRow,
    /// The list of this source that was last taken.
    pub list: Option<RevocationList>,
    /// Questions on their way.
    pub active: usize,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct State {
    sources: Mutex<HashMap<String, Source>>,
    answers: Mutex<HashMap<String, Option<Held>>>,
    standings: Mutex<HashMap<Key, Standing>>,
    flights: Mutex<HashMap<String, watch::Receiver<()>>>,
    told: Mutex<HashMap<String, Option<Timestamp>>>,
    /// Grows with each answer that says something new.
    epoch: AtomicU64,
    /// Grows when somebody asks for new answers: those that were asked for before are only the last good word.
    pub(super) round: AtomicU64,
    /// Moves whenever a question ends.
    pub(super) ended: watch::Sender<u64>,
    pub(super) heard: Notify,
}

/// An answer held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub answer: Answer,
    /// When it came.
    pub at: Timestamp,
    /// The round in which it was asked for.
    pub round: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            sources: Mutex::default(),
            answers: Mutex::default(),
            standings: Mutex::default(),
            flights: Mutex::default(),
            told: Mutex::default(),
            epoch: AtomicU64::new(0),
            round: AtomicU64::new(0),
            ended: watch::Sender::new(0),
            heard: Notify::new(),
        }
    }
}

/// Nothing in these sections can panic half-way.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(super) fn sources(&self) -> MutexGuard<'_, HashMap<String, Source>> {
        locked(&self.sources)
    }
    pub fn flights(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<()>>> {
        locked(&self.flights)
    }
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }
    /// Everything judged so far is judged again.
    pub fn turn(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }
    /// Another node fetched something.
    pub fn hear(&self) {
        locked(&self.answers).clear();
        self.turn();
        self.heard.notify_one();
    }

    pub(super) fn standing(&self, key: &Key, mark: (u64, u64), now: Timestamp) -> Option<Peer> {
        let standings = locked(&self.standings);
        standings.get(key).filter(|s| s.mark == mark && now < s.until).map(|s| s.peer.clone())
    }
    pub(super) fn stands(&self, key: Key, standing: Standing) {
        let mut standings = locked(&self.standings);
        if standings.len() >= STANDINGS {
            standings.clear();
        }
        standings.insert(key, standing);
    }

    /// The answer in memory; the outer `None`: it was not looked for in the store yet.
    pub(super) fn answer(&self, link: &str) -> Option<Option<Held>> {
        locked(&self.answers).get(link).copied()
    }
    /// Remembers an answer, or that there is none, unless a newer one is there.
    pub(super) fn answered(&self, link: String, held: Option<Held>) {
        let mut answers = locked(&self.answers);
        if answers.len() >= ANSWERS {
            answers.clear();
        }
        let newer = answers.get(&link).copied().flatten().is_some_and(|old| {
            held.is_none_or(|new| (old.answer.this_update, old.at) > (new.answer.this_update, new.at))
        });
        if !newer {
            answers.insert(link, held);
        }
    }

    /// Is this to be told now? Not twice within `pause` milliseconds.
    pub fn tell(&self, what: &str, now: Timestamp, pause: i64) -> bool {
        let mut told = locked(&self.told);
        if told.get(what).copied().flatten().is_some_and(|at| now < at.plus_ms(pause)) {
            return false;
        }
        if told.len() >= TOLD {
            told.clear();
        }
        told.insert(what.to_owned(), Some(now));
        true
    }
    /// Is this to be taken back? It was told, or it is not known whether an earlier process told it.
    pub fn untell(&self, what: &str) -> bool {
        let mut told = locked(&self.told);
        if told.get(what) == Some(&None) {
            return false;
        }
        if told.len() >= TOLD {
            told.clear();
        }
        told.insert(what.to_owned(), None);
        true
    }
}
