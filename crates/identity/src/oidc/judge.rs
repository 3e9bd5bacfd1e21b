//! What a token says, and whether it says it to us, now.
use super::{MAX_SUBJECT, OidcError, read, same};
use crate::jose::{self, Alg, Claims, Header, Keys};
use aws_lc_rs::digest::{self, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::Timestamp;

/// What an ID token has to fit.
#[derive(Debug, Clone, Copy)]
pub struct Expect<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// Our name there.
    pub client: &'a str,
    /// The question that it answers; none where none was asked (CIBA).
    pub nonce: Option<&'a str>,
    /// Levels of authentication of which one must be there. Empty: any.
    pub acr: &'a [String],
    /// The person must have proven himself after this instant (a fresh proof).
    pub after: Option<Timestamp>,
    /// The present.
    pub now: Timestamp,
    /// How far the provider's clock may be off, milliseconds.
    pub skew_ms: i64,
}

/// Who signed in, by an ID token.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The provider's name for that person.
    pub subject: String,
    /// The provider's session (for its logout).
    pub session: Option<String>,
    /// The level of authentication.
    pub acr: Option<String>,
    /// When the person proved himself.
    pub authenticated: Option<Timestamp>,
    /// Everything that it says.
    pub claims: Claims,
}

/// Judges an ID token (OpenID Connect Core §3.1.3.7, and `at_hash` by §3.1.3.8 when the access token is given).
pub fn id_token(
    token: &str,
    keys: &Keys,
    algs: &[Alg],
    expect: &Expect<'_>,
    access: Option<&str>,
) -> Result<Identity, OidcError> {
    let (header, claims) = jose::verify(token, keys, algs)?;
    // Another kind of token under the same key: by its header's type, by Keycloak's claim of that name, or by what only logout tokens have.
    let kind = header.typ.as_deref().is_none_or(|t| t == "jwt") && claims.text("typ")?.is_none_or(|t| t == "ID");
    if !kind || claims.has("events") {
        return Err(OidcError::Kind);
    }
    if claims.text("iss")? != Some(expect.issuer) {
        return Err(OidcError::Issuer);
    }
    audience(&claims, expect.client)?;
    in_time(&claims, expect.now, expect.skew_ms)?;
    let issued = claims.instant("iat")?.ok_or(OidcError::Malformed)?;
    if issued > expect.now.plus_ms(expect.skew_ms) {
        return Err(OidcError::NotYet);
    }
    if let Some(nonce) = expect.nonce
        && !claims.text("nonce")?.is_some_and(|given| same(given, nonce))
    {
        return Err(OidcError::Nonce);
    }
    let acr = claims.text("acr")?.map(str::to_owned);
    if !expect.acr.is_empty() && !acr.as_ref().is_some_and(|acr| expect.acr.contains(acr)) {
        return Err(OidcError::Assurance);
    }
    let authenticated = claims.instant("auth_time")?;
    if let Some(after) = expect.after
        // Said in whole seconds: the second that has begun counts.
        && authenticated.is_none_or(|at| at.plus_ms(expect.skew_ms).plus_ms(999) < after)
    {
        return Err(OidcError::Age);
    }
    if let (Some(access), Some(hash)) = (access, claims.text("at_hash")?)
        && !same(hash, &half_hash(&header, access))
    {
        return Err(OidcError::AtHash);
    }
    let session = claims.text("sid")?.map(str::to_owned);
    Ok(Identity { subject: subject(&claims)?, session, acr, authenticated, claims })
}

/// `sub`: at most 255 characters of visible ASCII or spaces.
pub(super) fn subject(claims: &Claims) -> Result<String, OidcError> {
    let sub = claims.text("sub")?.ok_or(OidcError::Malformed)?;
    let good = !sub.trim().is_empty() && sub.len() <= MAX_SUBJECT && sub.bytes().all(|b| (0x20..0x7f).contains(&b));
    if good { Ok(sub.to_owned()) } else { Err(OidcError::Malformed) }
}

/// It is meant for us: we are in `aud`; when others are too, it was issued to us (`azp`); and it was issued to nobody else.
pub(super) fn audience(claims: &Claims, client: &str) -> Result<(), OidcError> {
    let (aud, azp) = (claims.texts("aud")?, claims.text("azp")?);
    let good =
        aud.contains(&client) && if aud.len() > 1 { azp == Some(client) } else { azp.is_none_or(|a| a == client) };
    if good { Ok(()) } else { Err(OidcError::Audience) }
}

/// `exp` has to be there and to come, `nbf` may be there and has to be past.
pub(super) fn in_time(claims: &Claims, now: Timestamp, skew_ms: i64) -> Result<(), OidcError> {
    let until = claims.instant("exp")?.ok_or(OidcError::Malformed)?;
    if until.plus_ms(skew_ms) <= now {
        return Err(OidcError::Expired);
    }
    match claims.instant("nbf")? {
        Some(from) if from > now.plus_ms(skew_ms) => Err(OidcError::NotYet),
        _ => Ok(()),
    }
}

/// The left half of the digest that goes with the token's algorithm (OpenID Connect Core §3.1.3.6; SHA-512 for Ed25519).
fn half_hash(header: &Header, access: &str) -> String {
    let by = match header.alg {
        Alg::Rs256 | Alg::Ps256 | Alg::Es256 => &digest::SHA256,
        Alg::Rs384 | Alg::Ps384 | Alg::Es384 => &digest::SHA384,
        Alg::Rs512 | Alg::Ps512 | Alg::Es512 | Alg::EdDsa => &digest::SHA512,
    };
    let whole = digest(by, access.as_bytes());
    URL_SAFE_NO_PAD.encode(&whole.as_ref()[..whole.as_ref().len() / 2])
}

