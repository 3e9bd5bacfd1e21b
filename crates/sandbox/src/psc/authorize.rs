//! The page where one picks who signs in, the session that follows, and its end.
use super::tokens::{Grant, Proof};
use super::{Kind, PATIENCE, Realm, SESSION, Session, now, random};
use axum::extract::{Form, RawQuery, State};
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use sceau_identity::form;
use serde::Deserialize;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

/// What a browser was sent with.
#[derive(Debug, Clone)]
pub struct Ask {
    pub client: String,
    pub redirect: String,
    pub state: String,
    pub nonce: Option<String>,
    pub challenge: Option<String>,
    pub scope: String,
    pub until: Instant,
}

/// What was picked.
#[derive(Debug, Deserialize)]
pub struct Picked {
    ask: String,
    who: String,
    means: String,
}

/// `GET` of the page: judges what the browser was sent with, then asks who it is; whoever has a session is asked only when a fresh proof is wanted.
pub async fn page(State(realm): State<Arc<Realm>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = form::read(&query.unwrap_or_default()).unwrap_or_default();
    let one = |name: &str| form::once(&query, name).ok().flatten().map(str::to_owned);
    let (Some(client), Some(redirect)) = (one("client_id"), one("redirect_uri")) else {
        return no("client_id, redirect_uri");
    };
    // To an address that is not registered nothing is ever sent, an error neither.
    if realm.client(&client).is_none_or(|c| !c.redirects.contains(&redirect)) {
        return no("redirect_uri");
    }
    let state = one("state").unwrap_or_default();
    let refused = |error: &str| {
        let parameters = [("error", error), ("state", &state), ("iss", &realm.issuer())];
        gone(&format!("{redirect}?{}", form::write(&parameters)), None)
    };
    if one("response_type").as_deref() != Some("code") {
        return refused("unsupported_response_type");
    }
    let challenge = one("code_challenge");
    if challenge.is_some() && one("code_challenge_method").as_deref() != Some("S256") {
        return refused("invalid_request");
    }
    if !one("scope").unwrap_or_default().split(' ').any(|s| s == "openid") {
        return refused("invalid_scope");
    }
    let ask = Ask {
        client,
        redirect: redirect.clone(),
        nonce: one("nonce"),
        challenge,
        scope: one("scope").unwrap_or_default(),
        until: Instant::now() + PATIENCE * 5,
        state: state.clone(),
    };
    let cookie = cookie(&realm, &headers);
    let session = cookie.and_then(|name| Some((realm.inner().sessions.get(&name)?.clone(), name)));
    let oldest = one("max_age").and_then(|s| s.parse::<i64>().ok()).unwrap_or(SESSION);
    let fresh = |s: &Session| now() - s.at <= oldest.min(SESSION);
    match session.filter(|(s, _)| fresh(s) && one("prompt").as_deref() != Some("login")) {
        Some((session, name)) => gone(&answered(&realm, ask, &session, &name), None),
        None if one("prompt").as_deref() == Some("none") => refused("login_required"),
        None => {
            let word = random();
            let shown = choices(&realm, &word);
            realm.inner().asks.insert(word, ask);
            Html(shown).into_response()
        }
    }
}

/// `POST` of the page: a session begins, and the browser goes back with a code.
pub async fn picked(State(realm): State<Arc<Realm>>, Form(given): Form<Picked>) -> Response {
    let ask = realm.inner().asks.remove(&given.ask).filter(|a| a.until > Instant::now());
    let Some(ask) = ask else { return no("ask") };
    if given.means == "no" {
        let parameters = [("error", "access_denied"), ("state", &ask.state), ("iss", &realm.issuer())];
        return gone(&format!("{}?{}", ask.redirect, form::write(&parameters)), None);
    }
    let Some(who) = realm.person(&given.who) else { return no("who") };
    let session = Session { who: who.clone(), means: given.means, at: now() };
    let name = random();
    realm.inner().sessions.insert(name.clone(), session.clone());
    let set = format!("{}={name}; Path={}; Secure; HttpOnly; SameSite=Lax", cookie_name(&realm), "/");
    gone(&answered(&realm, ask, &session, &name), Some(set))
}

