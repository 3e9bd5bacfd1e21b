//! Writing, what leaves later, signatures and templates.
use axum::Router;
use axum::routing::get;
use sceau_web::State;

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/bal/{b}/ecrire", get(crate::soon))
        .route("/bal/{b}/ecrire/{d}", get(crate::soon))
        .route("/bal/{b}/envois", get(crate::soon))
        .route("/bal/{b}/modeles", get(crate::soon))
}
