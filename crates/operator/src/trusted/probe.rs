//! Looking at other operators' servers as they show themselves: where a domain's mail goes, and what a handshake shows. Nothing is sent.
//!
//! The operator speaks no protocol: the program gives it something that does ([`Operator::set_lookout`]).
use crate::Operator;
use rustls_pki_types::CertificateDer;
use sceau_domain::mail_setup::RecordKind;
use sceau_domain::{DomainName, Refusal};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

/// A server of a domain, as the DNS or a static route gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name.
    pub name: String,
    /// Addresses.
    pub addresses: Vec<SocketAddr>,
}

/// What a server showed.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// TLS version and suite.
    pub tls: String,
    /// Its chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// What it announces inside TLS.
    pub extensions: Vec<String>,
}

/// What a future of a [`Probe`] ends with.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// Looks at servers.
pub trait Probe: Send + Sync + std::fmt::Debug {
    /// Servers of a domain, the preferred first. `transfer.no_route`, `transfer.dns`.
    fn servers<'a>(&'a self, domain: &'a DomainName) -> Answer<'a, Vec<Server>>;
    /// Greeting, STARTTLS, handshake with our certificate, EHLO, QUIT. `transfer.*`.
    fn handshake<'a>(&'a self, server: &'a Server, address: SocketAddr) -> Answer<'a, Shown>;
    /// What the DNS has of this name and kind, as zone files write it, texts without quotes; empty when it says that there is nothing. `transfer.dns`.
    fn records<'a>(&'a self, name: &'a str, kind: RecordKind) -> Answer<'a, Vec<String>>;
    /// Addresses of a host; empty when the DNS says that there is none. `transfer.dns`.
    fn addresses<'a>(&'a self, host: &'a str) -> Answer<'a, Vec<IpAddr>>;
}

impl Operator {
    /// Who looks at servers; once.
    pub fn set_lookout(&self, probe: Arc<dyn Probe>) {
        // A second one would be a fault of the program; the first one stays.
        let _ = self.0.list.probe.set(probe);
    }
}
