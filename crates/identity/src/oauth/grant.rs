//! A program comes with what it was given, and wants tokens; or gives them back (RFC 6749 §4.1.3, §6; RFC 7009; RFC 8628).
use super::{MAX_CLIENT, MAX_SECRET, OauthError, Scopes};
use crate::form;
use crate::jose::{self, Alg, Keys};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sceau_domain::Timestamp;
use zeroize::Zeroizing;

/// The grant of a device that has no browser (RFC 8628 §3.4).
pub(super) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The proof of a client by its key (RFC 7523 §2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// By which algorithms it may sign.
pub(super) const ASSERTION_ALGS: [Alg; 5] = [Alg::Rs256, Alg::Ps256, Alg::Es256, Alg::Es384, Alg::EdDsa];
/// Longest life of such a proof, milliseconds.
const ASSERTION_MS: i64 = 5 * 60_000;
/// How much slower somebody has to ask who asked too soon, milliseconds (RFC 8628 §3.5).
const SLOWER_MS: i64 = 5_000;

/// How a client proves itself.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientAuth {
    /// It does not: a program on a device.
    Public {
        /// `client_id`.
        id: String,
    },
    /// By a secret.
    Secret {
        /// `client_id`.
        id: String,
        /// Its secret.
        secret: Zeroizing<String>,
    },
    /// By a token that it signed ([`proved`]).
    Assertion {
        /// `client_id`, as the form or the token itself says.
        id: String,
        /// The token.
        token: Zeroizing<String>,
    },
}

impl ClientAuth {
    /// Which client it says it is.
    pub fn id(&self) -> &str {
        match self {
            Self::Public { id } | Self::Secret { id, .. } | Self::Assertion { id, .. } => id,
        }
    }
}

impl std::fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientAuth({}, …)", self.id())
    }
}

/// What a program comes with.
#[derive(Clone, PartialEq, Eq)]
pub enum Grant {
    /// A code of a browser.
    Code {
        /// The code.
        code: Zeroizing<String>,
        /// What its challenge was the digest of.
        verifier: Zeroizing<String>,
        /// Where the code went.
        redirect: String,
    },
    /// A refresh token.
    Refresh {
        /// The token.
        token: Zeroizing<String>,
        /// Less than was granted, when it is said.
        scope: Option<Scopes>,
    },
    /// A device's code.
    Device {
        /// The code.
        code: Zeroizing<String>,
    },
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Code { .. } => "Code(…)",
            Self::Refresh { .. } => "Refresh(…)",
            Self::Device { .. } => "Device(…)",
        })
    }
}

