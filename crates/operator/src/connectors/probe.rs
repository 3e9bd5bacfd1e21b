//! A connector tried out (F054): what is right, what is wrong, and what to do, step by step, without sending anything.
//!
//! The connecting is done by whoever has the network ([`Probe`]): the use case judges and tells. One test of a connector at a time on a node; a minute
//! at most.
use super::admin::{ENDS_SOON, known};
use super::certificates::judge;
use super::{ConnectorRoute, State};
use crate::boxed;
use crate::queue::stored_refusal;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::On;
use crate::{Actor, Operator};
use rustls_pki_types::CertificateDer;
use sceau_domain::text::text;
use sceau_domain::{Address, Lang, Refusal, RefusalCode, UseCase};
use sceau_store::{Id, StoreError, Tx, accounts, connectors as rows};
use serde::Serialize;
use serde_json::json;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use utoipa::ToSchema;

/// How long a test lasts at most.
const LONGEST: Duration = Duration::from_secs(60);
/// Pause between two tests of one connector, milliseconds.
const PAUSE: i64 = 2_000;

/// What is asked of the structure's server.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where.
    pub route: ConnectorRoute,
    /// From whom: an address of ours.
    pub from: Option<Address>,
    /// To whom: a BAL that the server carries, when there is one.
    pub to: Option<Address>,
    /// To whom it must refuse to take mail: an address that nobody has.
    pub nobody: Option<Address>,
}

/// How far a server was reached, and what it said.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Addresses of the host; or why there is none.
    pub addresses: Option<Result<Vec<String>, String>>,
    /// The connection, or why there is none.
    pub connected: Option<Result<(), String>>,
    /// The greeting when it is good, else what came.
    pub greeting: Option<Result<String, String>>,
    /// STARTTLS is offered and was answered.
    pub starttls: Option<bool>,
    /// TLS version and suite, or why the handshake failed.
    pub tls: Option<Result<String, String>>,
    /// The chain that it showed.
    pub chain: Vec<CertificateDer<'static>>,
    /// Does its certificate name the host?
    pub named: Option<bool>,
    /// EHLO under TLS was answered; or what came: mostly, that our certificate was refused.
    pub ehlo: Option<Result<(), String>>,
    /// 8BITMIME is announced.
    pub eight_bit: bool,
    /// The largest message it takes, when it says so.
    pub size: Option<u64>,
    /// Reply to MAIL; true when positive.
    pub mail: Option<(bool, String)>,
    /// Reply to RCPT of the BAL.
    pub rcpt: Option<(bool, String)>,
    /// Reply to RCPT of nobody.
    pub nobody: Option<(bool, String)>,
}

/// Reaches structures' servers.
pub trait Probe: Send + Sync + Debug {
    /// Connects, shakes hands, says MAIL and RCPT, and leaves without DATA. Never longer than its own deadlines.
    fn try_out<'a>(
        &'a self,
        operator: &'a Operator,
        asked: &'a Asked,
    ) -> Pin<Box<dyn Future<Output = Heard> + Send + 'a>>;
}

/// A step of a test.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ConnectorFinding)]
pub struct Finding {
    /// Stable code, e.g. `starttls_missing`.
    #[schema(example = "starttls_missing")]
    pub code: String,
    /// `right`, `warning`, `wrong`.
    #[schema(example = "wrong")]
    pub level: String,
    /// What was found and what to do, in French.
    pub detail: String,
    /// The same in English.
    pub detail_en: String,
}

/// What a test found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConnectorTest {
    /// Nothing is wrong (there may be warnings).
    pub good: bool,
    /// Step by step.
    pub findings: Vec<Finding>,
}

/// How it stands with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Right,
    Warning,
    Wrong,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }
}

/// Longest value of a server's words in a finding, characters.
const WORDS: usize = 300;

#[derive(Debug, Default)]
struct Findings(Vec<Finding>, bool);

impl Findings {
    fn say(&mut self, level: Level, code: &str, values: &[(&str, &str)]) {
        // What a server says is one line of what can be printed.
        let clean =
            |v: &str| -> String { v.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect() };
        let values: Vec<(&str, String)> = values.iter().map(|(n, v)| (*n, clean(v))).collect();
        let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let of = |lang| text(lang, &format!("connector.test.{code}"), &values);
        self.1 |= level == Level::Wrong;
        self.0.push(Finding {
            code: code.to_owned(),
            level: level.as_str().into(),
            detail: of(Lang::Fr),
            detail_en: of(Lang::En),
        });
    }
    fn right(&mut self, code: &str, values: &[(&str, &str)]) {
        self.say(Level::Right, code, values);
    }
    fn wrong(&mut self, code: &str, values: &[(&str, &str)]) {
        self.say(Level::Wrong, code, values);
    }
}

/// While it lives, nobody else on this node tries the connector out.
struct Only<'a>(&'a State, Id);

impl<'a> Only<'a> {
    fn one(state: &'a State, id: Id) -> Option<Self> {
        let mut tried = state.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert(id).then(|| Self(state, id))
    }
}

