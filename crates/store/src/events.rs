//! Words between nodes: what one committed and the others want to hear of (a BAL changed, mail was queued, jobs wait, a key is gone).
//!
//! Promises: an event is a hint, never the truth: who hears one looks in the database. Events may fold, repeat, and arrive before or after
//! their order; after an interruption, or when too much was said at once, [`Event::Everything`] stands for all that may have been missed. They
//! carry ids only. On SQLite there is one process and nobody to tell.
use crate::{Id, Store, StoreError, Tx, Value};
use std::collections::BTreeSet;
use tokio::sync::broadcast;

/// What happened on another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A BAL changed.
    Bal(Id),
    /// Mail was queued, or is to be tried again.
    Queue,
    /// Jobs were enqueued.
    Jobs,
    /// A limit was set or taken away.
    Policies,
    /// Another white list is in force.
    WhiteList,
    /// A revocation list or an answer of a responder was fetched.
    Revocation,
    /// An authority for people's devices was made.
    Devices,
    /// Rights were taken away that concern this person, BAL or token; none: anybody's.
    Rights(Option<Id>),
    /// The key of a BAL was destroyed: it must be forgotten at once.
    KeyDestroyed(Id),
    /// Anything may have happened.
    Everything,
}

/// Events kept for a reader that is slow; beyond, it hears [`Event::Everything`].
const KEPT: usize = 1024;
/// BALs in one announcement at most; beyond, everything changed.
const MOST: usize = 20_000;
/// People, BALs or tokens whose rights changed, named one by one; beyond, anybody's did.
const NAMED: usize = 200;
/// Longest payload, bytes: PostgreSQL takes fewer than 8,000.
const PAYLOAD: usize = 7_900;

/// Where the engine puts what it hears.
#[derive(Debug, Clone)]
pub(crate) struct Heard(broadcast::Sender<Event>);

impl Default for Heard {
    fn default() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }
}

impl Heard {
    /// For whoever listens.
    pub fn tell(&self, event: Event) {
        // Nobody may listen.
        let _ = self.0.send(event);
    }
}

/// What the other nodes say, from the moment of [`Store::events`] on.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Event>);

