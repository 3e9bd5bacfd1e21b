//! The inventory of certificates (F204, F151): ours by node, peers seen, issued to structures, authorities and the signer of the white list; what is said of
//! their end; and that a private key of ours sits on one node.
//!
//! Promises: a node that holds a key which a living node holds does not use it, and says what to do; facts of certificates are kept, never a key; an alarm
//! about an end is raised once a step (90, 30, 7 days, ended) and over when the certificate is replaced.
mod ends;
mod machines;
mod views;

pub(crate) use ends::day;
pub use views::{CertificateView, Which};

use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Operator, refuse};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::certificates::{self as rows, Certificate, NOWHERE};
use sceau_store::{StoreError, Tx, alarms};
use sceau_trust::{Anchors, Facts, Purpose, WhiteList};
use serde_json::json;
use std::collections::BTreeMap;

/// Our certificate towards operators.
pub const OPERATOR: &str = "operator";
/// The one shown to mail programs.
pub const CLIENTS: &str = "clients";
/// Longest name kept, characters: a real one has under 300.
const NAME: usize = 600;

/// A certificate of this node, without its key.
#[derive(Debug, Clone)]
pub struct Own {
    /// [`OPERATOR`] or [`CLIENTS`].
    pub place: &'static str,
    /// The certificate.
    pub leaf: CertificateDer<'static>,
}

/// What the operator remembers of the inventory between two looks.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// When ends were last looked at, milliseconds; 0: never.
    looked: std::sync::atomic::AtomicI64,
}

/// A name as kept: bounded, without what no database takes.
pub(crate) fn kept(name: &str) -> String {
    name.chars().filter(|c| *c != '\0').take(NAME).collect()
}

/// Digest of what a name is compared by.
pub(crate) fn tag_of(dn: &sceau_trust::Dn) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, dn.key().as_bytes());
    hex::encode(&digest.as_ref()[..16])
}

/// Writes the certificate that signed the list in force; its predecessors are retired.
pub(crate) fn write_signer(tx: &mut dyn Tx, signer: Option<&Certificate>, now: Timestamp) -> Result<(), StoreError> {
    let Some(signer) = signer else { return Ok(()) };
    rows::put(tx, signer)?;
    rows::retire_others(tx, &signer.kind, NOWHERE, &[(signer.place.clone(), signer.fingerprint.clone())], now.0)
}

/// Writes a certificate that was issued to a structure, in the transaction of the act that issued it; those of the same place and name that end before
/// it are retired.
pub(crate) fn write_issued(tx: &mut dyn Tx, issued: &Certificate, now: Timestamp) -> Result<(), StoreError> {
    rows::put(tx, issued)?;
    rows::retire_renewed(tx, issued, now.0)
}

impl Operator {
    /// The row of a certificate; none when it cannot be read. For one that was issued, `kind` is `issued` and `place` whose it is.
    pub(crate) fn certificate_row(
        &self,
        (kind, place, node): (&str, &str, i64),
        certificate: &CertificateDer<'_>,
    ) -> Option<Certificate> {
        Facts::of(certificate).map(|facts| self.row_of_facts((kind, place, node), &facts))
    }

    pub(crate) fn row_of_facts(&self, (kind, place, node): (&str, &str, i64), facts: &Facts) -> Certificate {
        let now = self.now().0;
        Certificate {
            id: self.0.store.new_id(),
            kind: kind.to_owned(),
            place: place.to_owned(),
            node,
            fingerprint: facts.fingerprint.clone(),
            subject: kept(facts.dn.as_str()),
            subject_tag: tag_of(&facts.dn),
            issuer: kept(facts.issuer.as_str()),
            serial: facts.serial.chars().take(64).collect(),
            spki: facts.spki.clone(),
            not_before: facts.not_before.0,
            not_after: facts.not_after.0,
            first_seen: now,
            last_seen: now,
            retired: None,
            stage: String::new(),
        }
    }

    /// The row of the certificate that signed a list.
    pub(crate) fn signer_row(&self, list: &WhiteList) -> Option<Certificate> {
        self.certificate_row(("signer", "", NOWHERE), list.signer.as_ref()?)
    }

