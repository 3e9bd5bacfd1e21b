//! One operator with its people and an IMAP door on two ports.
use sceau_domain::{Address, BalKind, DomainKind, Limits, RetrySchedule};
use sceau_imap::{ImapConfig, TlsMode};
use sceau_net::Listener;
use sceau_operator::accounts::{NewBal, NewPerson};
use sceau_operator::{Actor, Door, Operator, OperatorConfig, Origin};
use sceau_store::testing::TestStore;
use sceau_trust::{Anchors, Identity, Trust};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub struct World {
    pub op: Operator,
    pub admin: Actor,
    /// Door with implicit TLS.
    pub imaps: SocketAddr,
    /// Door with STARTTLS.
    pub imap: SocketAddr,
    pub drain: CancellationToken,
    /// Certificate of the door, PEM.
    pub pem: String,
    /// Tokens of anne and bruno.
    pub anne: String,
    pub bruno: String,
    // Dropped last.
    _store: TestStore,
}

fn addr(s: &str) -> Address {
    s.parse().unwrap()
}

fn operator_config() -> OperatorConfig {
    OperatorConfig {
        name: "Alpha".into(),
        hostname: "mss.alpha.fr".into(),
        limits: Limits::default(),
        retry: RetrySchedule::default(),
        postmaster: vec![addr("exploitation@alpha.mssante.fr")],
        test_domains: vec![],
        patient_domains: vec![],
        check_header_from: true,
        sent_copy: false,
        white_list: None,
        white_list_every: Duration::from_secs(3600),
        dedupe: Duration::from_secs(7 * 86_400),
        login_failures_per_minute: 1000,
        search: Default::default(),
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }
    pub async fn with(change: impl FnOnce(&mut ImapConfig)) -> Self {
        let store = sceau_store::testing::sqlite().await;
        let op = Operator::open(operator_config(), store.clone(), Trust::new(Anchors::default())).await.unwrap();
        op.sync_administrators(&[("root".into(), "Responsable Exemple".into())]).await.unwrap();
        let origin = Origin { door: Door::Admin, remote: None, session: "t".into(), tls: None };
        let admin = op.administrator("root", origin).await.unwrap();
        op.add_domain(&admin, "alpha.mssante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
        for login in ["anne", "bruno"] {
            let person = NewPerson { login: login.into(), name: login.into(), national_id: None };
            op.add_person(&admin, person).await.unwrap();
        }
        bal(&op, &admin, "anne.martin@alpha.mssante.fr", BalKind::Per, &["anne"]).await;
        bal(&op, &admin, "bruno.petit@alpha.mssante.fr", BalKind::Per, &["bruno"]).await;
        bal(&op, &admin, "accueil@alpha.mssante.fr", BalKind::Org, &["anne", "bruno"]).await;
        let (_, anne) = op.create_token(&admin, "anne", None, "test", None).await.unwrap();
        let (_, bruno) = op.create_token(&admin, "bruno", None, "test", None).await.unwrap();

        let mut config = ImapConfig { grace: Duration::from_secs(2), ..ImapConfig::default() };
        change(&mut config);
        let key = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
        let pem = key.cert.pem();
        let identity = Identity::from_pem(pem.as_bytes(), key.signing_key.serialize_pem().as_bytes()).unwrap();
        let tls = Arc::new(arc_swap::ArcSwap::new(sceau_trust::tls::client_server(&identity).unwrap()));
        let drain = CancellationToken::new();
        let mut ports = Vec::new();
        for mode in [TlsMode::Implicit(tls.clone()), TlsMode::StartTls(tls)] {
            let limits = sceau_net::Limits::default();
            let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
            ports.push(listener.local());
            tokio::spawn(sceau_imap::serve(listener, mode, op.clone(), config.clone(), drain.clone()));
        }
        Self { op, admin, imaps: ports[0], imap: ports[1], drain, pem, anne, bruno, _store: store }
    }
}

async fn bal(op: &Operator, admin: &Actor, address: &str, kind: BalKind, holders: &[&str]) {
    let bal = NewBal {
        address: addr(address),
        kind,
        name: address.into(),
        test: false,
        reachable: true,
        quota: None,
        holders: holders.iter().map(|h| (*h).to_owned()).collect(),
        members: Vec::new(),
        naming_override: Some("jeu d'essai".into()),
    };
    op.add_bal(admin, bal).await.unwrap();
}

impl Drop for World {
    fn drop(&mut self) {
        self.drain.cancel();
    }
}
