//! Writing the ledger: rows of partners and days, certificates that were seen, and the alarms of what became weaker.
use super::memory::{Batch, DAY, Waiting};
use crate::boxed;
use crate::certificates::day;
use crate::{Operator, refuse};
use sceau_domain::Refusal;
use sceau_domain::partner::{Known, Weakening, broken, weaker};
use sceau_store::certificates::{self, NOWHERE};
use sceau_store::peers::{self, Key, Peer};
use sceau_store::{StoreError, Tx, alarms};
use sceau_trust::Dn;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Domains written in one transaction.
const SLICE: usize = 50;
/// Days of the ledger, and of partners without a contact.
const KEPT: i64 = 400;

/// What one domain and direction has to write.
type Group = ((String, &'static str), Vec<(Key, Waiting)>);

impl Operator {
    /// Writes what was added up. What cannot be written now waits for the next time.
    #[boxed]
    pub async fn flush_ledger(&self) {
        let batch = self.0.ledger.take();
        if batch.rows.is_empty() && batch.certificates.is_empty() {
            return;
        }
        let mut groups: BTreeMap<(String, &'static str), Vec<(Key, Waiting)>> = BTreeMap::new();
        for (key, waiting) in batch.rows {
            groups.entry((key.domain.clone(), key.direction)).or_default().push((key, waiting));
        }
        let mut left = Batch { certificates: batch.certificates, ..Batch::default() };
        // In the order of the names: the order of locks.
        let mut groups: Vec<Group> = groups.into_iter().collect();
        while !groups.is_empty() {
            let rest = groups.split_off(groups.len().min(SLICE));
            let (now, some) = (self.now().0, groups.clone());
            let written = self.0.store.write(move |tx| some.iter().try_for_each(|g| write_group(tx, g, now))).await;
            if let Err(e) = written.map_err(|e: StoreError| e) {
                tracing::warn!(error = %e, "the ledger of partners could not be written yet");
                left.rows.extend(groups.into_iter().flat_map(|(_, rows)| rows));
            }
            groups = rest;
        }
        let rows: Vec<_> = left
            .certificates
            .iter()
            .map(|(facts, at)| {
                let row = self.row_of_facts(("peer", "", NOWHERE), facts);
                certificates::Certificate { first_seen: at.0, last_seen: at.0, ..row }
            })
            .collect();
        let now = self.now().0;
        let written = self.0.store.write(move |tx| {
            rows.iter().try_for_each(|row| {
                certificates::put(tx, row)?;
                certificates::retire_renewed(tx, row, now)
            })
        });
        match written.await.map_err(|e: StoreError| e) {
            Ok(()) => left.certificates.clear(),
            Err(e) => tracing::warn!(error = %e, "certificates of peers could not be written yet"),
        }
        if !left.rows.is_empty() || !left.certificates.is_empty() {
            self.0.ledger.put_back(left);
        }
    }

    /// Forgets what is older than the ledger goes.
    pub(crate) async fn forget_ledger(&self) -> Result<u64, Refusal> {
        let today = self.now().0.div_euclid(DAY);
        let gone = self.0.store.write(move |tx| peers::forget(tx, today - KEPT, (today - KEPT) * DAY)).await;
        gone.map_err(|e: StoreError| refuse::store(&e))
    }
}

fn write_group(tx: &mut dyn Tx, ((domain, direction), rows): &Group, now: i64) -> Result<(), StoreError> {
    let before = peers::hold(tx, domain, direction)?;
    for (key, waiting) in rows {
        let known = before.iter().find(|p| p.dn_tag == key.dn_tag);
        peers::put(tx, &merged(key, known, &waiting.peer))?;
        for (day, counts) in &waiting.days {
            peers::add(tx, key, *day, counts)?;
        }
        for ((day, cause), count) in &waiting.causes {
            peers::add_cause(tx, (domain, direction), *day, cause, *count)?;
        }
    }
    // Under no domain strangers add up: nothing is concluded from them.
    if domain.is_empty() { Ok(()) } else { compare(tx, domain, &before, rows, now) }
}

/// What is known now: a batch without a handshake leaves what the last one showed.
fn merged(key: &Key, known: Option<&Peer>, new: &Peer) -> Peer {
    let mut out =
        Peer { domain: key.domain.clone(), direction: key.direction.into(), dn_tag: key.dn_tag.clone(), ..new.clone() };
    if let Some(known) = known {
        if new.last_ok.is_none() {
            (out.issuer, out.fingerprint, out.tls) =
                (known.issuer.clone(), known.fingerprint.clone(), known.tls.clone());
        }
        if new.last_failure.is_none() {
            out.last_cause = known.last_cause.clone();
        }
        if out.dn.is_empty() {
            out.dn = known.dn.clone();
        }
    }
    out
}

/// Does the open alarm about another authority speak of other authorities than these? Then this is another event, which an acknowledgement of the last one
/// must not hide. A partner whose servers show certificates of two authorities by turns is one event.
fn is_news(tx: &mut dyn Tx, domain: &str, issuers: [&String; 2]) -> Result<bool, StoreError> {
    let open = alarms::open(tx, &[Weakening::Issuer.alarm()])?.into_iter().find(|a| a.subject == domain);
    let told = open.and_then(|a| serde_json::from_str::<Value>(&a.data).ok());
    Ok(told.is_some_and(|t| issuers.iter().any(|i| t["before"] != i.as_str() && t["after"] != i.as_str())))
}

/// Raises and clears the alarms of what became weaker, or well again.
fn compare(
    tx: &mut dyn Tx,
    domain: &str,
    before: &[Peer],
    rows: &[(Key, Waiting)],
    now: i64,
) -> Result<(), StoreError> {
    let raise = |tx: &mut dyn Tx, what: Weakening, data: Value| {
        alarms::raise(tx, what.alarm(), domain, "warning", &data.to_string(), now).map(drop)
    };
    let first_ok = before.iter().filter_map(|p| p.first_ok).min();
    let last_ok = before.iter().filter_map(|p| p.last_ok).max();
    for (key, Waiting { peer, causes, .. }) in rows {
        let known = before.iter().find(|p| p.dn_tag == key.dn_tag);
        if let (Some(known), true) = (known, peer.last_ok.is_some()) {
            let was = Known { tls: known.tls.clone(), issuer: known.issuer.clone() };
            let is = Known { tls: peer.tls.clone(), issuer: peer.issuer.clone() };
            let same = Dn::parse(&known.issuer) == Dn::parse(&peer.issuer);
            for what in weaker(&was, &is, same) {
                let (before, after) = match what {
                    Weakening::Tls => (&was.tls, &is.tls),
                    _ => (&was.issuer, &is.issuer),
                };
                if what == Weakening::Issuer && is_news(tx, domain, [&was.issuer, &is.issuer])? {
                    alarms::clear(tx, what.alarm(), domain, now)?;
                }
                raise(tx, what, json!({ "domain": domain, "dn": peer.dn, "before": before, "after": after }))?;
            }
            if sceau_domain::partner::is_weaker(&was.tls, &is.tls) {
                alarms::clear(tx, Weakening::Tls.alarm(), domain, now)?;
            }
        }
        // The last word counts: a failure after the last good handshake of this batch.
        let failed = peer.last_failure.filter(|at| rows.iter().filter_map(|(_, w)| w.peer.last_ok).all(|ok| ok < *at));
        // Every cause of the batch: that a peer took STARTTLS away is told whatever else failed in the same seconds.
        let causes = causes.keys().filter(|_| failed.is_some());
        for (cause, what) in causes.filter_map(|(_, cause)| Some((*cause, broken(cause, first_ok, now)?))) {
            let date = |at: Option<i64>| at.map(day);
            let data = json!({ "domain": domain, "since": date(first_ok), "before": date(last_ok), "after": cause });
            raise(tx, what, data)?;
        }
    }
    let well = rows.iter().filter_map(|(_, w)| w.peer.last_ok).max();
    let ill = rows.iter().filter_map(|(_, w)| w.peer.last_failure).max();
    let was_ill = before.iter().filter_map(|p| p.last_failure).max() > last_ok;
    if well.is_some_and(|well| ill.is_none_or(|ill| ill < well)) && was_ill {
        for what in [Weakening::NoStartTls, Weakening::Handshake] {
            alarms::clear(tx, what.alarm(), domain, now)?;
        }
    }
    Ok(())
}
