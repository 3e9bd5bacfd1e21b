//! Judging a document: may this list be put in force?
use super::{WhiteList, WhiteListError, WhiteListSource, signature};
use crate::{Anchors, Dn, PeerCause, Purpose, chain, peer};
use sceau_domain::Timestamp;

/// Judges a document: profile, signature, signer, chain at the generation date, not older than `in_force` (the
/// generation date of the list in force), not from a future further than the source's skew from `now`.
///
/// The chain is judged at the generation date, not now: a list stays good when its signer's certificate has since
/// expired. What is returned was read from the signed bytes only. Whether a signer that was revoked since may bring in another list is
/// [`crate::refresh`]'s to say.
pub fn verify(
    xml: &[u8],
    source: &WhiteListSource,
    anchors: &Anchors,
    in_force: Option<Timestamp>,
    now: Timestamp,
) -> Result<WhiteList, WhiteListError> {
    let signed = signature::check(xml)?;
    let mut list = WhiteList::parse(&signed.content)?;
    let signer = signed.chain.first().and_then(peer::describe);
    let signer = signer.ok_or_else(|| WhiteListError::Signer("the certificate has no usable names".into()))?;
    named(&signer.dn, &source.signer_cn, "signed by")?;
    named(&signer.issuer, &source.issuer_cn, "signer's certificate issued by")?;
    let path = chain::check(anchors, Purpose::ListSigner, &signed.chain, chain::Usage::Signature, list.generated)
        .map_err(|cause| WhiteListError::Signer(format!("{} ({})", untrusted(cause), signer.dn)))?;
    if in_force.is_some_and(|f| list.generated < f) {
        return Err(WhiteListError::Rollback(instant(list.generated), instant(in_force.unwrap_or_default())));
    }
    let skew = i64::try_from(source.skew.as_millis()).unwrap_or(i64::MAX);
    if list.generated > now.plus_ms(skew) {
        return Err(WhiteListError::Future(instant(list.generated), instant(now)));
    }
    list.signer = signed.chain.into_iter().next();
    list.path = Some(path);
    Ok(list)
}

/// The common name of `dn` must be the configured one.
fn named(dn: &Dn, wanted: &str, what: &str) -> Result<(), WhiteListError> {
    if dn.common_name().is_some_and(|cn| Dn::same_value(&cn, wanted)) {
        return Ok(());
    }
    Err(WhiteListError::Signer(format!("{what} {dn}, expected CN={wanted}")))
}

fn untrusted(cause: PeerCause) -> &'static str {
    match cause {
        PeerCause::Absent => "no certificate",
        PeerCause::UnknownIssuer => "not issued by a configured authority",
        PeerCause::Expired => "certificate expired at the generation date",
        PeerCause::NotYetValid => "certificate not yet valid at the generation date",
        PeerCause::Revoked => "certificate revoked at the generation date",
        PeerCause::WrongUsage => "certificate not meant to sign",
        PeerCause::Weak => "certificate too weak",
        PeerCause::OtherEnvironment => "certificate of the other environment (test or production)",
        PeerCause::Invalid => "certificate not acceptable",
    }
}

/// RFC 3339, UTC.
pub fn instant(t: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(t.0).map_or_else(|_| t.0.to_string(), |t| t.to_string())
}
