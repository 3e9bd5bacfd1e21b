//! What the people in charge see and ask: anchors, sources with their state, lists at once.
use super::follow::ending;
use crate::boxed;
use crate::record::By;
use crate::rights::On;
use crate::{Actor, Operator};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, Timestamp, UseCase};
use sceau_store::revocation::SourceRow;
use sceau_trust::{Purpose, peer};
use serde::Serialize;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Whoever asks for lists at once waits for them so long at most.
const WAIT: Duration = Duration::from_secs(20);

/// A source of revocation, as listed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SourceView {
    /// Id; `file:` and a digest for a list read from a file.
    #[schema(example = "5f0c1b…")]
    pub id: String,
    /// `crl`, `ocsp`, or `file`.
    #[schema(example = "crl")]
    pub kind: String,
    /// The authority.
    #[schema(example = "CN=AC EXEMPLE,O=EXEMPLE,C=FR")]
    pub issuer: String,
    /// Where it is asked; empty for a file.
    #[schema(example = "http://crl.exemple.fr/ac.crl")]
    pub address: String,
    /// `current`, `ending` (a newer one is due), `ended`, `failing` (a responder), `waiting` (nothing came yet), `forbidden` (its host is not allowed).
    #[schema(example = "current")]
    pub state: String,
    /// When the list held was made.
    #[schema(value_type = Option<i64>)]
    pub this_update: Option<Timestamp>,
    /// When the next one is promised.
    #[schema(value_type = Option<i64>)]
    pub next_update: Option<Timestamp>,
    /// Certificates that it revokes.
    pub entries: i64,
    /// Last success.
    #[schema(value_type = Option<i64>)]
    pub fetched: Option<Timestamp>,
    /// Last attempt.
    #[schema(value_type = Option<i64>)]
    pub tried: Option<Timestamp>,
    /// Failures since the last success.
    pub failures: i64,
    /// The last one; absent after a success.
    pub error: Option<String>,
}

/// What asking at once came to.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RefreshedView {
    /// Lists asked for.
    pub asked: usize,
    /// Of them, those that came.
    pub came: usize,
    /// Every source.
    pub sources: Vec<SourceView>,
}

/// A trust anchor, as listed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct AnchorView {
    /// What it is trusted for: `peers`, `list_signer`, `list_server`, `providers`, `cps`, `clients`, `connectors`.
    #[schema(example = "peers")]
    pub purpose: String,
    /// `production` or `test`.
    #[schema(example = "production")]
    pub environment: String,
    /// It opens something here. Those of the other environment do not: they are known so that refusals can say why.
    pub in_force: bool,
    /// Its name.
    #[schema(example = "CN=AC RACINE EXEMPLE,O=EXEMPLE,C=FR")]
    pub subject: String,
    /// Who issued it: itself, when it is a root.
    #[schema(example = "CN=AC RACINE EXEMPLE,O=EXEMPLE,C=FR")]
    pub issuer: String,
    /// SHA-256, lower-case hexadecimal.
    pub fingerprint: String,
    /// End of validity.
    #[schema(value_type = i64)]
    pub not_after: Timestamp,
    /// `strict`, `lenient` or `off`: what becomes of certificates of this purpose of which nobody tells whether they are revoked.
    #[schema(example = "strict")]
    pub mode: String,
}

impl Operator {
    /// Every source of revocation and list held, by authority.
    #[boxed]
    pub async fn revocation_sources(&self, actor: &Actor) -> Result<Vec<SourceView>, Refusal> {
        self.require(actor, UseCase::RevocationList, On::Operator).await?;
        Ok(self.source_views())
    }

    /// Asks for every list now, and for answers again when they are next needed.
    #[boxed]
    pub async fn refresh_revocation(&self, actor: &Actor) -> Result<RefreshedView, Refusal> {
        self.require(actor, UseCase::RevocationRefresh, On::Operator).await?;
        self.trace_alone(self.fact("revocation.asked", &By::actor(actor), None, "ok", json!({}))).await;
        let now = self.now();
        self.0.revocation.round.fetch_add(1, Ordering::SeqCst);
        let ids: Vec<String> = {
            let sources = self.0.revocation.sources();
            let hosts = &self.0.config.revocation.hosts;
            let lists = sources.values().filter(|s| s.row.kind == "crl" && hosts.allows(&s.row.address).is_ok());
            lists.map(|s| s.row.id.clone()).collect()
        };
        // What is not there in time goes on in the background.
        let _ = tokio::time::timeout(WAIT, self.fetch_all(&ids, true)).await;
        self.0.revocation.turn();
        let came = {
            let sources = self.0.revocation.sources();
            let good =
                |id: &&String| sources.get(*id).is_some_and(|s| s.row.failures == 0 && s.row.fetched >= Some(now.0));
            ids.iter().filter(good).count()
        };
        Ok(RefreshedView { asked: ids.len(), came, sources: self.source_views() })
    }