/// The secret of a parameter that has to be there, once, visible ASCII, bounded.
fn secret(form: &[(String, String)], name: &str) -> Result<Zeroizing<String>, OauthError> {
    optional(form, name)?.ok_or(OauthError::InvalidRequest)
}
fn optional(form: &[(String, String)], name: &str) -> Result<Option<Zeroizing<String>>, OauthError> {
    match form::once(form, name).map_err(|_| OauthError::InvalidRequest)? {
        None => Ok(None),
        Some(text) if sendable(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
        Some(_) => Err(OauthError::InvalidRequest),
    }
}
fn sendable(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_SECRET && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Name and secret of `Authorization: Basic` (RFC 6749 §2.3.1: each escaped as in a form, then RFC 7617). `header`: what follows the scheme.
pub fn basic(header: &str) -> Option<(String, Zeroizing<String>)> {
    if header.len() > 3 * MAX_SECRET {
        return None;
    }
    let pair = Zeroizing::new(String::from_utf8(STANDARD.decode(header).ok()?).ok()?);
    let (id, secret) = pair.split_once(':')?;
    let (id, secret) = (form::decoded(id)?, Zeroizing::new(form::decoded(secret)?));
    (sendable(&id) && id.len() <= MAX_CLIENT && sendable(&secret)).then_some((id, secret))
}

/// Which client comes, and how it proves itself: by one way (RFC 6749 §2.3).
fn client(form: &[(String, String)], basic: Option<(String, Zeroizing<String>)>) -> Result<ClientAuth, OauthError> {
    let named = optional(form, "client_id")?;
    let (posted, assertion) = (optional(form, "client_secret")?, optional(form, "client_assertion")?);
    let kind = form::once(form, "client_assertion_type").map_err(|_| OauthError::InvalidRequest)?;
    if usize::from(basic.is_some()) + usize::from(posted.is_some()) + usize::from(assertion.is_some()) > 1 {
        return Err(OauthError::InvalidRequest);
    }
    if kind.is_some_and(|k| k != ASSERTION) || kind.is_some() != assertion.is_some() {
        return Err(OauthError::InvalidRequest);
    }
    let named = named.map(|n| n.to_string());
    if named.as_ref().is_some_and(|n| n.len() > MAX_CLIENT) {
        return Err(OauthError::InvalidClient);
    }
    match (basic, posted, assertion) {
        (Some((id, _)), ..) if named.as_ref().is_some_and(|n| *n != id) => Err(OauthError::InvalidRequest),
        (Some((id, secret)), ..) => Ok(ClientAuth::Secret { id, secret }),
        (None, Some(secret), _) => Ok(ClientAuth::Secret { id: named.ok_or(OauthError::InvalidClient)?, secret }),
        (None, None, Some(token)) => {
            // Who it is may stand in the token alone (RFC 7523 §2.2); it is believed once it is verified against that client's keys.
            let own = jose::peek(&token).and_then(|p| p.issuer).filter(|i| i.len() <= MAX_CLIENT);
            let id = named.or(own).ok_or(OauthError::InvalidClient)?;
            Ok(ClientAuth::Assertion { id, token })
        }
        (None, None, None) => Ok(ClientAuth::Public { id: named.ok_or(OauthError::InvalidClient)? }),
    }
}

/// Reads a form sent to the token endpoint, with what [`basic`] found in the header.
pub fn grant(
    form: &[(String, String)],
    basic: Option<(String, Zeroizing<String>)>,
) -> Result<(Grant, ClientAuth), OauthError> {
    if form::repeated(form) {
        return Err(OauthError::InvalidRequest);
    }
    let auth = client(form, basic)?;
    let grant = match form::once(form, "grant_type").ok().flatten() {
        None => return Err(OauthError::InvalidRequest),
        Some("authorization_code") => {
            let redirect = secret(form, "redirect_uri")?.to_string();
            Grant::Code { code: secret(form, "code")?, verifier: secret(form, "code_verifier")?, redirect }
        }
        Some("refresh_token") => {
            let scope = match form::once(form, "scope").ok().flatten() {
                None => None,
                Some(text) => Some(Scopes::read(text).ok_or(OauthError::InvalidScope)?),
            };
            Grant::Refresh { token: secret(form, "refresh_token")?, scope }
        }
        Some(DEVICE_GRANT) => Grant::Device { code: secret(form, "device_code")? },
        Some(_) => return Err(OauthError::UnsupportedGrantType),
    };
    Ok((grant, auth))
}

/// Reads a form sent to the revocation endpoint (RFC 7009 §2.1): the token, access or refresh, and who gives it back. Hints are not needed.
pub fn revocation(
    form: &[(String, String)],
    basic: Option<(String, Zeroizing<String>)>,
) -> Result<(Zeroizing<String>, ClientAuth), OauthError> {
    if form::repeated(form) {
        return Err(OauthError::InvalidRequest);
    }
    Ok((secret(form, "token")?, client(form, basic)?))
}

/// What a device without a browser asks for (RFC 8628 §3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Who asks.
    pub auth: ClientAuth,
    /// What for.
    pub scopes: Scopes,
}

/// Reads a form sent to the device endpoint.
pub fn device_request(
    form: &[(String, String)],
    basic: Option<(String, Zeroizing<String>)>,
) -> Result<Device, OauthError> {
    if form::repeated(form) {
        return Err(OauthError::InvalidRequest);
    }
    let scopes = form::once(form, "scope").ok().flatten().and_then(Scopes::read).ok_or(OauthError::InvalidScope)?;
    if scopes.and(Scopes::MAIL).is_empty() {
        return Err(OauthError::InvalidScope);
    }
    Ok(Device { auth: client(form, basic)?, scopes })
}

/// How a device's question is taken (RFC 8628 §3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// In time: it is answered.
    InTime,
    /// Too soon: `slow_down`, and from now on this many milliseconds between two.
    TooSoon {
        /// The new pause.
        every_ms: i64,
    },
}

