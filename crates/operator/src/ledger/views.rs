//! The ledger as administrators see it.
use super::memory::DAY;
use crate::boxed;
use crate::rights::On;
use crate::{Actor, Operator, refuse};
use sceau_domain::partner::percentile;
use sceau_domain::{DomainName, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::StoreError;
use sceau_store::peers::{self, Counts, Day, Peer};
use serde::Serialize;
use std::collections::BTreeMap;

/// Most partners in one listing.
const MOST: u32 = 1_000;
/// Days that may be asked for.
pub const DAYS: u32 = 400;

/// A partner's domain, with what happened in the days asked for.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct PeerView {
    /// Domain; empty for contacts that belong to no domain of the peer.
    pub domain: String,
    /// The white list in force has it.
    pub listed: bool,
    /// First contact, either way.
    #[schema(value_type = i64)]
    pub first: Timestamp,
    /// Last contact, either way.
    #[schema(value_type = i64)]
    pub last: Timestamp,
    /// TLS of the last handshake of its clients with us.
    pub tls_in: Option<String>,
    /// TLS of our last handshake with its servers.
    pub tls_out: Option<String>,
    /// Messages taken from it.
    pub received: i64,
    /// Messages that it took.
    pub sent: i64,
    /// What failed, either way.
    pub failures: i64,
    /// Bytes of the messages, either way.
    pub size: i64,
    /// Median delay of what it took, in the queue, seconds (upper bound of its class).
    pub median_seconds: Option<i64>,
    /// 95th percentile, seconds.
    pub slow_seconds: Option<i64>,
    /// Cause of its last failure, when nothing went well since.
    pub trouble: Option<String>,
}

/// A certificate of a partner, in one direction.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PeerCertificateView {
    /// `in`: its clients with us; `out`: its servers, where we connected.
    pub direction: String,
    /// Name of the certificate; empty where none that is good was shown.
    pub dn: String,
    /// Its issuer.
    pub issuer: String,
    /// SHA-256 of the certificate last shown.
    pub fingerprint: String,
    /// TLS version and suite of the last handshake.
    pub tls: String,
    /// First contact.
    #[schema(value_type = i64)]
    pub first: Timestamp,
    /// Last contact.
    #[schema(value_type = i64)]
    pub last: Timestamp,
    /// Last good handshake.
    #[schema(value_type = Option<i64>)]
    pub last_good: Option<Timestamp>,
    /// Last failure.
    #[schema(value_type = Option<i64>)]
    pub last_failure: Option<Timestamp>,
    /// Its cause.
    pub trouble: Option<String>,
    /// Handshakes in the days asked for.
    pub contacts: i64,
    /// Messages taken.
    pub deliveries: i64,
    /// Failures.
    pub failures: i64,
}

/// A day of a partner, in one direction.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PeerDayView {
    /// `YYYY-MM-DD`, universal time.
    pub day: String,
    /// `in` or `out`.
    pub direction: String,
    /// Handshakes.
    pub contacts: i64,
    /// Messages taken.
    pub deliveries: i64,
    /// Failures.
    pub failures: i64,
    /// Bytes of the messages.
    pub size: i64,
    /// Median delay in the queue, seconds.
    pub median_seconds: Option<i64>,
    /// 95th percentile, seconds.
    pub slow_seconds: Option<i64>,
}

/// Failures of one cause.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PeerCauseView {
    /// `in` or `out`.
    pub direction: String,
    /// Stable code.
    pub code: String,
    /// How many.
    pub count: i64,
}

/// A partner's domain in detail.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PeerDetail {
    /// The domain as a whole.
    #[serde(flatten)]
    pub peer: PeerView,
    /// By certificate.
    pub certificates: Vec<PeerCertificateView>,
    /// Failures by cause, the most frequent first.
    pub causes: Vec<PeerCauseView>,
    /// By day, newest first.
    pub days: Vec<PeerDayView>,
}

/// Seconds of a percentile; beyond the last class it is said as its bound, a day.
fn seconds(counts: &Counts, percent: i64) -> Option<i64> {
    percentile(&counts.delays, percent).map(|ms| if ms == i64::MAX { DAY / 1000 } else { ms / 1000 })
}

