//! The queue: what waits to go to other operators and why; trying it again, holding, releasing, returning, deleting.
use crate::route::routes;
use crate::{Asker, Id, IdPage, Json, Page, PageQuery, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_domain::{Address, DomainName, Refusal, RefusalCode, Timestamp};
use sceau_operator::queue::{
    Acted, Chosen, DestinationStats, Holding, QueueDetail, QueueFilter, QueueState, QueueStats, QueueView,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(stats))
        .routes(routes!(destinations))
        .routes(routes!(show))
        .routes(routes!(retry))
        .routes(routes!(retry_one))
        .routes(routes!(hold))
        .routes(routes!(release))
        .routes(routes!(give_back))
        .routes(routes!(remove))
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only to this domain.
    #[param(value_type = Option<String>, example = "chu.mssante.fr")]
    destination: Option<DomainName>,
    /// Only of this message.
    #[param(value_type = Option<Id>)]
    message: Option<Id>,
    /// Only what this BAL of ours sent.
    #[param(value_type = Option<String>, example = "anne.exemple@hopital.mssante.fr")]
    sender: Option<Address>,
    /// Only in this state.
    #[param(value_type = QueueState, inline, required = false)]
    state: Option<QueueState>,
}

/// What is spoken of: exactly one of the fields is given.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct What {
    /// One entry.
    #[schema(value_type = Option<String>, example = json!(null))]
    entry: Option<Id>,
    /// All recipients of a message.
    #[schema(value_type = Option<String>, example = json!(null))]
    message: Option<Id>,
    /// All that goes to a domain.
    #[schema(value_type = Option<String>, example = "chu.mssante.fr")]
    destination: Option<DomainName>,
    /// All that a BAL of ours sent.
    #[schema(value_type = Option<String>, example = json!(null))]
    sender: Option<Address>,
    /// Everything.
    #[schema(example = false)]
    #[serde(default)]
    all: bool,
}

impl What {
    fn chosen(self) -> Result<Chosen, Problem> {
        let mut named = Vec::new();
        named.extend(self.entry.map(|id| Chosen::Entry(id.0)));
        named.extend(self.message.map(|id| Chosen::Message(id.0)));
        named.extend(self.destination.map(Chosen::Destination));
        named.extend(self.sender.map(Chosen::Sender));
        named.extend(self.all.then_some(Chosen::All));
        match (named.pop(), named.is_empty()) {
            (Some(chosen), true) => Ok(chosen),
            _ => {
                Err(Refusal::new(RefusalCode::Invalid).with("name", "entry, message, destination, sender, all").into())
            }
        }
    }
}

/// What to try again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryWhat {
    /// Every entry to this domain; everything when null.
    #[schema(value_type = Option<String>, example = "chu.mssante.fr")]
    #[serde(deserialize_with = "Option::deserialize")]
    destination: Option<DomainName>,
    /// All recipients of this message instead.
    #[schema(value_type = Option<String>, example = json!(null))]
    #[serde(default)]
    message: Option<Id>,
    /// All that this BAL of ours sent instead.
    #[schema(value_type = Option<String>, example = json!(null))]
    #[serde(default)]
    sender: Option<Address>,
}

/// What to hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HoldWhat {
    /// What.
    what: What,
    /// Why.
    #[schema(example = "Certificat du pair en cours de vérification", min_length = 1, max_length = 500)]
    reason: String,
    /// Released by itself at this instant.
    #[schema(value_type = Option<i64>, example = json!(null))]
    #[serde(default)]
    until: Option<Timestamp>,
}

/// What to release.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReleaseWhat {
    /// What.
    what: What,
}

/// What to return.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReturnWhat {
    /// What.
    what: What,
    /// Why: the senders read it.
    #[schema(example = "Le destinataire a changé d'adresse", min_length = 1, max_length = 500)]
    reason: String,
}

/// What to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeleteWhat {
    /// What.
    what: What,
    /// Why.
    #[schema(example = "Envoi en nombre par un poste compromis", min_length = 1, max_length = 500)]
    reason: String,
    /// Why the senders are not told; they are when absent.
    #[schema(example = json!(null), min_length = 1, max_length = 500)]
    #[serde(default)]
    silent: Option<String>,
}

