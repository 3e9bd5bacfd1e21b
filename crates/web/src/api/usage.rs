//! What those responsible for a shared BAL answer for: its unusual use, and the attestation of its data (F159).
use crate::route::routes;
use crate::{Asker, Id, Json, Page, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_operator::usage::{AttestationView, UnusualUse};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(alerts)).routes(routes!(show, attest))
}

/// Which alerts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// From after this one, in the order of the list: the `next` of the page before.
    after: Option<Id>,
    /// How many, at most 1,000; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "crate::page::within")]
    limit: Option<u32>,
}

/// What was unusual on a shared BAL, newest first: each with what was seen, what had been usual, and why it is told. Counts only, never content.
#[utoipa::path(get, path = "/bals/{address}/alerts", tag = "access",
    params(("address" = String, Path, description = "Address of the BAL"), Which),
    responses((status = 200, description = "What was unusual", body = Page<UnusualUse>), Refusals),
    extensions(("x-sceau-use-case" = json!("access.list"))))]
async fn alerts(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Page<UnusualUse>>, Problem> {
    let limit = which.limit.unwrap_or(100);
    let found = op.unusual_use(&actor, &address, which.after.map(|id| id.0), limit).await?;
    Ok(Json(Page::new(found, limit, |a| a.id.clone())))
}

/// What those responsible for a shared BAL attest, whether it is due, and who attested it when.
#[utoipa::path(get, path = "/bals/{address}/attestation", tag = "access", params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "The text and the attestations", body = AttestationView), Refusals),
    extensions(("x-sceau-use-case" = json!("access.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
) -> Result<Json<AttestationView>, Problem> {
    Ok(Json(op.attestation(&actor, &address).await?))
}

/// What was read, and is attested.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Read {
    /// The `digest` of the text that was read.
    #[schema(
        min_length = 64,
        max_length = 64,
        pattern = "^[0-9a-f]{64}$",
        example = "0000000000000000000000000000000000000000000000000000000000000000"
    )]
    digest: String,
}

/// Attests the data of a shared BAL: somebody responsible for it, in person. Data that changed since they were read are not attested (`edit.conflict`).
#[utoipa::path(post, path = "/bals/{address}/attestation", tag = "access", request_body = Read,
    params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "The text and the attestations", body = AttestationView), Refusals),
    extensions(("x-sceau-use-case" = json!("bal.attest"))))]
async fn attest(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(read): Json<Read>,
) -> Result<Json<AttestationView>, Problem> {
    Ok(Json(op.attest(&actor, &address, &read.digest).await?))
}
