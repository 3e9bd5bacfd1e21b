//! A peer's chain judged into a [`Peer`] or a cause.
//!
//! A cause is as precise as a postmaster needs: what is refused, and what to ask the other operator for. Here an unknown
//! revocation status (no CRL held for the issuer) is no cause, and an expired CRL still tells whom it revoked: what is missing is asked
//! for, and judged by its mode, where there is a network (the operator's `revocation`).
use crate::path::Path;
use crate::{Anchors, Dn, Purpose, chain};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use std::sync::Arc;

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
    /// The chain that was shown and judged, for judging it again; empty when none was.
    pub chain: Shown,
}

/// A chain as it was shown, leaf first. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Shown {
    certificates: Arc<[CertificateDer<'static>]>,
    id: [u8; 32],
}

impl Shown {
    /// Of a handshake.
    pub fn new(chain: &[CertificateDer<'_>]) -> Self {
        let mut digests = Vec::with_capacity(chain.len() * 32);
        for certificate in chain {
            digests.extend(crate::sha256(certificate));
        }
        let certificates = chain.iter().map(|c| c.clone().into_owned()).collect();
        Self { certificates, id: crate::sha256(&digests) }
    }
    /// The certificates.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
    /// A digest of all of them.
    pub fn id(&self) -> [u8; 32] {
        self.id
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shown({} certificates)", self.certificates.len())
    }
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
    /// Not readable, or outside the X.509 profile.
    Invalid,
    /// Proves nothing any more: RSA under 2048 bits, a curve under 256, DSA, a signature over SHA-1 or MD5, here or above.
    Weak,
    /// It leads to an anchor of the other environment: a test certificate at a production operator, or the reverse.
    OtherEnvironment,
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
            Self::Weak => RefusalCode::PeerWeak,
            Self::OtherEnvironment => RefusalCode::PeerOtherEnvironment,
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
    judge_path(anchors, purpose, chain, client, now).map(|(peer, _)| peer)
}

/// As [`judge`], with the path that was found: each certificate with its issuer, and where its revocation can be learnt.
pub fn judge_path(
    anchors: &Anchors,
    purpose: Purpose,
    chain: &[CertificateDer<'_>],
    client: bool,
    now: Timestamp,
) -> Result<(Peer, Path), PeerCause> {
    let usage = if client { chain::Usage::Client } else { chain::Usage::Server };
    let path = chain::check(anchors, purpose, chain, usage, now)?;
    let peer = describe(chain.first().ok_or(PeerCause::Absent)?).ok_or(PeerCause::Invalid)?;
    Ok((Peer { chain: Shown::new(chain), ..peer }, path))
}

/// As [`judge_path`] for whoever signs documents.
pub fn signer_path(
    anchors: &Anchors,
    purpose: Purpose,
    chain: &[CertificateDer<'_>],
    at: Timestamp,
) -> Result<(Peer, Path), PeerCause> {
    let path = chain::check(anchors, purpose, chain, chain::Usage::Signature, at)?;
    let peer = describe(chain.first().ok_or(PeerCause::Absent)?).ok_or(PeerCause::Invalid)?;
    Ok((Peer { chain: Shown::new(chain), ..peer }, path))
}

/// Every attribute of a certificate's subject ([`Dn::attributes`]), trusted or not.
pub fn subject(certificate: &CertificateDer<'_>) -> Vec<(String, String)> {
    let read = x509_parser::parse_x509_certificate(certificate);
    read.map(|(_, parsed)| Dn::attributes(parsed.subject().as_raw())).unwrap_or_default()
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
        chain: Shown::default(),
    })
}