impl Operator {
    /// Partners by domain from after `after`, whose domain holds `search`, with what happened in the last `days`. `right.missing`.
    #[boxed]
    pub async fn peers(
        &self,
        actor: &Actor,
        search: Option<&str>,
        days: u32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<PeerView>, Refusal> {
        self.require(actor, UseCase::PeerList, On::Operator).await?;
        let (search, after) = (search.map(str::to_lowercase), after.map(str::to_owned));
        let (since, limit) = (self.since(days), i64::from(limit.clamp(1, MOST)));
        let read = self.0.store.read(move |tx| {
            let domains = peers::domains(tx, after.as_deref(), search.as_deref(), limit)?;
            Ok((peers::of(tx, &domains)?, peers::totals(tx, &domains, since)?))
        });
        let (rows, totals) = read.await.map_err(|e: StoreError| refuse::store(&e))?;
        let mut by_domain: BTreeMap<String, Vec<Peer>> = BTreeMap::new();
        for row in rows {
            by_domain.entry(row.domain.clone()).or_default().push(row);
        }
        Ok(by_domain.into_iter().map(|(domain, rows)| self.peer_view(&domain, &rows, &totals)).collect())
    }

    /// One partner in detail. `admin.not_found` when there never was a contact.
    #[boxed]
    pub async fn peer(&self, actor: &Actor, domain: &DomainName, days: u32) -> Result<PeerDetail, Refusal> {
        self.require(actor, UseCase::PeerList, On::Operator).await?;
        let (name, since) = (domain.to_string(), self.since(days));
        let read = self.0.store.read(move |tx| {
            let one = [name.clone()];
            let rows = peers::of(tx, &one)?;
            let days = peers::days(tx, &name, since)?;
            let certificates = peers::by_certificate(tx, &name, since)?;
            Ok((rows, peers::totals(tx, &one, since)?, days, certificates, peers::causes(tx, &name, since)?))
        });
        let (rows, totals, days, by_certificate, causes) = read.await.map_err(|e: StoreError| refuse::store(&e))?;
        if rows.is_empty() {
            return Err(Refusal::new(RefusalCode::NotFound).with("name", domain));
        }
        let peer = self.peer_view(domain.as_str(), &rows, &totals);
        let certificates = rows.into_iter().map(|row| certificate_view(row, &by_certificate)).collect();
        let causes =
            causes.into_iter().map(|(direction, code, count)| PeerCauseView { direction, code, count }).collect();
        Ok(PeerDetail { peer, certificates, causes, days: days.into_iter().map(day_view).collect() })
    }

    /// What went to and came from all partners together, by day, oldest first. `right.missing`.
    #[boxed]
    pub async fn exchanges(&self, actor: &Actor, days: u32) -> Result<Vec<PeerDayView>, Refusal> {
        self.require(actor, UseCase::PeerList, On::Operator).await?;
        let since = self.since(days);
        let read = self.0.store.read(move |tx| peers::all_days(tx, since)).await;
        Ok(read.map_err(|e: StoreError| refuse::store(&e))?.into_iter().map(day_view).collect())
    }

    fn since(&self, days: u32) -> i64 {
        self.now().0.div_euclid(DAY) - i64::from(days.clamp(1, DAYS)) + 1
    }

    fn peer_view(&self, domain: &str, rows: &[Peer], totals: &[Day]) -> PeerView {
        let tls = |direction: &str| {
            let shown = rows.iter().filter(|r| r.direction == direction && !r.tls.is_empty());
            shown.max_by_key(|r| r.last_ok).map(|r| r.tls.clone())
        };
        let total = |direction: &str| {
            totals
                .iter()
                .find(|t| t.domain == domain && t.direction == direction)
                .map(|t| t.counts.clone())
                .unwrap_or_default()
        };
        let (received, sent) = (total("in"), total("out"));
        let last_ok = rows.iter().filter_map(|r| r.last_ok).max();
        let worst = rows.iter().filter(|r| r.last_failure.is_some()).max_by_key(|r| r.last_failure);
        let listed =
            domain.parse().is_ok_and(|d: DomainName| self.trust().white_list().is_some_and(|l| l.contains(&d)));
        PeerView {
            domain: domain.to_owned(),
            listed,
            first: Timestamp(rows.iter().map(|r| r.first_at).min().unwrap_or_default()),
            last: Timestamp(rows.iter().map(|r| r.last_at).max().unwrap_or_default()),
            tls_in: tls("in"),
            tls_out: tls("out"),
            received: received.deliveries,
            sent: sent.deliveries,
            failures: received.failures + sent.failures,
            size: received.bytes.saturating_add(sent.bytes),
            median_seconds: seconds(&sent, 50),
            slow_seconds: seconds(&sent, 95),
            trouble: worst.filter(|w| w.last_failure > last_ok).map(|w| w.last_cause.clone()),
        }
    }
}

fn certificate_view(row: Peer, by_certificate: &[Day]) -> PeerCertificateView {
    let counts = by_certificate.iter().find(|d| d.direction == row.direction && d.dn_tag == row.dn_tag);
    let counts = counts.map(|d| d.counts.clone()).unwrap_or_default();
    PeerCertificateView {
        direction: row.direction,
        dn: row.dn,
        issuer: row.issuer,
        fingerprint: row.fingerprint,
        tls: row.tls,
        first: Timestamp(row.first_at),
        last: Timestamp(row.last_at),
        last_good: row.last_ok.map(Timestamp),
        last_failure: row.last_failure.map(Timestamp),
        trouble: Some(row.last_cause).filter(|c| !c.is_empty()),
        contacts: counts.contacts,
        deliveries: counts.deliveries,
        failures: counts.failures,
    }
}

fn day_view(d: Day) -> PeerDayView {
    PeerDayView {
        day: crate::certificates::day(d.day * DAY),
        direction: d.direction,
        contacts: d.counts.contacts,
        deliveries: d.counts.deliveries,
        failures: d.counts.failures,
        size: d.counts.bytes,
        median_seconds: seconds(&d.counts, 50),
        slow_seconds: seconds(&d.counts, 95),
    }
}
