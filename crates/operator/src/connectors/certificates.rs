//! Certificates of connectors: issued for a request, made and shown once, or declared; revoked; judged when a server shows one (F053, F215).
//!
//! Several are in force at once, so that a new one is installed before the old one ends. Two connectors never share one: who a server is would not be
//! known. The ends of all of them are watched in the inventory ([`crate::certificates`]); of a name, the certificates that servers show under it.
use super::admin::known;
use super::views::{CertificateView, NewCertificate, NewCertificateView};
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::On;
use crate::{Actor, Operator};
use base64::Engine;
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::certificates::{Certificate, NOWHERE};
use sceau_store::{Id, StoreError, Tx, connectors as rows, structures};
use sceau_trust::authority::{self, AuthorityError, Subject};
use sceau_trust::peer::Shown;
use sceau_trust::pkcs12::{Packed, pack};
use sceau_trust::{Dn, Peer, PeerCause, Purpose, peer};
use serde_json::json;
use std::hash::{DefaultHasher, Hash, Hasher};
use zeroize::Zeroizing;

/// How long an issued certificate is valid, days.
const DAYS: i64 = 2 * 365;
/// Certificates in force of a connector.
const MOST: usize = 20;
/// Longest DN, bytes.
const DN: usize = 2048;
/// That a certificate of a declared name was seen is written this often at most, milliseconds.
const WATCHED: i64 = 3_600_000;

