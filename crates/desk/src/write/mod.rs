//! Writing, and what leaves later. One form does it all without a script; a script saves while one types.
//!
//! Promises: looking at a page keeps nothing; what was typed is shown again whatever happened (a rule that says no, another window, a session that
//! ended).
mod form;
mod outbox;
mod page;
mod recipients;
mod remind;
mod upload;
mod writings;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use sceau_web::State;
use sceau_web::route::{get, post};

/// Largest form with its files, bytes: more than any message may have, whatever the limits are.
const FORM: usize = 64 << 20;

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/bal/{b}/ecrire", get(page::blank))
        .route("/bal/{b}/ecrire/{d}", get(page::draft).merge(post(form::take)).layer(DefaultBodyLimit::max(FORM)))
        .route("/bal/{b}/ecrire/{d}/piece", post(upload::begin))
        .route("/bal/{b}/ecrire/{d}/piece/{u}", post(upload::push))
        .route("/bal/{b}/destinataires", get(recipients::search).merge(post(recipients::look)))
        .route("/bal/{b}/modeles", get(writings::show).merge(post(writings::add)))
        .route("/bal/{b}/modeles/{w}", post(writings::change))
        .route("/bal/{b}/envois", get(outbox::show))
        .route("/bal/{b}/envois/{d}/retenir", post(outbox::hold_back))
}
