//! The white list's life: fetch, verify, put in force, keep the last good copy, diff, alarms (F202, F203).
//!
//! Promises: only a list that was judged good is ever in force; a failure of any kind leaves the one in force, however
//! old, and raises an alarm that the next good list clears; a list is put in force only after its bytes and its trace are
//! durable, so that a restart has it too; nothing older than the last list that ever was in force comes back, even when that
//! one itself is not trusted any more. Nodes share one fetch and follow one list (`follow`); what a list changed stays as rows, and mail that
//! waits for a domain that it concerns is due in the same transaction (`changes`).
mod changes;
pub mod check;
mod follow;
pub mod listing;
mod own;
pub mod probe;

use crate::boxed;
use crate::record::By;
use crate::rights::On;
use crate::{Actor, Operator, refuse};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{Event, StoreError, settings, white_lists};
use sceau_trust::WhiteList;
use sceau_trust::refresh::{Decision, Diff, decide_above};
use sceau_trust::whitelist::{self, WhiteListError, WhiteListSource, WhiteListState};
use serde::Serialize;
use serde_json::json;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the last good copy is kept.
const KEPT: &str = "white_list.xml";
/// Where its generation is kept (milliseconds, decimal). Its version tells nodes that there is another list.
const NEWEST: &str = "white_list.generation";
/// Domains named in a trace of what changed; the counts beside them are whole.
const NAMED: usize = 200;
/// Every alarm that a good list clears.
const ALARMS: [&str; 8] = [
    "white_list.fetch",
    "white_list.format",
    "white_list.profile",
    "white_list.signature",
    "white_list.signer",
    "white_list.rollback",
    "white_list.twin",
    "white_list.future",
];

/// What is known of refreshes.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    /// One refresh at a time: two at once could put the older list in force last.
    turn: tokio::sync::Mutex<()>,
    /// Generation of the last list that ever was in force.
    newest: Mutex<Option<Timestamp>>,
    state: Mutex<WhiteListState>,
    /// Version of [`NEWEST`] that this node has seen; 0: no list was ever in force.
    seen: AtomicI64,
    /// Another node may have put a list in force.
    heard: tokio::sync::Notify,
    /// Looks at other operators' servers.
    pub(crate) probe: std::sync::OnceLock<Arc<dyn probe::Probe>>,
}

/// What a refresh did.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RefreshView {
    /// True when a newer list was put in force.
    pub changed: bool,
    /// Generation of the list in force.
    #[schema(value_type = Option<i64>)]
    pub generated: Option<Timestamp>,
    /// Domains that came, went, or changed certificates.
    pub added: Vec<String>,
    /// Gone.
    pub removed: Vec<String>,
    /// Other DNs.
    pub altered: Vec<String>,
    /// Why the fetched list was not put in force (stable alarm code and text).
    #[schema(value_type = Option<Vec<String>>)]
    pub error: Option<(String, String)>,
}

impl Operator {
    /// Puts the last good copy kept in the store in force (judged again).
    pub(crate) async fn restore_white_list(&self) -> Result<(), Refusal> {
        let Some(source) = &self.0.config.white_list else { return Ok(()) };
        let _turn = self.0.list.turn.lock().await;
        self.take_kept(source).await
    }

    /// Judges what the store keeps and puts it in force. The caller holds the turn.
    async fn take_kept(&self, source: &WhiteListSource) -> Result<(), Refusal> {
        let kept = self.0.store.read(|tx| Ok((settings::get(tx, KEPT)?, settings::get(tx, NEWEST)?))).await;
        let (kept, newest) = kept.map_err(|e: StoreError| refuse::store(&e))?;
        let Some(newest) = newest else {
            self.0.list.seen.store(0, Ordering::SeqCst);
            return Ok(());
        };
        let text = std::str::from_utf8(&newest.value).ok().and_then(|n| n.parse().ok());
        let generation = text.ok_or_else(|| refuse::store(&StoreError::Corrupt(NEWEST.into())))?;
        self.newest_is(Timestamp(generation));
        self.0.list.seen.store(newest.version, Ordering::SeqCst);
        let Some(kept) = kept else { return Ok(()) };
        // What the database keeps is what all nodes follow, whatever this one has: only its age is compared.
        match self.judge_list(source, Ok(kept.value.into()), None).await? {
            Decision::Put { list, .. } => {
                let before = self.0.trust.white_list();
                self.note(|state| state.generated = Some(list.generated));
                self.newest_is(list.generated);
                self.0.trust.set_white_list(list.clone());
                if let Some(before) = before {
                    self.make_due_again(&Diff::between(Some(&before), &list)).await;
                }
            }
            Decision::Unchanged => {}
            // The anchors or the signer changed: the peers wait until a good list comes.
            Decision::Refused(e) => self.list_refused(&e).await,
        }
        Ok(())
    }