impl Drop for Only<'_> {
    fn drop(&mut self) {
        self.0.tried.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// What the store knows before anything is connected to.
struct Known {
    connector: rows::Connector,
    certificates: Vec<rows::Certificate>,
    domains: Vec<String>,
    bal: Option<String>,
}

impl Operator {
    /// Structures' servers are reached through this from now on. Once; later ones change nothing.
    pub fn set_connector_probe(&self, probe: Arc<dyn Probe>) {
        let State { probe: slot, .. } = &self.0.connectors;
        let _ = slot.set(probe);
    }

    /// Tries a connector out. `admin.not_found`, `right.missing`, `state.wrong` when it was tried out a moment ago.
    #[boxed]
    pub async fn test_connector(&self, actor: &Actor, name: &str) -> Result<ConnectorTest, Refusal> {
        self.require(actor, UseCase::ConnectorTest, On::Anywhere).await?;
        let name = name.to_ascii_lowercase();
        let (asker, wanted) = (actor.clone(), name.clone());
        let found = self.0.store.read(move |tx: &mut dyn Tx| {
            let connector = known(tx, &asker, UseCase::ConnectorTest, &wanted)?;
            let certificates = rows::certificates(tx, &[connector.id])?;
            let domains = rows::domains(tx, &[connector.id])?.into_iter().map(|(_, d)| d).collect();
            let bal = match rows::some_carried(tx, connector.id)? {
                Some(id) => accounts::bal_by_id(tx, id)?.map(|b| b.address),
                None => None,
            };
            Ok::<_, Fail>(Known { connector, certificates, domains, bal })
        });
        let known = found.await?;
        let busy = || Refusal::new(RefusalCode::StateWrong).with("name", &name).with("cause", "test");
        let _only = Only::one(&self.0.connectors, known.connector.id).ok_or_else(busy)?;
        if !self.is_due(i64::MIN / 2 + known.connector.id, PAUSE) {
            return Err(busy());
        }
        let mut findings = Findings::default();
        self.of_rows(&mut findings, &known);
        match ConnectorRoute::of(&known.connector) {
            None => findings.right("send_only", &[]),
            Some(route) => self.of_server(&mut findings, &known, route).await,
        }
        self.of_coming(&mut findings, &known);
        let wrong: Vec<&str> = findings.0.iter().filter(|f| f.level != "right").map(|f| f.code.as_str()).collect();
        let said = json!({ "connector": name, "good": !findings.1, "findings": wrong });
        let fact = self.fact("connector.tested", &By::actor(actor), None, "ok", said).technical();
        let written = self.0.store.write(move |tx| fact.write(tx)).await;
        written.map_err(|e: StoreError| refuse::store(&e))?;
        Ok(ConnectorTest { good: !findings.1, findings: findings.0 })
    }

    /// State, domains, certificates.
    fn of_rows(&self, f: &mut Findings, known: &Known) {
        let now = self.now().0;
        match known.connector.state.as_str() {
            "active" => {}
            "suspended" => f.wrong("suspended", &[]),
            _ => f.wrong("ended", &[]),
        }
        let live = || {
            let good = |c: &&rows::Certificate| c.revoked.is_none() && c.not_after.is_none_or(|end| end > now);
            known.certificates.iter().filter(good)
        };
        match live().map(|c| c.not_after.unwrap_or(i64::MAX)).max() {
            None => f.wrong("no_certificate", &[]),
            Some(end) if end < now + ENDS_SOON => {
                let days = ((end - now) / 86_400_000).to_string();
                f.say(Level::Warning, "certificate_ends", &[("days", &days)]);
            }
            Some(_) => f.right("certificate", &[]),
        }
        if known.bal.is_none() {
            f.say(Level::Warning, "no_bal", &[("domain", known.domains.first().map_or("", String::as_str))]);
        }
    }

    async fn of_server(&self, f: &mut Findings, known: &Known, route: ConnectorRoute) {
        let Some(probe) = self.0.connectors.probe.get().cloned() else {
            return f.wrong("no_network", &[]);
        };
        let domain = known.domains.first().cloned().unwrap_or_default();
        let nobody = format!("personne-{:x}@{domain}", self.0.store.new_id());
        let asked = Asked {
            from: self.0.config.postmaster.first().cloned(),
            to: known.bal.as_ref().and_then(|b| b.parse().ok()),
            nobody: nobody.parse().ok(),
            route: route.clone(),
        };
        let heard = match tokio::time::timeout(LONGEST, probe.try_out(self, &asked)).await {
            Ok(heard) => heard,
            Err(_) => return f.wrong("too_long", &[("server", &route.host)]),
        };
        let server = format!("{}:{}", route.host, route.port);
        self.of_connection(f, &route, &heard, &server).await;
        of_dialogue(f, &heard, &server, known.bal.is_some(), self.0.config.limits.announced_bytes());
    }

    /// DNS, port, STARTTLS, handshake, certificate.
    async fn of_connection(&self, f: &mut Findings, route: &ConnectorRoute, heard: &Heard, server: &str) {
        match &heard.addresses {
            None => return,
            Some(Err(cause)) => return f.wrong("dns", &[("server", &route.host), ("cause", cause)]),
            Some(Ok(found)) => f.right("dns_found", &[("server", &route.host), ("addresses", &found.join(", "))]),
        }
        match &heard.connected {
            None => return,
            Some(Err(cause)) => return f.wrong("port", &[("server", server), ("cause", cause)]),
            Some(Ok(())) => {}
        }
        match &heard.greeting {
            None => return,
            Some(Err(reply)) => return f.wrong("greeting", &[("server", server), ("reply", reply)]),
            Some(Ok(_)) => f.right("port_open", &[("server", server)]),
        }
        match heard.starttls {
            None => return,
            Some(false) => return f.wrong("starttls_missing", &[("server", server)]),
            Some(true) => {}
        }
        match &heard.tls {
            None => return,
            Some(Err(cause)) => return f.wrong("handshake", &[("server", server), ("cause", cause)]),
            Some(Ok(tls)) => f.right("tls", &[("tls", tls)]),
        }
        let dn = heard.chain.first().and_then(sceau_trust::peer::describe);
        let dn_text = dn.as_ref().map(|p| p.dn.to_string()).unwrap_or_default();
        match judge(self, &heard.chain, false).await {
            Ok((certificate, _)) if certificate.connector_id != route.id => {
                f.wrong("certificate_of_another", &[("dn", &dn_text)]);
            }
            Ok(_) => f.right("server_certificate", &[("dn", &dn_text)]),
            Err(refusal) => {
                let code = match refusal.code {
                    RefusalCode::PeerNoCertificate => "certificate_absent",
                    RefusalCode::ConnectorUnknown => "certificate_unknown",
                    RefusalCode::ConnectorRevoked => "certificate_revoked",
                    RefusalCode::PeerExpired => "certificate_expired",
                    RefusalCode::PeerNotYetValid => "certificate_early",
                    RefusalCode::PeerWrongUsage => "certificate_usage",
                    _ => "certificate_bad",
                };
                let fingerprint = dn.as_ref().map_or("", |p| p.fingerprint.as_str());
                f.wrong(code, &[("dn", &dn_text), ("fingerprint", fingerprint)]);
            }
        }
        if heard.named == Some(false) {
            f.say(Level::Warning, "name", &[("name", &route.tls_name), ("dn", &dn_text)]);
        }
    }

    /// When its server last came, and why it was refused.
    fn of_coming(&self, f: &mut Findings, known: &Known) {
        let c = &known.connector;
        match c.seen {
            None => f.say(Level::Warning, "never_came", &[]),
            Some(at) => f.right("came", &[("date", &date(at))]),
        }
        let Some((at, code)) = c.refused.zip(c.refusal.as_deref()) else { return };
        let args = c.refusal_args.as_deref().unwrap_or("{}");
        let (fr, en) = match stored_refusal(code, args) {
            Some(refusal) => (refusal.sentence(Lang::Fr), refusal.sentence(Lang::En)),
            None => (code.to_owned(), code.to_owned()),
        };
        let of = |lang, reason: &str| {
            text(lang, "connector.test.was_refused", &[("date", &date(at)), ("code", code), ("reason", reason)])
        };
        f.0.push(Finding {
            code: "was_refused".into(),
            level: Level::Warning.as_str().into(),
            detail: of(Lang::Fr, &fr),
            detail_en: of(Lang::En, &en),
        });
    }
}

/// EHLO, MAIL, RCPT.
fn of_dialogue(f: &mut Findings, heard: &Heard, server: &str, has_bal: bool, largest: u64) {
    match &heard.ehlo {
        None => return,
        Some(Err(reply)) => return f.wrong("our_certificate", &[("server", server), ("reply", reply)]),
        Some(Ok(())) => f.right("our_certificate_taken", &[("server", server)]),
    }
    if !heard.eight_bit {
        f.say(Level::Warning, "no_8bit", &[]);
    }
    if let Some(size) = heard.size.filter(|size| *size > 0 && *size < largest) {
        let (size, wanted) = ((size / 1_000_000).to_string(), largest.div_ceil(1_000_000).to_string());
        f.say(Level::Warning, "size", &[("size", &size), ("limit", &wanted)]);
    }
    match &heard.mail {
        None => return,
        Some((false, reply)) => return f.wrong("mail_refused", &[("reply", reply)]),
        Some((true, _)) => f.right("mail_taken", &[]),
    }
    match &heard.rcpt {
        Some((false, reply)) => f.wrong("rcpt_refused", &[("reply", reply)]),
        Some((true, _)) => f.right("rcpt_taken", &[]),
        None if has_bal => f.wrong("cut", &[("server", server)]),
        None => {}
    }
    if let Some((true, _)) = heard.nobody {
        f.say(Level::Warning, "nobody_taken", &[]);
    }
}

/// An instant as a person reads it, UTC.
fn date(at: i64) -> String {
    sceau_message::trace_field::rfc5322_date(sceau_domain::Timestamp(at))
}
