//! A peer's chain judged into a [`Peer`] or a cause.
use crate::{Anchors, Dn, Purpose};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, Timestamp};

/// Another operator, known by its certificate's distinguished name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Subject.
    pub dn: Dn,
    /// Issuer.
    pub issuer: Dn,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// End of validity.
    pub not_after: Timestamp,
}

/// Why a chain makes no peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PeerCause {
    Absent,
    UnknownIssuer,
    Expired,
    NotYetValid,
    Revoked,
    WrongUsage,
    Invalid,
}

impl PeerCause {
    /// The refusal that says it.
    pub fn refusal(self) -> Refusal {
        todo!()
    }
}

/// Judges `chain` (leaf first, as the TLS handshake gave it) for `purpose` at `now`: path to an anchor of this purpose,
/// validity, revocation by the CRLs held. `client` says which extended key usage is required if the leaf restricts usages.
pub fn judge(
    anchors: &Anchors,
    purpose: Purpose,
    chain: &[CertificateDer<'_>],
    client: bool,
    now: Timestamp,
) -> Result<Peer, PeerCause> {
    let _ = (anchors, purpose, chain, client, now);
    todo!()
}