/// Judges a device's question by the one before it. A clock that was set back is nobody's fault: then it is in time.
pub fn device_polled(before: Timestamp, now: Timestamp, every_ms: i64) -> Polled {
    if now >= before && before.plus_ms(every_ms) > now {
        Polled::TooSoon { every_ms: every_ms.saturating_add(SLOWER_MS) }
    } else {
        Polled::InTime
    }
}

/// Is `verifier` what `challenge` is the S256 digest of (RFC 7636 §4.1, §4.6)? In constant time.
pub fn challenge_ok(verifier: &str, challenge: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    let Ok(wanted) = URL_SAFE_NO_PAD.decode(challenge) else { return false };
    let digest = digest(&SHA256, verifier.as_bytes());
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && aws_lc_rs::constant_time::verify_slices_are_equal(digest.as_ref(), &wanted).is_ok()
}

/// A client that proved itself by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The proof's own name: whoever keeps it until `until` sees a proof that comes twice.
    pub id: String,
    /// Until when it could be shown.
    pub until: Timestamp,
}

/// Judges a client's token (RFC 7523 §3): signed by one of its keys, by it about itself, for one of `audiences` (our name, our endpoints), for five
/// minutes at most. [`OauthError::InvalidClient`] whatever is wrong.
pub fn proved(
    token: &str,
    keys: &Keys,
    client: &str,
    audiences: &[&str],
    now: Timestamp,
    skew_ms: i64,
) -> Result<Proved, OauthError> {
    let judged = || {
        let (header, claims) = jose::verify(token, keys, &ASSERTION_ALGS).ok()?;
        let kind = header.typ.as_deref().is_none_or(|t| matches!(t, "jwt" | "client-authentication+jwt"));
        let own = claims.text("iss").ok()? == Some(client) && claims.text("sub").ok()? == Some(client);
        // Meant for us alone.
        let aud = claims.texts("aud").ok()?;
        let ours = !aud.is_empty() && aud.iter().all(|a| audiences.contains(a));
        let until = claims.instant("exp").ok()??;
        let ahead = now.plus_ms(skew_ms);
        let past = |name: &str| claims.instant(name).ok().map(|at| at.is_none_or(|at| at <= ahead));
        let timely =
            until.plus_ms(skew_ms) > now && until <= ahead.plus_ms(ASSERTION_MS) && past("nbf")? && past("iat")?;
        let id = claims.text("jti").ok()??;
        let good = kind && own && ours && timely && !id.is_empty() && id.len() <= MAX_CLIENT;
        good.then(|| Proved { id: id.to_owned(), until: until.plus_ms(skew_ms) })
    };
    judged().ok_or(OauthError::InvalidClient)
}

/// What a refresh token that was shown means for its grant (RFC 9700 §4.14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It is the newest: the next one is given.
    Next,
    /// It is the one before, and only just: an answer was lost on the way, or a program asked twice at once. It gets the newest again.
    Sibling,
    /// Somebody has a copy: the grant ends.
    Reuse,
}

/// Judges a refresh token of generation `presented` of a grant that is at `current` since `rotated_at`.
pub fn rotation(presented: i64, current: i64, rotated_at: Timestamp, now: Timestamp, grace_ms: i64) -> Rotation {
    // Of nodes whose clocks differ, the distance counts.
    let near = now <= rotated_at.plus_ms(grace_ms) && rotated_at <= now.plus_ms(grace_ms);
    match current.checked_sub(presented) {
        Some(0) => Rotation::Next,
        Some(1) if near => Rotation::Sibling,
        _ => Rotation::Reuse,
    }
}
