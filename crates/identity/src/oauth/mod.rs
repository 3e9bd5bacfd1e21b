//! Our own authorization server (F050): what programs may ask, and what they hear.
//!
//! OAuth 2.1 (draft), that is RFC 6749 without what RFC 9700 took out of it: codes only, PKCE by S256 always (RFC 7636), exact addresses of return
//! (RFC 8252 for programs on a device), each refresh token once; besides RFC 7009, 8414, 8628, 9207.
//!
//! Promises: nobody is sent to an address that the client did not register; each parameter counts once; what is not offered is refused by its name.
mod ask;
mod grant;
mod register;

pub use ask::{Ask, Authorization, answer, authorization, client_named, registrable};
pub use grant::{
    ClientAuth, Device, Grant, Polled, Proved, Rotation, basic, challenge_ok, device_polled, device_request, grant,
    proved, revocation, rotation,
};

pub use register::{Registration, registration};

use serde_json::{Value, json};
use std::fmt;

/// Longest code, token, secret or verifier that is read, octets.
pub const MAX_SECRET: usize = 4096;
/// Longest name of a client.
pub const MAX_CLIENT: usize = 128;

/// What a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// A program on somebody's device: it keeps no secret.
    Native,
    /// A server: it proves itself by a secret or a key.
    Confidential,
}

impl ClientKind {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Confidential => "confidential",
        }
    }
    /// The reverse.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Native, Self::Confidential].into_iter().find(|k| k.as_str() == name)
    }
}

/// A program that may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// As it is shown to whoever consents.
    pub name: String,
    /// What it is.
    pub kind: ClientKind,
    /// Where browsers may be sent back to.
    pub redirects: Vec<String>,
    /// What it may ask for.
    pub scopes: Scopes,
}

/// What a token opens: bits as they are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u32);

impl Scopes {
    /// Reading mail.
    pub const READ: Self = Self(1);
    /// Sending mail.
    pub const SEND: Self = Self(2);
    /// Filing, moving and removing mail.
    pub const FILE: Self = Self(4);
    /// Going on when nobody is there (a refresh token).
    pub const OFFLINE: Self = Self(8);
    /// Everything about mail.
    pub const MAIL: Self = Self(7);
    /// Everything.
    pub const ALL: Self = Self(15);

    const NAMES: [(&'static str, Self); 4] = [
        ("mail.read", Self::READ),
        ("mail.send", Self::SEND),
        ("mail.file", Self::FILE),
        ("offline_access", Self::OFFLINE),
    ];

    /// Reads scopes parted by one space (RFC 6749 §3.3). `mail` is all three of mail. `None` for an unknown one, and for nothing at all.
    pub fn read(text: &str) -> Option<Self> {
        let mut out = Self(0);
        for name in text.split(' ') {
            let one = match name {
                "mail" => Self::MAIL,
                _ => Self::NAMES.iter().find(|(n, _)| *n == name)?.1,
            };
            out.0 |= one.0;
        }
        Some(out)
    }
    /// As they are kept.
    pub fn bits(self) -> u32 {
        self.0
    }
    /// As they were kept; `None` for bits that mean nothing.
    pub fn of_bits(bits: u32) -> Option<Self> {
        (bits & !Self::ALL.0 == 0).then_some(Self(bits))
    }
    /// Is everything of `other` in here?
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// Nothing?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Self::NAMES.iter().filter(|(_, s)| self.contains(*s)).map(|(n, _)| *n).collect();
        f.write_str(&names.join(" "))
    }
}
impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

/// Why a program does not get what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // each is its registered code
pub enum OauthError {
    #[error("invalid_request")]
    InvalidRequest,
    #[error("invalid_client")]
    InvalidClient,
    #[error("invalid_grant")]
    InvalidGrant,
    #[error("unauthorized_client")]
    UnauthorizedClient,
    #[error("unsupported_grant_type")]
    UnsupportedGrantType,
    #[error("unsupported_response_type")]
    UnsupportedResponseType,
    #[error("invalid_scope")]
    InvalidScope,
    #[error("access_denied")]
    AccessDenied,
    #[error("authorization_pending")]
    AuthorizationPending,
    #[error("slow_down")]
    SlowDown,
    #[error("expired_token")]
    ExpiredToken,
    #[error("temporarily_unavailable")]
    TemporarilyUnavailable,
    #[error("invalid_redirect_uri")]
    InvalidRedirectUri,
    #[error("invalid_client_metadata")]
    InvalidClientMetadata,
}

impl OauthError {
    /// Its registered code (RFC 6749 §4.1.2.1, §5.2, RFC 7591 §3.2.2, RFC 8628 §3.5).
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
        }
    }
    /// HTTP status of the answer to a program (RFC 6749 §5.2).
    pub fn http(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
    /// The answer to a program.
    pub fn body(self) -> Value {
        json!({"error": self.code()})
    }
}

/// What the server says of itself (RFC 8414 §2, RFC 9207 §3). `registration`: may programs register themselves?
pub fn metadata(issuer: &str, registration: bool) -> Value {
    let at = |path: &str| format!("{issuer}/oauth/{path}");
    let mut all = json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "revocation_endpoint": at("revoke"),
        "device_authorization_endpoint": at("device_authorization"),
        "scopes_supported": ["mail", "mail.read", "mail.send", "mail.file", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", grant::DEVICE_GRANT],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    for endpoint in ["token", "revocation"] {
        all[format!("{endpoint}_endpoint_auth_methods_supported")] =
            json!(["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]);
        all[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")] =
            json!(grant::ASSERTION_ALGS.map(crate::jose::Alg::as_str));
    }
    if registration {
        all["registration_endpoint"] = json!(at("register"));
    }
    all
}

#[cfg(test)]
mod tests;
