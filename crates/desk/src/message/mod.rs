//! A message and its pieces.
use axum::Router;
use axum::routing::get;
use sceau_web::State;

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/bal/{b}/message/{m}", get(crate::soon))
        .route("/bal/{b}/message/{m}/imprimer", get(crate::soon))
        .route("/bal/{b}/message/{m}/entetes", get(crate::soon))
}
