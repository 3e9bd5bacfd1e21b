//! What was told since the ledger was last written, added up.
use rustls_pki_types::CertificateDer;
use sceau_domain::partner::class;
use sceau_domain::{DomainName, RefusalCode, Timestamp};
use sceau_store::peers::{Counts, Key, Peer};
use sceau_trust::{Dn, Facts};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Rows that wait at most; beyond, contacts add up under no domain and no certificate.
const ROWS: usize = 20_000;
/// Certificates that wait at most, and that are remembered as seen lately.
const CERTIFICATES: usize = 5_000;
/// A certificate is written again when it was last seen this long ago, milliseconds.
const AGAIN: i64 = 3_600_000;
/// A day, milliseconds.
pub(super) const DAY: i64 = 86_400_000;

/// Who connected to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A partner to us.
    In,
    /// We to a partner.
    Out,
}

impl Direction {
    /// As kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    Contact { issuer: &'a str, fingerprint: &'a str, tls: &'a str },
    Delivered { bytes: u64, delay: Option<i64> },
    Failed(RefusalCode),
}

/// What waits for one row.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    /// What is known, as of the last word; `first_*` of this batch.
    pub peer: Peer,
    /// By day.
    pub days: BTreeMap<i64, Counts>,
    /// Failures by day and cause.
    pub causes: BTreeMap<(i64, &'static str), i64>,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub rows: BTreeMap<Key, Waiting>,
    pub certificates: Vec<(Facts, Timestamp)>,
}

#[derive(Debug, Default)]
struct Inner {
    batch: Batch,
    /// Digests of certificates, and when they were last noted.
    seen: HashMap<[u8; 32], i64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Inner>);

fn digest(leaf: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, leaf).as_ref());
    out
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Sums only: nothing in them is ever half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(
        &self,
        direction: Direction,
        domain: Option<&DomainName>,
        dn: Option<&Dn>,
        at: Timestamp,
        told: Told<'_>,
    ) {
        let mut key = Key {
            domain: domain.map(ToString::to_string).unwrap_or_default(),
            direction: direction.as_str(),
            dn_tag: dn.map(crate::certificates::tag_of).unwrap_or_default(),
        };
        let mut inner = self.lock();
        let rows = &mut inner.batch.rows;
        let folded = rows.len() >= ROWS && !rows.contains_key(&key);
        if folded {
            (key.domain, key.dn_tag) = (String::new(), String::new());
        }
        let row = rows.entry(key).or_default();
        let p = &mut row.peer;
        if p.first_at == 0 {
            p.first_at = at.0;
            p.dn = dn.filter(|_| !folded).map(|dn| crate::certificates::kept(dn.as_str())).unwrap_or_default();
        }
        p.last_at = p.last_at.max(at.0);
        let day = at.0.div_euclid(DAY);
        let counts = row.days.entry(day).or_default();
        match told {
            Told::Contact { issuer, fingerprint, tls } => {
                counts.contacts += 1;
                p.first_ok = p.first_ok.or(Some(at.0));
                p.last_ok = Some(at.0);
                if !folded {
                    p.issuer = crate::certificates::kept(issuer);
                    p.fingerprint = fingerprint.to_owned();
                    p.tls = tls.to_owned();
                }
            }
            Told::Delivered { bytes, delay } => {
                counts.deliveries += 1;
                counts.bytes = counts.bytes.saturating_add(i64::try_from(bytes).unwrap_or(i64::MAX));
                if let Some(delay) = delay {
                    counts.delays[class(delay)] += 1;
                }
            }
            Told::Failed(cause) => {
                counts.failures += 1;
                p.last_failure = Some(at.0);
                p.last_cause = cause.as_str().to_owned();
                *row.causes.entry((day, cause.as_str())).or_default() += 1;
            }
        }
    }

    /// Was this certificate noted within the hour?
    pub(super) fn has_seen(&self, leaf: &CertificateDer<'_>, at: Timestamp) -> bool {
        let (digest, mut inner) = (digest(leaf), self.lock());
        if inner.seen.len() >= CERTIFICATES && !inner.seen.contains_key(&digest) {
            inner.seen.clear();
        }
        let last = inner.seen.insert(digest, at.0);
        match last {
            Some(last) if (at.0 - last).abs() < AGAIN => {
                inner.seen.insert(digest, last);
                true
            }
            _ => false,
        }
    }

    pub(super) fn see(&self, facts: Facts, at: Timestamp) {
        let mut inner = self.lock();
        if inner.batch.certificates.len() < CERTIFICATES {
            inner.batch.certificates.push((facts, at));
        }
    }

    pub(super) fn take(&self) -> Batch {
        std::mem::take(&mut self.lock().batch)
    }

    /// Puts back what could not be written, beneath what came meanwhile.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut inner = self.lock();
        for (key, old) in batch.rows {
            if inner.batch.rows.len() >= ROWS && !inner.batch.rows.contains_key(&key) {
                continue;
            }
            let Some(row) = inner.batch.rows.get_mut(&key) else {
                inner.batch.rows.insert(key, old);
                continue;
            };
            for (day, counts) in &old.days {
                row.days.entry(*day).or_default().add(counts);
            }
            for (cause, count) in old.causes {
                *row.causes.entry(cause).or_default() += count;
            }
            let (new, was) = (&mut row.peer, old.peer);
            new.first_at = new.first_at.min(was.first_at);
            new.first_ok = was.first_ok.or(new.first_ok);
            new.last_ok = new.last_ok.or(was.last_ok);
            if new.last_failure.is_none() {
                (new.last_failure, new.last_cause) = (was.last_failure, was.last_cause);
            }
            if new.tls.is_empty() {
                (new.issuer, new.fingerprint, new.tls) = (was.issuer, was.fingerprint, was.tls);
            }
        }
        let room = CERTIFICATES.saturating_sub(inner.batch.certificates.len());
        inner.batch.certificates.extend(batch.certificates.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_whatever_peers_say_and_nothing_is_lost_of_the_counts() {
        let memory = Memory::default();
        for i in 0..ROWS + 500 {
            let domain = format!("d{i}.mssante.fr").parse::<DomainName>().unwrap();
            memory.tell(Direction::Out, Some(&domain), None, Timestamp(DAY), Told::Failed(RefusalCode::TransferDns));
        }
        let batch = memory.take();
        assert_eq!(batch.rows.len(), ROWS + 1);
        let all: i64 = batch.rows.values().flat_map(|r| r.days.values()).map(|c| c.failures).sum();
        assert_eq!(all, i64::try_from(ROWS).unwrap() + 500);
        // What could not be written comes back beneath what came meanwhile.
        let domain = "d1.mssante.fr".parse::<DomainName>().unwrap();
        memory.tell(
            Direction::Out,
            Some(&domain),
            None,
            Timestamp(2 * DAY),
            Told::Delivered { bytes: 7, delay: Some(3) },
        );
        memory.put_back(batch);
        let batch = memory.take();
        let key = Key { domain: domain.to_string(), direction: "out", dn_tag: String::new() };
        let row = &batch.rows[&key];
        assert_eq!((row.peer.first_at, row.peer.last_at, row.days.len()), (DAY, 2 * DAY, 2));
        assert_eq!(row.peer.last_cause, "transfer.dns");
        assert!(memory.take().rows.is_empty());
    }
}