    /// Declares the certificates of this node and its authorities, at start and at reload, before they are used. What this node declared before and
    /// does not any more is retired.
    ///
    /// # Errors
    /// `certificate.key_elsewhere`: a living node holds the private key of one of them; an alarm says so, nothing is changed, and the certificate must
    /// not be used.
    #[boxed]
    pub async fn declare_certificates(&self, own: &[Own], anchors: &Anchors) -> Result<(), Refusal> {
        let node = i64::from(self.0.store.node());
        let nodes = self.0.store.nodes().await.map_err(|e| refuse::store(&e))?;
        let others: Vec<i64> =
            nodes.iter().filter(|n| n.alive).map(|n| i64::from(n.number)).filter(|n| *n != node).collect();
        let names: BTreeMap<i64, String> = nodes.into_iter().map(|n| (i64::from(n.number), n.name)).collect();
        let mut declared = Vec::new();
        for own in own {
            let row = self.certificate_row(("own", own.place, node), &own.leaf);
            declared.push(row.ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", "certificate"))?);
        }
        let anchors = self.anchor_rows(node, anchors);
        let (now, here) = (self.now(), declared.clone());
        let installed: Vec<_> = declared
            .iter()
            .map(|c| {
                let facts = json!({
                    "node": node, "use": c.place, "dn": c.subject, "serial": c.serial, "sha256": c.fingerprint, "until": c.not_after,
                });
                (c.fingerprint.clone(), self.fact("certificate.installed", &By::system(), None, "ok", facts).technical())
            })
            .collect();
        let written = self.0.store.write(move |tx| {
            let present = rows::own(tx)?;
            let mut moved = Vec::new();
            for c in &declared {
                // A key for operators is on one machine; one that only mail programs see may be on several.
                let elsewhere = |o: &&Certificate| {
                    o.spki == c.spki && o.node != node && (o.place == OPERATOR || c.place == OPERATOR)
                };
                if c.place == OPERATOR {
                    let before = rows::holder(tx, &c.spki)?;
                    if let Some(holder) = rows::hold_key(tx, &c.spki, node, &others, now.0)? {
                        return Err(Elsewhere::Held(c.subject.clone(), holder));
                    }
                    moved.extend(before.filter(|b| *b != node).map(|b| (c.clone(), b)));
                }
                if let Some(other) = present.iter().filter(elsewhere).find(|o| others.contains(&o.node)) {
                    return Err(Elsewhere::Held(c.subject.clone(), other.node));
                }
            }
            for c in declared.iter().chain(&anchors) {
                rows::put(tx, c)?;
            }
            for (c, from) in &moved {
                let data = json!({ "dn": c.subject, "nodes": format!("{from} → {node}") }).to_string();
                // Each move is one event: the last one's acknowledgement does not hide it.
                alarms::clear(tx, "certificate.key_moved", &subject_of(c), now.0)?;
                alarms::raise(tx, "certificate.key_moved", &subject_of(c), "warning", &data, now.0)?;
                for gone in present.iter().filter(|o| o.node == *from && o.spki == c.spki) {
                    rows::retire(tx, gone.id, now.0)?;
                }
            }
            let places = |all: &[Certificate]| -> Vec<(String, String)> {
                all.iter().map(|c| (c.place.clone(), c.fingerprint.clone())).collect()
            };
            rows::retire_others(tx, "own", node, &places(&declared), now.0)?;
            rows::retire_others(tx, "anchor", node, &places(&anchors), now.0)?;
            let kept: Vec<String> = declared.iter().map(|c| c.spki.clone()).collect();
            rows::release_keys(tx, node, &kept)?;
            let known = |c: &str| present.iter().any(|o| o.node == node && o.fingerprint == c);
            for (_, fact) in installed.iter().filter(|(fingerprint, _)| !known(fingerprint)) {
                fact.write(tx)?;
            }
            alarms::clear(tx, "certificate.key_elsewhere", &node.to_string(), now.0)?;
            Ok(())
        });
        match written.await {
            Ok(()) => {}
            Err(Elsewhere::Store(e)) => return Err(refuse::store(&e)),
            Err(Elsewhere::Held(dn, holder)) => {
                let name = |n: i64| names.get(&n).map_or_else(|| n.to_string(), |name| format!("{n}, {name}"));
                let data = json!({ "dn": dn, "nodes": format!("{} ; {}", name(holder), name(node)) });
                self.raise_alarm("certificate.key_elsewhere", &node.to_string(), true, data).await;
                return Err(Refusal::new(RefusalCode::KeyElsewhere).with("dn", &dn).with("name", name(holder)));
            }
        }
        tracing::info!(certificates = here.len(), "certificates of this node declared");
        if let Some(list) = self.0.trust.white_list() {
            self.note_signer(&list).await;
        }
        self.look_at_ends().await;
        self.look_at_own_domains().await;
        Ok(())
    }

    /// The list in force may be from before there was an inventory.
    async fn note_signer(&self, list: &WhiteList) {
        let (signer, now) = (self.signer_row(list), self.now());
        let written = self.0.store.write(move |tx| write_signer(tx, signer.as_ref(), now)).await;
        if let Err(e) = written.map_err(|e: StoreError| e) {
            tracing::warn!(error = %e, "the signer of the white list is not in the inventory yet");
        }
    }

    /// The authorities of this node, each with the purposes that it is good for.
    fn anchor_rows(&self, node: i64, anchors: &Anchors) -> Vec<Certificate> {
        let mut found: BTreeMap<String, (Certificate, Vec<&str>)> = BTreeMap::new();
        for purpose in Purpose::ALL {
            for row in anchors.of(purpose).iter().filter_map(|c| self.certificate_row(("anchor", "", node), c)) {
                found.entry(row.fingerprint.clone()).or_insert_with(|| (row, Vec::new())).1.push(purpose.as_str());
            }
        }
        found.into_values().map(|(row, names)| Certificate { place: names.join(","), ..row }).collect()
    }
}

/// Why certificates are not declared.
enum Elsewhere {
    /// Whose key a living node holds.
    Held(String, i64),
    Store(StoreError),
}
impl From<StoreError> for Elsewhere {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}
impl From<Elsewhere> for Fail {
    fn from(e: Elsewhere) -> Self {
        match e {
            Elsewhere::Held(..) => RefusalCode::KeyElsewhere.into(),
            Elsewhere::Store(e) => e.into(),
        }
    }
}

/// What an alarm about a certificate is about: its common name and its serial number, where it is.
pub(crate) fn subject_of(c: &Certificate) -> String {
    let name = sceau_trust::Dn::parse(&c.subject).and_then(|dn| dn.common_name()).unwrap_or_else(|| c.subject.clone());
    let place = if c.node == NOWHERE { c.kind.clone() } else { format!("{} {}", c.kind, c.node) };
    kept(&format!("{name} ({}, {place})", c.serial))
}
