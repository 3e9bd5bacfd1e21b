//! The asker: who it is, and what it may do.
use crate::route::routes;
use crate::{Asker, Json, Problem, Refusals, State};
use axum::extract::State as AxumState;
use sceau_operator::accounts::OwnView;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Who asks: person, roles, BALs.
#[utoipa::path(get, path = "/me", tag = "me", responses((status = 200, description = "The asker", body = OwnView), Refusals),
    extensions(("x-sceau-use-case" = json!("own.show"))))]
async fn show(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<OwnView>, Problem> {
    Ok(Json(op.own(&actor).await?))
}
