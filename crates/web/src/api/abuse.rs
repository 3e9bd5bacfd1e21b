//! What looks like abuse: cases, and what people decide.
use crate::route::routes;
use crate::{Asker, Id, Json, Page, Path, Problem, Query, Refusals, State, schema};
use axum::extract::State as AxumState;
use sceau_domain::abuse::Decision;
use sceau_operator::abuse::AbuseCaseView;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(decide))
}

/// State of a case.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CaseState {
    Open,
    Decided,
}

/// Which cases.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// In this state.
    #[param(value_type = schema::AbuseStateWord, inline, required = false)]
    state: Option<CaseState>,
    /// From after this one: the `next` of the page before.
    after: Option<Id>,
    /// How many, at most 1,000; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "crate::page::within")]
    limit: Option<u32>,
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AbuseDecision {
    /// `nothing` was wrong; `warn` the person; `block` the token, or whatever is open in the person's name; `suspend` the BAL, and block the token.
    #[schema(schema_with = schema::abuse_decision)]
    decision: Decision,
    /// Why, in one line; kept with the case and in the traces.
    #[schema(example = "Jeton volé, confirmé par sa titulaire", min_length = 1, max_length = 500)]
    reason: String,
}

/// What looks like abuse, newest first. Administrators of structures see what was noticed at their BALs.
#[utoipa::path(get, path = "/abuse-cases", tag = "abuse", params(Which),
    responses((status = 200, description = "The cases", body = Page<AbuseCaseView>), Refusals),
    extensions(("x-sceau-use-case" = json!("abuse.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
) -> Result<Json<Page<AbuseCaseView>>, Problem> {
    let limit = which.limit.unwrap_or(100);
    let state = which.state.map(|s| match s {
        CaseState::Open => "open",
        CaseState::Decided => "decided",
    });
    let found = op.abuse_cases(&actor, state, which.after.map(|id| id.0), limit).await?;
    Ok(Json(Page::new(found, limit, |c| c.id.to_string())))
}

/// One case.
#[utoipa::path(get, path = "/abuse-cases/{id}", tag = "abuse", params(("id" = Id, Path, description = "Id of the case")),
    responses((status = 200, description = "The case", body = AbuseCaseView), Refusals),
    extensions(("x-sceau-use-case" = json!("abuse.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<AbuseCaseView>, Problem> {
    Ok(Json(op.abuse_case(&actor, id.0).await?))
}

/// Decides a case, once. Nobody is slowed by it any more; what was decided changes no threshold and no other case.
#[utoipa::path(post, path = "/abuse-cases/{id}/decision", tag = "abuse", request_body = AbuseDecision,
    params(("id" = Id, Path, description = "Id of the case")),
    responses((status = 200, description = "Decided", body = AbuseCaseView), Refusals),
    extensions(("x-sceau-use-case" = json!("abuse.decide"))))]
async fn decide(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(said): Json<AbuseDecision>,
) -> Result<Json<AbuseCaseView>, Problem> {
    Ok(Json(op.decide_abuse(&actor, id.0, said.decision, &said.reason).await?))
}
