//! HTTP: REST under `/api/v1` and its OpenAPI description, over TLS for programs and over the administration socket for the command line.
//!
//! A door like the others: it translates requests into use cases and refusals into `application/problem+json`, and holds no rule. The same router
//! answers both doors; who asks is found by [`asker`] (a bearer token, or the socket's peer credentials).
//!
//! Promises: every operation is in the description that `/api/v1/openapi.json` serves, for both are made of the same lines; a change says from
//! which version it starts (`If-Match`); a `POST` with an `Idempotency-Key` is carried out once; bodies are bounded before they are read.
pub mod api;
mod asked;
pub mod asker;
pub mod assets;
mod autoconfig;
mod client_error;
mod conditional;
mod created;
pub(crate) mod file;
mod frame;
mod gate;
mod h2;
mod id;
mod idle;
pub mod live;
mod oauth;
mod once;
mod pack;
mod page;
mod pages;
pub mod part;
mod pieces;
pub mod problem;
mod refusals;
pub mod route;
mod schema;
pub mod serve;
mod slow;
pub mod styleguide;
pub mod ui;

pub use asker::{Asker, Via};
pub use autoconfig::microsoft::asked as autodiscover_question;
pub use client_error::{Json, Path, Query};
pub use conditional::{IfMatch, Versioned};
pub use created::{Created, located};
pub use id::Id;
pub use once::Secret;
pub use page::{IdPage, Page, PageQuery};
pub use pages::layout;
pub use pages::session::{Policy, Sent, SentOr, Visitor, Watcher, seated};
pub use pages::shell::{Link, Place, Shell, account_places};
pub use problem::Problem;
pub use refusals::Refusals;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use sceau_operator::Operator;

/// Longest body of a request, bytes; operations that take files have their own.
pub const BODY: usize = 1 << 20;

/// What handlers need.
#[derive(Debug, Clone)]
pub struct State(pub Operator);

/// Every route of this room. Connections add [`Via`] to the requests' extensions.
pub fn app(operator: Operator) -> Router {
    app_with(operator, Router::new())
}

/// The same with the routes of the rooms above: the desk, the console.
pub fn app_with(operator: Operator, extra: Router<State>) -> Router {
    let (routes, known) = routes();
    framed(operator, routes.merge(extra), known)
}

/// The door that asks for a professional's card: one page, for whoever comes from the main door. Connections add [`Via::Card`].
pub fn card_app(operator: Operator) -> Router {
    let state = State(operator);
    pages::card::at_its_door()
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn(gate::gate))
        .layer(from_fn_with_state(state.clone(), frame::frame))
        .with_state(state)
}

/// TEST ONLY: without the layer that asks for the right before anything is read. So it is seen that each use case judges by itself.
#[doc(hidden)]
pub fn unguarded(operator: Operator) -> Router {
    let (routes, known) = routes();
    framed(operator, routes, known.unjudged())
}

fn routes() -> (Router<State>, asked::Known) {
    let (routes, description) = api::described();
    let known = asked::Known::of(&description);
    let all = Router::new().nest(api::PREFIX, routes).merge(api::description());
    let all = all.merge(pages::routes()).merge(autoconfig::routes()).merge(oauth::routes());
    (all, known)
}

/// Routes, with all that stands around them. From without to within: headers of every answer and the end of a panic; how small it is sent; what is
/// ambiguous; who asks; may they; what is asked; what was asked before.
fn framed(operator: Operator, routes: Router<State>, known: asked::Known) -> Router {
    let state = State(operator);
    routes
        .layer(from_fn_with_state(state.clone(), once::once))
        .layer(from_fn_with_state(known.clone(), asked::only_known))
        .layer(from_fn_with_state((state.clone(), known), asked::allowed))
        .layer(from_fn_with_state(state.clone(), asker::identify))
        .layer(DefaultBodyLimit::max(BODY))
        .fallback(problem::nowhere)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(from_fn(gate::gate))
        .layer(from_fn(pack::pack))
        .layer(from_fn_with_state(state.clone(), frame::frame))
        .with_state(state)
}
