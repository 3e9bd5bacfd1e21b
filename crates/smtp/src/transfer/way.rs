//! The way of a domain's mail: which servers, and by which rule each is judged before anything is said to it.
use super::client::Client;
use super::route::Server;
use super::{TransferConfig, connector};
use rustls::pki_types::CertificateDer;
use sceau_domain::{DomainName, Refusal, RefusalCode};
use sceau_operator::connectors::{ConnectorRoute, Route};
use sceau_operator::{Operator, Peer};
use std::sync::Arc;

/// By which rule a server is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judge {
    /// Another operator: its chain, and its name in the white list for the domain.
    Peers,
    /// A structure's own server: its certificate is one of its connector's.
    Connector(ConnectorRoute),
}

/// Where a domain's mail goes.
#[derive(Debug, Clone)]
pub struct Way {
    /// `fixed`, `mx`, `address`, `connector`.
    pub kind: &'static str,
    /// Servers, the preferred first.
    pub servers: Vec<Server>,
    /// Rule for all of them.
    pub judge: Judge,
}

/// The way to a domain. Asked for each connection: what changed counts at once.
///
/// # Errors
/// `transfer.*`, `connector.*`, `peer.white_list_absent`, `rcpt.not_listed`.
pub async fn find(operator: &Operator, config: &TransferConfig, domain: &DomainName) -> Result<Way, Refusal> {
    // A domain that a structure's own server carries is ours: the white list has no say.
    if let Route::Connector(route) = operator.route_of(domain).await? {
        let servers = vec![connector::server(&route).await?];
        return Ok(Way { kind: "connector", servers, judge: Judge::Connector(route) });
    }
    // Judged again with the server's certificate; asked first so that nothing is connected to for a domain that left the list.
    match operator.trust().white_list() {
        None => return Err(RefusalCode::PeerWhiteListAbsent.into()),
        Some(list) if !list.contains(domain) => {
            return Err(Refusal::new(RefusalCode::TransferDomainLeft).with("domain", domain));
        }
        Some(_) => {}
    }
    // A domain of ours that moves has the other operator's servers beside ours, perhaps with the same preference.
    let (kind, servers) = match operator.is_shared(domain).await? {
        true => config.routes.find_beside(domain).await?,
        false => config.routes.find(domain).await?,
    };
    Ok(Way { kind, servers, judge: Judge::Peers })
}

impl Judge {
    /// Our side of the handshake.
    pub(super) async fn tls(
        &self,
        operator: &Operator,
        config: &TransferConfig,
    ) -> Result<Arc<rustls::ClientConfig>, Refusal> {
        match self {
            Self::Peers => Ok(config.tls.load_full()),
            Self::Connector(_) => connector::tls(operator, config).await,
        }
    }
    /// The name asked for in the handshake.
    pub(super) fn name<'a>(&'a self, server: &'a Server) -> &'a str {
        match self {
            Self::Peers => &server.name,
            Self::Connector(route) => &route.tls_name,
        }
    }
    /// May a server that showed this chain have mail for the domain?
    pub(super) async fn check(
        &self,
        operator: &Operator,
        domain: &DomainName,
        chain: &[CertificateDer<'_>],
    ) -> Result<Peer, Refusal> {
        match self {
            Self::Peers => operator.check_server(domain, chain).await,
            Self::Connector(route) => operator.check_connector_server(route, chain).await,
        }
    }
    /// The same before each message on a connection that is still open.
    pub(super) async fn check_again(
        &self,
        operator: &Operator,
        domain: &DomainName,
        client: &Client,
    ) -> Result<(), Refusal> {
        match self {
            Self::Peers => operator.check_server_again(domain, &client.peer).await,
            Self::Connector(route) => match operator.route_of(domain).await? {
                Route::Connector(now) if now == *route => {
                    operator.check_connector_server(route, client.peer.chain.certificates()).await.map(drop)
                }
                _ => Err(Refusal::new(RefusalCode::TransferConnector).with("server", &route.host)),
            },
        }
    }
}
