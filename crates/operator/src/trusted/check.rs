//! `sceau trust check`: what stands between us and a domain, in plain words.
//!
//! Promises: what is said follows from what is asked for mail itself (the list in force, the judgment of a server's chain), so that "we would send" means
//! that a delivery would pass that step; looking changes nothing, and connecting is asked for by name.
use super::listing::ListChangeView;
use super::own::{OwnListing, listing};
use super::probe::Server;
use crate::boxed;
use crate::record::By;
use crate::rights::On;
use crate::{Actor, Operator, refuse};
use sceau_domain::text::text;
use sceau_domain::{DomainKind, DomainName, Lang, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::certificates::Certificate;
use sceau_store::white_lists::{self, ChangeFilter};
use sceau_store::{StoreError, accounts, certificates};
use serde::Serialize;
use serde_json::json;

/// Changes shown with a domain.
const CHANGES: i64 = 20;
/// Addresses tried in one look.
const TRIED: usize = 6;
/// Longest look at all of them.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// A certificate that the list gives to a domain.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ListedCertificate {
    /// Its name.
    pub dn: String,
    /// It is one of ours.
    pub ours: bool,
    /// When a peer last showed one of this name.
    #[schema(value_type = Option<i64>)]
    pub seen: Option<Timestamp>,
    /// When that one ends.
    #[schema(value_type = Option<i64>)]
    pub ends: Option<Timestamp>,
}

/// A server of a domain.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ServerView {
    /// Host name.
    pub name: String,
    /// Addresses.
    pub addresses: Vec<String>,
}

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Finding {
    /// Stable code.
    pub code: String,
    /// Nothing to be done about it.
    pub good: bool,
    /// In French.
    pub fr: String,
    /// In English.
    pub en: String,
}

/// What a server showed, or why nothing.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct HandshakeView {
    /// Host name.
    pub server: String,
    /// Address.
    pub address: String,
    /// TLS version and suite.
    pub tls: Option<String>,
    /// Name of its certificate.
    pub dn: Option<String>,
    /// Its issuer.
    pub issuer: Option<String>,
    /// SHA-256 of it.
    pub fingerprint: Option<String>,
    /// Its end.
    #[schema(value_type = Option<i64>)]
    pub ends: Option<Timestamp>,
    /// What the server announces inside TLS.
    pub extensions: Vec<String>,
    /// We would send to it; or why not.
    pub finding: Finding,
}

/// What stands between us and a domain.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CheckView {
    /// Domain.
    pub domain: String,
    /// It is in the list in force.
    pub listed: bool,
    /// It is ours: its kind.
    pub ours: Option<String>,
    /// What the list says of it.
    pub description: Option<String>,
    /// Since when it is known here to be listed (or not, once it left).
    #[schema(value_type = Option<i64>)]
    pub since: Option<Timestamp>,
    /// Certificates that the list gives to it.
    pub certificates: Vec<ListedCertificate>,
    /// Of a domain of ours, which of our certificates it lists.
    pub own: Option<OwnListing>,
    /// Where its mail goes.
    pub servers: Vec<ServerView>,
    /// We would send to it (its servers' certificates are judged when we connect).
    pub sends: bool,
    /// We would take mail from it, by one of its certificates.
    pub accepts: bool,
    /// All that, in plain words.
    pub findings: Vec<Finding>,
    /// What lists changed of it, newest first.
    pub changes: Vec<ListChangeView>,
}

fn finding(good: bool, code: &str, values: &[(&str, &str)]) -> Finding {
    let sentence = |lang| text(lang, &format!("trust.check.{code}"), values);
    Finding { code: code.to_owned(), good, fr: sentence(Lang::Fr), en: sentence(Lang::En) }
}

fn refused(refusal: &Refusal) -> Finding {
    Finding {
        code: refusal.code.as_str().to_owned(),
        good: false,
        fr: refusal.sentence(Lang::Fr),
        en: refusal.sentence(Lang::En),
    }
}

/// A server that showed nothing yet.
fn nothing_seen(server: &str, address: String) -> HandshakeView {
    HandshakeView {
        server: server.to_owned(),
        address,
        tls: None,
        dn: None,
        issuer: None,
        fingerprint: None,
        ends: None,
        extensions: Vec::new(),
        finding: finding(true, "connects", &[("server", server)]),
    }
}

/// What the store knows of a domain.
struct Known {
    kind: Option<String>,
    changes: Vec<white_lists::ChangeRow>,
    first: Option<white_lists::ListRow>,
    seen: Vec<(String, Option<Certificate>)>,
}

