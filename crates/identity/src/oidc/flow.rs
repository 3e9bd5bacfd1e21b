//! The code flow: a browser goes out, comes back, and its code is exchanged (OpenID Connect Core §3.1; PKCE by S256 always).
use super::{OidcError, Provider, denied, read, same};
use crate::form;
use crate::jose::{JoseError, Signer};
use crate::url::with_query;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

/// Longest code or token that a provider may hand out, octets.
const MAX_SECRET: usize = 16 * 1024;
/// Parameters that [`begin`] sets itself.
const OURS: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

/// Fields of a form, some of them secret.
pub type Form = Vec<(&'static str, Zeroizing<String>)>;

/// An attempt that begins: what the browser's attempt keeps, and where the browser goes.
pub struct Begin {
    /// Comes back with the browser.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Proves at the exchange that the code is ours. Secret.
    pub verifier: Zeroizing<String>,
    /// Where the browser goes.
    pub url: String,
}

impl std::fmt::Debug for Begin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Begin(…)")
    }
}

/// 256 random bits as text.
fn random(fill: &mut dyn FnMut(&mut [u8])) -> String {
    let mut bytes = Zeroizing::new([0; 32]);
    fill(bytes.as_mut());
    URL_SAFE_NO_PAD.encode(bytes.as_ref())
}

/// Begins an attempt. `acr`: levels asked for, best first; `extra`: parameters besides (`prompt`, `max_age`, `login_hint`), which never replace
/// those of the flow; `fill`: makes octets random.
pub fn begin(
    provider: &Provider,
    client: &str,
    redirect: &str,
    scope: &str,
    acr: &[String],
    extra: &[(&str, &str)],
    fill: &mut dyn FnMut(&mut [u8]),
) -> Begin {
    let (state, nonce, verifier) = (random(fill), random(fill), Zeroizing::new(random(fill)));
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    let acr = acr.join(" ");
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", redirect),
        ("scope", scope),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    if !acr.is_empty() {
        parameters.push(("acr_values", &acr));
    }
    parameters.extend(extra.iter().filter(|(name, _)| !OURS.contains(name)));
    let url = with_query(&provider.authorization, &form::write(&parameters));
    Begin { state, nonce, verifier, url }
}

/// What a browser brings back: the code.
///
/// [`OidcError::State`] first of all, because nothing else of a return that is not ours means anything; [`OidcError::Issuer`] when it comes from
/// another provider (RFC 9207 §2.4), or from none where ours always names itself; [`OidcError::Denied`] when the provider says no.
pub fn returned(provider: &Provider, query: &[(String, String)], state: &str) -> Result<Zeroizing<String>, OidcError> {
    let one = |name: &str| form::once(query, name).map_err(|_| OidcError::Malformed);
    // An attempt without a state is none.
    if state.is_empty() || !one("state")?.is_some_and(|given| same(given, state)) {
        return Err(OidcError::State);
    }
    match one("iss")? {
        Some(issuer) if issuer != provider.issuer => return Err(OidcError::Issuer),
        None if provider.iss_in_response => return Err(OidcError::Issuer),
        _ => {}
    }
    match (one("code")?, one("error")?) {
        (Some(code), None) if bearable(code) => Ok(Zeroizing::new(code.to_owned())),
        (None, Some(error)) => Err(denied(error)),
        _ => Err(OidcError::Malformed),
    }
}

/// Where a browser goes to sign out at the provider too (OpenID Connect RP-Initiated Logout 1.0 §2); `None` when the provider has no such place. No
/// ID token goes with it, because none is kept: the provider may ask the person.
pub fn sign_out(provider: &Provider, client: &str, redirect: &str) -> Option<String> {
    let parameters = [("client_id", client), ("post_logout_redirect_uri", redirect)];
    provider.end_session.as_ref().map(|address| with_query(address, &form::write(&parameters)))
}

/// Visible ASCII of bounded length (RFC 6749 appendix A: VSCHAR).
fn bearable(secret: &str) -> bool {
    !secret.is_empty() && secret.len() <= MAX_SECRET && secret.bytes().all(|b| b.is_ascii_graphic())
}

/// What is sent to exchange a code (OpenID Connect Core §3.1.3.1, RFC 7636 §4.5). How the client proves itself is the caller's.
pub fn token_form(code: &str, redirect: &str, verifier: &str) -> Form {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect), ("code_verifier", verifier)]
        .map(|(name, value)| (name, Zeroizing::new(value.to_owned())))
        .into()
}

/// What proves a client by its key (`private_key_jwt`: OpenID Connect Core §9, RFC 7523 §3): `client_assertion`, good for a minute, for one provider.
/// `id` must never come twice.
pub fn assertion(signer: &Signer, client: &str, audience: &str, id: &str, now: Timestamp) -> Result<String, JoseError> {
    let at = now.seconds();
    let claims = json!({"iss": client, "sub": client, "aud": audience, "jti": id, "iat": at, "exp": at + 60});
    signer.sign("JWT", &claims)
}

/// What came for a code. Nothing of it is kept (decision: standing rows keep nothing of a token); a refresh token is not even read.
pub struct Tokens {
    /// Opens the provider's own services for some minutes.
    pub access: Zeroizing<String>,
    /// Says who signed in.
    pub id: Option<Zeroizing<String>>,
    /// Seconds that the access token lives, when it is said.
    pub expires_in: Option<i64>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// Reads the answer to a code (RFC 6749 §5.1, §5.2), whatever its status was.
pub fn tokens(text: &[u8]) -> Result<Tokens, OidcError> {
    let mut answer = read(text)?;
    if let Some(error) = answer.text("error")? {
        return Err(denied(error));
    }
    if !answer.text("token_type")?.is_some_and(|t| t.eq_ignore_ascii_case("bearer")) {
        return Err(OidcError::Malformed);
    }
    // Some providers write the number as text; a lifetime that cannot be read is none.
    let expires_in = answer.get("expires_in").and_then(serde_json::Value::as_i64).filter(|s| *s >= 0);
    let mut secret = |name: &str| match answer.take(name)?.map(Zeroizing::new) {
        Some(secret) if !bearable(&secret) => Err(OidcError::Malformed),
        other => Ok(other),
    };
    Ok(Tokens { access: secret("access_token")?.ok_or(OidcError::Malformed)?, id: secret("id_token")?, expires_in })
}
