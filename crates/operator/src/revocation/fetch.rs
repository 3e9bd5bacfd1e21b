//! Lists fetched, verified, kept; and the one way in which questions are asked, so that whoever wants the same waits for the same.
use super::learn::{is_configured, learnt};
use super::ms;
use super::state::State;
use crate::record::By;
use crate::{Operator, refuse};
use sceau_domain::Timestamp;
use sceau_store::revocation as rows;
use sceau_store::{Event, StoreError};
use sceau_trust::outgoing::{self, Ask};
use sceau_trust::path::Link;
use sceau_trust::{CrlError, RevocationList};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::watch;

/// Clocks differ, milliseconds.
pub(super) const SKEW: i64 = 300_000;
/// A source that failed is left alone this long by judgements, milliseconds.
pub(super) const ALONE: i64 = 60_000;
/// Questions on their way to one source at most: a slow responder holds no more.
const AT_ONCE: usize = 8;
/// Longest error kept, characters.
const ERROR: usize = 300;

/// Ends a question: those who wait for it look again, whatever became of it.
struct Flight {
    op: Operator,
    key: String,
    source: String,
    done: Option<watch::Sender<()>>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let state: &State = &self.op.0.revocation;
        state.flights().remove(&self.key);
        if let Some(source) = state.sources().get_mut(&self.source) {
            source.active = source.active.saturating_sub(1);
        }
        drop(self.done.take());
        state.ended.send_modify(|n| *n = n.wrapping_add(1));
    }
}

/// What a fetched list came to.
enum Fetched {
    /// A list, and its authority's name and key.
    List(RevocationList, Vec<u8>, Vec<u8>),
    /// It came, and does not count.
    Wrong(CrlError),
    /// It did not come.
    Absent(String),
}

