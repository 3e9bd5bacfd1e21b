//! OCSP (RFC 6960, in the profile of RFC 5019): one question about one certificate, and the judgement of its answer.
//!
//! Promises: an answer counts only when the authority that issued the certificate signed it, or a responder whose certificate that
//! same key issued for this very usage (`id-kp-OCSPSigning`), valid now and not revoked; when it speaks of this certificate and no other;
//! when its dates hold; and, where it repeats a nonce, when that is ours. Budgets: [`MAX_BYTES`], [`MAX_ANSWERS`], [`MAX_CERTIFICATES`].
mod request;
mod response;

pub use request::{NONCE, new_nonce, question};
pub use response::judge;

use crate::path::Link;
use sceau_domain::Timestamp;

/// Longest answer that is read.
pub const MAX_BYTES: usize = 64 << 10;
/// Answers about single certificates in one response.
pub(crate) const MAX_ANSWERS: usize = 64;
/// Certificates that a responder may send along.
pub(crate) const MAX_CERTIFICATES: usize = 8;
/// Clocks differ, milliseconds.
pub(crate) const SKEW: i64 = 300_000;
/// An answer that promises no next one counts this long, milliseconds: newer information is always there to ask for.
pub(crate) const UNPROMISED: i64 = 3_600_000;

/// What a responder says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked since.
    Revoked(Timestamp),
    /// The responder does not know it.
    Unknown,
}

/// An answer that was judged good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub status: Status,
    /// When that was known to be right.
    pub this_update: Timestamp,
    /// Until when it counts (`nextUpdate`, or an hour where none is promised).
    pub until: Timestamp,
    /// It repeats our nonce.
    pub nonced: bool,
}

/// Why an answer does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OcspError {
    /// No DER of this profile, or beyond the budgets.
    #[error("the answer cannot be read")]
    Broken,
    /// The responder refuses to answer (RFC 6960 §4.2.1: 1 malformed, 2 internal, 3 try later, 5 signature required, 6 unauthorized).
    #[error("the responder refuses to answer (status {0})")]
    Refused(u8),
    /// It speaks of other certificates.
    #[error("the answer speaks of another certificate")]
    OtherCertificate,
    /// It repeats another nonce, or none where one is required.
    #[error("the answer does not repeat our nonce")]
    Nonce,
    /// Signed by nobody whom the issuing authority charged with it.
    #[error("the responder is not the issuing authority nor one that it charged with answering")]
    Responder,
    /// The signature is wrong, or of an algorithm that proves nothing any more.
    #[error("the signature of the answer is wrong")]
    Signature,
    /// Dated in the future.
    #[error("the answer is dated in the future")]
    Future,
    /// Its next update has passed.
    #[error("the answer has expired")]
    Stale,
}

/// Who a certificate is for a responder: what both sides hash (RFC 6960 §4.1.1).
pub(crate) fn issuer_key_bits(link: &Link) -> Option<&[u8]> {
    let mut spki = crate::der::Reader::new(&link.issuer_key).within(crate::der::tag::SEQUENCE).ok()?;
    spki.of(crate::der::tag::SEQUENCE).ok()?;
    let bits = spki.of(crate::der::tag::BIT_STRING).ok()?.contents;
    // The first byte counts unused bits.
    bits.split_first().filter(|(unused, _)| **unused == 0).map(|(_, key)| key)
}
