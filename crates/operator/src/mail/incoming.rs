//! A message arrives from another operator (design §6).
use super::{Accepted, Envelope};
use crate::{Operator, Origin, Received};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Address, Refusal};
use sceau_trust::Peer;

impl Operator {
    /// Judges the chain shown in the handshake: chain, validity, revocation, listed for at least one domain. Traces refusals.
    pub async fn mx_peer(&self, chain: &[CertificateDer<'_>], origin: &Origin) -> Result<Peer, Refusal> {
        let _ = (chain, origin);
        todo!()
    }
    /// MAIL: the sender's domain lists this peer's DN; `<>` from a peer listed for at least one domain. Judged at each MAIL.
    pub async fn mx_sender(&self, peer: &Peer, from: Option<&Address>, size: Option<u64>, origin: &Origin) -> Result<(), Refusal> {
        let _ = (peer, from, size, origin);
        todo!()
    }
    /// RCPT: the BAL exists, may receive from this sender, has room (`size` as announced); `already` recipients were accepted.
    pub async fn mx_recipient(
        &self,
        peer: &Peer,
        from: Option<&Address>,
        to: &Address,
        already: usize,
        size: Option<u64>,
        origin: &Origin,
    ) -> Result<(), Refusal> {
        let _ = (peer, from, to, already, size, origin);
        todo!()
    }
    /// After DATA: header rules (one From whose domain lists the peer, loop limit), then one transaction: blob, rows for every
    /// recipient, dedupe record, traces. Returns after it is durable.
    pub async fn mx_accept(&self, peer: &Peer, envelope: Envelope, message: Received, origin: &Origin) -> Result<Accepted, Refusal> {
        let _ = (peer, envelope, message, origin);
        todo!()
    }
    /// Traces a refusal that a door decided by itself (syntax, bare newline, too many errors…).
    pub async fn trace_refusal(&self, who: Option<&Peer>, refusal: &Refusal, origin: &Origin) {
        let _ = (who, refusal, origin);
        todo!()
    }
}
