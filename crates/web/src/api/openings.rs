//! Requests: BALs on their way to being opened, changes and ends that are asked for. Their steps are guarded by their state: no `If-Match` is asked.
use crate::route::routes;
use crate::{
    Asker, Created, Id, IdPage, Json, Page, Path, Problem, Query, Refusals, State, Versioned, located, schema,
};
use axum::extract::State as AxumState;
use sceau_domain::opening;
use sceau_operator::openings::{NewOpening, OpeningQuery, OpeningView};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, ask))
        .routes(routes!(show))
        .routes(routes!(verify))
        .routes(routes!(refuse))
        .routes(routes!(cancel))
}

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// In this state: `requested`, `verified`, `opened`, `done`, `refused` or `cancelled`.
    #[param(value_type = schema::OpeningStateWord, inline, required = false)]
    state: Option<opening::State>,
    /// `open`, `change` or `end`.
    #[param(value_type = schema::OpeningTaskWord, inline, required = false)]
    task: Option<opening::Task>,
    /// For the structure with this code.
    structure: Option<String>,
}

/// Requests, newest first, of the asker's place and those that concern the asker.
#[utoipa::path(get, path = "/openings", tag = "openings", params(Which, IdPage),
    responses((status = 200, description = "The requests", body = Page<OpeningView>), Refusals),
    extensions(("x-sceau-use-case" = json!("opening.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<OpeningView>>, Problem> {
    let limit = page.limit();
    let query = OpeningQuery { state: which.state, task: which.task, structure: which.structure, text: None };
    let found = op.openings(&actor, query, page.after(), limit).await?;
    Ok(Json(Page::new(found, limit, |o| o.id.clone())))
}

/// Asks for a BAL, for a change of people and name, or for an end.
#[utoipa::path(post, path = "/openings", tag = "openings", request_body = NewOpening,
    responses((status = 201, description = "Asked", body = OpeningView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("opening.ask"))))]
async fn ask(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewOpening>,
) -> Result<Created<Versioned<OpeningView>>, Problem> {
    let view = op.ask_opening(&actor, new).await?;
    Ok(Created(located(&["openings", &view.id]), Versioned(view.version, view)))
}

/// One request, with its steps.
#[utoipa::path(get, path = "/openings/{id}", tag = "openings", params(("id" = Id, Path, description = "Id of the request")),
    responses((status = 200, description = "The request", body = OpeningView, headers(("ETag" = String, description = "Version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("opening.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Versioned<OpeningView>, Problem> {
    let view = op.opening(&actor, id.0).await?;
    Ok(Versioned(view.version, view))
}

/// How a request is verified.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct How {
    /// Why the operator takes a place or people that its rules of eligibility do not; only the operator's administrators, traced.
    #[param(max_length = 500)]
    eligibility_override: Option<String>,
}

/// Verifies a request. What waits for nothing more is carried out at once.
#[utoipa::path(post, path = "/openings/{id}/verify", tag = "openings", params(("id" = Id, Path, description = "Id of the request"), How),
    responses((status = 200, description = "The request", body = OpeningView, headers(("ETag" = String, description = "Version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("opening.decide"))))]
async fn verify(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Query(how): Query<How>,
) -> Result<Versioned<OpeningView>, Problem> {
    let view = op.verify_opening(&actor, id.0, how.eligibility_override.as_deref()).await?;
    Ok(Versioned(view.version, view))
}

/// Why a request is refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpeningRefusal {
    /// For whoever asked.
    #[schema(example = "Profession non éligible", min_length = 1, max_length = 500)]
    reason: String,
}

/// Refuses a request, with its reason.
#[utoipa::path(post, path = "/openings/{id}/refuse", tag = "openings", request_body = OpeningRefusal, params(("id" = Id, Path, description = "Id of the request")),
    responses((status = 200, description = "The request", body = OpeningView, headers(("ETag" = String, description = "Version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("opening.decide"))))]
async fn refuse(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(why): Json<OpeningRefusal>,
) -> Result<Versioned<OpeningView>, Problem> {
    let view = op.refuse_opening(&actor, id.0, &why.reason).await?;
    Ok(Versioned(view.version, view))
}

/// Takes a request back.
#[utoipa::path(post, path = "/openings/{id}/cancel", tag = "openings", params(("id" = Id, Path, description = "Id of the request")),
    responses((status = 200, description = "The request", body = OpeningView, headers(("ETag" = String, description = "Version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("opening.ask"))))]
async fn cancel(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Versioned<OpeningView>, Problem> {
    let view = op.cancel_opening(&actor, id.0).await?;
    Ok(Versioned(view.version, view))
}
