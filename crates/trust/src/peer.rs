//! A peer's chain judged into a [`Peer`] or a cause.
//!
//! A cause is as precise as a postmaster needs: what is refused, and what to ask the other operator for. Unknown
//! revocation status (no CRL held for the issuer) is no cause; an expired CRL still tells whom it revoked.
use crate::{Anchors, Dn, Purpose, chain};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, RefusalCode, Timestamp};

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
pub enum PeerCause {
    /// No certificate was shown.
    Absent,
    /// No path to an anchor of the purpose: another authority, a missing intermediate, or a signature that is not the
    /// authority's.
    UnknownIssuer,
    /// The certificate, or an authority above it, has expired.
    Expired,
    /// The certificate, or an authority above it, is not valid yet.
    NotYetValid,
    /// A CRL of its issuer lists the certificate, or an authority above it.
    Revoked,
    /// Good, but for something else: an authority's certificate, or usages that exclude this one.
    WrongUsage,
    /// Not readable, outside the X.509 profile, or weak (RSA under 2048 bits, SHA-1).
    Invalid,
}

impl PeerCause {
    /// The refusal that says it.
    pub fn refusal(self) -> Refusal {
        Refusal::new(match self {
            Self::Absent => RefusalCode::PeerNoCertificate,
            Self::UnknownIssuer => RefusalCode::PeerUnknownIssuer,
            Self::Expired => RefusalCode::PeerExpired,
            Self::NotYetValid => RefusalCode::PeerNotYetValid,
            Self::Revoked => RefusalCode::PeerRevoked,
            Self::WrongUsage => RefusalCode::PeerWrongUsage,
            Self::Invalid => RefusalCode::PeerInvalid,
        })
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
    let usage = if client { chain::Usage::Client } else { chain::Usage::Server };
    chain::check(anchors, purpose, chain, usage, now)?;
    describe(chain.first().ok_or(PeerCause::Absent)?).ok_or(PeerCause::Invalid)
}

/// What a certificate says of itself, trusted or not. `None` when it cannot be read or has no usable subject.
pub fn describe(certificate: &CertificateDer<'_>) -> Option<Peer> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(Peer {
        dn: Dn::from_der(parsed.subject().as_raw())?,
        issuer: Dn::from_der(parsed.issuer().as_raw())?,
        fingerprint: hex::encode(crate::sha256(certificate)),
        serial: hex::encode(parsed.raw_serial()),
        not_after: chain::validity(&parsed).1,
    })
}
