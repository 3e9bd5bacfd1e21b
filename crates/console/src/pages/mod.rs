//! The pages, by what they are about. Each list is a table over the call that REST has for it; each sheet shows one thing and leads to its acts.
pub(crate) mod bals;
pub(crate) mod connectors;
pub(crate) mod domains;
pub(crate) mod home;
pub(crate) mod imports;
pub(crate) mod keeping;
pub(crate) mod log;
pub(crate) mod network;
pub(crate) mod people;
pub(crate) mod places;
pub(crate) mod publication;
pub(crate) mod queue;
pub(crate) mod readers;
pub(crate) mod references;
pub(crate) mod rules;
pub(crate) mod service;
pub(crate) mod trust;
pub(crate) mod upload;
pub(crate) mod watch;

use crate::frame::Ask;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sceau_domain::Refusal;
use sceau_web::layout;

/// The page, or why not.
pub(crate) fn or_refused(ask: &Ask, answer: Result<Response, Refusal>) -> Response {
    answer.unwrap_or_else(|refusal| ask.refused(&refusal))
}

/// A list's last cursor, when the page is as full as a page may be: where the next rows are.
pub(crate) fn more(ask: &Ask, rows: usize, last: Option<String>) -> Option<String> {
    let full = u32::try_from(rows).is_ok_and(|rows| rows >= ask.rows());
    last.filter(|_| full).map(|cursor| ask.after(&cursor))
}

/// Of the two sentences that a view has, the one in the page's language.
pub(crate) fn tongue<'a>(ask: &Ask, fr: &'a str, en: &'a str) -> &'a str {
    match ask.lang() {
        sceau_domain::Lang::Fr => fr,
        sceau_domain::Lang::En => en,
    }
}

/// A file to keep.
pub(crate) fn file(kind: &'static str, name: &str, body: impl Into<Body>) -> Response {
    let mut headers = layout::headers(kind, "no-store");
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    (headers, body.into()).into_response()
}

/// An address with what a form there begins with.
pub(crate) fn with(path: &str, values: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    format!("{path}?{}", values.iter().map(pair).collect::<Vec<_>>().join("&"))
}
