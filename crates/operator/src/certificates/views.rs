//! The inventory as administrators see it.
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, refuse};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::certificates::{self as rows, Certificate, Filter, NOWHERE};
use sceau_store::{StoreError, alarms};
use sceau_trust::Dn;
use serde::Serialize;
use serde_json::json;

/// A day, milliseconds.
const DAY: i64 = 86_400_000;
/// Most certificates in one listing.
const MOST: u32 = 1_000;
/// Domains named for one certificate; the count beside them is whole.
const NAMED: usize = 100;

/// A certificate of the inventory.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CertificateView {
    /// Id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: i64,
    /// `own`, `peer`, `issued`, `anchor`, `signer`.
    pub kind: String,
    /// The use of one of ours (`operator`, `clients`), purposes of an authority, whose one is that was issued.
    pub place: String,
    /// Number of the node that holds it, or trusts it.
    pub node: Option<i64>,
    /// Subject.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
    /// SHA-256 of its public key.
    pub public_key: String,
    /// Beginning of validity.
    #[schema(value_type = i64)]
    pub starts: Timestamp,
    /// End of validity.
    #[schema(value_type = i64)]
    pub ends: Timestamp,
    /// Whole days left; negative once it has ended.
    pub days_left: i64,
    /// When it was first known here.
    #[schema(value_type = i64)]
    pub first: Timestamp,
    /// When it was last seen, or declared.
    #[schema(value_type = i64)]
    pub last: Timestamp,
    /// When another took its place.
    #[schema(value_type = Option<i64>)]
    pub retired: Option<Timestamp>,
    /// How many domains the white list gives to its name; only where one certificate is shown.
    pub domain_count: Option<usize>,
    /// They, by name, at most 100.
    pub domains: Vec<String>,
}

/// Which certificates.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// `own`, `peer`, `issued`, `anchor`, `signer`.
    pub kind: Option<String>,
    /// That end within so many days.
    pub within_days: Option<u32>,
    /// Retired ones too.
    pub retired: bool,
}

impl Operator {
    /// Certificates by ascending id from after `after`. `right.missing`, `admin.invalid`.
    #[boxed]
    pub async fn certificates(
        &self,
        actor: &Actor,
        which: Which,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<CertificateView>, Refusal> {
        self.require(actor, UseCase::CertificateList, On::Operator).await?;
        if which.kind.as_ref().is_some_and(|k| !rows::KINDS.contains(&k.as_str())) {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "kind"));
        }
        let filter = Filter {
            kind: which.kind,
            ends_before: which.within_days.map(|d| self.now().0 + i64::from(d) * DAY),
            retired: which.retired,
            after: after.unwrap_or(0),
            limit: i64::from(limit.clamp(1, MOST)),
        };
        let found =
            self.0.store.read(move |tx| rows::list(tx, &filter)).await.map_err(|e: StoreError| refuse::store(&e))?;
        Ok(found.into_iter().map(|c| self.certificate_view(c)).collect())
    }

    /// One certificate, with the domains that the white list gives to its name. `admin.not_found`.
    #[boxed]
    pub async fn certificate(&self, actor: &Actor, id: i64) -> Result<CertificateView, Refusal> {
        self.require(actor, UseCase::CertificateList, On::Operator).await?;
        let found =
            self.0.store.read(move |tx| rows::by_id(tx, id)).await.map_err(|e: StoreError| refuse::store(&e))?;
        let found = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", id))?;
        let mut view = self.certificate_view(found);
        if let (Some(list), Some(dn)) = (self.0.trust.white_list(), Dn::parse(&view.subject)) {
            let mut all: Vec<&str> =
                list.iter().filter(|l| l.dns().any(|d| *d == dn)).map(|l| l.domain.as_str()).collect();
            all.sort_unstable();
            view.domain_count = Some(all.len());
            view.domains = all.into_iter().take(NAMED).map(str::to_owned).collect();
        }
        Ok(view)
    }

    /// Takes a certificate out of the inventory that nobody declares any more: a node's that is gone. What a living node holds stays: `state.wrong`.
    #[boxed]
    pub async fn retire_certificate(&self, actor: &Actor, id: i64, reason: &str) -> Result<CertificateView, Refusal> {
        self.require(actor, UseCase::CertificateRetire, On::Operator).await?;
        let reason = sceau_domain::plain::reason(reason, "reason")?;
        let nodes = self.0.store.nodes().await.map_err(|e| refuse::store(&e))?;
        let alive: Vec<i64> = nodes.into_iter().filter(|n| n.alive).map(|n| i64::from(n.number)).collect();
        let mut fact = self.fact("certificate.retired", &By::actor(actor), None, "ok", json!({}));
        let (asker, now) = (actor.clone(), self.now().0);
        let retired = self.0.store.write(move |tx| {
            permit(tx, &asker, UseCase::CertificateRetire, On::Operator)?;
            let found = rows::by_id(tx, id)?;
            let mut found = found.ok_or_else(|| Fail::from(Refusal::new(RefusalCode::NotFound).with("name", id)))?;
            if found.retired.is_some() || alive.contains(&found.node) {
                return Err(Refusal::new(RefusalCode::StateWrong).with("name", &found.subject).into());
            }
            rows::retire(tx, id, now)?;
            if found.kind == "own" {
                rows::release_key(tx, &found.spki, found.node)?;
            }
            alarms::clear(tx, "certificate.key_moved", &super::subject_of(&found), now)?;
            fact.saying(&json!({ "dn": found.subject, "serial": found.serial, "node": found.node, "reason": reason }));
            fact.write(tx)?;
            found.retired = Some(now);
            Ok(found)
        });
        let retired: Result<Certificate, Fail> = retired.await;
        let view = self.certificate_view(retired?);
        self.look_at_ends().await;
        self.look_at_own_domains().await;
        Ok(view)
    }

    fn certificate_view(&self, c: Certificate) -> CertificateView {
        CertificateView {
            id: c.id,
            kind: c.kind,
            place: c.place,
            node: Some(c.node).filter(|n| *n != NOWHERE),
            subject: c.subject,
            issuer: c.issuer,
            serial: c.serial,
            fingerprint: c.fingerprint,
            public_key: c.spki,
            starts: Timestamp(c.not_before),
            ends: Timestamp(c.not_after),
            days_left: c.not_after.saturating_sub(self.now().0).div_euclid(DAY),
            first: Timestamp(c.first_seen),
            last: Timestamp(c.last_seen),
            retired: c.retired.map(Timestamp),
            domain_count: None,
            domains: Vec::new(),
        }
    }
}
