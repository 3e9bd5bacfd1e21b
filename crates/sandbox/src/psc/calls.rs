//! Calls to somebody's telephone (CIBA, poll mode): the browser waits, the person says yes on another screen.
use super::authorize::{Ask, escaped};
use super::tokens::{Grant, Proof, error};
use super::{Person, Realm, Session, now, random};
use axum::Json;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use sceau_identity::form;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long somebody may take to answer.
const LONGEST: Duration = Duration::from_secs(120);
/// Pause between two questions.
const PAUSE: Duration = Duration::from_secs(2);

/// A call under way.
#[derive(Debug, Clone)]
pub struct Call {
    client: String,
    who: Person,
    message: String,
    scope: String,
    until: Instant,
    polled: Option<Instant>,
    answer: Option<bool>,
}

/// What the person answers.
#[derive(Debug, Deserialize)]
pub struct Said {
    call: String,
    answer: String,
}

/// `POST` that begins a call.
pub async fn called(State(realm): State<Arc<Realm>>, headers: HeaderMap, body: String) -> Response {
    let bad = |code| error(StatusCode::BAD_REQUEST, code);
    let Some(form) = form::read(&body) else { return bad("invalid_request") };
    let Some(client) = realm.proved(&headers, &form) else { return error(StatusCode::UNAUTHORIZED, "invalid_client") };
    let one = |name: &str| form::once(&form, name).ok().flatten().unwrap_or_default();
    let Some(who) = realm.person(one("login_hint")).filter(|p| p.national.as_deref() == Some(one("login_hint"))) else {
        return bad("unknown_user_id");
    };
    if one("binding_message").is_empty() {
        return bad("invalid_binding_message");
    }
    let call = Call {
        client,
        who: who.clone(),
        message: one("binding_message").to_owned(),
        scope: one("scope").to_owned(),
        until: Instant::now() + LONGEST,
        polled: None,
        answer: None,
    };
    let handle = random();
    realm.inner().calls.insert(handle.clone(), call);
    let answer = json!({ "auth_req_id": handle, "expires_in": LONGEST.as_secs(), "interval": PAUSE.as_secs() });
    Json(answer).into_response()
}

/// What a question about a call is answered with: a grant once the person said yes.
pub fn asked(realm: &Realm, client: &str, handle: &str) -> Result<Grant, &'static str> {
    let mut inner = realm.inner();
    let call = inner.calls.get_mut(handle).filter(|c| c.client == client).ok_or("invalid_grant")?;
    if call.until <= Instant::now() {
        inner.calls.remove(handle);
        return Err("expired_token");
    }
    // Half a pause is given for the way.
    let soon = call.polled.is_some_and(|before| before.elapsed() < PAUSE / 2);
    call.polled = Some(Instant::now());
    match call.answer {
        _ if soon => return Err("slow_down"),
        None => return Err("authorization_pending"),
        Some(false) => {
            inner.calls.remove(handle);
            return Err("access_denied");
        }
        Some(true) => {}
    }
    let call = inner.calls.remove(handle).ok_or("invalid_grant")?;
    let session = random();
    let proof = Proof { who: call.who.clone(), means: "ecps".into(), at: now() };
    inner.sessions.insert(session.clone(), Session { who: call.who, means: "ecps".into(), at: proof.at });
    let ask = Ask {
        client: call.client,
        redirect: String::new(),
        state: String::new(),
        nonce: None,
        challenge: None,
        scope: call.scope,
        until: call.until,
    };
    Ok(Grant { proof, session, until: call.until, refresh: false, ask })
}

fn waiting(realm: &Realm) -> Vec<(String, Call)> {
    let inner = realm.inner();
    let open = inner.calls.iter().filter(|(_, c)| c.answer.is_none() && c.until > Instant::now());
    open.map(|(handle, call)| (handle.clone(), call.clone())).collect()
}

/// `GET /sandbox/calls`: what telephones show, as JSON.
pub async fn list(State(realm): State<Arc<Realm>>) -> Json<Value> {
    let shown = |(handle, call): &(String, Call)| json!({ "call": handle, "who": call.who.login, "message": call.message, "client": call.client });
    Json(waiting(&realm).iter().map(shown).collect())
}

/// `GET /sandbox/telephone`: the same as a page with buttons.
pub async fn telephone(State(realm): State<Arc<Realm>>) -> Html<String> {
    let mut page = String::from(
        "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><link rel=\"icon\" href=\"data:,\"><meta http-equiv=\"refresh\" content=\"5\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Téléphone</title><h1>e-CPS (bac à sable)</h1><ul>",
    );
    for (handle, call) in waiting(&realm) {
        let _ = write!(
            page,
            "<li>{} : <strong>{}</strong><form method=\"post\"><input type=\"hidden\" name=\"call\" value=\"{handle}\">\
             <button name=\"answer\" value=\"yes\">Oui / Yes</button> <button name=\"answer\" value=\"no\">Non / No</button></form></li>",
            escaped(&call.who.name()),
            escaped(&call.message)
        );
    }
    page.push_str("</ul></html>");
    Html(page)
}

/// `POST /sandbox/telephone`: the person answers.
pub async fn answered(State(realm): State<Arc<Realm>>, Form(said): Form<Said>) -> Response {
    match realm.inner().calls.get_mut(&said.call) {
        Some(call) => call.answer = Some(said.answer == "yes"),
        None => return StatusCode::NOT_FOUND.into_response(),
    }
    Redirect::to("/sandbox/telephone").into_response()
}
