//! One BAL's list: rail, folders, window, search, what is done with what is ticked.
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use sceau_web::{State, Visitor};

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/bureau", get(home))
        .route("/bal/{b}", get(crate::soon))
        .route("/bal/{b}/dossier/{f}", get(crate::soon))
        .route("/bal/{b}/dossiers", get(crate::soon))
        .route("/bal/{b}/chercher", get(crate::soon))
}

/// `GET /bureau`: where one's mail is.
async fn home(visitor: Visitor) -> Response {
    match visitor.signed_in() {
        Ok(_) => visitor.see("/bal"),
        Err(answer) => *answer,
    }
}
