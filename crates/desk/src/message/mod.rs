//! A message and its pieces: the page on which it is read, its HTML in a frame that may run nothing, what is attached, its header, the way out.
//!
//! Promises: what a stranger wrote stands in our pages as text alone; as markup only in a document of its own that a browser gives no origin, and that may
//! load nothing; a piece is answered by what its bytes are, and as a download otherwise.
mod exit;
mod files;
mod frame;
mod gone;
mod headers;
mod labels;
mod letter;
mod packed;
mod page;
mod thread;
mod words;

use axum::Router;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sceau_domain::Address;
use sceau_message::safe_html::{Link, linked};
use sceau_operator::Operator;
use sceau_web::State;
use sceau_web::route::get;

/// What stands for itself in a value of a query, and in the name of a file (RFC 8187 §3.2.1).
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/bal/{b}/message/{m}", get(page::show))
        .route("/bal/{b}/message/{m}/corps", get(frame::body_of))
        .route("/bal/{b}/message/{m}/imprimer", get(frame::print))
        .route("/bal/{b}/message/{m}/entetes", get(headers::show))
        .route("/bal/{b}/message/{m}/source", get(files::source))
        .route("/bal/{b}/message/{m}/pieces.zip", get(packed::all))
        .route("/bal/{b}/message/{m}/piece/{p}", get(files::download))
        .route("/bal/{b}/message/{m}/piece/{p}/voir", get(files::view))
        .route("/bal/{b}/message/{m}/piece/{p}/texte", get(words::show))
        .route("/sortie", get(exit::show))
}

/// Where a message is.
fn at(b: &str, m: &str) -> String {
    format!("/bal/{b}/message/{m}")
}

/// What an address in a message of a BAL becomes: the page of the way out; of mail, a letter to it.
fn way_out(op: &Operator, b: &str) -> Link {
    let (op, write) = (op.clone(), format!("/bal/{b}/ecrire"));
    Box::new(move |address| match address.split_once(':') {
        Some((scheme, to)) if scheme.eq_ignore_ascii_case("mailto") => {
            // What else it asks for (a subject, a text, other recipients) is the sender's wish, not the reader's.
            let to: Address = to.split('?').next()?.parse().ok()?;
            Some(format!("{write}?a={}", utf8_percent_encode(&to.to_string(), IN_QUERY)))
        }
        _ => exit::to(&op, address),
    })
}

/// What a stranger wrote on one line, as markup of ours: escaped, what turns or hides writing shown for what it is.
fn word(text: &str) -> String {
    linked(text, &|_| None)
}
