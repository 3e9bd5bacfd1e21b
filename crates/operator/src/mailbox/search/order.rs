//! Finding in an order (RFC 5256 §3 SORT, RFC 5957).
//!
//! What a message is sorted by becomes bytes that compare as the criteria say, all of them in one piece of memory: a folder of any size costs
//! its keys, [`MEMORY`] at most. Texts that are longer than their share of it (335 bytes for one text and 100,000 messages) compare by their
//! beginnings, and stand in the folder's order where those are alike.
use super::Query;
use super::blocking;
use crate::boxed;
use crate::mailbox::entries::Entry;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_message::casemap::casemap;
use sceau_message::envelope::{Envelope, MailAddress};
use sceau_message::header;
use sceau_message::subject::base_subject;
use sceau_message::summary::Summary;
use sceau_message::thread;
use sceau_store::{Id, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// What the texts of one order may hold, bytes.
const MEMORY: usize = 32 << 20;
/// Bytes of one text that count, at least and at most.
const TEXT_LEAST: usize = 16;
const TEXT_MOST: usize = 1024;
/// Orders and conversations of more messages than this take turns.
const MANY: usize = 5_000;
static TURNS: Semaphore = Semaphore::const_new(8);
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// A turn to work on so many messages; `system.unavailable` when others are busy for too long.
pub(super) async fn turn(messages: usize) -> Result<Option<SemaphorePermit<'static>>, Refusal> {
    if messages <= MANY {
        return Ok(None);
    }
    match tokio::time::timeout(PATIENCE, TURNS.acquire()).await {
        Ok(Ok(permit)) => Ok(Some(permit)),
        _ => Err(RefusalCode::Unavailable.into()),
    }
}

/// What messages are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the sort keys of RFC 5256 §5 and RFC 5957 §5 of the same names
pub enum SortKey {
    Arrival,
    Cc,
    Date,
    DisplayFrom,
    DisplayTo,
    From,
    /// The best first (RFC 6203 §4).
    Relevancy,
    Size,
    Subject,
    To,
}

/// A criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortBy {
    /// By what.
    pub key: SortKey,
    /// Highest first. Messages that are alike stay in the folder's order.
    pub reverse: bool,
}

impl SortKey {
    /// Does the entry alone say it?
    fn plain(self) -> bool {
        matches!(self, Self::Arrival | Self::Size | Self::Relevancy)
    }
    fn is_text(self) -> bool {
        !matches!(self, Self::Arrival | Self::Size | Self::Date | Self::Relevancy)
    }
}

/// What the entry says of a message.
#[derive(Debug, Clone, Copy)]
struct Known {
    uid: u32,
    /// INTERNALDATE, seconds.
    arrived: i64,
    size: u64,
    /// How well it matches, 100 at most.
    score: u32,
}

/// Keys of messages, in their order.
#[derive(Debug)]
struct Keys {
    by: Vec<SortBy>,
    known: Vec<Known>,
    /// Bytes of a text that count.
    room: usize,
    bytes: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
}

impl Keys {
    fn new(by: &[SortBy], known: Vec<Known>) -> Self {
        // A criterion that comes again decides nothing.
        let mut once: Vec<SortBy> = Vec::new();
        for one in by {
            if !once.iter().any(|o| o.key == one.key) {
                once.push(*one);
            }
        }
        let texts = once.iter().filter(|b| b.key.is_text()).count();
        let room = (MEMORY / (known.len() * texts).max(1)).clamp(TEXT_LEAST, TEXT_MOST);
        Self { by: once, room, bytes: Vec::new(), ends: Vec::with_capacity(known.len()), known }
    }

