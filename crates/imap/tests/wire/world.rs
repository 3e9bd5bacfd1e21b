//! One operator with its people and an IMAP door on two ports.
use sceau_domain::limits::Limits;
use sceau_domain::{BalKind, DomainKind};
use sceau_imap::{ImapConfig, TlsMode};
use sceau_net::Listener;
use sceau_operator::{Actor, Operator, OperatorConfig};
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
    pub store: TestStore,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }
    pub async fn with(change: impl FnOnce(&mut ImapConfig)) -> Self {
        Self::on(sceau_store::testing::sqlite().await, change).await
    }
    pub async fn on(store: TestStore, change: impl FnOnce(&mut ImapConfig)) -> Self {
        Self::operated(store, sceau_testkit::config(), change).await
    }
    /// With these limits of the operator.
    pub async fn limited(limits: Limits) -> Self {
        let config = OperatorConfig { limits, ..sceau_testkit::config() };
        Self::operated(sceau_store::testing::sqlite().await, config, |_| {}).await
    }
    async fn operated(store: TestStore, config: OperatorConfig, change: impl FnOnce(&mut ImapConfig)) -> Self {
        let (op, admin) = sceau_testkit::open(config, store.clone(), Trust::new(Anchors::default())).await;
        let domains = [("alpha.mssante.fr", DomainKind::Production)];
        sceau_testkit::people(&op, &store, &admin, &domains, &["anne", "bruno"]).await;
        for (local, kind, holders) in [
            ("anne.martin", BalKind::Per, &["anne"][..]),
            ("bruno.petit", BalKind::Per, &["bruno"]),
            ("accueil", BalKind::Org, &["anne", "bruno"]),
        ] {
            sceau_testkit::bal(&op, &admin, &format!("{local}@alpha.mssante.fr"), kind, holders, |_| {}).await;
        }
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
        Self { op, admin, imaps: ports[0], imap: ports[1], drain, pem, anne, bruno, store }
    }
}

/// Another node over the same database (PostgreSQL), with a door of its own.
pub struct Neighbour {
    pub op: Operator,
    imaps: SocketAddr,
}

impl World {
    pub async fn neighbour(&self) -> Neighbour {
        let spools = self.store.folder().join("spools-2");
        let config =
            sceau_store::StoreConfig { node: 2, name: "deux.alpha.fr".into(), spools, ..self.store.config.clone() };
        let store = sceau_store::Store::open(config).await.unwrap();
        let op = Operator::open(self.op.config().clone(), store, self.op.trust().clone()).await.unwrap();
        let key = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let identity =
            Identity::from_pem(key.cert.pem().as_bytes(), key.signing_key.serialize_pem().as_bytes()).unwrap();
        let tls = Arc::new(arc_swap::ArcSwap::new(sceau_trust::tls::client_server(&identity).unwrap()));
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), sceau_net::Limits::default()).await.unwrap();
        let imaps = listener.local();
        let (config, drain) = (ImapConfig::default(), self.drain.clone());
        tokio::spawn(sceau_imap::serve(listener, TlsMode::Implicit(tls), op.clone(), config, drain));
        Neighbour { op, imaps }
    }
}

impl Neighbour {
    pub async fn connect(&self) -> sceau_net::Conn {
        let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
        let anyone = sceau_testkit::pki::anonymous();
        sceau_net::Conn::connect_tls(self.imaps, anyone, name, Duration::from_secs(20)).await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.drain.cancel();
    }
}
