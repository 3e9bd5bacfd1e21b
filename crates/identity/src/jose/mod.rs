//! Signed tokens (JWS in its compact form, RFC 7515; JWT, RFC 7519) and the keys that sign them (RFC 7517, 7518, 8037), under the advice of RFC 8725.
//!
//! Promises: what is not signed by one of the keys given, with an algorithm that is allowed and fits the key, has no claims; `none` and every
//! algorithm with a shared secret cannot even be written ([`Alg`]); a header never brings a key or an address of one (`jwk`, `jku`, `x5c`, `x5u` are
//! not read); what a header declares critical is refused, because nothing is understood beyond the standard; each token is read in one way only.
mod claims;
mod keys;
mod sign;

pub use claims::{Claims, Wrong};
pub use keys::Keys;
pub use sign::Signer;

use crate::json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::str::FromStr;

/// Longest token, octets. Real ones have 1 to 4 thousand.
pub const MAX_TOKEN: usize = 16 * 1024;
/// Longest header of a token, octets once decoded.
const MAX_HEADER: usize = 4 * 1024;
/// Longest key name.
const MAX_KID: usize = 256;

/// Algorithms of signatures (RFC 7518 §3.1, RFC 8037 §3.1). There is no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is its name in the registry
pub enum Alg {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

impl Alg {
    /// Every algorithm.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];
    /// Its registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl FromStr for Alg {
    type Err = JoseError;
    fn from_str(name: &str) -> Result<Self, JoseError> {
        Self::ALL.into_iter().find(|a| a.as_str() == name).ok_or(JoseError::Alg)
    }
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// It is no token, or its keys are no keys.
    #[error("malformed")]
    Malformed,
    /// Signed by an algorithm that is unknown or not allowed.
    #[error("algorithm not accepted")]
    Alg,
    /// Its header says that something has to be understood that is not.
    #[error("critical header parameter")]
    Crit,
    /// None of the keys is the one it names: the caller asks for the keys once more.
    #[error("unknown key")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("wrong signature")]
    Signature,
    /// Longer than anything that is read.
    #[error("too big")]
    TooBig,
}

impl JoseError {
    /// Stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "jose.malformed",
            Self::Alg => "jose.alg",
            Self::Crit => "jose.crit",
            Self::UnknownKey => "jose.unknown_key",
            Self::Signature => "jose.signature",
            Self::TooBig => "jose.too_big",
        }
    }
}

/// What a token says of itself before its claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// By which algorithm it is signed.
    pub alg: Alg,
    /// By which key.
    pub kid: Option<String>,
    /// What it is, in lower case and without `application/` (RFC 7515 §4.1.9): `jwt`, `logout+jwt`.
    pub typ: Option<String>,
}

/// A look at a token that nobody verified: it chooses whom to ask, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// Its header.
    pub header: Header,
    /// Who it says that issued it.
    pub issuer: Option<String>,
}

/// The parts of a token.
struct Parts<'a> {
    /// What is signed: header and payload as they are written.
    signed: &'a str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Strict base64url without padding (RFC 7515 §2).
fn decoded(text: &str) -> Result<Vec<u8>, JoseError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JoseError::Malformed)
}

/// Takes a token apart: three parts, the header read, nothing believed.
fn parts(token: &str) -> Result<Parts<'_>, JoseError> {
    if token.len() > MAX_TOKEN {
        return Err(JoseError::TooBig);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JoseError::Malformed)?;
    // A fourth part, as encrypted tokens have five, leaves a point in the payload, which is no base64url.
    let (header, payload) = signed.split_once('.').ok_or(JoseError::Malformed)?;
    Ok(Parts {
        signed,
        header: read_header(&decoded(header)?)?,
        payload: decoded(payload)?,
        signature: decoded(signature)?,
    })
}

fn read_header(bytes: &[u8]) -> Result<Header, JoseError> {
    let object = json::object(bytes, MAX_HEADER).ok_or(JoseError::Malformed)?;
    // RFC 7515 §4.1.11: whoever does not understand what is critical must refuse; of what may be listed there nothing is understood here.
    if object.contains_key("crit") {
        return Err(JoseError::Crit);
    }
    let text = |name: &str| match object.get(name) {
        None => Ok(None),
        Some(serde_json::Value::String(text)) if !text.is_empty() && text.len() <= MAX_KID => Ok(Some(text.as_str())),
        Some(_) => Err(JoseError::Malformed),
    };
    let typ = text("typ")?.map(|t| {
        let lower = t.to_ascii_lowercase();
        lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower)
    });
    Ok(Header { alg: text("alg")?.ok_or(JoseError::Malformed)?.parse()?, kid: text("kid")?.map(str::to_owned), typ })
}

/// Who signed a token, as it says itself. For choosing an issuer and its keys; `None` when it is no token that could ever be verified here.
pub fn peek(token: &str) -> Option<Peek> {
    let parts = parts(token).ok()?;
    let claims = Claims::read(&parts.payload)?;
    let issuer = claims.text("iss").ok()?.map(str::to_owned);
    Some(Peek { header: parts.header, issuer })
}

/// Believes a token: signed by one of `keys` with one of the algorithms `allowed`. What its claims say, and whether they are meant for us, is for
/// the caller to judge.
///
/// [`JoseError::UnknownKey`] when none of the keys is the one it names; a token without a name is only believed when one key alone can be meant
/// (OpenID Connect Core §10.1).
pub fn verify(token: &str, keys: &Keys, allowed: &[Alg]) -> Result<(Header, Claims), JoseError> {
    let (header, payload) = verify_bytes(token, keys, allowed)?;
    Ok((header, Claims::read(&payload).ok_or(JoseError::Malformed)?))
}

/// As [`verify`], for any content.
pub fn verify_bytes(token: &str, keys: &Keys, allowed: &[Alg]) -> Result<(Header, Vec<u8>), JoseError> {
    let parts = parts(token)?;
    if !allowed.contains(&parts.header.alg) {
        return Err(JoseError::Alg);
    }
    let key = keys.find(&parts.header)?;
    key.verify(parts.header.alg, parts.signed.as_bytes(), &parts.signature)?;
    Ok((parts.header, parts.payload))
}

#[cfg(test)]
pub(crate) mod attacks;
#[cfg(test)]
mod tests;
