//! Pages for people: plain HTML without scripts, French first, English below. Whoever has a browser can use them, with or without style sheet,
//! with a keyboard or a screen reader.
//!
//! Promises: a page loads nothing but our style sheet, is framed by nobody, is kept by no cache and tells no other site where it was; looking at
//! a page changes nothing; every value is escaped ([`layout`]).
pub mod layout;
mod link;

use crate::State;
use axum::Router;
use axum::routing::get;

/// Every page.
pub(crate) fn routes() -> Router<State> {
    Router::new().route("/lien/{secret}", get(link::look).post(link::confirm)).route(layout::STYLE, get(layout::style))
}