/// The certificate row behind what a server showed, and what the certificate says of itself.
///
/// # Errors
/// `peer.no_certificate`, `peer.invalid`, `connector.unknown`, `connector.revoked`, and the causes of [`PeerCause`].
pub(crate) async fn judge(
    operator: &Operator,
    chain: &[CertificateDer<'_>],
    client: bool,
) -> Result<(rows::Certificate, Peer), Refusal> {
    let leaf = chain.first().ok_or_else(|| PeerCause::Absent.refusal())?;
    let shown = peer::describe(leaf).ok_or_else(|| PeerCause::Invalid.refusal())?;
    let (fingerprint, key) = (shown.fingerprint.clone(), shown.dn.key().to_owned());
    let found = operator.0.store.read(move |tx| rows::matching(tx, &fingerprint, &key)).await;
    let found = found.map_err(|e: StoreError| refuse::store(&e))?;
    let Some(first) = found.into_iter().next() else {
        return Err(Refusal::new(RefusalCode::ConnectorUnknown).with("dn", &shown.dn));
    };
    // A certificate that was revoked by itself is not let in by its name.
    if first.revoked.is_some() {
        return Err(Refusal::new(RefusalCode::ConnectorRevoked).with("dn", &shown.dn));
    }
    let named = |refusal: Refusal| refusal.with("dn", &shown.dn);
    let peer = if first.kind == "named" {
        let judged = operator.judge_chain(Purpose::Connectors, chain, client).await.map_err(named)?;
        operator.watch_named(&first, leaf).await;
        judged
    } else {
        let pinned = authority::pinned(leaf, operator.now()).map_err(|cause| named(cause.refusal()))?;
        // For judging it again while its connection lasts.
        Peer { chain: Shown::new(chain), ..pinned }
    };
    Ok((first, peer))
}

/// What is shown once beside a certificate.
enum Secret {
    None,
    /// PKCS#8, PEM.
    Key(Zeroizing<String>),
    /// Key and certificate under a password.
    Packed(Packed),
}

/// A certificate about to be kept.
struct Draft {
    row: rows::Certificate,
    secret: Secret,
}

impl Operator {
    /// The certificate as the inventory keeps it, where its end is watched; none for a name.
    fn inventoried(&self, connector: &str, row: &rows::Certificate) -> Option<Certificate> {
        let (der, ..) = authority::declared(row.certificate.as_ref()?.as_bytes())?;
        self.certificate_row(("issued", connector, NOWHERE), &der)
    }

    /// A server showed a certificate of a declared name: the inventory watches its end from now on, and no more that of the one that it follows.
    async fn watch_named(&self, named: &rows::Certificate, leaf: &CertificateDer<'_>) {
        let Some(seen) = self.certificate_row(("issued", "", NOWHERE), leaf) else { return };
        let mut slot = DefaultHasher::new();
        (named.id, &seen.fingerprint).hash(&mut slot);
        // Another slot than a connector's own (ids are positive).
        if !self.is_due(-1 - i64::try_from(slot.finish() >> 1).unwrap_or(0), WATCHED) {
            return;
        }
        let (id, now) = (named.id, self.now());
        let written = self.0.store.write(move |tx| {
            let Some(named) = rows::certificate_by_id(tx, id)?.filter(|c| c.revoked.is_none()) else { return Ok(()) };
            let Some(connector) = rows::by_id(tx, named.connector_id)? else { return Ok(()) };
            let seen = Certificate { place: connector.name, ..seen.clone() };
            crate::certificates::write_issued(tx, &seen, now)
        });
        if let Err(e) = written.await.map_err(|e: StoreError| e) {
            refuse::store(&e);
        }
    }
}

fn request(cause: &AuthorityError) -> Refusal {
    Refusal::new(RefusalCode::ConnectorRequest).with("cause", cause)
}

impl Operator {
    /// Issues or declares a certificate of a connector. `connector.request`, `connector.certificate`, `connector.key`, `connector.no_authority`,
    /// `admin.exists`, `admin.not_found`, `state.wrong`.
    #[boxed]
    pub async fn certify_connector(
        &self,
        actor: &Actor,
        name: &str,
        wanted: NewCertificate,
    ) -> Result<NewCertificateView, Refusal> {
        self.require(actor, UseCase::ConnectorCertify, On::Anywhere).await?;
        let name = name.to_ascii_lowercase();
        let (asker, wanted_name) = (actor.clone(), name.clone());
        let place = self.0.store.read(move |tx| {
            let found = known(tx, &asker, UseCase::ConnectorCertify, &wanted_name)?;
            let structure = structures::by_id(tx, found.structure_id)?;
            Ok::<_, Fail>((found, structure.map(|s| s.name).unwrap_or_default()))
        });
        let (connector, structure) = place.await?;
        let draft = self.draft_certificate(&connector, &structure, wanted, &By::actor(actor).name).await?;
        let said = json!({
            "connector": name, "kind": draft.row.kind, "dn": draft.row.dn, "sha256": draft.row.fingerprint, "serial": draft.row.serial,
            "not_after": draft.row.not_after,
        });
        let fact = self.fact("connector.certified", &By::actor(actor), None, "ok", said);
        let (inventoried, now) = (self.inventoried(&name, &draft.row), self.now());
        let (actor, row, view) = (actor.clone(), draft.row.clone(), certificate_view(draft.row));
        let add = move |tx: &mut dyn Tx| {
            let connector = known(tx, &actor, UseCase::ConnectorCertify, &name)?;
            if connector.state == "ended" {
                let refusal = Refusal::new(RefusalCode::StateWrong).with("name", &name);
                return Err(refusal.with("cause", &connector.state).into());
            }
            let mine = rows::certificates(tx, &[connector.id])?;
            let in_force = |c: &&rows::Certificate| c.revoked.is_none() && c.not_after.is_none_or(|end| end > now.0);
            if mine.iter().filter(in_force).count() >= MOST {
                return Err(Refusal::new(RefusalCode::ConnectorCertificate).with("cause", MOST).into());
            }
            let taken = rows::matching(tx, &row.fingerprint, &row.dn_key)?;
            let same = |c: &rows::Certificate| c.kind != "issued" || c.fingerprint == row.fingerprint;
            if row.kind != "issued" && taken.iter().any(|c| c.revoked.is_none() && same(c)) {
                return Err(Refusal::new(RefusalCode::Exists).with("name", &row.dn).into());
            }
            rows::insert_certificate(tx, &row)?;
            if let Some(known) = &inventoried {
                crate::certificates::write_issued(tx, known, now)?;
            }
            Ok::<_, Fail>(fact.write(tx)?)
        };
        self.0.store.write(add).await?;
        let mut made = NewCertificateView { certificate: view, private_key: None, pkcs12: None, password: None };
        match draft.secret {
            Secret::None => {}
            Secret::Key(key) => made.private_key = Some(key.to_string()),
            Secret::Packed(packed) => {
                made.pkcs12 = Some(base64::engine::general_purpose::STANDARD.encode(&packed.file));
                made.password = Some(packed.password.to_string());
            }
        }
        Ok(made)
    }

    async fn draft_certificate(
        &self,
        connector: &rows::Connector,
        structure: &str,
        wanted: NewCertificate,
        by: &str,
    ) -> Result<Draft, Refusal> {
        let now = self.now();
        let NewCertificate { request: csr, certificate, dn, make, pkcs12 } = wanted;
        if pkcs12 && !make {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "pkcs12"));
        }
        let host = connector.tls_name.clone().or_else(|| connector.host.clone());
        let hosts: Vec<String> = host.iter().cloned().collect();
        let subject = Subject {
            name: host.as_deref().unwrap_or(&connector.name),
            organisation: structure,
            unit: &connector.name,
            hosts: &hosts,
        };
        let row = |kind: &str, facts: &Peer, not_before: Timestamp, pem: String| rows::Certificate {
            id: self.0.store.new_id(),
            connector_id: connector.id,
            kind: kind.into(),
            fingerprint: facts.fingerprint.clone(),
            dn: facts.dn.to_string(),
            dn_key: facts.dn.key().to_owned(),
            serial: facts.serial.clone(),
            certificate: Some(pem),
            not_before: Some(not_before.0),
            not_after: Some(facts.not_after.0),
            created: now.0,
            created_by: by.to_owned(),
            revoked: None,
            revoked_by: None,
            reason: None,
            seen: None,
        };
        match (csr, certificate, dn, make) {
            (Some(csr), None, None, false) => {
                let key = authority::requested(csr.as_bytes()).map_err(|e| request(&e))?;
                let issuer = self.structures_authority().await?;
                let issued = issuer.issue_to(&key, &subject, DAYS, now).map_err(|e| request(&e))?;
                let row = row("issued", &issued.facts, issued.not_before, issued.certificate);
                Ok(Draft { row, secret: Secret::None })
            }
            (None, None, None, true) => {
                let issuer = self.structures_authority().await?;
                let name = (subject.name.to_owned(), structure.to_owned(), connector.name.clone());
                // An RSA key takes a moment.
                let made = tokio::task::spawn_blocking(move || {
                    let (name, organisation, unit) = &name;
                    let subject = Subject { name, organisation, unit, hosts: &hosts };
                    let (issued, key) = issuer.issue_with_key(&subject, DAYS, now)?;
                    let secret = match pkcs12 {
                        true => Secret::Packed(pack(&issued.certificate, &key, &format!("Sceau {unit}"))?),
                        false => Secret::Key(key),
                    };
                    Ok::<_, AuthorityError>((issued, secret))
                });
                let made = made.await.map_err(|e| refuse::abnormal("making a key", &e))?;
                let (issued, secret) = made.map_err(|e| request(&e))?;
                Ok(Draft { row: row("issued", &issued.facts, issued.not_before, issued.certificate), secret })
            }
            (None, Some(pem), None, false) => {
                let no = |cause: &str| Refusal::new(RefusalCode::ConnectorCertificate).with("cause", cause);
                if authority::holds_key(&pem) {
                    // A file with both is easily taken for the certificate's. It is said, so that the key is not used on.
                    return Err(RefusalCode::ConnectorKey.into());
                }
                let (der, facts, not_before) = authority::declared(pem.as_bytes()).ok_or_else(|| no("X.509"))?;
                authority::pinned(&der, now).map_err(|cause| no(cause.refusal().code.as_str()))?;
                Ok(Draft { row: row("pinned", &facts, not_before, authority::pem(&der)), secret: Secret::None })
            }
            (None, None, Some(text), false) => {
                let dn = Some(text).filter(|t| t.len() <= DN).and_then(|t| Dn::parse(&t));
                let dn = dn.filter(|dn| dn.common_name().is_some());
                let dn = dn.ok_or_else(|| Refusal::new(RefusalCode::ConnectorCertificate).with("cause", "DN"))?;
                let id = self.0.store.new_id();
                Ok(Draft {
                    row: rows::Certificate {
                        id,
                        connector_id: connector.id,
                        kind: "named".into(),
                        fingerprint: String::new(),
                        dn: dn.to_string(),
                        dn_key: dn.key().to_owned(),
                        serial: String::new(),
                        certificate: None,
                        not_before: None,
                        not_after: None,
                        created: now.0,
                        created_by: by.to_owned(),
                        revoked: None,
                        revoked_by: None,
                        reason: None,
                        seen: None,
                    },
                    secret: Secret::None,
                })
            }
            _ => Err(Refusal::new(RefusalCode::Invalid).with("name", "request, certificate, dn, make")),
        }
    }

    /// Revokes a certificate of a connector: the next message finds it revoked, on every node. `admin.not_found`, `state.wrong`, `admin.invalid`.
    #[boxed]
    pub async fn revoke_connector_certificate(
        &self,
        actor: &Actor,
        name: &str,
        id: Id,
        reason: &str,
    ) -> Result<CertificateView, Refusal> {
        self.require(actor, UseCase::ConnectorCertify, On::Anywhere).await?;
        let (name, reason) = (name.to_ascii_lowercase(), plain::reason(reason, "reason")?);
        let (now, by) = (self.now(), By::actor(actor).name);
        let said = json!({ "connector": name, "certificate": id.to_string(), "reason": reason });
        let mut fact = self.fact("connector.revoked", &By::actor(actor), None, "ok", said);
        let actor = actor.clone();
        let revoke = move |tx: &mut dyn Tx| {
            let connector = known(tx, &actor, UseCase::ConnectorCertify, &name)?;
            let found = rows::certificate_by_id(tx, id)?.filter(|c| c.connector_id == connector.id);
            let found = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", id))?;
            if !rows::revoke(tx, id, now.0, &by, &reason)? {
                let refusal = Refusal::new(RefusalCode::StateWrong).with("name", &found.dn);
                return Err(refusal.with("cause", "revoked").into());
            }
            match found.kind.as_str() {
                "named" => {
                    let shown = Dn::parse(&found.dn).map(|dn| crate::certificates::tag_of(&dn)).unwrap_or_default();
                    rows::retire_named(tx, &connector, &shown, now.0)?;
                }
                _ => rows::retire_one(tx, &name, &found.fingerprint, now.0)?,
            }
            fact.adding("sha256", found.fingerprint.as_str().into());
            fact.write(tx)?;
            let stored = rows::certificate_by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(certificate_view(stored))
        };
        Ok(self.0.store.write(revoke).await?)
    }
}

/// A certificate as shown.
pub(super) fn certificate_view(c: rows::Certificate) -> CertificateView {
    CertificateView {
        id: c.id,
        kind: c.kind,
        dn: c.dn,
        fingerprint: c.fingerprint,
        certificate: c.certificate,
        not_after: c.not_after.map(Timestamp),
        created: Timestamp(c.created),
        created_by: c.created_by,
        revoked: c.revoked.map(Timestamp),
        reason: c.reason,
        seen: c.seen.map(Timestamp),
    }
}
