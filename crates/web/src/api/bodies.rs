//! Regional bodies.
use crate::{Asker, Created, IfMatch, Json, Page, Path, Problem, Refusals, State, Versioned, located};
use axum::extract::State as AxumState;
use sceau_operator::accounts::structures::views::{BodyChange, BodyView, NewBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, edit))
}

/// Regional bodies, by code: all, or the asker's own.
#[utoipa::path(get, path = "/bodies", tag = "bodies",
    responses((status = 200, description = "The regional bodies", body = Page<BodyView>), Refusals),
    extensions(("x-sceau-use-case" = json!("body.list"))))]
async fn list(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<Page<BodyView>>, Problem> {
    Ok(Json(Page::whole(op.bodies(&actor).await?)))
}

/// Adds a regional body. Which structures it follows is settled with each structure.
#[utoipa::path(post, path = "/bodies", tag = "bodies",
    request_body(content = NewBody, example = json!({ "code": "grades-exemple", "name": "GRADeS de l'Exemple",
        "contact": { "name": "Alix Exemple", "email": "contact@exemple.fr" } })),
    responses((status = 201, description = "Added", body = BodyView, headers(("Location" = String, description = "Where it is"),
        ("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("body.edit"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewBody>,
) -> Result<Created<Versioned<BodyView>>, Problem> {
    let added = op.add_body(&actor, new).await?;
    Ok(Created(located(&["bodies", &added.code]), Versioned(added.version, added)))
}

/// One regional body, with the counts of what it follows.
#[utoipa::path(get, path = "/bodies/{code}", tag = "bodies",
    params(("code" = String, Path, description = "Code of the regional body", example = "grades-exemple")),
    responses((status = 200, description = "The regional body", body = BodyView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("body.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
) -> Result<Versioned<BodyView>, Problem> {
    let found = op.body(&actor, &code).await?;
    Ok(Versioned(found.version, found))
}

/// Changes a regional body.
#[utoipa::path(patch, path = "/bodies/{code}", tag = "bodies",
    params(("code" = String, Path, description = "Code of the regional body", example = "grades-exemple"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    request_body(content = BodyChange, example = json!({ "name": "GRADeS de l'Exemple" })),
    responses((status = 200, description = "Changed", body = BodyView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("body.edit"))))]
async fn edit(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
    IfMatch(version): IfMatch,
    Json(change): Json<BodyChange>,
) -> Result<Versioned<BodyView>, Problem> {
    let changed = op.edit_body(&actor, &code, version, change).await?;
    Ok(Versioned(changed.version, changed))
}