impl Operator {
    /// Everything that is known about a domain, from our side. The DNS is asked; nothing is connected to. `right.missing`.
    #[boxed]
    pub async fn check_domain(&self, actor: &Actor, domain: &DomainName) -> Result<CheckView, Refusal> {
        self.require(actor, UseCase::TrustShow, On::Operator).await?;
        let list = self.0.trust.white_list();
        let listed = list.as_deref().and_then(|l| l.get(domain));
        let names: Vec<sceau_trust::Dn> = listed.map(|l| l.dns().cloned().collect()).unwrap_or_default();
        let description = listed.map(|l| l.description.to_owned()).filter(|d| !d.is_empty());
        let listed = listed.is_some();
        let known = self.known_of_domain(domain, &names).await?;
        let ours = self.own_names().await?;
        let certificates: Vec<ListedCertificate> = names
            .iter()
            .map(|dn| {
                let tag = crate::certificates::tag_of(dn);
                let seen = known.seen.iter().find(|(t, _)| *t == tag).and_then(|(_, c)| c.as_ref());
                ListedCertificate {
                    dn: dn.to_string(),
                    ours: ours.contains(dn),
                    seen: seen.map(|c| Timestamp(c.last_seen)),
                    ends: seen.map(|c| Timestamp(c.not_after)),
                }
            })
            .collect();
        let changes: Vec<ListChangeView> = known.changes.into_iter().map(ListChangeView::from).collect();
        let turn = if listed { "added" } else { "removed" };
        let since = changes.iter().find(|c| c.change == turn).map(|c| c.at);
        let own = known.kind.as_ref().and_then(|_| Some(listing(list.as_deref()?, domain, &ours)));

        let mut findings = Vec::new();
        let name = domain.as_str();
        let internal = known.kind.as_deref() == Some(DomainKind::Internal.as_str());
        match (&list, listed) {
            (None, _) => findings.push(finding(false, "no_list", &[])),
            (_, true) => {
                let day = since.or(known.first.map(|f| Timestamp(f.at))).map(|t| crate::certificates::day(t.0));
                let code = if since.is_some() { "listed" } else { "listed_before" };
                let count = names.len().to_string();
                let values =
                    [("domain", name), ("count", count.as_str()), ("date", day.as_deref().unwrap_or_default())];
                let given = if day.is_some() { &values[..] } else { &values[..2] };
                findings.push(finding(true, code, given));
            }
            (_, false) => {
                let day = since.map(|t| crate::certificates::day(t.0));
                match &day {
                    Some(day) => findings.push(finding(false, "left", &[("domain", name), ("date", day)])),
                    None => findings.push(finding(internal, "not_listed", &[("domain", name)])),
                }
            }
        }
        if let Some(own) = &own {
            findings.extend(own_findings(name, internal, own));
        }
        let mut servers = Vec::new();
        match self.servers_of(domain).await {
            Some(Ok(found)) => {
                let shown = found.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
                findings.push(finding(true, "servers", &[("servers", &shown)]));
                servers = found;
            }
            Some(Err(refusal)) => findings.push(refused(&refusal)),
            None => {}
        }
        let mine = known.kind.is_some();
        let (sends, accepts) = (listed && !mine && !servers.is_empty(), listed && !mine && !names.is_empty());
        if mine {
            findings.push(finding(true, "ours", &[("domain", name)]));
        } else {
            let said =
                |good: bool, yes: &str, no: &str| finding(good, if good { yes } else { no }, &[("domain", name)]);
            findings.push(said(sends, "sends", "sends_not"));
            findings.push(said(accepts, "accepts", "accepts_not"));
        }
        let view = |s: Server| ServerView {
            name: s.name,
            addresses: s.addresses.iter().map(|a| a.ip().to_string()).collect(),
        };
        Ok(CheckView {
            domain: name.to_owned(),
            listed,
            ours: known.kind,
            description,
            since,
            certificates,
            own,
            servers: servers.into_iter().map(view).collect(),
            sends,
            accepts,
            findings,
            changes,
        })
    }

