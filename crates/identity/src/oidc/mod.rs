//! OpenID Connect as a relying party: Pro Santé Connect (F042) and the sign-in of a structure (F044).
//!
//! OpenID Connect Core 1.0, Discovery 1.0, Back-Channel Logout 1.0, CIBA Core 1.0; PKCE (RFC 7636), issuer in the answer (RFC 9207), introspection
//! (RFC 7662). What is sent and what is received goes through the caller: nothing here talks.
//!
//! Promises: a browser's return is believed once its state, its issuer and its form fit; a token once its signature, issuer, audience, time and
//! nonce fit, and its kind: an ID token is no access token and neither is a logout token (RFC 8725 §3.12).
mod ciba;
mod flow;
mod judge;
mod logout;

pub use ciba::{Called, Poll, ciba_answer, ciba_form, ciba_poll_form, ciba_started};
pub use flow::{Begin, Form, Tokens, assertion, begin, returned, sign_out, token_form, tokens};
pub use judge::{Access, Bearer, Expect, Identity, access_token, assured, id_token, introspected, userinfo};
pub use logout::{Logout, logout_token};

use crate::jose::{Alg, Claims, JoseError, Wrong};
use crate::url::Url;
use serde_json::Value;

/// Largest answer of a provider, octets.
pub const MAX_ANSWER: usize = 64 * 1024;
/// Longest subject (OpenID Connect Core §2: 255 ASCII characters).
pub const MAX_SUBJECT: usize = 255;

/// Why nothing was proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The provider did not answer, or says that it cannot now.
    #[error("the provider does not answer")]
    Unavailable,
    /// What it answered is not what the standard says.
    #[error("malformed answer")]
    Malformed,
    /// The return belongs to another browser or another attempt.
    #[error("another state")]
    State,
    /// It comes from another issuer.
    #[error("another issuer")]
    Issuer,
    /// It is meant for another client.
    #[error("another audience")]
    Audience,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come.
    #[error("not valid yet")]
    NotYet,
    /// It answers another question of ours.
    #[error("another nonce")]
    Nonce,
    /// The level of authentication is not the one that was asked for.
    #[error("assurance too low")]
    Assurance,
    /// The authentication is older than what was asked for.
    #[error("authenticated too long ago")]
    Age,
    /// The access token is not the one that came with the ID token.
    #[error("another access token")]
    AtHash,
    /// It is a token, but of another kind.
    #[error("a token of another kind")]
    Kind,
    /// None of the keys is the one it names: the caller asks for the keys once more.
    #[error("unknown key")]
    Key,
    /// Its signature, or the algorithm of it, is not accepted.
    #[error("wrong signature")]
    Signature,
    /// The provider says no: its error code, at most 64 characters of RFC 6749's alphabet.
    #[error("denied: {0}")]
    Denied(String),
    /// It is about somebody else.
    #[error("another subject")]
    Subject,
}

impl OidcError {
    /// Stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable => "provider.unavailable",
            Self::Malformed => "oidc.malformed",
            Self::State => "oidc.state",
            Self::Issuer => "oidc.issuer",
            Self::Audience => "token.audience",
            Self::Expired => "token.expired",
            Self::NotYet => "oidc.not_yet",
            Self::Nonce => "oidc.nonce",
            Self::Assurance => "token.assurance",
            Self::Age => "auth.fresh",
            Self::AtHash => "oidc.at_hash",
            Self::Kind => "oidc.kind",
            Self::Key => "oidc.key",
            Self::Signature => "oidc.signature",
            Self::Denied(_) => "oidc.denied",
            Self::Subject => "oidc.subject",
        }
    }
}

impl From<Wrong> for OidcError {
    fn from(_: Wrong) -> Self {
        Self::Malformed
    }
}

impl From<JoseError> for OidcError {
    fn from(e: JoseError) -> Self {
        match e {
            JoseError::UnknownKey => Self::Key,
            JoseError::Alg | JoseError::Crit | JoseError::Signature => Self::Signature,
            JoseError::Malformed | JoseError::TooBig => Self::Malformed,
        }
    }
}

/// An identity provider, as its own document describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name, compared byte for byte.
    pub issuer: String,
    /// Where browsers are sent.
    pub authorization: String,
    /// Where codes are exchanged.
    pub token: String,
    /// Where its keys are.
    pub jwks: String,
    /// What it says of a person.
    pub userinfo: Option<String>,
    /// What it says of a token (RFC 7662).
    pub introspection: Option<String>,
    /// Where a person signs out.
    pub end_session: Option<String>,
    /// Where somebody's telephone is called (CIBA).
    pub ciba: Option<String>,
    /// Does it name itself in the browser's return (RFC 9207)?
    pub iss_in_response: bool,
    /// By which algorithms it signs ID tokens; those that are known here.
    pub algs: Vec<Alg>,
    /// Addresses for whoever shows a certificate.
    pub aliases: Aliases,
}

