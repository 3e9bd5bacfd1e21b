//! On a phone: manifest, service worker, pushes.
use axum::Router;
use sceau_web::State;

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
}