/// Does a structure's sign-in attest, under its signature, a level that counts as strong (F044)? `claim`: where it says it (`acr`, `amr`: a text or
/// a list of texts); `values`: those that count. [`OidcError::Assurance`] when none is there, or no value counts.
pub fn assured(claims: &Claims, claim: &str, values: &[String]) -> Result<(), OidcError> {
    let good = claims.texts(claim)?.iter().any(|said| values.iter().any(|v| v == said));
    if good { Ok(()) } else { Err(OidcError::Assurance) }
}

/// What an access token has to fit that a program shows at the mail doors (F221).
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// What the claim `typ` may say. An ID token says `ID` there.
    pub types: &'a [String],
    /// Clients whose tokens are accepted; `None`: any.
    pub clients: Option<&'a [String]>,
    /// Levels of authentication of which one must be there, where one is said. Empty: any.
    pub acr: &'a [String],
    /// The present.
    pub now: Timestamp,
    /// How far the provider's clock may be off, milliseconds.
    pub skew_ms: i64,
}

/// Who shows a token, by what the provider says of it.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The provider's name for that person.
    pub subject: String,
    /// The program to which it was issued; `None` when nothing says it (and any is accepted).
    pub client: Option<String>,
    /// The level of authentication, one of those accepted. `None`: not said, or any is accepted; where one is needed, introspection has to say it.
    pub acr: Option<String>,
    /// When its time is over.
    pub until: Timestamp,
    /// Everything that is said.
    pub claims: Claims,
}

/// Judges an access token that is a JWT of the provider's. It opens nothing yet: where the level of authentication or the national identifier is
/// missing, the caller asks [`introspected`] or [`userinfo`].
pub fn access_token(token: &str, keys: &Keys, algs: &[Alg], access: &Access<'_>) -> Result<Bearer, OidcError> {
    let (header, claims) = jose::verify(token, keys, algs)?;
    // RFC 9068 §2.1 names its type in the header; Keycloak, and so Pro Santé Connect, in a claim. One of them has to.
    let header_kind = match header.typ.as_deref() {
        None | Some("jwt") => None,
        Some("at+jwt") => Some(()),
        Some(_) => return Err(OidcError::Kind),
    };
    match (claims.text("typ")?, header_kind) {
        (Some(typ), _) if access.types.iter().any(|t| t == typ) => {}
        (None, Some(())) => {}
        _ => return Err(OidcError::Kind),
    }
    // What only ID and logout tokens have.
    if claims.has("events") || claims.has("at_hash") {
        return Err(OidcError::Kind);
    }
    if claims.text("iss")? != Some(access.issuer) {
        return Err(OidcError::Issuer);
    }
    bearer(claims, access)
}

/// Reads the answer to an introspection (RFC 7662 §2.2) and judges it as the token itself. [`OidcError::Expired`] for a token that is not active,
/// [`OidcError::Subject`] when it is not about `subject`, whom the token itself named.
pub fn introspected(text: &[u8], access: &Access<'_>, of: Option<&str>) -> Result<Bearer, OidcError> {
    let claims = read(text)?;
    match claims.get("active").and_then(serde_json::Value::as_bool) {
        Some(true) => {}
        Some(false) => return Err(OidcError::Expired),
        None => return Err(OidcError::Malformed),
    }
    // `typ` is Keycloak's, `token_type` the standard's (and may be the type of its use, `Bearer`).
    let kinds = [claims.text("typ")?, claims.text("token_type")?];
    let good = |kind: &str| access.types.iter().any(|t| t.eq_ignore_ascii_case(kind));
    if kinds.iter().flatten().next().is_none() || !kinds.into_iter().flatten().all(good) {
        return Err(OidcError::Kind);
    }
    if claims.text("iss")?.is_some_and(|issuer| issuer != access.issuer) {
        return Err(OidcError::Issuer);
    }
    let bearer = bearer(claims, access)?;
    if of.is_some_and(|of| of != bearer.subject) { Err(OidcError::Subject) } else { Ok(bearer) }
}

/// Time, client, level and subject of an access token.
fn bearer(claims: Claims, access: &Access<'_>) -> Result<Bearer, OidcError> {
    in_time(&claims, access.now, access.skew_ms)?;
    let until = claims.instant("exp")?.ok_or(OidcError::Malformed)?;
    if claims.instant("iat")?.is_some_and(|at| at > access.now.plus_ms(access.skew_ms)) {
        return Err(OidcError::NotYet);
    }
    let named = match claims.text("azp")? {
        Some(client) => Some(client),
        None => claims.text("client_id")?,
    };
    let client = match access.clients {
        None => named,
        Some(accepted) => {
            let listed = |name: &&str| accepted.iter().any(|a| a == name);
            let audience = claims.texts("aud")?;
            Some(named.filter(listed).or_else(|| audience.into_iter().find(listed)).ok_or(OidcError::Audience)?)
        }
    };
    let acr = claims.text("acr")?;
    if !access.acr.is_empty() && acr.is_some_and(|said| access.acr.iter().all(|a| a != said)) {
        return Err(OidcError::Assurance);
    }
    let (client, acr) = (client.map(str::to_owned), acr.map(str::to_owned));
    Ok(Bearer { subject: subject(&claims)?, client, acr, until, claims })
}

/// Reads what the provider says of a person (OpenID Connect Core §5.3.2): of the very person whom the token named. An answer that is signed or
/// encrypted is not read.
pub fn userinfo(text: &[u8], of: &str) -> Result<Claims, OidcError> {
    let claims = read(text)?;
    match claims.text("sub")? {
        Some(sub) if sub == of => Ok(claims),
        Some(_) => Err(OidcError::Subject),
        None => Err(OidcError::Malformed),
    }
}
