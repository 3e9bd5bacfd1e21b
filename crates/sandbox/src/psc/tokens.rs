//! What a provider hands out for codes, refresh tokens and calls, and what it says of them later.
use super::authorize::Ask;
use super::keys::Which;
use super::{Kind, Person, Realm, SESSION, calls, digest, now, random};
use axum::Json;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_identity::jose::{self, Alg, Claims};
use sceau_identity::{form, json as strict, oauth};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an access token lives, seconds: two minutes, as the national documents say.
pub const ACCESS: i64 = 120;
/// How long a refresh token lives.
const REFRESH: Duration = Duration::from_secs(30 * 60);

/// Who proved himself, how and when.
#[derive(Debug, Clone)]
pub struct Proof {
    pub who: Person,
    pub means: String,
    pub at: i64,
}

/// What a code or a refresh token stands for.
#[derive(Debug, Clone)]
pub struct Grant {
    pub proof: Proof,
    pub session: String,
    pub until: Instant,
    /// A refresh token, not a code.
    pub refresh: bool,
    pub ask: Ask,
}

/// What a token says beyond who and when.
pub struct About<'a> {
    pub client: &'a str,
    pub session: &'a str,
    pub nonce: Option<&'a str>,
    pub scope: &'a str,
}

impl Realm {
    /// Claims that all its tokens have.
    fn claims(&self, proof: &Proof, about: &About<'_>, typ: &str) -> Value {
        let at = now();
        let mut claims = json!({
            "exp": at + ACCESS, "iat": at, "auth_time": proof.at, "jti": random(), "iss": self.issuer(),
            "sub": proof.who.subject(), "typ": typ, "azp": about.client, "session_state": about.session, "sid": about.session,
        });
        if let Some(nonce) = about.nonce {
            claims["nonce"] = json!(nonce);
        }
        match (self.kind, proof.means.as_str()) {
            (Kind::Psc, _) => claims["acr"] = json!("eidas1"),
            (Kind::Hospital, "mfa") => {
                claims["acr"] = json!("https://refeds.org/profile/mfa");
                claims["amr"] = json!(["hwk", "pin", "mfa"]);
            }
            (Kind::Hospital, "password") => {
                claims["acr"] = json!("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport");
                claims["amr"] = json!(["pwd"]);
            }
            (Kind::Hospital, _) => {}
        }
        claims
    }
    /// An access token's claims. Who it is stands in no claim but `sub`: introspection and userinfo say the rest.
    pub fn access_claims(&self, proof: &Proof, about: &About<'_>) -> Value {
        let mut claims = self.claims(proof, about, "Bearer");
        claims["scope"] = json!(about.scope);
        claims
    }
    /// An ID token's claims.
    pub fn id_claims(&self, proof: &Proof, about: &About<'_>, access: Option<&str>) -> Value {
        let mut claims = self.claims(proof, about, "ID");
        claims["aud"] = json!(about.client);
        if let Some(access) = access {
            claims["at_hash"] = json!(URL_SAFE_NO_PAD.encode(&digest(access.as_bytes())[..16]));
        }
        claims
    }
    /// Everything that is handed out.
    pub fn handed_out(&self, grant: Grant) -> Option<Value> {
        let key = self.inner().ring.of(Which::Good);
        let about = About {
            client: &grant.ask.client,
            session: &grant.session,
            nonce: grant.ask.nonce.as_deref(),
            scope: &grant.ask.scope,
        };
        let access = key.sign("JWT", &self.access_claims(&grant.proof, &about)).ok()?;
        let id = key.sign("JWT", &self.id_claims(&grant.proof, &about, Some(&access))).ok()?;
        let refresh = random();
        let answer = json!({
            "access_token": access, "expires_in": ACCESS, "refresh_token": refresh, "refresh_expires_in": REFRESH.as_secs(),
            "token_type": "Bearer", "id_token": id, "session_state": grant.session, "not-before-policy": 0, "scope": grant.ask.scope,
        });
        let next = Grant { refresh: true, until: Instant::now() + REFRESH, ..grant };
        self.inner().grants.insert(refresh, next);
        Some(answer)
    }
    /// Claims of a token of its own that lives and whose session was not ended.
    fn known(&self, token: &str) -> Option<Claims> {
        let keys = self.inner().ring.own();
        let (_, claims) = jose::verify(token, &keys, &[Alg::Rs256]).ok()?;
        let live = claims.instant("exp").ok()??.seconds() > now();
        let session = claims.text("sid").ok()??;
        // What was made to measure has a session of no browser.
        let there = session.starts_with("mesure-") || self.inner().sessions.contains_key(session);
        (live && there).then_some(claims)
    }
    /// The client that a request shows, by Basic or in its form.
    pub fn proved(&self, headers: &HeaderMap, form: &[(String, String)]) -> Option<String> {
        let header = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Basic "));
        let (id, secret) = match header {
            Some(basic) => {
                let (id, secret) = oauth::basic(basic)?;
                (id, Some(secret.to_string()))
            }
            None => {
                let one = |name: &str| form::once(form, name).ok().flatten().map(str::to_owned);
                (one("client_id")?, one("client_secret"))
            }
        };
        self.client(&id).filter(|c| c.secret == secret).map(|c| c.id.clone())
    }
}