/// Where a client that shows its certificate asks instead (RFC 8705 §5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aliases {
    /// Of [`Provider::token`].
    pub token: Option<String>,
    /// Of [`Provider::userinfo`].
    pub userinfo: Option<String>,
    /// Of [`Provider::introspection`].
    pub introspection: Option<String>,
    /// Of [`Provider::ciba`].
    pub ciba: Option<String>,
}

impl Provider {
    /// As it is for a client that shows its certificate: such a client has to ask at the aliases, where there are some (RFC 8705 §5).
    #[must_use]
    pub fn mutual(self) -> Self {
        let Aliases { token, userinfo, introspection, ciba } = self.aliases;
        Self {
            token: token.unwrap_or(self.token),
            userinfo: userinfo.or(self.userinfo),
            introspection: introspection.or(self.introspection),
            ciba: ciba.or(self.ciba),
            aliases: Aliases::default(),
            ..self
        }
    }
    /// Every address of it: the caller asks those only whose hosts it was told to.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let needed = [&self.authorization, &self.token, &self.jwks].into_iter();
        let possible = [&self.userinfo, &self.introspection, &self.end_session, &self.ciba];
        needed.chain(possible.into_iter().flatten()).map(String::as_str)
    }
}

/// Reads a provider's document (OpenID Connect Discovery 1.0 §3, §4.3). [`OidcError::Issuer`] when it is not, byte for byte, the one expected;
/// [`OidcError::Malformed`] when something is missing, an address is not plain HTTPS, it knows no code flow, or signs by nothing that is known here.
pub fn discovered(text: &[u8], expected_issuer: &str) -> Result<Provider, OidcError> {
    let document = read(text)?;
    if document.text("issuer")? != Some(expected_issuer) {
        return Err(OidcError::Issuer);
    }
    let address = |name: &str| match document.text(name)? {
        None => Ok(None),
        Some(url) if Url::parse(url).is_some_and(|u| u.is_https()) => Ok(Some(url.to_owned())),
        Some(_) => Err(OidcError::Malformed),
    };
    let needed = |name: &str| address(name)?.ok_or(OidcError::Malformed);
    if document.has("response_types_supported") && !document.texts("response_types_supported")?.contains(&"code") {
        return Err(OidcError::Malformed);
    }
    let algs = match document.texts("id_token_signing_alg_values_supported")? {
        none if none.is_empty() => vec![Alg::Rs256],
        named => named.iter().filter_map(|n| n.parse().ok()).collect(),
    };
    let iss_in_response = match document.get("authorization_response_iss_parameter_supported") {
        None => false,
        Some(said) => said.as_bool().ok_or(OidcError::Malformed)?,
    };
    if algs.is_empty() {
        return Err(OidcError::Malformed);
    }
    let aliases = match document.get("mtls_endpoint_aliases") {
        None => Aliases::default(),
        Some(Value::Object(named)) => aliases(named)?,
        Some(_) => return Err(OidcError::Malformed),
    };
    Ok(Provider {
        issuer: expected_issuer.to_owned(),
        authorization: needed("authorization_endpoint")?,
        token: needed("token_endpoint")?,
        jwks: needed("jwks_uri")?,
        userinfo: address("userinfo_endpoint")?,
        introspection: address("introspection_endpoint")?,
        end_session: address("end_session_endpoint")?,
        ciba: address("backchannel_authentication_endpoint")?,
        iss_in_response,
        algs,
        aliases,
    })
}

/// Addresses for whoever shows a certificate; those of other services are passed over.
fn aliases(named: &crate::json::Object) -> Result<Aliases, OidcError> {
    let address = |name: &str| match named.get(name) {
        None => Ok(None),
        Some(Value::String(url)) if Url::parse(url).is_some_and(|u| u.is_https()) => Ok(Some(url.clone())),
        Some(_) => Err(OidcError::Malformed),
    };
    Ok(Aliases {
        token: address("token_endpoint")?,
        userinfo: address("userinfo_endpoint")?,
        introspection: address("introspection_endpoint")?,
        ciba: address("backchannel_authentication_endpoint")?,
    })
}

/// Does an answer to a request that named us say that the provider does not know us: another secret, key or certificate (RFC 6749 §5.2)?
pub fn client_refused(status: u16, text: &[u8]) -> bool {
    let said = || read(text).is_ok_and(|answer| answer.text("error") == Ok(Some("invalid_client")));
    status == 401 || (status == 400 && said())
}

/// JSON that a provider answered.
fn read(text: &[u8]) -> Result<Claims, OidcError> {
    crate::json::object(text, MAX_ANSWER).map(Claims::from).ok_or(OidcError::Malformed)
}

/// What a provider says no with (RFC 6749 §4.1.2.1, §5.2).
fn denied(code: &str) -> OidcError {
    let alphabet = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    match code {
        "temporarily_unavailable" | "server_error" => OidcError::Unavailable,
        _ if !code.is_empty() && code.len() <= 64 && code.bytes().all(alphabet) => OidcError::Denied(code.to_owned()),
        _ => OidcError::Malformed,
    }
}

/// Are two texts the same? In constant time for texts of one length.
fn same(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
