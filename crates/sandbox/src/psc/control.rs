//! What no real provider has: tokens made to measure, another key, an end of somebody's session, silence.
use super::keys::{self, Which};
use super::tokens::{ACCESS, About, Proof};
use super::{Away, CLIENT, LPS, Realm, Session, calls, now, random};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_trust::provider::ClientAuth;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn routes(psc: Arc<Realm>) -> Router {
    Router::new()
        .route("/sandbox/mint", post(mint))
        .route("/sandbox/token", get(token))
        .route("/sandbox/rotate", post(rotate))
        .route("/sandbox/away", post(away))
        .route("/sandbox/calls", get(calls::list))
        .route("/sandbox/telephone", get(calls::telephone).post(calls::answered))
        .route("/sandbox/logout", post(logout))
        .with_state(psc)
}

/// A token to measure. Whatever is not said is as in a good access token of the known mail program.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mint {
    /// Login, national identifier or subject.
    who: String,
    /// To whom it is issued.
    client: Option<String>,
    /// `access`, `id` or `logout`.
    kind: Option<String>,
    /// How long it lives; negative: since when it is over.
    seconds: Option<i64>,
    /// `good`, `old`, `other`.
    key: Option<String>,
    /// What its header says; `none` and `HS256` are carried out too.
    alg: Option<String>,
    /// Claims that replace or, being null, remove its own.
    #[serde(default)]
    claims: Map<String, Value>,
    /// Likewise of its header.
    #[serde(default)]
    header: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    who: String,
    client: Option<String>,
}

/// A good access token, for whoever tries something by hand.
async fn token(State(realm): State<Arc<Realm>>, Query(wanted): Query<Wanted>) -> Response {
    let Some(who) = realm.person(&wanted.who).cloned() else { return StatusCode::NOT_FOUND.into_response() };
    let mint = Mint { who: who.login, client: wanted.client, ..Mint::default() };
    mint_one(&realm, mint)
}

async fn mint(State(realm): State<Arc<Realm>>, Json(wanted): Json<Mint>) -> Response {
    mint_one(&realm, wanted)
}

fn mint_one(realm: &Realm, wanted: Mint) -> Response {
    let Some(who) = realm.person(&wanted.who).cloned() else { return StatusCode::NOT_FOUND.into_response() };
    let proof = Proof { who, means: "card".into(), at: now() };
    let session = format!("mesure-{}", &random()[..16]);
    let about = About {
        client: wanted.client.as_deref().unwrap_or(LPS),
        session: &session,
        nonce: None,
        scope: "openid scope_all",
    };
    let (mut claims, typ) = match wanted.kind.as_deref() {
        None | Some("access") => (realm.access_claims(&proof, &about), "JWT"),
        Some("id") => (realm.id_claims(&proof, &about, None), "JWT"),
        Some("logout") => (realm.logout_claims(&proof, about.client, &session), "logout+jwt"),
        Some(_) => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    };
    claims["exp"] = json!(now() + wanted.seconds.unwrap_or(ACCESS));
    let which = match wanted.key.as_deref() {
        None | Some("good") => Which::Good,
        Some("old") => Which::Old,
        Some("other") => Which::Other,
        Some(_) => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    };
    let key = realm.inner().ring.of(which);
    let public = key.public();
    let mut header = json!({ "alg": "RS256", "kid": public["kid"], "typ": typ });
    if let Some(alg) = &wanted.alg {
        header["alg"] = json!(alg);
    }
    replaced(&mut claims, wanted.claims);
    replaced(&mut header, wanted.header);
    let token = match wanted.alg.as_deref() {
        Some("none") => format!("{}.", unsigned(&header, &claims)),
        // The confusion of RFC 8725 §2.1: everybody knows the public key.
        Some("HS256") => {
            let text = unsigned(&header, &claims);
            let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.to_string().as_bytes());
            let tag = aws_lc_rs::hmac::sign(&secret, text.as_bytes());
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
        }
        _ => match key.sign_under(&header, &claims) {
            Ok(token) => token,
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
    };
    Json(json!({ "token": token })).into_response()
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn replaced(there: &mut Value, by: Map<String, Value>) {
    for (name, value) in by {
        match there.as_object_mut() {
            Some(object) if value.is_null() => drop(object.remove(&name)),
            Some(object) => drop(object.insert(name, value)),
            None => {}
        }
    }
}

#[derive(Debug, Deserialize)]
struct Rotate {
    /// For how long the key before it is published still, seconds.
    #[serde(default)]
    grace: u64,
}

/// Signs with another key from now on.
async fn rotate(State(realm): State<Arc<Realm>>, Json(how): Json<Rotate>) -> Response {
    match tokio::task::spawn_blocking(keys::fresh).await {
        Ok(Ok(next)) => {
            let kid = next.public()["kid"].clone();
            realm.inner().ring.rotate(next, Duration::from_secs(how.grace));
            Json(json!({ "kid": kid })).into_response()
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Debug, Deserialize)]
struct Leave {
    seconds: u64,
    /// Nothing at all, instead of an error.
    #[serde(default)]
    silent: bool,
}

/// Does not answer for so long; 0 ends it.
async fn away(State(realm): State<Arc<Realm>>, Json(how): Json<Leave>) -> StatusCode {
    let until = Instant::now() + Duration::from_secs(how.seconds);
    realm.inner().away = (how.seconds > 0).then_some(Away { until, silent: how.silent });
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
struct End {
    who: String,
}

/// Ends every session of somebody, and tells whoever knows of it.
async fn logout(State(realm): State<Arc<Realm>>, Json(whose): Json<End>) -> Json<Value> {
    let names: Vec<String> = {
        let inner = realm.inner();
        inner.sessions.iter().filter(|(_, s)| s.who.login == whose.who).map(|(name, _)| name.clone()).collect()
    };
    let mut told = Vec::new();
    for name in &names {
        told.extend(end(&realm, name).await);
    }
    Json(json!({ "sessions": names.len(), "told": told }))
}

impl Realm {
    /// Claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4).
    fn logout_claims(&self, proof: &Proof, client: &str, session: &str) -> Value {
        json!({
            "iss": self.issuer(), "sub": proof.who.subject(), "aud": client, "iat": now(), "exp": now() + ACCESS, "jti": random(), "typ": "Logout",
            "sid": session, "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        })
    }
}

/// Ends a session; what each of those answered who were told.
pub async fn end(realm: &Realm, name: &str) -> Vec<u16> {
    let session: Option<Session> = realm.inner().sessions.remove(name);
    let Some(Session { who, means, at }) = session else { return Vec::new() };
    realm.inner().grants.retain(|_, g| g.session != name);
    let claims = realm.logout_claims(&Proof { who, means, at }, CLIENT, name);
    let key = realm.inner().ring.of(Which::Good);
    let Ok(token) = key.sign("logout+jwt", &claims) else { return Vec::new() };
    let addresses: Vec<String> = realm.clients.iter().flat_map(|c| c.told.clone()).collect();
    let mut answers = Vec::new();
    for address in &addresses {
        // A field more than the standard's, which nobody reads: the client's own name.
        let told = realm.outside.form(address, &[("logout_token", &token)], ClientAuth::Certificate(CLIENT)).await;
        answers.push(told.map_or(0, |a| a.status));
    }
    answers
}
