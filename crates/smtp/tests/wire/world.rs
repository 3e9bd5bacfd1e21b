//! An operator of ours on a real store, its doors open on loopback.
use crate::client::Client;
use arc_swap::ArcSwap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sceau_domain::{AccessRole, BalKind, DomainKind, Limits};
use sceau_net::{Limits as NetLimits, Listener, Pace};
use sceau_operator::accounts::BalCertificateView;
use sceau_operator::grants::NewAccess;
use sceau_operator::traces::{TraceFilter, TraceView};
use sceau_operator::{Actor, Door, Operator, OperatorConfig, Origin};
use sceau_smtp::server::{MxConfig, SessionLimits, SubmissionConfig, serve_mx, serve_submission};
use sceau_store::testing::TestStore;
use sceau_testkit::addr;
use sceau_testkit::pki::{self, Pki, dn};
use sceau_trust::{Identity, Trust, WhiteList};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longest message, bytes.
pub const MAX: u64 = 300_000;

/// Who owns what in the white list.
const LISTED: &[(&str, &str)] =
    &[("alpha.mssante.fr", "mss.alpha.fr"), ("beta.mssante.fr", "mss.beta.fr"), ("gamma.mssante.fr", "mss.gamma.fr")];

/// Built-in limits, without pauses.
pub fn quick() -> SessionLimits {
    SessionLimits { tarpit: Duration::ZERO, ..SessionLimits::default() }
}

pub struct Settings {
    pub limits: SessionLimits,
    pub net: NetLimits,
    pub pace: Pace,
    pub config: OperatorConfig,
    pub grace: Duration,
}

pub struct World {
    pub op: Operator,
    pub admin: Actor,
    pub store: TestStore,
    pub mx: SocketAddr,
    pub submission: SocketAddr,
    pub submissions: SocketAddr,
    pub drain: CancellationToken,
    pub served: Vec<JoinHandle<()>>,
}

pub fn list(entries: &[(&str, &str)]) -> Arc<WhiteList> {
    Arc::new(sceau_testkit::white_list(entries.iter().map(|(domain, cn)| ((*domain).to_owned(), dn(cn)))))
}

impl World {
    /// The operator `alpha`.
    pub async fn new(pki: &Pki) -> Self {
        Self::with(pki, "alpha", |_| {}).await
    }
    /// An operator `<name>` with the domain `<name>.mssante.fr` and the people anne, bruno and an ORG BAL `accueil`.
    pub async fn with(pki: &Pki, name: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let (host, domain) = (format!("mss.{name}.fr"), format!("{name}.mssante.fr"));
        let config = OperatorConfig {
            public_url: "https://mss.a.example".into(),
            terms: Default::default(),
            name: name.into(),
            hostname: host.clone(),
            limits: Limits { message_bytes: MAX, patient_message_bytes: MAX, ..Limits::default() },
            postmaster: vec![addr(&format!("accueil@{domain}"))],
            login_failures_per_minute: 100,
            ..sceau_testkit::config()
        };
        let mut settings = Settings {
            // Errors cost no time, but where that is what is tried.
            limits: quick(),
            net: NetLimits::default(),
            pace: Pace::default(),
            config,
            grace: Duration::from_secs(10),
        };
        change(&mut settings);
        let store = sceau_store::testing::sqlite().await;
        let trust = Trust::new(pki.anchors_with_crl());
        trust.set_white_list(list(LISTED));
        let (op, admin) = sceau_testkit::open(settings.config.clone(), store.clone(), trust).await;
        people(&op, &store, &admin, &domain).await;

        let identity = pki.identity(&host);
        let mx_tls = Arc::new(ArcSwap::new(sceau_trust::tls::mx_server(&identity).unwrap()));
        let client_tls = sceau_trust::tls::mail_server(&identity, &pki.anchors()).unwrap();
        let client_tls = Arc::new(ArcSwap::new(client_tls));
        let bind = async || {
            let any = "127.0.0.1:0".parse().unwrap();
            Listener::bind(any, settings.net.clone()).await.unwrap().with_pace(settings.pace)
        };
        let (mx, submission, submissions) = (bind().await, bind().await, bind().await);
        let addresses = (mx.local(), submission.local(), submissions.local());
        let drain = CancellationToken::new();
        let grace = settings.grace;
        let mx_config = MxConfig { tls: mx_tls, limits: settings.limits.clone() };
        let mut served = vec![tokio::spawn(serve_mx(op.clone(), mx, mx_config, drain.clone(), grace))];
        for (listener, implicit) in [(submission, false), (submissions, true)] {
            let mut config = SubmissionConfig::new(client_tls.clone(), implicit);
            config.limits = settings.limits.clone();
            config.login_delay = Duration::from_millis(10);
            served.push(tokio::spawn(serve_submission(op.clone(), listener, config, drain.clone(), grace)));
        }
        let (mx, submission, submissions) = addresses;
        Self { op, admin, store, mx, submission, submissions, drain, served }
    }

