//! Open sessions of browsers: seen by the person and by who administers, ended on every node at once.
use crate::route::routes;
use crate::{Asker, Id, Json, Page, Path, Problem, Refusals, State};
use axum::extract::State as AxumState;
use axum::http::StatusCode;
use sceau_operator::identity::sessions::SessionView;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(end))
}

/// Open sessions of a person's browsers, oldest first.
#[utoipa::path(get, path = "/people/{login}/sessions", tag = "sessions",
    params(("login" = String, Path, description = "Login", example = "claire.exemple")),
    responses((status = 200, description = "The sessions", body = Page<SessionView>), Refusals),
    extensions(("x-sceau-use-case" = json!("session.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
) -> Result<Json<Page<SessionView>>, Problem> {
    Ok(Json(Page::whole(op.sessions(&actor, &login).await?)))
}

/// Ends a session: its cookie is good for nothing from now on.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions", params(("id" = Id, Path, description = "Id of the session")),
    responses((status = 204, description = "Ended"), Refusals),
    extensions(("x-sceau-use-case" = json!("session.end"))))]
async fn end(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<StatusCode, Problem> {
    op.end_session(&actor, Some(id.0)).await?;
    Ok(StatusCode::NO_CONTENT)
}
