//! A browser comes with a program's question, and goes back with an answer (RFC 6749 §4.1.1, §4.1.2).
use super::{Client, ClientKind, MAX_CLIENT, OauthError, Scopes};
use crate::form;
use crate::url::{Url, with_query};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest `state`, octets.
const MAX_STATE: usize = 1024;
/// Longest hint of who will sign in, characters.
const MAX_HINT: usize = 254;

/// A question that may be put to the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Who asks.
    pub client: String,
    /// Where the answer goes: registered, or registered but for the port of this machine.
    pub redirect: String,
    /// What for.
    pub scopes: Scopes,
    /// What the program will have to prove that it knows (RFC 7636), S256.
    pub challenge: String,
    /// Goes back with the answer, as it came.
    pub state: Option<String>,
    /// Which BAL the program means (OpenID Connect Core §3.1.2.1). A suggestion.
    pub hint: Option<String>,
}

/// What becomes of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// It is put to the person.
    Good(Authorization),
    /// It is refused on a page of ours: nobody may be sent to an address that is not registered (RFC 9700 §4.11).
    Here(OauthError),
    /// It is refused at the client's address.
    Back(String),
}

/// Which client a question names, for whoever looks it up. `None`: none, or two.
pub fn client_named(query: &[(String, String)]) -> Option<&str> {
    form::once(query, "client_id").ok()?.filter(|c| !c.is_empty() && c.len() <= MAX_CLIENT)
}

/// Judges a question. `client`: the registered one that it names; `None` when there is none, or it is switched off. `issuer`: our name (RFC 9207).
pub fn authorization(query: &[(String, String)], client: Option<&Client>, issuer: &str) -> Ask {
    let (Some(client), Some(named)) = (client, client_named(query)) else {
        return Ask::Here(OauthError::InvalidClient);
    };
    if client.id != named {
        return Ask::Here(OauthError::InvalidClient);
    }
    let redirect = match form::once(query, "redirect_uri") {
        Ok(Some(address)) if client.redirects.iter().any(|r| fits(address, r, client.kind)) => address,
        _ => return Ask::Here(OauthError::InvalidRequest),
    };
    let state = form::once(query, "state").ok().flatten().filter(|s| storable(s));
    match question(query, client, redirect, state) {
        Ok(good) => Ask::Good(good),
        Err(error) => {
            let mut parameters = vec![("error", error.code())];
            parameters.extend(state.map(|s| ("state", s)));
            Ask::Back(answer(redirect, &parameters, issuer))
        }
    }
}

/// Visible ASCII and spaces, bounded (RFC 6749 appendix A.5).
fn storable(state: &str) -> bool {
    state.len() <= MAX_STATE && state.bytes().all(|b| (0x20..0x7f).contains(&b))
}

fn question(
    query: &[(String, String)],
    client: &Client,
    redirect: &str,
    state: Option<&str>,
) -> Result<Authorization, OauthError> {
    if form::repeated(query) {
        return Err(OauthError::InvalidRequest);
    }
    let one = |name: &str| form::once(query, name).ok().flatten();
    // Questions by reference or as a token are not read (RFC 9101): who would ignore them would answer another question.
    if one("request").or(one("request_uri")).is_some() || one("state").is_some() != state.is_some() {
        return Err(OauthError::InvalidRequest);
    }
    match one("response_type") {
        Some("code") => {}
        Some(_) => return Err(OauthError::UnsupportedResponseType),
        None => return Err(OauthError::InvalidRequest),
    }
    if one("response_mode").is_some_and(|m| m != "query") || one("code_challenge_method") != Some("S256") {
        return Err(OauthError::InvalidRequest);
    }
    // The digest of S256 has one length and one writing.
    let challenge = one("code_challenge").filter(|c| URL_SAFE_NO_PAD.decode(c).is_ok_and(|d| d.len() == 32));
    let challenge = challenge.ok_or(OauthError::InvalidRequest)?;
    let scopes = one("scope").and_then(Scopes::read).ok_or(OauthError::InvalidScope)?;
    // Going on alone is a way to read mail, not a right by itself.
    if !client.scopes.contains(scopes) || scopes.and(Scopes::MAIL).is_empty() {
        return Err(OauthError::InvalidScope);
    }
    let hint = one("login_hint").filter(|h| h.chars().count() <= MAX_HINT && !h.chars().any(char::is_control));
    Ok(Authorization {
        client: client.id.clone(),
        redirect: redirect.to_owned(),
        scopes,
        challenge: challenge.to_owned(),
        state: state.map(str::to_owned),
        hint: hint.map(str::to_owned),
    })
}

/// Is it the registered address? Character by character (RFC 9700 §2.1); but a program on a device listens at whatever port is free (RFC 8252 §7.3).
fn fits(asked: &str, registered: &str, kind: ClientKind) -> bool {
    let loopback = || {
        let (Some(a), Some(r)) = (Url::parse(asked), Url::parse(registered)) else { return false };
        kind == ClientKind::Native && a.is_loopback() && r.is_loopback() && a.host == r.host && a.rest == r.rest
    };
    asked == registered && registrable(asked, kind) || registrable(registered, kind) && loopback()
}

/// May a client register this address? HTTPS; for a program on a device also this very machine by its address, or a scheme of its own that is the
/// reverse of a name (RFC 8252 §7.1 to §7.3). Never a fragment, never a scheme that a browser would run.
pub fn registrable(address: &str, kind: ClientKind) -> bool {
    let Some(url) = Url::parse(address) else { return false };
    let private = url.scheme.contains('.') && url.host.is_empty() && url.rest.starts_with('/');
    // What we add ourselves must not be there already.
    let query = url.rest.split_once('?').map_or("", |(_, q)| q);
    let Some(parameters) = form::read(query) else { return false };
    let reserved =
        parameters.iter().any(|(n, _)| ["code", "state", "iss", "error", "error_description"].contains(&n.as_str()));
    !reserved && (url.is_https() || kind == ClientKind::Native && (url.is_loopback() || private))
}

/// Where a browser goes with an answer: parameters, and who says it (RFC 9207 §2).
pub fn answer(redirect: &str, parameters: &[(&str, &str)], issuer: &str) -> String {
    let mut all = parameters.to_vec();
    all.push(("iss", issuer));
    with_query(redirect, &form::write(&all))
}
