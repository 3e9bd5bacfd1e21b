//! The life of lists: read back at start, refreshed before they end, shared between nodes, watched.
//!
//! Promises: whatever the number of nodes, one asks for lists in the background (a lease); what one fetched is in force on the others as soon as they
//! hear of it, and within half a minute when they hear nothing. A list of which nothing newer comes is told of before it ends.
use super::fetch::SKEW;
use super::ms;
use super::state::SOURCES;
use crate::boxed;
use crate::{Operator, refuse};
use sceau_domain::{Refusal, Timestamp};
use sceau_store::revocation::{self as rows, SourceRow};
use sceau_store::{StoreError, leases};
use sceau_trust::RevocationList;
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The role of asking for lists.
const FETCHER: &str = "revocation";
/// It is held so long beyond the time that a list may take, milliseconds.
const MARGIN: i64 = 60_000;
/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(20);
/// The first failure is tried again after this long, milliseconds; each further one after twice as long.
const AGAIN: i64 = 60_000;
/// A list is about to end so long before it does at most, milliseconds; or a quarter of its life, when that is less.
const SOON: i64 = 86_400_000;
/// A source that no certificate has named for so long is forgotten, milliseconds.
const UNUSED: i64 = 90 * 86_400_000;
/// The last answer about a certificate is forgotten so long after its end, milliseconds.
const ENDED: i64 = 30 * 86_400_000;

/// When a list is about to end.
pub(super) fn ending(row: &SourceRow) -> Option<i64> {
    let (from, to) = row.this_update.zip(row.next_update)?;
    Some(to - SOON.min((to - from) / 4))
}

/// When a source is to be asked again. What was done in the future (a clock that was wrong, here or on another node) was not done.
fn due(row: &SourceRow, every: i64, now: i64) -> i64 {
    if row.failures > 0 {
        let pause = AGAIN.saturating_mul(1 << row.failures.clamp(1, 11)) / 2;
        let tried = row.tried.filter(|at| *at <= now).unwrap_or(0);
        return tried.saturating_add(pause.min(every.max(AGAIN)));
    }
    match row.fetched.filter(|at| *at <= now) {
        None => 0,
        // Before its end, but not in a loop when the authority is late.
        Some(fetched) => {
            let ending = ending(row).unwrap_or(i64::MAX).max(fetched.saturating_add(AGAIN));
            fetched.saturating_add(every).min(ending)
        }
    }
}

impl Operator {
    /// Puts the lists that the store keeps in force, each verified again.
    pub(crate) async fn restore_revocation(&self) -> Result<(), Refusal> {
        // In every mode: whom a list that is kept names is revoked.
        self.follow_revocation().await?;
        self.learn_configured().await;
        Ok(())
    }

