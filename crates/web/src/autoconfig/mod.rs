//! Settings that mail programs look for by themselves (F223): Thunderbird's file, Outlook's answer, a profile for Apple's devices.
//!
//! A door like the others: `operator` says where programs go, these files say it in each program's words. Promises: an answer depends on the domain of the
//! address alone, and names what would let a program of that domain in; nothing in it is secret; a program's document is read within bounds, without a
//! document type.
pub(crate) mod apple;
pub(crate) mod microsoft;
mod mozilla;

use crate::State;
use crate::route::{get, post};
use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::{DomainName, Lang, Refusal};

/// Every file. The names are those that programs ask for, in the letters that they use.
pub(crate) fn routes() -> Router<State> {
    let outlook = || post(microsoft::answer).layer(DefaultBodyLimit::max(microsoft::LONGEST));
    Router::new()
        .route("/mail/config-v1.1.xml", get(mozilla::answer))
        .route("/.well-known/autoconfig/mail/config-v1.1.xml", get(mozilla::answer))
        .route("/autodiscover/autodiscover.xml", outlook())
        .route("/Autodiscover/Autodiscover.xml", outlook())
        .route("/AutoDiscover/AutoDiscover.xml", outlook())
        .route("/autodiscover/autodiscover.json", get(microsoft::where_to_ask))
        .route("/autodiscover/autodiscover.json/v1.0/{address}", get(microsoft::where_to_ask_of))
        .route("/mail/apple.mobileconfig", get(apple::answer))
}

/// The domain of an address, as programs write it: what stands after the last `@`.
fn domain_of(address: &str) -> Option<DomainName> {
    address.trim().rsplit_once('@')?.1.parse().ok()
}

/// Why there is no file, without a word on whose address was asked for.
fn none(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::NOT_FOUND);
    if !refusal.is_temporary() {
        return status.into_response();
    }
    // Some of these are opened by people.
    let text = format!("{}\n{}\n", refusal.sentence(Lang::Fr), refusal.sentence(Lang::En));
    let mut headers = headers("text/plain; charset=utf-8");
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    (status, headers, text).into_response()
}

/// A file for a program.
fn file(kind: &'static str, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (headers(kind), text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Kept nowhere: the address that asked stands in the question.
fn headers(kind: &'static str) -> HeaderMap {
    [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")]
        .into_iter()
        .map(|(name, value): (HeaderName, _)| (name, HeaderValue::from_static(value)))
        .collect()
}
