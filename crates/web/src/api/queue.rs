//! The queue: what waits to go to other operators, why, and trying it again at once.
use crate::{Asker, Id, IdPage, Json, Page, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_domain::DomainName;
use sceau_operator::queue::{QueueDetail, QueueView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(retry)).routes(routes!(retry_one))
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only to this domain.
    #[param(value_type = Option<String>, example = "chu.mssante.fr")]
    destination: Option<DomainName>,
}

/// What to try again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryWhat {
    /// Every entry to this domain; everything when null.
    #[schema(value_type = Option<String>, example = "chu.mssante.fr")]
    #[serde(deserialize_with = "Option::deserialize")]
    destination: Option<DomainName>,
}

/// What will be tried again.
#[derive(Debug, Serialize, ToSchema)]
struct Retried {
    /// How many entries.
    retried: u64,
}

/// Queued mail, oldest first. Looking is traced.
#[utoipa::path(get, path = "/queue", tag = "queue", params(Which, IdPage),
    responses((status = 200, description = "The entries", body = Page<QueueView>), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<QueueView>>, Problem> {
    let limit = page.limit();
    let found = op.queue_list(&actor, which.destination.as_ref(), page.after(), limit).await?;
    Ok(Json(Page::new(found, limit, |e| e.id.to_string())))
}

/// One entry and what happened to it.
#[utoipa::path(get, path = "/queue/{id}", tag = "queue", params(("id" = Id, Path, description = "Id of the entry")),
    responses((status = 200, description = "The entry", body = QueueDetail), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<QueueDetail>, Problem> {
    Ok(Json(op.queue_show(&actor, id.0).await?))
}

/// Tries a destination, or everything, again at once.
#[utoipa::path(post, path = "/queue/retry", tag = "queue", request_body = RetryWhat,
    responses((status = 200, description = "Tried again at once", body = Retried), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.retry"))))]
async fn retry(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(what): Json<RetryWhat>,
) -> Result<Json<Retried>, Problem> {
    Ok(Json(Retried { retried: op.queue_retry_destination(&actor, what.destination.as_ref()).await? }))
}

/// Tries one entry again at once.
#[utoipa::path(post, path = "/queue/{id}/retry", tag = "queue", params(("id" = Id, Path, description = "Id of the entry")),
    responses((status = 200, description = "Tried again at once", body = Retried), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.retry"))))]
async fn retry_one(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<Retried>, Problem> {
    Ok(Json(Retried { retried: op.queue_retry_entry(&actor, id.0).await? }))
}