    /// Fetches and judges the list; puts it in force or raises an alarm and keeps the last good one. `admin.invalid` when no
    /// source is configured.
    #[boxed]
    pub async fn refresh_white_list(&self) -> Result<RefreshView, Refusal> {
        self.list_source()?;
        self.to_the_end(|op| async move {
            let source = op.list_source()?;
            let _turn = op.0.list.turn.lock().await;
            let fetched = whitelist::fetch(source, &op.0.trust.anchors()).await.map(Arc::new);
            op.adopt(source, fetched).await
        })
        .await
    }

    /// Carries a refresh out to its end, even when whoever asked goes away meanwhile: a list that is durable and not in force here would be in force on
    /// the other nodes alone.
    async fn to_the_end<F>(&self, work: impl FnOnce(Self) -> F) -> Result<RefreshView, Refusal>
    where
        F: Future<Output = Result<RefreshView, Refusal>> + Send + 'static,
    {
        tokio::spawn(work(self.clone())).await.map_err(|e| refuse::abnormal("refresh of the white list", &e))?
    }

    /// An administrator asks for [`Operator::refresh_white_list`] now. `right.missing`.
    #[boxed]
    pub async fn ask_white_list(&self, actor: &Actor) -> Result<RefreshView, Refusal> {
        self.require(actor, UseCase::TrustRefresh, On::Operator).await?;
        self.trace_alone(self.fact("white_list.asked", &By::actor(actor), None, "ok", json!({}))).await;
        self.refresh_white_list().await
    }

    /// Judges a list given as bytes (`sceau trust import`), as if it had been fetched.
    #[boxed]
    pub async fn put_white_list(&self, bytes: Vec<u8>) -> Result<RefreshView, Refusal> {
        self.list_source()?;
        self.to_the_end(|op| async move {
            let source = op.list_source()?;
            let _turn = op.0.list.turn.lock().await;
            op.adopt(source, Ok(bytes.into())).await
        })
        .await
    }