    /// A session of the operator beta at the MX door.
    pub async fn beta(&self, pki: &Pki) -> Client {
        Client::secure(self.mx, &pki::client(&pki.identity("mss.beta.fr"))).await
    }
    /// A token of a person.
    pub async fn token(&self, login: &str) -> (i64, String) {
        let (view, secret) = self.op.create_token(&self.admin, login, None, "essai", None).await.unwrap();
        (view.id, secret)
    }

    /// An applicative BAL for which anne answers, and its machine, which logs in by this certificate.
    pub async fn machine(&self, bal: &str, login: &str, identity: &Identity) -> BalCertificateView {
        sceau_testkit::newcomers(&self.op, &self.admin, &[login]).await;
        sceau_testkit::bal(&self.op, &self.admin, bal, BalKind::App, &["anne"], |_| {}).await;
        let role = AccessRole::Machine;
        let access = NewAccess { login: login.into(), role, rights: None, starts: None, ends: None, reason: None };
        self.op.give_access(&self.admin, bal, access).await.unwrap();
        let body = BASE64_STANDARD.encode(&identity.key.cert[0]);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        self.op.add_bal_certificate(&self.admin, bal, None, "automate", &pem).await.unwrap()
    }

    /// Whole messages (prefix and content) of a person's INBOX, oldest first.
    pub async fn inbox(&self, login: &str, bal: &str) -> Vec<Vec<u8>> {
        let (_, token) = self.token(login).await;
        let origin = Origin { door: Door::Imap, remote: None, session: "reader".into(), tls: None, once: None };
        let actor = self.op.login_token(&format!("{login}*{bal}"), &token, &origin).await.unwrap();
        sceau_testkit::folder(&self.op, &actor, "INBOX").await
    }
    pub async fn traces(&self, act: &str) -> Vec<TraceView> {
        let filter = TraceFilter { act: Some(act.into()), after: Some(0), limit: Some(1000), ..TraceFilter::default() };
        self.op.traces(&self.admin, &filter).await.unwrap()
    }
    /// Outcomes of the refusals traced so far.
    pub async fn refusals(&self) -> Vec<String> {
        self.traces("mail.refused").await.into_iter().map(|t| t.outcome).collect()
    }
    /// Waits until a trace of a refusal with this code exists (a session may still be writing it).
    pub async fn refusal_traced(&self, code: &str) {
        let found = async {
            while !self.refusals().await.iter().any(|c| c == code) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), found).await.unwrap_or_else(|_| panic!("no trace of {code}"));
    }
    /// Rows of everything that a message leaves behind.
    pub async fn kept(&self) -> i64 {
        let mut total = 0;
        for table in ["messages", "entries", "blobs", "queue_messages"] {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            let counted = self.store.read(move |tx| tx.query_opt(&sql, &[])?.unwrap().int(0)).await;
            total += counted.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
        }
        total
    }
    /// Files left in the folder of spools.
    pub fn spools(&self) -> usize {
        std::fs::read_dir(&self.store.config.spools).map_or(0, Iterator::count)
    }
}

async fn people(op: &Operator, store: &sceau_store::Store, admin: &Actor, domain: &str) {
    sceau_testkit::people(op, store, admin, &[(domain, DomainKind::Production)], &["anne", "bruno"]).await;
    for (local, kind, holder) in
        [("anne", BalKind::Per, "anne"), ("bruno", BalKind::Per, "bruno"), ("accueil", BalKind::Org, "anne")]
    {
        sceau_testkit::bal(op, admin, &format!("{local}@{domain}"), kind, &[holder], |_| {}).await;
    }
}