/// Where the browser goes with its code.
fn answered(realm: &Realm, ask: Ask, session: &Session, name: &str) -> String {
    let code = random();
    let issuer = realm.issuer();
    let to = {
        let parameters =
            [("code", code.as_str()), ("state", &ask.state), ("session_state", &name[..16]), ("iss", &issuer)];
        format!("{}?{}", ask.redirect, form::write(&parameters))
    };
    let grant = Grant {
        proof: Proof { who: session.who.clone(), means: session.means.clone(), at: session.at },
        session: name.to_owned(),
        until: Instant::now() + PATIENCE,
        refresh: false,
        ask,
    };
    realm.inner().grants.insert(code, grant);
    to
}

/// `GET` of the logout: the session ends, everybody who knows it is told, and the browser goes back where that is registered.
pub async fn logout(State(realm): State<Arc<Realm>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = form::read(&query.unwrap_or_default()).unwrap_or_default();
    let one = |name: &str| form::once(&query, name).ok().flatten().map(str::to_owned);
    if let Some(name) = cookie(&realm, &headers) {
        super::control::end(&realm, &name).await;
    }
    let back = one("post_logout_redirect_uri").filter(|to| {
        let client = one("client_id").and_then(|id| realm.client(&id).cloned());
        client.is_some_and(|c| c.after_logout.contains(to))
    });
    let gone_cookie = format!("{}=; Path=/; Secure; HttpOnly; Max-Age=0", cookie_name(&realm));
    match back {
        Some(to) => gone(&to, Some(gone_cookie)),
        None => ([(SET_COOKIE, gone_cookie)], Html("Déconnecté / Signed out\n")).into_response(),
    }
}

fn cookie_name(realm: &Realm) -> &'static str {
    match realm.kind {
        Kind::Psc => "PSC_SESSION",
        Kind::Hospital => "HOPITAL_SESSION",
    }
}

/// The session that a browser shows.
fn cookie(realm: &Realm, headers: &HeaderMap) -> Option<String> {
    let all = headers.get_all(COOKIE).into_iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split("; "));
    all.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == cookie_name(realm)).map(|(_, v)| v.to_owned())
}

fn gone(to: &str, cookie: Option<String>) -> Response {
    let mut answer = (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response();
    if let Some(cookie) = cookie.and_then(|c| c.parse().ok()) {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    answer
}

fn no(what: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{what}\n")).into_response()
}

/// Everybody with each means.
fn choices(realm: &Realm, word: &str) -> String {
    let means: &[(&str, &str)] = match realm.kind {
        Kind::Psc => &[("card", "Carte CPS"), ("ecps", "e-CPS")],
        Kind::Hospital => {
            &[("mfa", "Carte d'établissement"), ("password", "Mot de passe seul"), ("silent", "Sans niveau annoncé")]
        }
    };
    let mut page = format!(
        "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><link rel=\"icon\" href=\"data:,\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>body{{font:1rem/1.6 sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}}\
         li{{margin:.5rem 0}}button{{margin-left:.5rem;font:inherit}}</style><h1>{0}</h1>\
         <p>Joué par le bac à sable : choisissez qui se connecte. / Played by the sandbox: pick who signs in.</p><ul>",
        escaped(&realm.title)
    );
    let form = |who: &str, means: &str, label: &str| {
        format!(
            "<form method=\"post\" style=\"display:inline\"><input type=\"hidden\" name=\"ask\" value=\"{word}\">\
             <input type=\"hidden\" name=\"who\" value=\"{}\"><button name=\"means\" value=\"{means}\">{label}</button></form>",
            escaped(who)
        )
    };
    for p in &realm.people {
        let national = p.national.as_deref().unwrap_or_default();
        let _ = write!(page, "<li>{} <small>{national}</small>", escaped(&p.name()));
        means.iter().for_each(|(name, label)| page.push_str(&form(&p.login, name, label)));
        page.push_str("</li>");
    }
    let _ = write!(page, "</ul>{}</html>", form("", "no", "Refuser / Decline"));
    page
}

/// Text inside HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