    /// Facts about the list in force and its last refresh.
    pub fn white_list_state(&self) -> WhiteListState {
        self.0.list.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn list_source(&self) -> Result<&WhiteListSource, Refusal> {
        self.0.config.white_list.as_ref().ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", "white_list"))
    }

    /// Judges against the list `in_force`, off the async threads: a list has megabytes.
    async fn judge_list(
        &self,
        source: &WhiteListSource,
        fetched: Result<Arc<Vec<u8>>, WhiteListError>,
        in_force: Option<Arc<WhiteList>>,
    ) -> Result<Decision, Refusal> {
        let (source, trust, now) = (source.clone(), self.0.trust.clone(), self.now());
        let floor = *self.0.list.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = tokio::task::spawn_blocking(move || {
            let bytes = fetched.as_deref().map(Vec::as_slice).map_err(Clone::clone);
            decide_above(bytes, &source, &trust.anchors(), in_force.as_deref(), floor, now)
        });
        judged.await.map_err(|e| refuse::abnormal("judging the white list", &e))
    }

    /// The caller holds the turn.
    async fn adopt(
        &self,
        source: &WhiteListSource,
        fetched: Result<Arc<Vec<u8>>, WhiteListError>,
    ) -> Result<RefreshView, Refusal> {
        let now = self.now();
        loop {
            let decision = self.judge_list(source, fetched.clone(), self.0.trust.white_list()).await?;
            let mut view = RefreshView {
                changed: false,
                generated: self.0.trust.white_list().map(|l| l.generated),
                added: Vec::new(),
                removed: Vec::new(),
                altered: Vec::new(),
                error: None,
            };
            match &decision {
                Decision::Put { list, diff } => {
                    let bytes = fetched.clone().unwrap_or_default();
                    if !self.put_in_force(list, diff, bytes).await? {
                        // Another node was faster: its list first, then this one is judged against it.
                        self.take_kept(source).await?;
                        continue;
                    }
                    let names =
                        |all: &[sceau_domain::DomainName]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
                    view.changed = true;
                    view.generated = Some(list.generated);
                    (view.added, view.removed, view.altered) =
                        (names(&diff.added), names(&diff.removed), names(&diff.changed));
                }
                Decision::Unchanged => {}
                Decision::Refused(e) => {
                    self.list_refused(e).await;
                    view.error = Some((e.code().to_owned(), e.to_string()));
                }
            }
            self.note(|state| state.record(&decision, now));
            if view.error.is_none() {
                self.clear_list_alarms().await;
            }
            let ok = if view.error.is_none() { "yes" } else { "no" };
            metrics::counter!("sceau_white_list_refresh_total", "ok" => ok).increment(1);
            if view.changed {
                self.look_at_own_domains().await;
            }
            return Ok(view);
        }
    }

    /// Makes a list durable, with what it changes and the mail that it makes due, then puts it in force here and tells the other nodes. False when
    /// another node put one in force meanwhile.
    async fn put_in_force(&self, list: &Arc<WhiteList>, diff: &Diff, bytes: Arc<Vec<u8>>) -> Result<bool, Refusal> {
        let now = self.now();
        let before = self.0.trust.white_list();
        let facts = json!({
            "generated": list.generated.0,
            "entries": list.entries,
            "domains": list.names(),
            "skipped": list.skipped,
            "changes": { "added": diff.added.len(), "removed": diff.removed.len(), "altered": diff.changed.len() },
            // At first all is new: the counts say enough.
            "named": before.as_ref().map(|_| named(diff)),
        });
        let trace = self.fact("white_list.adopted", &By::system(), None, "ok", facts).technical();
        let (row, rows) = self.rows_of(before.as_deref(), list, diff, &bytes);
        let concerned = changes::concerned(before.is_some(), diff);
        let (generation, seen) = (list.generated.0.to_string(), self.0.list.seen.load(Ordering::SeqCst));
        let signer = self.signer_row(list);
        let kept = self.0.store.write(move |tx| {
            if !settings::replace(tx, NEWEST, seen, generation.as_bytes(), now.0)? {
                return Ok(None);
            }
            settings::put(tx, KEPT, &bytes, now.0)?;
            white_lists::insert(tx, &row, &rows)?;
            let due = changes::make_due(tx, &concerned, now)?;
            crate::certificates::write_signer(tx, signer.as_ref(), now)?;
            trace.write(tx)?;
            Ok(Some(due))
        });
        let Some(due) = kept.await.map_err(|e: StoreError| refuse::store(&e))? else { return Ok(false) };
        self.0.list.seen.store(seen + 1, Ordering::SeqCst);
        self.newest_is(list.generated);
        self.0.trust.set_white_list(list.clone());
        self.0.store.announce(Event::WhiteList);
        if due > 0 {
            self.wake_queue();
        }
        tracing::info!(
            generated = list.generated.0,
            domains = list.names(),
            added = diff.added.len(),
            removed = diff.removed.len(),
            altered = diff.changed.len(),
            due,
            "white list in force"
        );
        Ok(true)
    }

    /// A good list came: what was said of bad ones is over.
    async fn clear_list_alarms(&self) {
        let now = self.now().0;
        let cleared = self.0.store.write(move |tx| {
            for code in ALARMS {
                sceau_store::alarms::clear(tx, code, "", now)?;
            }
            Ok(())
        });
        if let Err(e) = cleared.await.map_err(|e: StoreError| e) {
            tracing::error!(error = %e, "alarms of the white list not cleared");
        }
    }

    async fn list_refused(&self, e: &WhiteListError) {
        let in_force = self.0.trust.white_list().map(|l| l.generated.0);
        let data = json!({ "cause": e.to_string(), "in_force": in_force });
        // Without any list nobody can be trusted; and an altered or forged one is an incident by itself.
        let critical = in_force.is_none() || !matches!(e, WhiteListError::Fetch(_));
        self.raise_alarm(e.code(), "", critical, data).await;
    }

    async fn check_list_age(&self) {
        let Some(list) = self.0.trust.white_list() else { return };
        let age = self.now().0.saturating_sub(list.generated.0);
        metrics::gauge!("sceau_white_list_age_seconds").set((age / 1000) as f64);
        if age > i64::try_from(self.0.config.white_list_old.as_millis()).unwrap_or(i64::MAX) {
            let days = (age / 86_400_000).to_string();
            self.raise_alarm("white_list.age", "", false, json!({ "days": days })).await;
        } else {
            self.clear_alarm("white_list.age", "").await;
        }
    }

    /// Nothing older than this is put in force any more.
    fn newest_is(&self, generated: Timestamp) {
        let mut newest = self.0.list.newest.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = (*newest).max(Some(generated));
    }

    fn note(&self, f: impl FnOnce(&mut WhiteListState)) {
        f(&mut self.0.list.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The domains of a difference, at most [`NAMED`] of each kind.
fn named(diff: &Diff) -> serde_json::Value {
    let some =
        |all: &[sceau_domain::DomainName]| -> Vec<String> { all.iter().take(NAMED).map(ToString::to_string).collect() };
    json!({ "added": some(&diff.added), "removed": some(&diff.removed), "altered": some(&diff.changed) })
}