impl Operator {
    /// Asks `work` of a source, in the background, unless the same is on its way already; what to wait for. `None` when the source failed a moment ago
    /// (and nobody insists), is busy, or when what is wanted is not needed any more: `needed` is asked while nothing is on its way and nothing can
    /// begin, so that whoever came a moment too late does not ask again.
    pub(super) fn fly(
        &self,
        key: String,
        source: &str,
        insist: bool,
        needed: impl FnOnce() -> bool,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Option<watch::Receiver<()>> {
        let state = &self.0.revocation;
        let now = self.now();
        let mut flights = state.flights();
        if let Some(flight) = flights.get(&key) {
            return Some(flight.clone());
        }
        if !insist && !needed() {
            return None;
        }
        {
            let mut sources = state.sources();
            let known = sources.get_mut(source)?;
            let alone = known.row.failures > 0
                && known.row.tried.is_some_and(|tried| (tried..tried.saturating_add(ALONE)).contains(&now.0));
            if known.active >= AT_ONCE || (alone && !insist) {
                return None;
            }
            known.active += 1;
        }
        let (done, wait) = watch::channel(());
        flights.insert(key.clone(), wait.clone());
        let flight = Flight { op: self.clone(), key, source: source.to_owned(), done: Some(done) };
        tokio::spawn(async move {
            let _flight = flight;
            work.await;
        });
        Some(wait)
    }

    /// Fetches the lists that speak of this certificate.
    pub(super) fn fetch_lists_of(&self, link: &Link) -> Vec<watch::Receiver<()>> {
        let named: Vec<String> = learnt(link).filter(|row| row.kind == "crl").map(|row| row.id).collect();
        let ids: Vec<String> = {
            let sources = self.0.revocation.sources();
            let ours = sources.values().filter(|s| {
                let same = s.row.issuer_name == link.issuer_name && s.row.issuer_key == link.issuer_key;
                // A configured address whose authority is not known yet may be this one's.
                s.row.kind == "crl" && (named.contains(&s.row.id) || same || s.row.issuer_key.is_empty())
            });
            ours.map(|s| s.row.id.clone()).collect()
        };
        ids.iter().filter_map(|id| self.fetch_list(id, false, || !self.is_held(link))).collect()
    }

    /// Fetches a source's list; what to wait for. `None` when it is not to be asked now.
    pub(super) fn fetch_list(
        &self,
        id: &str,
        insist: bool,
        needed: impl FnOnce() -> bool,
    ) -> Option<watch::Receiver<()>> {
        let row = self.0.revocation.sources().get(id)?.row.clone();
        self.0.config.revocation.hosts.allows(&row.address).ok()?;
        let (op, source) = (self.clone(), id.to_owned());
        self.fly(format!("list {id}"), id, insist, needed, async move { op.fetched(&source).await })
    }

    async fn fetched(&self, id: &str) {
        let settings = &self.0.config.revocation;
        let Some(row) = self.0.revocation.sources().get(id).map(|s| s.row.clone()) else { return };
        let anchors = self.0.trust.anchors();
        let answer =
            outgoing::ask(&row.address, Ask::List, &settings.hosts, &anchors, settings.max_bytes, settings.timeout);
        let (answer, now) = (answer.await, self.now());
        let fetched = match answer {
            Err(e) => Fetched::Absent(e.to_string()),
            // A list has megabytes: not on an async thread.
            Ok(bytes) => {
                let (name, key) = (row.issuer_name.clone(), row.issuer_key.clone());
                // Whose list a configured address serves is found out each time: its authority may have another key by now.
                let any = is_configured(&row);
                let read = tokio::task::spawn_blocking(move || match any {
                    true => RevocationList::read_of_any(&bytes, &anchors.every(), now, SKEW),
                    false => RevocationList::read(&bytes, &name, &key, now, SKEW).map(|list| (list, name, key)),
                });
                match read.await {
                    Ok(Ok((list, name, key))) => Fetched::List(list, name, key),
                    Ok(Err(e)) => Fetched::Wrong(e),
                    Err(e) => Fetched::Absent(refuse::abnormal("reading a revocation list", &e).code.as_str().into()),
                }
            }
        };
        match fetched {
            Fetched::Absent(error) => self.source_broke(id, &error, false).await,
            Fetched::Wrong(error) => self.source_broke(id, &error.to_string(), true).await,
            Fetched::List(list, name, key) => {
                if self.is_older(id, &list) {
                    self.source_broke(id, "it is older than the list held", true).await;
                } else {
                    self.keep_list(id, list, name, key, now).await;
                }
            }
        }
    }

    fn is_older(&self, id: &str, list: &RevocationList) -> bool {
        self.0.revocation.sources().get(id).and_then(|s| s.list.as_ref()).is_some_and(|held| list.older_than(held))
    }

    /// Makes a verified list durable with its trace, then puts it in force here and tells the other nodes.
    async fn keep_list(&self, id: &str, list: RevocationList, name: Vec<u8>, key: Vec<u8>, now: Timestamp) {
        let facts = list.facts();
        let entries = i64::try_from(facts.revoked).unwrap_or(i64::MAX);
        let (this_update, next_update) = (facts.this_update.0, facts.next_update.map(|t| t.0));
        let data = json!({
            "issuer": facts.issuer.as_str(), "this_update": this_update, "next_update": next_update, "revoked": entries,
        });
        let trace = self.fact("revocation.adopted", &By::system(), None, "ok", data).technical();
        let (source, der, issuer) = (id.to_owned(), Arc::new(list.der().to_vec()), facts.issuer.to_string());
        let (shown, of, by) = (issuer.clone(), name.clone(), key.clone());
        let known = self.0.revocation.sources().get(id).map(|s| s.row.clone());
        let kept = self.0.store.write(move |tx| {
            // Whoever met the source first may not have written its row yet.
            if let Some(row) = &known {
                rows::know(tx, row)?;
            }
            rows::name_issuer(tx, &source, &shown, &of, &by)?;
            let kept = rows::keep(tx, &source, &der, this_update, next_update, entries, now.0)?;
            if kept {
                trace.write(tx)?;
            }
            Ok(kept)
        });
        let kept = match kept.await.map_err(|e: StoreError| e) {
            Ok(kept) => kept,
            // In force all the same: what it revokes is revoked. It is fetched again soon.
            Err(e) => {
                refuse::store(&e);
                false
            }
        };
        self.0.trust.adopt_list(&list);
        let address = {
            let mut sources = self.0.revocation.sources();
            let Some(source) = sources.get_mut(id) else { return };
            let row = &mut source.row;
            (row.issuer, row.issuer_name, row.issuer_key) = (issuer, name, key);
            (row.this_update, row.next_update, row.entries) = (Some(this_update), next_update, entries);
            source.list = Some(list);
            source.row.address.clone()
        };
        self.note_success(id, now);
        self.clear_source_alarms(&address).await;
        if kept {
            tracing::info!(address, this_update, revoked = entries, "revocation list in force");
            self.0.store.announce(Event::Revocation);
        }
    }

    fn note_success(&self, id: &str, now: Timestamp) {
        if let Some(source) = self.0.revocation.sources().get_mut(id) {
            let row = &mut source.row;
            (row.fetched, row.tried, row.failures) = (Some(now.0), Some(now.0), 0);
            row.error.clear();
        }
    }

    async fn clear_source_alarms(&self, address: &str) {
        // Only what was told, or may have been told by an earlier process: a write a source, not one a question.
        if self.0.revocation.untell(&format!("source {address}")) {
            self.clear_alarm("revocation.fetch", address).await;
            self.clear_alarm("revocation.invalid", address).await;
        }
    }

    /// A responder answered well.
    pub(super) async fn source_succeeded(&self, id: &str) {
        let now = self.now();
        let Some(row) = self.0.revocation.sources().get(id).map(|s| s.row.clone()) else { return };
        self.note_success(id, now);
        self.clear_source_alarms(&row.address).await;
        // Known to the minute: a busy responder is not worth a write an answer.
        if row.failures > 0 || row.fetched.is_none_or(|at| now.0 - at > ms(std::time::Duration::from_secs(60))) {
            let id = row.id;
            self.written(self.0.store.write(move |tx| rows::succeeded(tx, &id, now.0)).await);
        }
    }

    /// A question failed: with an alarm, `wrong` when something came that does not count (forged, damaged, too old).
    pub(super) async fn source_broke(&self, id: &str, error: &str, wrong: bool) {
        let Some(row) = self.source_failed(id, error).await else { return };
        let now = self.now();
        if self.0.revocation.tell(&format!("source {}", row.address), now, ALONE) {
            let code = if wrong { "revocation.invalid" } else { "revocation.fetch" };
            let data = json!({ "cause": error, "issuer": row.issuer, "failures": (row.failures + 1).to_string() });
            self.raise_alarm(code, &row.address, wrong, data).await;
        }
    }

    /// Notes a failure; the source as it was before.
    pub(super) async fn source_failed(&self, id: &str, error: &str) -> Option<rows::SourceRow> {
        let (now, error) = (self.now(), error.chars().take(ERROR).collect::<String>());
        let before = {
            let mut sources = self.0.revocation.sources();
            let source = sources.get_mut(id)?;
            let before = source.row.clone();
            (source.row.tried, source.row.failures) = (Some(now.0), before.failures + 1);
            source.row.error.clone_from(&error);
            before
        };
        // Under an attack of broken answers: one write a minute and source.
        if before.failures == 0 || before.tried.is_none_or(|at| now.0 - at >= ALONE) || before.error != error {
            let id = before.id.clone();
            self.written(self.0.store.write(move |tx| rows::failed(tx, &id, &error, now.0)).await);
        }
        Some(before)
    }

    fn written(&self, result: Result<(), StoreError>) {
        if let Err(e) = result {
            refuse::store(&e);
        }
    }
}