    /// What the servers of a domain show in a handshake, judged as for a delivery. Only of domains that are listed, or ours: `rcpt.not_listed`. Traced.
    #[boxed]
    pub async fn connect_to_domain(&self, actor: &Actor, domain: &DomainName) -> Result<Vec<HandshakeView>, Refusal> {
        self.require(actor, UseCase::TrustConnect, On::Operator).await?;
        let name = domain.to_string();
        let ours = self.0.store.read(move |tx| accounts::domain_by_name(tx, &name)).await;
        let ours = ours.map_err(|e: StoreError| refuse::store(&e))?.is_some();
        if !ours && !self.0.trust.white_list().is_some_and(|l| l.contains(domain)) {
            return Err(Refusal::new(RefusalCode::RcptNotListed).with("domain", domain));
        }
        let facts = json!({ "domain": domain.as_str() });
        self.trace_alone(self.fact("trust.connected", &By::actor(actor), None, "ok", facts)).await;
        let Some(probe) = self.0.list.probe.get() else { return Err(RefusalCode::Unavailable.into()) };
        let mut out = Vec::new();
        let servers = match probe.servers(domain).await {
            Ok(servers) => servers,
            Err(refusal) => {
                out.push(HandshakeView { finding: refused(&refusal), ..nothing_seen(domain.as_str(), String::new()) });
                return Ok(out);
            }
        };
        let look = async {
            for server in &servers {
                for address in &server.addresses {
                    if out.len() < TRIED {
                        let shown = probe.handshake(server, *address).await;
                        out.push(self.judged_server(domain, server, *address, shown).await);
                    }
                }
            }
        };
        // What was seen until then is shown.
        let _ = tokio::time::timeout(PATIENCE, look).await;
        Ok(out)
    }

    async fn judged_server(
        &self,
        domain: &DomainName,
        server: &Server,
        address: std::net::SocketAddr,
        shown: Result<super::probe::Shown, Refusal>,
    ) -> HandshakeView {
        let mut view = nothing_seen(&server.name, address.to_string());
        let shown = match shown {
            Ok(shown) => shown,
            Err(refusal) => return HandshakeView { finding: refused(&refusal), ..view },
        };
        if let Some(facts) = shown.chain.first().and_then(sceau_trust::Facts::of) {
            view.dn = Some(facts.dn.to_string());
            view.issuer = Some(facts.issuer.to_string());
            view.fingerprint = Some(facts.fingerprint);
            view.ends = Some(facts.not_after);
        }
        (view.tls, view.extensions) = (Some(shown.tls), shown.extensions);
        if let Err(refusal) = self.check_server(domain, &shown.chain).await {
            view.finding = refused(&refusal);
        }
        view
    }

    async fn servers_of(&self, domain: &DomainName) -> Option<Result<Vec<Server>, Refusal>> {
        let probe = self.0.list.probe.get()?;
        let asked = tokio::time::timeout(PATIENCE / 4, probe.servers(domain)).await;
        Some(asked.unwrap_or_else(|_| Err(Refusal::new(RefusalCode::TransferDns).with("domain", domain))))
    }

    async fn known_of_domain(&self, domain: &DomainName, names: &[sceau_trust::Dn]) -> Result<Known, Refusal> {
        let name = domain.to_string();
        let tags: Vec<String> = names.iter().map(crate::certificates::tag_of).collect();
        let read = self.0.store.read(move |tx| {
            let mut seen = Vec::new();
            for tag in &tags {
                seen.push((tag.clone(), certificates::seen_under(tx, tag, 1)?.pop()));
            }
            let filter = ChangeFilter { domain: Some(name.clone()), limit: CHANGES, ..ChangeFilter::default() };
            Ok(Known {
                kind: accounts::domain_by_name(tx, &name)?.map(|d| d.kind),
                changes: white_lists::changes(tx, &filter)?,
                first: white_lists::first(tx)?,
                seen,
            })
        });
        read.await.map_err(|e: StoreError| refuse::store(&e))
    }
}

/// What the list says of a domain of ours, in plain words.
fn own_findings(name: &str, internal: bool, own: &OwnListing) -> Vec<Finding> {
    let mut out = Vec::new();
    if internal {
        return out;
    }
    let joined = |all: &[String]| all.join(" ; ");
    if !own.listed {
        let wanted = joined(&own.missing);
        out.push(finding(false, "own_ask", &[("domain", name), ("dn", &wanted)]));
        return out;
    }
    if own.missing.is_empty() && !own.ours.is_empty() {
        out.push(finding(true, "own_listed", &[("domain", name)]));
    } else if !own.missing.is_empty() {
        out.push(finding(false, "own_missing", &[("domain", name), ("dn", &joined(&own.missing))]));
    }
    if !own.foreign.is_empty() {
        out.push(finding(true, "own_shared", &[("domain", name), ("dn", &joined(&own.foreign))]));
    }
    out
}
