//! The probative log as a whole, for who verifies it: what must be known first, its pages, its keys. Numbers are the log's own format, which
//! `sceau trace verify` reads and judges; see `docs/evidence.md`.
use crate::route::routes;
use crate::{Asker, Json, Page, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_operator::notary::{LogPage, Overview, SigningKeyView, Unsealed};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(overview))
        .routes(routes!(page))
        .routes(routes!(unsealed))
        .routes(routes!(keys, rotate))
}

/// From where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct From {
    /// From after this id of a trace.
    after: Option<i64>,
}

/// Begins a verification: size, keys, statements. Traced as a verification of the whole log.
#[utoipa::path(get, path = "/log", tag = "log", responses((status = 200, description = "What must be known first", body = Overview), Refusals),
    extensions(("x-sceau-use-case" = json!("trace.prove"))))]
async fn overview(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<Overview>, Problem> {
    Ok(Json(op.log_overview(&actor).await?))
}

/// A page of leaves, with the checkpoints and hashes that belong to it.
#[utoipa::path(get, path = "/log/pages/{from}", tag = "log", params(("from" = i64, Path, description = "Number of the first leaf; a verifier begins below 0, where nothing may be")),
    responses((status = 200, description = "The page", body = Object), Refusals),
    extensions(("x-sceau-use-case" = json!("trace.prove"))))]
async fn page(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(from): Path<i64>,
) -> Result<Json<LogPage>, Problem> {
    Ok(Json(op.log_page(&actor, from).await?))
}

/// Traces that have no leaf yet.
#[utoipa::path(get, path = "/log/unsealed", tag = "log", params(From),
    responses((status = 200, description = "The traces", body = Object), Refusals),
    extensions(("x-sceau-use-case" = json!("trace.prove"))))]
async fn unsealed(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(from): Query<From>,
) -> Result<Json<Unsealed>, Problem> {
    Ok(Json(op.log_unsealed(&actor, from.after.unwrap_or(i64::MIN)).await?))
}

/// Public keys of the notary, oldest first; the one without `retired` signs.
#[utoipa::path(get, path = "/log/keys", tag = "log", responses((status = 200, description = "The keys", body = Page<SigningKeyView>), Refusals),
    extensions(("x-sceau-use-case" = json!("trace.prove"))))]
async fn keys(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<Page<SigningKeyView>>, Problem> {
    Ok(Json(Page::whole(op.notary_keys(&actor).await?)))
}

/// Puts a new signing key in force.
#[utoipa::path(post, path = "/log/keys", tag = "log", responses((status = 200, description = "The keys", body = Page<SigningKeyView>), Refusals),
    extensions(("x-sceau-use-case" = json!("log.key"))))]
async fn rotate(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<Page<SigningKeyView>>, Problem> {
    Ok(Json(Page::whole(op.rotate_notary_key(&actor).await?)))
}
