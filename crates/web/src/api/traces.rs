//! Traces: what was done, evidence of it, and explanations of what does not fit the log's time.
use crate::route::routes;
use crate::{Asker, Id, Json, Page, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_domain::Timestamp;
use sceau_operator::notary::{Bundle, Checkpoint, Statement};
use sceau_operator::traces::{TraceFilter, TraceView};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(prove)).routes(routes!(settle))
}

/// Which traces.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Only this act; `mail` gives every `mail.*`.
    #[param(example = "mail")]
    act: Option<String>,
    /// Only this BAL's.
    bal: Option<String>,
    /// Only this person's (login), or this peer's (distinguished name).
    actor: Option<String>,
    /// Since this instant, milliseconds since 1970.
    #[param(value_type = Option<i64>)]
    since: Option<Timestamp>,
    /// Before this instant, milliseconds since 1970.
    #[param(value_type = Option<i64>)]
    until: Option<Timestamp>,
    /// From after this one, oldest first; without it, newest first.
    after: Option<Id>,
    /// How many, at most 1,000; 50 when absent.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "crate::page::within")]
    limit: Option<u32>,
}

/// Evidence of a trace.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Evidence {
    /// A checkpoint of this log that somebody holds, to lead back to; as the outside file has it, in JSON.
    #[schema(value_type = Option<Object>, example = json!(null))]
    #[serde(default)]
    since: Option<Checkpoint>,
}

/// Why a trace stands where it does.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Settle {
    /// The reason, signed with the rest.
    #[schema(min_length = 1, max_length = 1000, example = "L'horloge du nœud 2 retardait de vingt minutes.")]
    reason: String,
}

/// Traces: newest first, or from after an id, oldest first. Looking is traced, following what is new is not. `next` is there when `after` was.
#[utoipa::path(get, path = "/traces", tag = "traces", params(Which),
    responses((status = 200, description = "The traces", body = Page<TraceView>), Refusals),
    extensions(("x-sceau-use-case" = json!("trace.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(Which { act, bal, actor: by, since, until, after, limit }): Query<Which>,
) -> Result<Json<Page<TraceView>>, Problem> {
    let size = limit.unwrap_or(50);
    let after = after.map(|id| id.0);
    let filter = TraceFilter { act, bal, actor: by, since, until, after, limit: Some(size) };
    let found = op.traces(&actor, &filter).await?;
    // The newest ones have no page after them.
    Ok(Json(if after.is_some() { Page::new(found, size, |t| t.id.to_string()) } else { Page::whole(found) }))
}

/// Evidence that verifies without this operator: the format is the one of `docs/evidence.md`.
#[utoipa::path(post, path = "/traces/{id}/evidence", tag = "traces", request_body = Evidence,
    params(("id" = Id, Path, description = "Id of the trace")),
    responses((status = 200, description = "The bundle", body = Object), Refusals),
    extensions(("x-sceau-use-case" = json!("trace.prove"))))]
async fn prove(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(evidence): Json<Evidence>,
) -> Result<Json<Bundle>, Problem> {
    Ok(Json(op.evidence(&actor, id.0, evidence.since).await?))
}

/// Explains why a trace's instant does not fit the log's. The explanation is signed and never purged.
#[utoipa::path(post, path = "/traces/{id}/settlement", tag = "traces", request_body = Settle,
    params(("id" = Id, Path, description = "Id of the trace")),
    responses((status = 200, description = "The signed statement", body = Object), Refusals),
    extensions(("x-sceau-use-case" = json!("trace.settle"))))]
async fn settle(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(settle): Json<Settle>,
) -> Result<Json<Statement>, Problem> {
    Ok(Json(op.settle_trace(&actor, id.0, &settle.reason).await?))
}
