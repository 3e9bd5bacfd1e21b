//! Our authorization server for programs (F050): tokens, revocation, devices, registration, and what the server says of itself. The pages that people see
//! are in `pages::oauth`.
//!
//! A door like the others: forms and headers are read here, `operator` decides. Answers are JSON, kept by no cache (RFC 6749 §5.1).
use crate::pages::origin;
use crate::route::{get, post};
use crate::{State, Via};
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Extension, State as AxumState};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_identity::form;
use sceau_identity::oauth::{OauthError, basic, metadata};
use serde_json::Value;
use zeroize::Zeroizing;

/// Longest question of a program, octets.
const LONGEST: usize = 32 << 10;
/// What a program that has to prove itself otherwise hears (RFC 6749 §5.2).
const CHALLENGE: &str = "Basic realm=\"oauth\"";

/// Everything for programs.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(describe))
        .route("/oauth/token", post(token))
        .route("/oauth/revoke", post(revoke))
        .route("/oauth/device_authorization", post(device))
        .route("/oauth/register", post(register))
        .layer(DefaultBodyLimit::max(LONGEST))
}

/// What a program sent: its form, and its name and secret where it says them in the header.
type Said = (Vec<(String, String)>, Option<(String, Zeroizing<String>)>);

fn said(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Said, OauthError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    let is_form = kind.split(';').next().is_some_and(|t| t.trim() == "application/x-www-form-urlencoded");
    let text = body.ok().and_then(|b| String::from_utf8(b.to_vec()).ok()).map(Zeroizing::new);
    let form = text.filter(|_| is_form).and_then(|t| form::read(&t)).ok_or(OauthError::InvalidRequest)?;
    let auth = match headers.get(header::AUTHORIZATION).map(|a| a.to_str().unwrap_or_default().split_once(' ')) {
        None => None,
        Some(Some((scheme, rest))) if scheme.eq_ignore_ascii_case("basic") => {
            Some(basic(rest.trim()).ok_or(OauthError::InvalidClient)?)
        }
        Some(_) => return Err(OauthError::InvalidClient),
    };
    Ok((form, auth))
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (status, headers, value.to_string()).into_response()
}

fn refused(error: OauthError) -> Response {
    let status = StatusCode::from_u16(error.http()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = answer(status, &error.body());
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
    }
    response
}

fn told(done: Result<Value, OauthError>) -> Response {
    match done {
        Ok(value) => answer(StatusCode::OK, &value),
        Err(error) => refused(error),
    }
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414).
async fn describe(AxumState(State(op)): AxumState<State>) -> Response {
    match op.oauth() {
        Some(settings) => answer(StatusCode::OK, &metadata(&op.config().public_url, settings.registration)),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `POST /oauth/token`
async fn token(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let origin = origin(via.as_ref().map(|Extension(via)| via));
    match said(&headers, body) {
        Ok((form, auth)) => told(op.oauth_token(&form, auth, &origin).await),
        Err(error) => refused(error),
    }
}

/// `POST /oauth/revoke`: an empty answer, also for a token that is none (RFC 7009 §2.2).
async fn revoke(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let origin = origin(via.as_ref().map(|Extension(via)| via));
    let done = match said(&headers, body) {
        Ok((form, auth)) => op.oauth_revoke(&form, auth, &origin).await,
        Err(error) => Err(error),
    };
    done.map_or_else(refused, |()| ([(header::CACHE_CONTROL, "no-store")], "").into_response())
}

/// `POST /oauth/device_authorization`
async fn device(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let origin = origin(via.as_ref().map(|Extension(via)| via));
    match said(&headers, body) {
        Ok((form, auth)) => told(op.oauth_device(&form, auth, &origin).await),
        Err(error) => refused(error),
    }
}

/// `POST /oauth/register`
async fn register(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if !op.oauth().is_some_and(|o| o.registration) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let origin = origin(via.as_ref().map(|Extension(via)| via));
    let body = body.ok().filter(|_| crate::client_error::is_json(&headers));
    match body {
        Some(body) => match op.register_oauth_client(&body, &origin).await {
            Ok(value) => answer(StatusCode::CREATED, &value),
            Err(error) => refused(error),
        },
        None => refused(OauthError::InvalidClientMetadata),
    }
}