/// What will be tried again.
#[derive(Debug, Serialize, ToSchema)]
struct Retried {
    /// How many entries.
    retried: u64,
}

/// What was held or released.
#[derive(Debug, Serialize, ToSchema)]
struct Changed {
    /// How many entries.
    entries: u64,
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
    let Which { destination, message, sender, state } = which;
    let filter = QueueFilter { destination, message: message.map(|id| id.0), sender, state, text: None };
    let found = op.queue_find(&actor, &filter, page.after(), limit).await?;
    Ok(Json(Page::new(found, limit, |e| e.id.to_string())))
}

/// The queue, counted.
#[utoipa::path(get, path = "/queue/stats", tag = "queue",
    responses((status = 200, description = "The counts", body = QueueStats), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.list"))))]
async fn stats(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<QueueStats>, Problem> {
    Ok(Json(op.queue_stats(&actor).await?))
}

/// Destinations of the queue by name, each counted, and how it fares.
#[utoipa::path(get, path = "/queue/destinations", tag = "queue", params(PageQuery),
    responses((status = 200, description = "The destinations", body = Page<DestinationStats>), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.list"))))]
async fn destinations(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<DestinationStats>>, Problem> {
    let limit = page.limit();
    let found = op.queue_destinations(&actor, page.after.as_deref(), limit).await?;
    Ok(Json(Page::new(found, limit, |d| d.domain.clone())))
}

/// One entry: why it waits, every attempt, its route, what happened to it.
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
    let chosen = match (what.message, what.sender, what.destination) {
        (Some(id), None, None) => Chosen::Message(id.0),
        (None, Some(sender), None) => Chosen::Sender(sender),
        (None, None, Some(domain)) => Chosen::Destination(domain),
        (None, None, None) => Chosen::All,
        _ => return Err(Refusal::new(RefusalCode::Invalid).with("name", "message, sender, destination").into()),
    };
    Ok(Json(Retried { retried: op.queue_retry(&actor, &chosen).await? }))
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

/// Holds entries: they are not tried until they are released, and expire at their time all the same. A destination is held as a whole, what comes later
/// included.
#[utoipa::path(post, path = "/queue/hold", tag = "queue", request_body = HoldWhat,
    responses((status = 200, description = "Held", body = Changed), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.hold"))))]
async fn hold(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(what): Json<HoldWhat>,
) -> Result<Json<Changed>, Problem> {
    let holding = Holding { why: what.reason, until: what.until };
    Ok(Json(Changed { entries: op.queue_hold(&actor, &what.what.chosen()?, &holding).await? }))
}

/// Releases entries that were held: they are tried at once.
#[utoipa::path(post, path = "/queue/release", tag = "queue", request_body = ReleaseWhat,
    responses((status = 200, description = "Released", body = Changed), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.hold"))))]
async fn release(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(what): Json<ReleaseWhat>,
) -> Result<Json<Changed>, Problem> {
    Ok(Json(Changed { entries: op.queue_release(&actor, &what.what.chosen()?).await? }))
}

/// Returns entries to their senders, with a report that gives the reason. Some hundred a call: `more` says to call again.
#[utoipa::path(post, path = "/queue/return", tag = "queue", operation_id = "return", request_body = ReturnWhat,
    responses((status = 200, description = "Returned", body = Acted), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.return"))))]
async fn give_back(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(what): Json<ReturnWhat>,
) -> Result<Json<Acted>, Problem> {
    Ok(Json(op.queue_return(&actor, &what.what.chosen()?, &what.reason).await?))
}

/// Deletes entries; their senders are told, unless a reason is given why not. Some hundred a call: `more` says to call again.
#[utoipa::path(post, path = "/queue/delete", tag = "queue", operation_id = "delete", request_body = DeleteWhat,
    responses((status = 200, description = "Deleted", body = Acted), Refusals),
    extensions(("x-sceau-use-case" = json!("queue.delete"))))]
async fn remove(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(what): Json<DeleteWhat>,
) -> Result<Json<Acted>, Problem> {
    Ok(Json(op.queue_delete(&actor, &what.what.chosen()?, &what.reason, what.silent.as_deref()).await?))
}
