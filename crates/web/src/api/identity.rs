//! The state of identities: providers, their keys, what nobody could verify.
use crate::route::routes;
use crate::{Asker, Json, Problem, Refusals, State};
use axum::extract::State as AxumState;
use sceau_operator::identity::shown::IdentityView;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(refresh))
}

/// Pro Santé Connect and its keys as this node knows them, the door for cards, and the facts that nobody could verify.
#[utoipa::path(get, path = "/identity", tag = "identity",
    responses((status = 200, description = "The state", body = IdentityView), Refusals),
    extensions(("x-sceau-use-case" = json!("identity.show"))))]
async fn show(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<IdentityView>, Problem> {
    Ok(Json(op.identities(&actor).await?))
}

/// Asks Pro Santé Connect for its description and keys now.
#[utoipa::path(post, path = "/identity/refresh", tag = "identity",
    responses((status = 200, description = "The state", body = IdentityView), Refusals),
    extensions(("x-sceau-use-case" = json!("identity.refresh"))))]
async fn refresh(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<IdentityView>, Problem> {
    Ok(Json(op.refresh_identities(&actor).await?))
}
