//! Regional bodies.
use crate::route::routes;
use crate::{
    Asker, Created, IfMatch, Json, Page, PageQuery, Path, Problem, Query, Refusals, State, Versioned, located,
};
use axum::extract::State as AxumState;
use sceau_operator::accounts::structures::views::{BodyChange, BodyView, NewBody, StructureCounts};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, edit))
        .routes(routes!(statistics))
        .routes(routes!(block))
        .routes(routes!(release))
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

/// Counts of each structure that a regional body follows: people, BALs, requests, what waits for an answer. Never content.
#[utoipa::path(get, path = "/bodies/{code}/statistics", tag = "bodies",
    params(("code" = String, Path, description = "Code of the regional body", example = "grades-exemple"), PageQuery),
    responses((status = 200, description = "The counts, by code of structure", body = Page<StructureCounts>), Refusals),
    extensions(("x-sceau-use-case" = json!("body.list"))))]
async fn statistics(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<StructureCounts>>, Problem> {
    let limit = page.limit();
    let found = op.body_statistics(&actor, &code, page.after.as_deref(), limit).await?;
    Ok(Json(Page::new(found, limit, |s| s.structure.clone())))
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BodyWhy {
    /// Why, in one line; kept with the step and in the traces.
    #[schema(example = "Enquête interne 2026-11", min_length = 1, max_length = 500)]
    reason: String,
}

/// Blocks a regional body: the roles of its agents have no effect any more.
#[utoipa::path(post, path = "/bodies/{code}/block", tag = "bodies", request_body = BodyWhy,
    params(("code" = String, Path, description = "Code of the regional body", example = "grades-exemple")),
    responses((status = 200, description = "Blocked", body = BodyView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("body.edit"))))]
async fn block(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
    Json(why): Json<BodyWhy>,
) -> Result<Versioned<BodyView>, Problem> {
    let blocked = op.block_body(&actor, &code, &why.reason).await?;
    Ok(Versioned(blocked.version, blocked))
}

/// Releases a blocked regional body.
#[utoipa::path(post, path = "/bodies/{code}/release", tag = "bodies", request_body = BodyWhy,
    params(("code" = String, Path, description = "Code of the regional body", example = "grades-exemple")),
    responses((status = 200, description = "Released", body = BodyView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("body.edit"))))]
async fn release(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
    Json(why): Json<BodyWhy>,
) -> Result<Versioned<BodyView>, Problem> {
    let released = op.release_body(&actor, &code, &why.reason).await?;
    Ok(Versioned(released.version, released))
}