    /// Adds the next message's key; nothing is known of what is gone but its entry.
    fn add(&mut self, index: usize, envelope: Option<&Envelope>) {
        let Some(known) = self.known.get(index).copied() else { return };
        for SortBy { key, reverse } in self.by.clone() {
            let from = self.bytes.len();
            match key {
                SortKey::Arrival => self.number(known.arrived),
                SortKey::Size => self.number(i64::try_from(known.size).unwrap_or(i64::MAX)),
                SortKey::Relevancy => self.number(-i64::from(known.score)),
                SortKey::Date => {
                    self.number(thread::sent(envelope.and_then(|e| e.date.as_deref()), known.arrived));
                }
                text => {
                    let text = envelope.map(|e| said(e, text)).unwrap_or_default();
                    self.text(&casemap(&text));
                }
            }
            if reverse {
                self.bytes[from..].iter_mut().for_each(|b| *b = !*b);
            }
        }
        self.ends.push(self.bytes.len());
    }
    fn number(&mut self, n: i64) {
        // Negative numbers before the others.
        self.bytes.extend_from_slice(&(n ^ i64::MIN).to_be_bytes());
    }
    /// A text and its end, which is lower than any byte of one.
    fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let counts = &bytes[..bytes.len().min(self.room)];
        self.bytes.extend(counts.iter().map(|b| (*b).max(1)));
        self.bytes.push(0);
    }
    /// UIDs in the order that was asked for.
    fn sorted(self) -> Vec<u32> {
        let key = |i: &u32| {
            let i = *i as usize;
            let from = i.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
            self.ends.get(i).and_then(|end| self.bytes.get(from..*end)).unwrap_or_default()
        };
        let mut order: Vec<u32> = (0..u32::try_from(self.known.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by(|a, b| key(a).cmp(key(b)));
        order.into_iter().filter_map(|i| self.known.get(i as usize)).map(|k| k.uid).collect()
    }
}

/// What an envelope says of a text criterion, decoded.
fn said(e: &Envelope, key: SortKey) -> String {
    let decoded = |text: &str| header::decoded(text.as_bytes());
    match key {
        SortKey::Subject => base_subject(&e.subject.as_deref().map(decoded).unwrap_or_default()).text,
        SortKey::DisplayFrom => display(e.from.first()),
        SortKey::DisplayTo => display(e.to.first()),
        SortKey::From => mailbox(e.from.first()),
        SortKey::To => mailbox(e.to.first()),
        SortKey::Cc => mailbox(e.cc.first()),
        SortKey::Arrival | SortKey::Size | SortKey::Date | SortKey::Relevancy => String::new(),
    }
}

/// `addr-mailbox` (RFC 5256 §3).
fn mailbox(address: Option<&MailAddress>) -> String {
    address.and_then(|a| a.mailbox.clone()).unwrap_or_default()
}

/// The name, else the address, else what there is (RFC 5957 §3).
fn display(address: Option<&MailAddress>) -> String {
    let Some(a) = address else { return String::new() };
    let name = a.name.as_deref().map(|n| header::decoded(n.as_bytes())).filter(|n| !n.is_empty());
    name.unwrap_or_else(|| match (a.mailbox.as_deref().unwrap_or_default(), a.host.as_deref()) {
        (mailbox, Some(host)) if !host.is_empty() => format!("{mailbox}@{host}"),
        // A group's name, which is encoded as others are.
        (mailbox, _) => header::decoded(mailbox.as_bytes()),
    })
}

impl Operator {
    /// The UIDs among `entries` (the session's view) that match, in an order; messages that are alike by all criteria stand in the folder's. Refused as
    /// [`Operator::search`] is.
    #[boxed]
    pub async fn sort(
        &self,
        actor: &Actor,
        entries: &[Entry],
        query: &Query,
        by: &[SortBy],
    ) -> Result<Vec<u32>, Refusal> {
        let uids = self.search(actor, entries, query).await?;
        let _turn = turn(uids.len()).await?;
        let (mut known, ids) = chosen(entries, &uids);
        if by.iter().any(|b| b.key == SortKey::Relevancy) {
            let at = |k: &Known| entries.binary_search_by_key(&k.uid, |e| e.uid).ok().map(|i| &entries[i]);
            let found: Vec<&Entry> = known.iter().filter_map(at).collect();
            let scores = self.relevance(actor, &found, query).await?;
            known.iter_mut().zip(scores).for_each(|(known, score)| known.score = score);
        }
        let mut keys = Keys::new(by, known);
        if keys.by.iter().all(|b| b.key.plain()) {
            (0..keys.known.len()).for_each(|i| keys.add(i, None));
        } else {
            let seat = self.seat(actor)?;
            let seal = self.bal_seal(seat.bal).await?;
            let ids = Arc::new(ids);
            let named = ids.clone();
            let see = move |keys: &mut Keys, i: usize, clear: Option<&[u8]>| -> Result<(), StoreError> {
                let open = |clear: &[u8]| {
                    let corrupt = || StoreError::Corrupt(named.get(i).map(Id::to_string).unwrap_or_default());
                    Summary::envelope_of(clear).ok_or_else(corrupt)
                };
                let envelope = clear.map(open).transpose()?;
                keys.add(i, envelope.as_ref());
                Ok(())
            };
            keys = self.each_summary(seat, &seal, &ids, keys, see).await?;
        }
        blocking(move || Ok(keys.sorted())).await
    }
}

/// Of the entries with these ascending UIDs: what is known, and the messages.
fn chosen(entries: &[Entry], uids: &[u32]) -> (Vec<Known>, Vec<Id>) {
    let found = uids.iter().filter_map(|uid| entries.binary_search_by_key(uid, |e| e.uid).ok()).map(|i| &entries[i]);
    let known = |e: &Entry| Known { uid: e.uid, arrived: e.internal_date.seconds(), size: e.size, score: 0 };
    found.map(|e| (known(e), e.message)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn envelope(subject: &str, from: &str) -> Envelope {
        let header = format!("Subject: {subject}\r\nFrom: {from}\r\n\r\n");
        Envelope::read(header.as_bytes(), &Default::default())
    }
    fn sorted(by: &[SortBy], messages: &[(&str, &str, i64, u64)]) -> Vec<u32> {
        let known =
            |(i, m): (usize, &(&str, &str, i64, u64))| Known { uid: i as u32 + 1, arrived: m.2, size: m.3, score: 0 };
        let mut keys = Keys::new(by, messages.iter().enumerate().map(known).collect());
        for (i, m) in messages.iter().enumerate() {
            keys.add(i, Some(&envelope(m.0, m.1)));
        }
        keys.sorted()
    }
    fn by(key: SortKey) -> SortBy {
        SortBy { key, reverse: false }
    }
    fn down(key: SortKey) -> SortBy {
        SortBy { key, reverse: true }
    }

    #[test]
    fn criteria_count_one_after_the_other() {
        let m = [
            ("Re: bilan", "Zoé <a@x>", 30, 5),
            ("Avis", "=?utf-8?Q?=C3=89mile?= <c@x>", 10, 5),
            ("[mss] BILAN", "b@x", 20, 7),
            ("", "Équipe: d@x;", 20, 16_777_215),
        ];
        assert_eq!(sorted(&[by(SortKey::Subject)], &m), [4, 2, 1, 3]);
        assert_eq!(sorted(&[down(SortKey::Subject)], &m), [1, 3, 2, 4]);
        assert_eq!(sorted(&[by(SortKey::Subject), down(SortKey::Size)], &m), [4, 2, 3, 1]);
        assert_eq!(sorted(&[by(SortKey::Arrival)], &m), [2, 3, 4, 1]);
        assert_eq!(sorted(&[down(SortKey::Arrival)], &m), [1, 3, 4, 2]);
        assert_eq!(sorted(&[by(SortKey::Date)], &m), [2, 3, 4, 1]);
        assert_eq!(sorted(&[by(SortKey::From)], &m), [1, 3, 2, 4]);
        assert_eq!(sorted(&[by(SortKey::DisplayFrom)], &m), [3, 2, 4, 1]);
        assert_eq!(sorted(&[by(SortKey::To)], &m), [1, 2, 3, 4]);
        assert_eq!(sorted(&[by(SortKey::Size), down(SortKey::Size), by(SortKey::Arrival)], &m), [2, 1, 3, 4]);
        assert_eq!(sorted(&[], &m), [1, 2, 3, 4]);
    }

    #[test]
    fn long_texts_count_by_their_beginning_and_hold_little() {
        let known = (0..100_000).map(|uid| Known { uid, arrived: 0, size: 0, score: 0 }).collect();
        let mut keys = Keys::new(&[by(SortKey::Subject), by(SortKey::From)], known);
        let long = envelope(&"É".repeat(4_000), "x@y");
        (0..1_000).for_each(|i| keys.add(i, Some(&long)));
        let each = MEMORY / 200_000 + 1;
        assert!(keys.bytes.len() <= 1_000 * 2 * each, "{}", keys.bytes.len());
    }

    proptest! {
        #[test]
        fn bytes_compare_as_the_values_do(
            a in (any::<i64>(), "[a-cA-C é]{0,4}"), b in (any::<i64>(), "[a-cA-C é]{0,4}"), reverse: bool
        ) {
            let key = |(n, s): &(i64, String)| {
                let mut keys = Keys::new(&[], Vec::new());
                keys.room = 100;
                keys.number(*n);
                let number = std::mem::take(&mut keys.bytes);
                keys.text(&casemap(s));
                let mut text = keys.bytes;
                if reverse {
                    text.iter_mut().for_each(|b| *b = !*b);
                }
                (number, text)
            };
            let ((na, ta), (nb, tb)) = (key(&a), key(&b));
            prop_assert_eq!(na.cmp(&nb), a.0.cmp(&b.0));
            let texts = casemap(&a.1).cmp(&casemap(&b.1));
            prop_assert_eq!(ta.cmp(&tb), if reverse { texts.reverse() } else { texts });
        }
    }
}
