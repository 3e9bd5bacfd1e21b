//! Where a domain's mail goes: to the operators that the white list names, or to the structure's own server.
use super::certificates::judge;
use super::open;
use crate::Operator;
use crate::boxed;
use crate::moves::Standing;
use crate::refuse::Fail;
use rustls_pki_types::CertificateDer;
use sceau_domain::{DomainName, Refusal, RefusalCode};
use sceau_store::{Id, connectors as rows};
use sceau_trust::Peer;

/// Where a domain's mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To other operators, by MX and white list.
    Peers,
    /// To the server of the structure that carries the domain.
    Connector(ConnectorRoute),
}

/// A structure's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorRoute {
    /// Row id of the connector.
    pub id: Id,
    /// Name of the connector.
    pub name: String,
    /// Host to connect to: a name or an address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name asked for in the handshake (SNI).
    pub tls_name: String,
}

impl ConnectorRoute {
    /// The route of a connector that takes mail.
    pub(crate) fn of(c: &rows::Connector) -> Option<Self> {
        let host = c.host.clone()?;
        Some(Self {
            id: c.id,
            name: c.name.clone(),
            tls_name: c.tls_name.clone().unwrap_or_else(|| host.clone()),
            port: c.port.and_then(|p| u16::try_from(p).ok()).unwrap_or(25),
            host,
        })
    }
}

impl Operator {
    /// Where mail for this domain goes. Asked for each connection: a change counts at once. A domain that is another operator's, because it went to it or
    /// has not come yet, is carried by nobody here, whatever its connector says: that operator hands its mail over.
    ///
    /// # Errors
    /// `connector.suspended`, `connector.blocked`, `peer.white_list_absent` (temporary: mail waits).
    #[boxed]
    pub async fn route_of(&self, domain: &DomainName) -> Result<Route, Refusal> {
        if matches!(self.standing(domain).await?, Standing::Arriving | Standing::Left) {
            return Ok(Route::Peers);
        }
        let domain = domain.clone();
        let found = self.0.store.read(move |tx| {
            let Some(connector) = rows::of_domain(tx, domain.as_str())? else { return Ok(Route::Peers) };
            let Some(route) = ConnectorRoute::of(&connector) else { return Ok(Route::Peers) };
            open(tx, &connector)?;
            Ok::<_, Fail>(Route::Connector(route))
        });
        Ok(found.await?)
    }

    /// May we hand this connector's mail to a server that showed this chain? Its certificate is one of the connector's; the white list has no say.
    ///
    /// # Errors
    /// `transfer.connector` (with the DN and the cause), `connector.suspended`.
    #[boxed]
    pub async fn check_connector_server(
        &self,
        route: &ConnectorRoute,
        chain: &[CertificateDer<'_>],
    ) -> Result<Peer, Refusal> {
        let shown = chain.first().and_then(sceau_trust::peer::describe);
        let no = |cause: &str| {
            let refusal = Refusal::new(RefusalCode::TransferConnector).with("server", &route.host);
            let refusal = match &shown {
                Some(peer) => refusal.with("dn", &peer.dn),
                None => refusal,
            };
            if cause.is_empty() { refusal } else { refusal.with("cause", cause) }
        };
        let (connector, peer) = match judge(self, chain, false).await {
            Ok((certificate, peer)) => (certificate.connector_id, peer),
            Err(refusal) if refusal.is_temporary() => return Err(refusal),
            Err(refusal) => return Err(no(refusal.code.as_str())),
        };
        if connector != route.id {
            return Err(no("another connector"));
        }
        let id = route.id;
        let current = self.0.store.read(move |tx| {
            let row = rows::by_id(tx, id)?;
            if let Some(row) = &row {
                open(tx, row)?;
            }
            Ok::<_, Fail>(row)
        });
        match current.await? {
            Some(_) => Ok(peer),
            None => Err(no("")),
        }
    }
}