    /// Looks after lists until `stop`.
    #[boxed]
    pub async fn run_revocation(&self, stop: CancellationToken) {
        if !self.0.config.revocation.asks() {
            return;
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.revocation_round() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.revocation.heard.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// One look: what other nodes fetched, what is due here, what is about to end.
    pub(crate) async fn revocation_round(&self) {
        if let Err(refusal) = self.follow_revocation().await {
            tracing::warn!(code = refusal.code.as_str(), "revocation lists of the other nodes");
        }
        match self.take_revocation().await {
            Ok(true) => {
                let every = ms(self.0.config.revocation.every);
                let now = self.now();
                let due: Vec<String> = {
                    let sources = self.0.revocation.sources();
                    let lists = sources.values().filter(|s| s.row.kind == "crl" && due(&s.row, every, now.0) <= now.0);
                    lists.map(|s| s.row.id.clone()).collect()
                };
                self.fetch_all(&due, true).await;
                self.forget_revocation().await;
            }
            Ok(false) => {}
            Err(refusal) => tracing::warn!(code = refusal.code.as_str(), "lease of revocation"),
        }
        self.watch_ends().await;
    }

    /// Fetches these lists, some at once, and waits for them: a list's own time bounds that.
    pub(super) async fn fetch_all(&self, ids: &[String], insist: bool) {
        for some in ids.chunks(8) {
            let flights: Vec<_> = some.iter().filter_map(|id| self.fetch_list(id, insist, || true)).collect();
            for mut flight in flights {
                // It ends when the question does.
                while flight.changed().await.is_ok() {}
            }
        }
    }

    async fn take_revocation(&self) -> Result<bool, Refusal> {
        let (owner, now) = (self.lease_owner().to_owned(), self.now().0);
        let until = now.saturating_add(ms(self.0.config.revocation.timeout)).saturating_add(MARGIN);
        let taken = self.0.store.write(move |tx| leases::take(tx, FETCHER, &owner, now, until)).await;
        taken.map_err(|e: StoreError| refuse::store(&e))
    }

    async fn forget_revocation(&self) {
        if !self.0.revocation.tell("forgotten", self.now(), SOON) {
            return;
        }
        // What the configuration names is in use, whether a certificate names it or not.
        self.learn_configured().await;
        let now = self.now().0;
        let forgotten = self.0.store.write(move |tx| {
            rows::forget_sources(tx, now - UNUSED)?;
            rows::forget_answers(tx, now - ENDED)
        });
        if let Err(e) = forgotten.await.map_err(|e: StoreError| e) {
            refuse::store(&e);
        }
        self.0.revocation.sources().retain(|_, s| s.row.used >= now - UNUSED);
    }

    /// Takes over what the store knows and this process does not.
    async fn follow_revocation(&self) -> Result<(), Refusal> {
        let most = i64::try_from(SOURCES).unwrap_or(i64::MAX);
        let kept = self.0.store.read(move |tx| rows::sources(tx, most)).await;
        let kept = kept.map_err(|e: StoreError| refuse::store(&e))?;
        for row in kept {
            let newer = {
                let mut sources = self.0.revocation.sources();
                let known = sources.entry(row.id.clone()).or_default();
                let held = known.list.as_ref().map(|l| l.facts().this_update.0);
                if known.row.tried <= row.tried {
                    known.row = row.clone();
                }
                row.this_update > held
            };
            if newer {
                self.take_over(&row).await?;
            }
        }
        Ok(())
    }

    async fn take_over(&self, row: &SourceRow) -> Result<(), Refusal> {
        let id = row.id.clone();
        let document = self.0.store.read(move |tx| rows::document(tx, &id)).await;
        let Some(document) = document.map_err(|e: StoreError| refuse::store(&e))? else { return Ok(()) };
        let (name, key, now) = (row.issuer_name.clone(), row.issuer_key.clone(), self.now());
        let read = tokio::task::spawn_blocking(move || RevocationList::read(&document, &name, &key, now, SKEW)).await;
        match read.map_err(|e| refuse::abnormal("reading a revocation list", &e))? {
            Ok(list) => {
                self.0.trust.adopt_list(&list);
                if let Some(source) = self.0.revocation.sources().get_mut(&row.id) {
                    source.list = Some(list);
                }
            }
            // Nothing that is kept is believed for being kept: it is fetched again when it is due.
            Err(e) => {
                tracing::error!(address = row.address, error = %e, "a revocation list that was kept does not count")
            }
        }
        Ok(())
    }

    /// Alarms about lists that end, cleared when a newer one came.
    async fn watch_ends(&self) {
        let now = self.now();
        let rows: Vec<SourceRow> = self.0.revocation.sources().values().map(|s| s.row.clone()).collect();
        for row in rows.into_iter().filter(|r| r.kind == "crl") {
            let Some((soon, end)) = ending(&row).zip(row.next_update) else { continue };
            let what = format!("end {}", row.address);
            if now.0 >= soon {
                let stage = if now.0 >= end { "ended" } else { "ending" };
                if self.0.revocation.tell(&format!("{what} {stage}"), now, SOON / 24) {
                    let date = sceau_trust::instant(Timestamp(end));
                    let data = json!({ "date": date, "issuer": row.issuer });
                    self.raise_alarm("revocation.expiring", &row.address, now.0 >= end, data).await;
                    self.0.revocation.tell(&what, now, 0);
                }
            } else if self.0.revocation.untell(&what) {
                self.clear_alarm("revocation.expiring", &row.address).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_asked_for_before_they_end_and_failures_ever_more_rarely() {
        const HOUR: i64 = 3_600_000;
        let row =
            SourceRow { fetched: Some(0), this_update: Some(0), next_update: Some(40 * HOUR), ..SourceRow::default() };
        let due = |row: &SourceRow, every| due(row, every, 39 * HOUR);
        assert_eq!(due(&SourceRow::default(), HOUR), 0);
        assert_eq!(due(&row, HOUR), HOUR);
        assert_eq!(due(&row, 1000 * HOUR), 30 * HOUR, "a quarter of its life before its end");
        let late = SourceRow { fetched: Some(39 * HOUR), ..row.clone() };
        assert_eq!(due(&late, HOUR), 39 * HOUR + AGAIN, "the authority is late");
        let ahead = SourceRow { fetched: Some(900 * HOUR), tried: Some(900 * HOUR), ..row.clone() };
        assert_eq!(due(&ahead, HOUR), 0, "a clock was ahead");
        assert_eq!(due(&SourceRow { failures: 3, ..ahead }, HOUR), 4 * AGAIN);
        let week = SourceRow { next_update: Some(14 * 24 * HOUR), ..row.clone() };
        assert_eq!(ending(&week), Some(13 * 24 * HOUR));
        let failed = |failures| due(&SourceRow { failures, tried: Some(0), ..row.clone() }, HOUR);
        assert_eq!([failed(1), failed(2), failed(3), failed(60)], [AGAIN, 2 * AGAIN, 4 * AGAIN, HOUR]);
    }
}
