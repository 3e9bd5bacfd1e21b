//! Pages for people: server-rendered, without scripts and without cookies. Whoever has a browser can use them, with or without style sheet, with a
//! keyboard or a screen reader.
//!
//! A door like the others: pages translate forms into use cases and refusals into sentences. Promises: a page loads nothing but our style sheet, is
//! framed by nobody, is kept by no cache and tells no other site where it was; looking at a page changes nothing; every value is escaped
//! ([`layout`]). There is no session: a form carries what proves who sends it, so that no other site can send one in somebody's name.
mod conditions;
mod layout;
mod link;
mod markdown;
mod token;

use crate::{State, Via};
use axum::Router;
use axum::routing::get;
use sceau_operator::{Door, Origin};
use std::sync::atomic::{AtomicU64, Ordering};

static SESSIONS: AtomicU64 = AtomicU64::new(1);

/// Every page.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/conditions", get(conditions::show).post(conditions::accept))
        .route("/lien/{secret}", get(link::look).post(link::confirm))
        .route("/jeton/{secret}", get(token::look).post(token::make))
        .route(layout::SHEET, get(layout::sheet))
}

/// From where a page is asked for.
pub(crate) fn origin(via: Option<&Via>) -> Origin {
    let (remote, tls) = match via {
        Some(Via::Tls { remote, tls }) => (Some(*remote), tls.clone()),
        _ => (None, None),
    };
    let session = format!("web-{:x}", SESSIONS.fetch_add(1, Ordering::Relaxed));
    Origin { door: Door::Web, remote, session, tls, once: None }
}

/// A secret of a form or a body, wiped when it is dropped.
pub(crate) fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<zeroize::Zeroizing<String>, D::Error> {
    <String as serde::Deserialize>::deserialize(from).map(zeroize::Zeroizing::new)
}
