//! The way out: what a link in a message leads to is said before one goes there.
use super::{IN_QUERY, word};
use askama::Template;
use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use percent_encoding::utf8_percent_encode;
use sceau_domain::{DomainName, RefusalCode};
use sceau_message::safe_html::host;
use sceau_operator::Operator;
use sceau_web::{Shell, Visitor};
use serde::Deserialize;

/// Longest address that leads anywhere.
const LONGEST: usize = 2_000;

/// What stands behind the page's address.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// The address.
    a: String,
    /// The word that says that one of our pages led here.
    m: String,
}

#[derive(Template)]
#[template(path = "message/exit.html")]
struct Page {
    shell: Shell,
    /// As it is followed.
    to: String,
    /// As it is shown, markup of ours.
    address: String,
    host: String,
    /// The host as it is sent, where that is not how it reads.
    plain: Option<String>,
    /// It is not encrypted.
    open: bool,
}

/// The page that says where an address leads; none for what is no address of a site.
pub(super) fn to(op: &Operator, address: &str) -> Option<String> {
    let fine = host(address).is_some() && address.len() <= LONGEST;
    let word = || op.exit_word(address);
    fine.then(|| format!("/sortie?a={}&m={}", utf8_percent_encode(address, IN_QUERY), word()))
}

/// `GET /sortie?a=&m=`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    if let Err(answer) = visitor.signed_in() {
        return *answer;
    }
    let asked = Query::<Asked>::try_from_uri(&uri).map(|Query(asked)| asked).unwrap_or_default();
    // Only what one of our pages led to is shown: nobody makes others trust an address by it.
    let Some(host) = host(&asked.a).filter(|_| visitor.op.exit_word(&asked.a) == asked.m) else {
        return visitor.refused(&RefusalCode::NotFound.into());
    };
    // As it reads, and as it is sent: letters of other scripts look like ours.
    let name: Option<DomainName> = host.parse().ok();
    let (read, sent) = match &name {
        Some(name) => (name.to_unicode(), name.as_str().to_owned()),
        None => (host.to_owned(), host.to_owned()),
    };
    let page = Page {
        shell: visitor.shell("/sortie"),
        address: word(&asked.a),
        plain: (read != sent).then_some(sent),
        host: read,
        open: !asked.a.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:")),
        to: asked.a,
    };
    visitor.screen(StatusCode::OK, &page)
}
