//! The queue as administrators see it: what waits, why, and trying it again. Reading it is traced, as every look at who
//! writes to whom; a retry commits with its trace.
use super::QueueView;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::traces::TraceView;
use crate::{Actor, Operator, refuse};
use sceau_domain::{DomainName, Refusal, RefusalCode, UseCase};
use sceau_store::queue::{self, EntryFilter, EntryView, Retry};
use sceau_store::traces::{self, Filter, Trace};
use sceau_store::{Id, StoreError};
use serde::Serialize;
use serde_json::{Value, json};

/// Most entries in one listing.
const MOST: u32 = 1_000;
/// Traces looked through for the history of one entry.
const HISTORY: i64 = 2_000;

/// A queue entry with its history.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct QueueDetail {
    /// The entry.
    #[serde(flatten)]
    pub entry: QueueView,
    /// What happened to it, oldest first.
    pub history: Vec<TraceView>,
}

impl Operator {
    /// Entries by ascending id from after `after`, of one destination or all, at most `limit` (and 1000).
    pub async fn queue_list(
        &self,
        actor: &Actor,
        destination: Option<&DomainName>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<QueueView>, Refusal> {
        self.require(actor, UseCase::QueueList, On::Operator).await?;
        let filter = EntryFilter {
            destination: destination.map(ToString::to_string),
            after: after.unwrap_or(0),
            limit: limit.min(MOST),
        };
        let found = self.0.store.read(move |tx| queue::list(tx, &filter)).await;
        let found = found.map_err(|e: StoreError| refuse::store(&e))?;
        let mut views = Vec::with_capacity(found.len());
        for view in &found {
            views.push(self.queue_view(view).await);
        }
        let facts = json!({ "destination": destination.map(DomainName::as_str), "entries": views.len() });
        self.trace_alone(self.fact("queue.listed", &By::actor(actor), None, "ok", facts)).await;
        Ok(views)
    }

    /// One entry with its history. `admin.not_found`.
    pub async fn queue_show(&self, actor: &Actor, id: i64) -> Result<QueueDetail, Refusal> {
        self.require(actor, UseCase::QueueList, On::Operator).await?;
        let found = self.0.store.read(move |tx| {
            let Some(view) = queue::show(tx, id)? else { return Ok(None) };
            let history = history(tx, &view)?;
            Ok(Some((view, history)))
        });
        let found = found.await.map_err(|e: StoreError| refuse::store(&e))?;
        let (view, history) = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", id))?;
        self.trace_alone(self.fact("queue.shown", &By::actor(actor), None, "ok", json!({ "entry": id }))).await;
        Ok(QueueDetail {
            entry: self.queue_view(&view).await,
            history: history.into_iter().map(TraceView::from).collect(),
        })
    }

    /// Tries one entry again at once. `admin.not_found`.
    pub async fn queue_retry_entry(&self, actor: &Actor, id: i64) -> Result<u64, Refusal> {
        match self.queue_retry(actor, Retry::Entry(id), json!({ "entry": id })).await? {
            0 => Err(Refusal::new(RefusalCode::NotFound).with("name", id)),
            count => Ok(count),
        }
    }

    /// Tries every entry of a destination (of all without one) again at once; how many.
    pub async fn queue_retry_destination(
        &self,
        actor: &Actor,
        destination: Option<&DomainName>,
    ) -> Result<u64, Refusal> {
        let what = destination.map_or(Retry::All, |d| Retry::Destination(d.to_string()));
        self.queue_retry(actor, what, json!({ "destination": destination.map(DomainName::as_str) })).await
    }

    async fn queue_retry(&self, actor: &Actor, what: Retry, mut facts: Value) -> Result<u64, Refusal> {
        self.require(actor, UseCase::QueueRetry, On::Operator).await?;
        let now = self.now();
        let mut trace = self.fact("queue.retried", &By::actor(actor), None, "ok", json!({}));
        let actor = actor.clone();
        let retried = self.0.store.write(move |tx| {
            permit(tx, &actor, UseCase::QueueRetry, On::Operator)?;
            let count = queue::retry(tx, &what, now)?;
            if count > 0 {
                facts["entries"] = count.into();
                trace.saying(&facts);
                trace.write(tx)?;
            }
            Ok::<_, Fail>(count)
        });
        let count = retried.await?;
        if count > 0 {
            self.wake_queue();
        }
        Ok(count)
    }

    async fn queue_view(&self, view: &EntryView) -> QueueView {
        let (e, now) = (&view.entry, self.now());
        let sending = view.lease_until.is_some_and(|until| until > now) && e.next_at <= now;
        QueueView {
            id: e.id,
            message: e.message,
            from: if view.sender.is_empty() { "<>".into() } else { view.sender.clone() },
            to: e.recipient.clone(),
            destination: e.destination.clone(),
            state: if sending { "sending" } else { "waiting" }.into(),
            attempts: e.attempts + e.unreached,
            size: view.size,
            queued: view.created,
            next: view.destination_next.map_or(e.next_at, |at| at.max(e.next_at)),
            expires: e.expires,
            last_reply: self.last_words(view).await.1,
        }
    }
}

/// Traces of the message's acceptance and of this entry, and of attempts on its destination.
fn history(tx: &mut dyn sceau_store::Tx, view: &EntryView) -> Result<Vec<Trace>, StoreError> {
    // Ids are ordered by time: nothing about the message is older than its row, except the acceptance made with it.
    let after = Some(view.entry.message.saturating_sub(1 << 22));
    let of_bal = Filter {
        act: Some("mail".into()),
        bal: view.sender.parse::<sceau_domain::Address>().ok().map(|a| a.key()),
        after,
        limit: HISTORY,
        ..Filter::default()
    };
    let of_queue = Filter { act: Some("mail.deferred".into()), after, limit: HISTORY, ..Filter::default() };
    let mut found = if of_bal.bal.is_some() { traces::list(tx, &of_bal)? } else { Vec::new() };
    found.extend(traces::list(tx, &of_queue)?);
    found.retain(|t| concerns(t, view));
    found.sort_by_key(|t| t.id);
    found.dedup_by_key(|t| t.id);
    Ok(found)
}

fn concerns(trace: &Trace, view: &EntryView) -> bool {
    let data: Value = serde_json::from_str(&trace.data).unwrap_or_default();
    let entry: Option<Id> = data["entry"].as_i64();
    let same_message = data["id"].as_str() == Some(view.tag.as_str()) && entry.is_none_or(|e| e == view.entry.id);
    let same_destination = trace.kind == traces::Kind::Technical
        && data["destination"].as_str() == Some(view.entry.destination.as_str())
        && trace.at >= view.created.0;
    same_message || same_destination
}
