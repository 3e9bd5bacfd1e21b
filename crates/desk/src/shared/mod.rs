//! What colleagues do at a BAL, what became of what was sent, rules.
use axum::Router;
use axum::routing::get;
use sceau_web::State;

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/bal/{b}/message/{m}/suivi", get(crate::soon))
        .route("/bal/{b}/regles", get(crate::soon))
        .route("/bal/{b}/equipe", get(crate::soon))
}