    fn source_views(&self) -> Vec<SourceView> {
        let (now, hosts) = (self.now(), &self.0.config.revocation.hosts);
        let rows: Vec<SourceRow> = self.0.revocation.sources().values().map(|s| s.row.clone()).collect();
        let mut held: Vec<(String, Timestamp)> = Vec::new();
        let mut views: Vec<SourceView> = Vec::new();
        for row in rows {
            held.extend(row.this_update.map(|at| (row.issuer.clone(), Timestamp(at))));
            let state = match () {
                () if hosts.allows(&row.address).is_err() => "forbidden",
                () if row.kind == "ocsp" && row.failures > 0 => "failing",
                () if row.fetched.is_none() && row.this_update.is_none() => "waiting",
                () if row.next_update.is_some_and(|end| end <= now.0) => "ended",
                () if ending(&row).is_some_and(|soon| soon <= now.0) => "ending",
                () => "current",
            };
            views.push(SourceView {
                state: state.into(),
                this_update: row.this_update.map(Timestamp),
                next_update: row.next_update.map(Timestamp),
                fetched: row.fetched.map(Timestamp),
                tried: row.tried.map(Timestamp),
                error: (!row.error.is_empty()).then_some(row.error),
                id: row.id,
                kind: row.kind,
                issuer: row.issuer,
                address: row.address,
                entries: row.entries,
                failures: row.failures,
            });
        }
        for facts in self.0.trust.anchors().crl_facts() {
            let issuer = facts.issuer.to_string();
            if held.contains(&(issuer.clone(), facts.this_update)) {
                continue;
            }
            let ended = facts.next_update.is_some_and(|end| end <= now);
            views.push(SourceView {
                id: format!("file:{}", hex::encode(&facts.sha256[..16])),
                kind: "file".into(),
                issuer,
                address: String::new(),
                state: if ended { "ended" } else { "current" }.into(),
                this_update: Some(facts.this_update),
                next_update: facts.next_update,
                entries: i64::try_from(facts.revoked).unwrap_or(i64::MAX),
                fetched: None,
                tried: None,
                failures: 0,
                error: None,
            });
        }
        views.sort_by(|a, b| (&a.issuer, &a.kind, &a.address, &a.id).cmp(&(&b.issuer, &b.kind, &b.address, &b.id)));
        views
    }

    /// Every trust anchor, by purpose; those of the other environment last.
    #[boxed]
    pub async fn anchors(&self, actor: &Actor) -> Result<Vec<AnchorView>, Refusal> {
        self.require(actor, UseCase::RevocationList, On::Operator).await?;
        let anchors = self.0.trust.anchors();
        let ours = self.0.config.environment;
        let mut views = Vec::new();
        for (in_force, environment, sets) in
            [(true, ours, &anchors.certificates), (false, ours.other(), &anchors.others)]
        {
            for purpose in Purpose::ALL {
                let of = sets.get(&purpose).map_or(&[][..], Vec::as_slice);
                views.extend(of.iter().filter_map(|c| self.anchor_view(c, purpose, environment.as_str(), in_force)));
            }
        }
        Ok(views)
    }

    fn anchor_view(
        &self,
        certificate: &CertificateDer<'_>,
        purpose: Purpose,
        environment: &str,
        in_force: bool,
    ) -> Option<AnchorView> {
        let told = peer::describe(certificate)?;
        Some(AnchorView {
            purpose: purpose.as_str().into(),
            environment: environment.into(),
            in_force,
            subject: told.dn.to_string(),
            issuer: told.issuer.to_string(),
            fingerprint: told.fingerprint,
            not_after: told.not_after,
            mode: self.0.config.revocation.mode_of(purpose).as_str().into(),
        })
    }
}
