//! Looking at the queue. Reading it is traced, as every look at who writes to whom.
use super::view::{DestinationStats, QueueDetail, QueueFilter, QueueState, QueueStats, QueueView};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::traces::TraceView;
use crate::{Actor, Operator, refuse};
use sceau_domain::{DomainName, Refusal, RefusalCode, UseCase};
use sceau_store::queue::{self, EntryFilter, EntryView, Selection, State};
use sceau_store::traces::{self, Filter, Trace};
use sceau_store::{Id, StoreError, Tx, accounts};
use serde_json::{Value, json};

/// Most entries in one listing.
pub(super) const MOST: u32 = 1_000;
/// Traces looked through for the history of one entry.
const HISTORY: i64 = 2_000;

/// The BAL of ours with this key.
pub(super) fn sender_of(tx: &mut dyn Tx, key: &str) -> Result<Option<Id>, StoreError> {
    Ok(accounts::bal_by_address(tx, key)?.map(|b| b.id))
}

impl Operator {
    /// Entries by ascending id from after `after`, of one destination or all, at most `limit` (and 1000).
    #[boxed]
    pub async fn queue_list(
        &self,
        actor: &Actor,
        destination: Option<&DomainName>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<QueueView>, Refusal> {
        let filter = QueueFilter { destination: destination.cloned(), ..QueueFilter::default() };
        self.queue_find(actor, &filter, after, limit).await
    }

    /// Entries by ascending id from after `after`, at most `limit` (and 1000). The narrowest of what the filter names is asked of the store, the
    /// others of what it finds: a page may hold fewer, and an empty one ends the list.
    #[boxed]
    pub async fn queue_find(
        &self,
        actor: &Actor,
        filter: &QueueFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<QueueView>, Refusal> {
        self.require(actor, UseCase::QueueList, On::Operator).await?;
        let (filter, now) = (filter.clone(), self.now());
        let key = filter.sender.as_ref().map(|a| self.bal_key(a));
        let facts = json!({ "destination": filter.destination.as_ref().map(DomainName::as_str), "state": filter.state.map(QueueState::as_str) });
        let found = self.0.store.read(move |tx| {
            let mut wanted = Vec::new();
            if let Some(message) = filter.message {
                wanted.push(Selection::Message(message));
            }
            if let Some(key) = &key {
                match sender_of(tx, key)? {
                    Some(bal) => wanted.push(Selection::Sender(bal)),
                    None => return Ok(Vec::new()),
                }
            }
            if let Some(domain) = &filter.destination {
                wanted.push(Selection::Destination(domain.to_string()));
            }
            let state = filter.state.map(|s| match s {
                QueueState::Held => State::Held,
                QueueState::Sending => State::Sending,
                QueueState::Waiting => State::Waiting,
            });
            queue::list(
                tx,
                &EntryFilter {
                    wanted,
                    state,
                    text: filter.text.clone(),
                    now,
                    after: after.unwrap_or(0),
                    limit: limit.min(MOST),
                },
            )
        });
        let found: Vec<EntryView> = found.await.map_err(|e: StoreError| refuse::store(&e))?;
        let mut views = Vec::with_capacity(found.len());
        for view in &found {
            views.push(self.queue_view(view).await);
        }
        let mut facts = facts;
        facts["entries"] = views.len().into();
        self.trace_alone(self.fact("queue.listed", &By::actor(actor), None, "ok", facts)).await;
        Ok(views)
    }

    /// One entry with every attempt, its route and its history. `admin.not_found`.
    #[boxed]
    pub async fn queue_show(&self, actor: &Actor, id: i64) -> Result<QueueDetail, Refusal> {
        self.require(actor, UseCase::QueueList, On::Operator).await?;
        let found = self.0.store.read(move |tx| {
            let Some(view) = queue::show(tx, id)? else { return Ok(None) };
            let history = history(tx, &view)?;
            let mut tries = queue::tries(tx, id)?;
            tries.extend(queue::tries_of(tx, &view.entry.destination, view.created)?);
            tries.sort_by_key(|t| (t.at, t.id));
            Ok(Some((view, tries, history)))
        });
        let found = found.await.map_err(|e: StoreError| refuse::store(&e))?;
        let (view, tried, history) = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", id))?;
        self.trace_alone(self.fact("queue.shown", &By::actor(actor), None, "ok", json!({ "entry": id }))).await;
        let mut tries = Vec::with_capacity(tried.len());
        for t in &tried {
            tries.push(self.try_view(&view, t).await);
        }
        Ok(QueueDetail {
            entry: self.queue_view(&view).await,
            notify: Self::notify_shown(&view),
            route: self.route_shown(&view.entry.destination).await,
            tries,
            history: history.into_iter().map(TraceView::from).collect(),
        })
    }

    /// The queue, counted.
    #[boxed]
    pub async fn queue_stats(&self, actor: &Actor) -> Result<QueueStats, Refusal> {
        let (actor, now) = (actor.clone(), self.now());
        let counts = self.0.store.read(move |tx| {
            permit(tx, &actor, UseCase::QueueList, On::Operator)?;
            Ok::<_, Fail>(queue::counts(tx, now)?)
        });
        Ok(counts.await?.into())
    }

    /// Destinations by name from after `after`, counted, at most `limit` (and 1000).
    #[boxed]
    pub async fn queue_destinations(
        &self,
        actor: &Actor,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<DestinationStats>, Refusal> {
        let (actor, now, after) = (actor.clone(), self.now(), after.unwrap_or_default().to_owned());
        let found = self.0.store.read(move |tx| {
            permit(tx, &actor, UseCase::QueueList, On::Operator)?;
            Ok::<_, Fail>(queue::destinations(tx, &after, now, limit.min(MOST))?)
        });
        Ok(found.await?.into_iter().map(DestinationStats::from).collect())
    }
}

/// Traces of the message's acceptance and of this entry, and of attempts on its destination.
fn history(tx: &mut dyn Tx, view: &EntryView) -> Result<Vec<Trace>, StoreError> {
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
