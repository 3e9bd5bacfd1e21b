//! What the connectors' door asks the operator: whose server it is (once, after the handshake; again at each MAIL), then each sender, recipient and
//! message. Its certificate is made by the operator's own authority, anew before it ends.
use super::session::Role;
use super::{SessionLimits, busy};
use crate::server::session::Session;
use rustls::pki_types::CertificateDer;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_net::{HotTls, Listener};
use sceau_operator::mail::{Accepted, Envelope};
use sceau_operator::{Actor, Operator, Origin, Received};
use sceau_trust::Identity;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The door for structures' own servers.
#[derive(Debug, Clone)]
pub struct ConnectorConfig {
    /// TLS until the operator has an authority for connectors: asks for a client certificate and completes the handshake with any or none.
    tls: HotTls,
    /// The certificate that `tls` shows, once it is our authority's.
    shown: Arc<Mutex<Option<Arc<Identity>>>>,
    /// What a session may do.
    pub limits: SessionLimits,
}

impl ConnectorConfig {
    /// With the built-in limits. `tls`: as for the MX door.
    pub fn new(tls: Arc<rustls::ServerConfig>) -> Self {
        let tls = Arc::new(arc_swap::ArcSwap::new(tls));
        Self { tls, shown: Arc::default(), limits: SessionLimits::default() }
    }
    pub(super) fn tls(&self) -> &HotTls {
        &self.tls
    }

    /// Shows the certificate in force. What cannot be made now leaves the one before.
    async fn renew(&self, operator: &Operator) {
        let Ok(Some(identity)) = operator.connector_identity().await else { return };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.as_ref().is_some_and(|s| Arc::ptr_eq(s, &identity)) {
            return;
        }
        match sceau_trust::tls::mx_server(&identity) {
            Ok(config) => {
                self.tls.store(config);
                *shown = Some(identity);
            }
            Err(e) => tracing::error!(error = %e, "the connectors' door keeps its certificate"),
        }
    }
}

/// Serves the connectors' door on a bound listener until `drain` is cancelled; then as [`Listener::serve`] with `grace`.
pub async fn serve_connectors(
    operator: Operator,
    listener: Listener,
    config: ConnectorConfig,
    drain: CancellationToken,
    grace: Duration,
) {
    let listener = listener.named("connectors");
    listener
        .serve(None, busy(), drain, grace, move |conn, drain| {
            let (operator, config) = (operator.clone(), config.clone());
            async move {
                config.renew(&operator).await;
                Session::connector(operator, &config, conn, drain).run().await;
            }
        })
        .await;
}

/// The client, as the handshake showed it.
#[derive(Debug, Default)]
pub(super) struct Connector {
    /// None before TLS.
    client: Option<Result<Actor, Refusal>>,
    /// As whom the present transaction is sent.
    sending: Option<Actor>,
}

impl Connector {
    pub(super) async fn judge(operator: &Operator, chain: &[CertificateDer<'static>], origin: &Origin) -> Role {
        let client = Some(operator.connector_client(chain, origin).await);
        Role::Connector(Box::new(Self { client, sending: None }))
    }
    /// Why this client may not use the door, if so.
    pub(super) fn closed(&self) -> Option<Refusal> {
        self.client().err()
    }
    /// Whose server it is.
    pub(super) fn client(&self) -> Result<&Actor, Refusal> {
        match &self.client {
            Some(Ok(actor)) => Ok(actor),
            Some(Err(refusal)) => Err(refusal.clone()),
            None => Err(RefusalCode::PeerNoTls.into()),
        }
    }
    fn sending(&self) -> Result<&Actor, Refusal> {
        self.sending.as_ref().ok_or_else(|| RefusalCode::SequenceError.into())
    }
    pub(super) async fn sender(
        &mut self,
        operator: &Operator,
        from: Option<&Address>,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        self.sending = Some(operator.connector_sender(self.client()?, from, size).await?);
        Ok(())
    }
    pub(super) async fn recipient(
        &self,
        operator: &Operator,
        to: &Address,
        already: usize,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        operator.connector_recipient(self.sending()?, to, already, size).await
    }
    pub(super) async fn accept(
        &self,
        operator: &Operator,
        envelope: Envelope,
        message: Received,
    ) -> Result<Accepted, Refusal> {
        operator.connector_accept(self.sending()?, envelope, message).await
    }
}