impl Events {
    /// The next event. Never returns when there is no other node to be heard. Cancel-safe.
    pub async fn next(&mut self) -> Event {
        match self.0.recv().await {
            Ok(event) => event,
            Err(broadcast::error::RecvError::Lagged(_)) => Event::Everything,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Store {
    /// Tells the other nodes, after the commit of what is told. Never waits; does nothing on SQLite.
    pub fn announce(&self, event: Event) {
        if let Some(link) = &self.0.link {
            link.announce(event);
        }
    }
    /// What the other nodes say from now on.
    pub fn events(&self) -> Events {
        Events(self.0.heard.0.subscribe())
    }
    /// May other nodes use this database?
    pub fn is_shared(&self) -> bool {
        self.0.link.is_some()
    }
    /// Are the other nodes heard at this moment? While they are not, who waits for them must look by himself now and then.
    pub fn hears_others(&self) -> bool {
        self.0.link.as_ref().is_some_and(crate::engine::Link::is_up)
    }
}

/// BALs asked for in one query.
const SLICE: usize = 100;

/// How far these BALs are, for who cannot hear of changes: id and modseq of each that exists.
pub fn modseqs(tx: &mut dyn Tx, bals: &[Id]) -> Result<Vec<(Id, i64)>, StoreError> {
    let places: Vec<String> = (1..=SLICE).map(|i| format!("${i}")).collect();
    let sql = format!("SELECT id, modseq FROM bals WHERE id IN ({})", places.join(", "));
    let mut out = Vec::with_capacity(bals.len());
    for slice in bals.chunks(SLICE) {
        // One statement, whatever their number: the last one repeated fills the places.
        let values: Vec<Value> =
            (0..SLICE).filter_map(|i| slice.get(i).or(slice.last())).map(|id| Value::Int(*id)).collect();
        for row in tx.query(&sql, &values)? {
            out.push((row.int(0)?, row.int(1)?));
        }
    }
    Ok(out)
}

/// Announcements that wait to be sent, folded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    bals: BTreeSet<Id>,
    keys: BTreeSet<Id>,
    queue: bool,
    jobs: bool,
    policies: bool,
    white_list: bool,
    revocation: bool,
    devices: bool,
    rights: BTreeSet<Option<Id>>,
    everything: bool,
}

impl Words {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
    pub fn add(&mut self, event: Event) {
        match event {
            Event::Bal(id) => drop(self.bals.insert(id)),
            Event::KeyDestroyed(id) => drop(self.keys.insert(id)),
            Event::Queue => self.queue = true,
            Event::Jobs => self.jobs = true,
            Event::Policies => self.policies = true,
            Event::WhiteList => self.white_list = true,
            Event::Revocation => self.revocation = true,
            Event::Devices => self.devices = true,
            Event::Rights(of) => drop(self.rights.insert(of)),
            Event::Everything => self.everything = true,
        }
        if self.rights.len() > NAMED || self.rights.contains(&None) {
            self.rights = BTreeSet::from([None]);
        }
        if self.bals.len() > MOST {
            self.bals.clear();
            self.everything = true;
        }
    }
    /// Adds those of another time.
    pub fn join(&mut self, other: Self) {
        other.bals.into_iter().for_each(|id| self.add(Event::Bal(id)));
        other.rights.into_iter().for_each(|of| self.add(Event::Rights(of)));
        self.keys.extend(other.keys);
        self.queue |= other.queue;
        self.jobs |= other.jobs;
        self.policies |= other.policies;
        self.white_list |= other.white_list;
        self.revocation |= other.revocation;
        self.devices |= other.devices;
        self.everything |= other.everything;
    }
    /// What is sent: `origin` and words, each a letter and perhaps an id.
    pub fn payloads(&self, origin: &str) -> Vec<String> {
        let flags = [
            (self.white_list, "w"),
            (self.revocation, "v"),
            (self.devices, "d"),
            (self.everything, "*"),
            (self.queue, "q"),
            (self.jobs, "j"),
            (self.policies, "p"),
        ];
        let words = flags.into_iter().filter(|(said, _)| *said).map(|(_, word)| word.to_owned());
        let keys = self.keys.iter().map(|id| format!("k{id}"));
        let mut out: Vec<String> = Vec::new();
        // What takes something away goes first.
        let rights = self.rights.iter().map(|of| of.map_or_else(|| "r".to_owned(), |id| format!("r{id}")));
        for word in rights.chain(words).chain(keys).chain(self.bals.iter().map(|id| format!("b{id}"))) {
            match out.last_mut() {
                Some(last) if last.len() + 1 + word.len() <= PAYLOAD => {
                    last.push(' ');
                    last.push_str(&word);
                }
                _ => out.push(format!("{origin} {word}")),
            }
        }
        out
    }
    /// What another node said; nothing when it was `me`. A word of a later version stands for anything.
    pub fn events(payload: &str, me: &str) -> Vec<Event> {
        let mut words = payload.split(' ');
        if words.next() == Some(me) {
            return Vec::new();
        }
        let one = |word: &str| {
            let id = || word.get(1..).and_then(|id| id.parse().ok());
            match word.as_bytes().first() {
                Some(b'b') => id().map_or(Event::Everything, Event::Bal),
                Some(b'k') => id().map_or(Event::Everything, Event::KeyDestroyed),
                Some(b'q') => Event::Queue,
                Some(b'j') => Event::Jobs,
                Some(b'p') => Event::Policies,
                Some(b'w') => Event::WhiteList,
                Some(b'v') => Event::Revocation,
                Some(b'd') => Event::Devices,
                Some(b'r') if word.len() == 1 => Event::Rights(None),
                Some(b'r') => id().map_or(Event::Everything, |id| Event::Rights(Some(id))),
                _ => Event::Everything,
            }
        };
        words.filter(|w| !w.is_empty()).map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(events: &[Event]) -> Words {
        let mut words = Words::default();
        events.iter().for_each(|e| words.add(*e));
        words
    }

    #[test]
    fn words_are_folded_cut_and_understood() {
        let said =
            [Event::Queue, Event::Policies, Event::Bal(7), Event::Bal(7), Event::KeyDestroyed(9), Event::Bal(i64::MAX)];
        let payloads = words(&said).payloads("1:aa");
        assert_eq!(payloads, [format!("1:aa q p k9 b7 b{}", i64::MAX)]);
        let heard = Words::events(&payloads[0], "2:bb");
        assert_eq!(heard, [Event::Queue, Event::Policies, Event::KeyDestroyed(9), Event::Bal(7), Event::Bal(i64::MAX)]);
        assert!(Words::events(&payloads[0], "1:aa").is_empty(), "one's own words");
        assert!(words(&[]).payloads("1:aa").is_empty() && words(&[]).is_empty());
        assert_eq!(Words::events("3:cc z b b12x", "1:aa"), [Event::Everything; 3]);
        let list = words(&[Event::Queue, Event::WhiteList]).payloads("1:aa");
        assert_eq!(list, ["1:aa w q"]);
        assert_eq!(Words::events(&list[0], "2:bb"), [Event::WhiteList, Event::Queue]);
        let mut devices = words(&[Event::Revocation]);
        devices.join(words(&[Event::Devices]));
        assert_eq!(devices.payloads("1:aa"), ["1:aa v d"]);
        assert_eq!(Words::events("1:aa v d", "2:bb"), [Event::Revocation, Event::Devices]);
    }

    #[test]
    fn rights_go_first_and_fold_into_anybodys() {
        let mut said = words(&[Event::Bal(7), Event::Rights(Some(3)), Event::Rights(Some(3)), Event::Rights(Some(4))]);
        let payloads = said.payloads("1:aa");
        assert_eq!(payloads, ["1:aa r3 r4 b7"]);
        let heard = Words::events(&payloads[0], "2:bb");
        assert_eq!(heard, [Event::Rights(Some(3)), Event::Rights(Some(4)), Event::Bal(7)]);
        said.join(words(&(0..=200).map(|i| Event::Rights(Some(i))).collect::<Vec<_>>()));
        assert_eq!(said.payloads("1:aa"), ["1:aa r b7"]);
        assert_eq!(Words::events("1:aa r rx", "2:bb"), [Event::Rights(None), Event::Everything]);
    }

    #[test]
    fn many_words_make_several_bounded_payloads_and_too_many_mean_everything() {
        let many: Vec<Event> = (0..2_000).map(|i| Event::Bal(i64::MAX - i)).collect();
        let payloads = words(&many).payloads("1:aa");
        assert!(payloads.len() > 1 && payloads.iter().all(|p| p.len() < 8_000));
        let heard: usize = payloads.iter().map(|p| Words::events(p, "2:bb").len()).sum();
        assert_eq!(heard, 2_000);
        let mut all = words(&(0..20_001).map(Event::Bal).collect::<Vec<_>>());
        assert_eq!(all.payloads("1:aa"), ["1:aa *"]);
        all.join(words(&[Event::Jobs, Event::Bal(1)]));
        assert_eq!(all.payloads("1:aa"), ["1:aa * j b1"]);
    }
}
