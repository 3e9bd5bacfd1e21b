//! The provider ends a session (OpenID Connect Back-Channel Logout 1.0).
use super::{MAX_SUBJECT, OidcError, judge};
use crate::jose::{self, Alg, Keys};
use sceau_domain::Timestamp;

/// The event that makes a token a logout token (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How old a logout token may be that does not say when it ends, milliseconds (§2.4 recommends two minutes at most).
const MAX_AGE_MS: i64 = 120_000;

/// Whose session ends. One of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    /// Every session of this subject.
    pub subject: Option<String>,
    /// This session of the provider's.
    pub session: Option<String>,
    /// The token's own name, for whoever remembers what was done already.
    pub id: String,
}

/// Judges a logout token (§2.6). It needs no cookie and no state: what it ends is only ever ended.
pub fn logout_token(
    token: &str,
    keys: &Keys,
    algs: &[Alg],
    issuer: &str,
    client: &str,
    now: Timestamp,
    skew_ms: i64,
) -> Result<Logout, OidcError> {
    let (header, claims) = jose::verify(token, keys, algs)?;
    let kind = header.typ.as_deref().is_none_or(|t| matches!(t, "jwt" | "logout+jwt"));
    let event = claims.get("events").and_then(|e| e.get(EVENT)).is_some_and(serde_json::Value::is_object);
    // An ID token answers a nonce; a logout token never has one.
    if !kind || !event || claims.has("nonce") || claims.text("typ")?.is_some_and(|t| t != "Logout") {
        return Err(OidcError::Kind);
    }
    if claims.text("iss")? != Some(issuer) {
        return Err(OidcError::Issuer);
    }
    judge::audience(&claims, client)?;
    let issued = claims.instant("iat")?.ok_or(OidcError::Malformed)?;
    if issued > now.plus_ms(skew_ms) {
        return Err(OidcError::NotYet);
    }
    let until = claims.instant("exp")?.unwrap_or(issued.plus_ms(MAX_AGE_MS));
    if until.plus_ms(skew_ms) <= now {
        return Err(OidcError::Expired);
    }
    let name = |claim: &str| match claims.text(claim)? {
        Some(text) if text.is_empty() || text.len() > MAX_SUBJECT => Err(OidcError::Malformed),
        other => Ok(other.map(str::to_owned)),
    };
    let (subject, session) = (name("sub")?, name("sid")?);
    if subject.is_none() && session.is_none() {
        return Err(OidcError::Malformed);
    }
    Ok(Logout { subject, session, id: name("jti")?.ok_or(OidcError::Malformed)? })
}
