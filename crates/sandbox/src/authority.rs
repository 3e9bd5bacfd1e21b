//! The played authority: signs the white list and serves it over HTTPS, with the revocation list.
use crate::pki::Pki;
use crate::world::World;
use crate::{SandboxError, io};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use sceau_domain::{Clock, SystemClock};
use sceau_trust::whitelist::{Entry, sign};
use sceau_trust::{Identity, tls};
use std::path::Path;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The running authority.
#[derive(Debug)]
pub struct Authority(TaskTracker);

impl Authority {
    /// Waits for its end.
    pub async fn wait(self) {
        self.0.close();
        self.0.wait().await;
    }
}

/// Signs the list and starts the server.
pub async fn start(world: &World, pki: &Pki, stop: CancellationToken) -> Result<Authority, SandboxError> {
    let read = |p: &Path| std::fs::read(p).map_err(io(p.display().to_string()));
    let error = |e: &dyn std::fmt::Display| SandboxError::Pki(e.to_string());
    let list = white_list(world, pki)?;
    let file = pki.anchors().with_file_name("listeblanche.xml");
    crate::write_private(&file, &list)?;
    let (crl, cards) = (pki.crl(), pki.cards().crl());
    let pair = pki.pair("authority");
    let identity = Identity::from_pem(&read(&pair.cert)?, &read(&pair.key)?).map_err(|e| error(&e))?;
    let config = tls::client_server(&identity).map_err(|e| error(&e))?;
    let address = format!("127.0.0.1:{}", world.authority_port);
    let listener = TcpListener::bind(&address).await.map_err(io(address))?;
    // The files are read at each request: a person may sign another list with the contract file's key and put it there.
    let app = Router::new()
        .route(
            "/listeblanchemssante.xml",
            get(async move || ([(CONTENT_TYPE, "application/xml")], tokio::fs::read(file).await.unwrap_or_default())),
        )
        .route(
            "/crl.pem",
            get(async move || {
                ([(CONTENT_TYPE, "application/x-pem-file")], tokio::fs::read(crl).await.unwrap_or_default())
            }),
        )
        .route(
            "/crl-cartes.pem",
            get(async move || {
                ([(CONTENT_TYPE, "application/x-pem-file")], tokio::fs::read(cards).await.unwrap_or_default())
            }),
        )
        .route("/", get(async || "Autorité jouée du bac à sable / The sandbox's played authority\n"));
    let tasks = TaskTracker::new();
    let tls = Tls { listener, acceptor: TlsAcceptor::from(Arc::clone(&config)) };
    tasks.spawn(async move {
        if let Err(e) = axum::serve(tls, app).with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::error!(error = %e, "authority");
        }
    });
    Ok(Authority(tasks))
}

fn white_list(world: &World, pki: &Pki) -> Result<Vec<u8>, SandboxError> {
    let broken = |e: &dyn std::fmt::Display| SandboxError::Pki(e.to_string());
    let read = |p: &Path| std::fs::read(p).map_err(io(p.display().to_string()));
    let identity = |name: &str| {
        let pair = pki.pair(name);
        Identity::from_pem(&read(&pair.cert)?, &read(&pair.key)?).map_err(|e| broken(&e))
    };
    let now = SystemClock.now();
    let entry = |domain: &str, description: &str, certificate: &str| {
        Ok::<_, SandboxError>(Entry {
            domain: domain.into(),
            description: description.into(),
            dn: identity(certificate)?.dn.to_string(),
            responsible: format!("responsable@{domain}"),
            support: format!("support@{domain}"),
            updated: now,
        })
    };
    // One entry a certificate: a domain lists all of its nodes.
    let nodes = world.every_node();
    let domains = nodes.iter().flat_map(|(o, n)| o.domains().map(|domain| entry(domain, o.title, &n.certificate)));
    let mut entries = domains.collect::<Result<Vec<_>, _>>()?;
    entries.push(entry(world.outsider.domain, "Clinique extérieure (bac à sable)", world.outsider.name)?);
    let signer = pki.pair("signer");
    let key = PrivateKeyDer::from_pem_slice(&read(&signer.key)?).map_err(|e| broken(&e))?;
    sign(&entries, now, &identity("signer")?.chain, key.secret_der()).map_err(|e| broken(&e))
}

/// TLS in front of axum's accept loop.
pub(crate) struct Tls {
    pub(crate) listener: TcpListener,
    pub(crate) acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // A failed handshake is the client's; a failed accept passes.
            let Ok((stream, address)) = self.listener.accept().await else {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            };
            let handshake = tokio::time::timeout(std::time::Duration::from_secs(5), self.acceptor.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                return (stream, address);
            }
        }
    }
    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