/// An error as OAuth has them.
pub fn error(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "error": code }))).into_response()
}

/// `POST` of the token's address.
pub async fn token(State(realm): State<Arc<Realm>>, headers: HeaderMap, body: String) -> Response {
    let Some(form) = form::read(&body) else { return error(StatusCode::BAD_REQUEST, "invalid_request") };
    let Some(client) = realm.proved(&headers, &form) else { return error(StatusCode::UNAUTHORIZED, "invalid_client") };
    let one = |name: &str| form::once(&form, name).ok().flatten();
    let bad = |code| error(StatusCode::BAD_REQUEST, code);
    let taken = |secret: &str, refresh: bool| {
        let mut inner = realm.inner();
        let grant = inner.grants.get(secret).filter(|g| g.ask.client == client && g.refresh == refresh)?;
        let grant = if grant.until > Instant::now() { grant.clone() } else { return None };
        inner.grants.remove(secret);
        if !refresh {
            inner.spent.insert(secret.to_owned(), grant.session.clone());
        }
        Some(grant)
    };
    let grant = match one("grant_type") {
        Some("authorization_code") => {
            let code = one("code").unwrap_or_default();
            let replayed = realm.inner().spent.get(code).cloned();
            if let Some(session) = replayed {
                // Somebody else has it too: what it opened is closed.
                realm.inner().sessions.remove(&session);
                return bad("invalid_grant");
            }
            let Some(grant) = taken(code, false) else { return bad("invalid_grant") };
            let verifier = one("code_verifier").unwrap_or_default();
            let proven = match &grant.ask.challenge {
                Some(challenge) => oauth::challenge_ok(verifier, challenge),
                None => verifier.is_empty(),
            };
            if !proven || one("redirect_uri") != Some(&grant.ask.redirect) {
                return bad("invalid_grant");
            }
            grant
        }
        Some("refresh_token") => match taken(one("refresh_token").unwrap_or_default(), true) {
            Some(grant) if now() - grant.proof.at < SESSION && realm.inner().sessions.contains_key(&grant.session) => {
                grant
            }
            _ => return bad("invalid_grant"),
        },
        Some("urn:openid:params:grant-type:ciba") => {
            match calls::asked(&realm, &client, one("auth_req_id").unwrap_or_default()) {
                Ok(grant) => grant,
                Err(code) => return bad(code),
            }
        }
        _ => return bad("unsupported_grant_type"),
    };
    match realm.handed_out(grant) {
        Some(answer) => Json(answer).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// `GET` of userinfo.
pub async fn userinfo(State(realm): State<Arc<Realm>>, headers: HeaderMap) -> Response {
    let token = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let claims = token.and_then(|t| realm.known(t)).filter(|c| c.text("typ") == Ok(Some("Bearer")));
    let subject = claims.and_then(|c| Some(c.text("sub").ok()??.to_owned()));
    match subject.and_then(|s| realm.person(&s).cloned()) {
        Some(person) => Json(person.userinfo()).into_response(),
        None => error(StatusCode::UNAUTHORIZED, "invalid_token"),
    }
}

/// `POST` of introspection, by whom the provider knows. The national identifier is said of access tokens only.
pub async fn introspect(State(realm): State<Arc<Realm>>, headers: HeaderMap, body: String) -> Response {
    let form = form::read(&body).unwrap_or_default();
    if !headers.contains_key(AUTHORIZATION) || realm.proved(&headers, &form).is_none() {
        return error(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let token = form::once(&form, "token").ok().flatten().unwrap_or_default();
    if realm.known(token).is_none() {
        return Json(json!({ "active": false })).into_response();
    }
    // The claims as they are written: it is its own token.
    let payload = token.split('.').nth(1).and_then(|p| URL_SAFE_NO_PAD.decode(p).ok()).unwrap_or_default();
    let mut answer = strict::object(&payload, 64 * 1024).map(Value::Object).unwrap_or_default();
    answer["active"] = json!(true);
    if answer["typ"] == "Bearer"
        && let Some(person) = answer["sub"].as_str().and_then(|s| realm.person(s))
    {
        answer["SubjectNameID"] = json!(person.national);
        answer["client_id"] = answer["azp"].clone();
    }
    Json(answer).into_response()
}
