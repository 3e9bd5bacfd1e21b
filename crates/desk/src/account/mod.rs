//! `/compte`: one's own choices, sessions, absence, activity.
use axum::Router;
use axum::routing::get;
use sceau_web::State;

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/compte", get(crate::own_soon))
        .route("/compte/choix", get(crate::own_soon))
        .route("/compte/adresse", get(crate::own_soon))
        .route("/compte/notifications", get(crate::own_soon))
        .route("/compte/sessions", get(crate::own_soon))
        .route("/compte/delegations", get(crate::own_soon))
        .route("/compte/donnees", get(crate::own_soon))
        .route("/compte/activite", get(crate::own_soon))
        .route("/compte/affichage", get(crate::own_soon))
        .route("/compte/telephone", get(crate::own_soon))
        .route("/compte/fermeture", get(crate::own_soon))
        .route("/bal/{b}/absence", get(crate::soon))
}
