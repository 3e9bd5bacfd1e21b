//! What the MX door asks the operator: who the peer is (once, after the handshake), then each sender, recipient and message.
use super::session::Role;
use rustls::pki_types::CertificateDer;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_operator::mail::{Accepted, Envelope, Judged};
use sceau_operator::{Operator, Origin, Peer, Received};

/// The client, as the handshake showed it.
#[derive(Debug, Default)]
pub(super) struct Mx {
    /// None before TLS.
    peer: Option<Result<Peer, Refusal>>,
}

impl Mx {
    pub(super) async fn judge(operator: &Operator, chain: &[CertificateDer<'static>], origin: &Origin) -> Self {
        let judged = operator.mx_peer(chain, origin).await;
        operator.note_client(chain, &judged);
        Self { peer: Some(judged) }
    }
    /// Why this client may not use the door, if so.
    pub(super) fn closed(&self) -> Option<Refusal> {
        self.peer().err()
    }
    fn peer(&self) -> Result<&Peer, Refusal> {
        match &self.peer {
            Some(Ok(peer)) => Ok(peer),
            Some(Err(refusal)) => Err(refusal.clone()),
            None => Err(RefusalCode::PeerNoTls.into()),
        }
    }
    pub(super) async fn sender(
        &self,
        operator: &Operator,
        from: Option<&Address>,
        size: Option<u64>,
        origin: &Origin,
    ) -> Result<(), Refusal> {
        let peer = self.peer()?;
        let judged = operator.mx_sender(peer, from, size, origin).await;
        operator.note_sender(peer, from, origin.tls.as_deref(), &judged);
        judged
    }
    pub(super) async fn recipient(
        &self,
        operator: &Operator,
        from: Option<&Address>,
        to: &Address,
        already: usize,
        size: Option<u64>,
        origin: &Origin,
    ) -> Result<Judged, Refusal> {
        operator.mx_recipient(self.peer()?, from, to, already, size, origin).await
    }
    pub(super) async fn accept(
        &self,
        operator: &Operator,
        envelope: Envelope,
        message: Received,
        origin: &Origin,
    ) -> Result<Accepted, Refusal> {
        let (peer, from, size) = (self.peer()?, envelope.from.clone(), message.scan.size);
        let accepted = operator.mx_accept(peer, envelope, message, origin).await;
        operator.note_received(peer, from.as_ref(), size, &accepted);
        accepted
    }
}

impl Role {
    /// Traces a refusal of the door itself with whom it talks to: the person who logged in, or the peer where there is a good one.
    pub(super) async fn trace(&self, operator: &Operator, refusal: &Refusal, origin: &Origin) {
        match self {
            Self::Mx(mx) => operator.trace_refusal(mx.peer().ok(), refusal, origin).await,
            Self::Connector(connector) => match connector.client() {
                Ok(actor) => operator.trace_refusal_of(actor, refusal).await,
                Err(_) => operator.trace_refusal(None, refusal, origin).await,
            },
            Self::Submission(submission) => match &submission.actor {
                Some(actor) => operator.trace_refusal_of(actor, refusal).await,
                None => operator.trace_refusal(None, refusal, origin).await,
            },
        }
    }
}
