//! One fetch and one list for all nodes.
//!
//! Promises: however many nodes there are, the authority is asked once a period; what one node puts in force is in force on the others as soon as they
//! hear of it, and within seconds when they hear nothing. A node that dies while it fetches is replaced when its lease ends.
use super::NEWEST;
use crate::boxed;
use crate::{Operator, refuse};
use sceau_domain::{Refusal, Timestamp};
use sceau_store::{StoreError, leases, settings};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Where it is kept when a node last asked for the list, and what it got.
const ASKED: &str = "white_list.asked";
/// The role of asking.
const FETCHER: &str = "white_list";
/// After a failure, the next fetch comes at least this soon.
const SOON: Duration = Duration::from_secs(60);
/// While another node asks, it is looked for its answer this often.
const MEANWHILE: Duration = Duration::from_secs(2);
/// What judging and writing a list may take beyond its fetch, milliseconds.
const MARGIN: i64 = 60_000;

/// When the list was last asked for.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Asked {
    at: i64,
    ok: bool,
}

impl Operator {
    /// Refreshes at the configured pace, sooner after a failure, until `stop`.
    #[boxed]
    pub async fn run_white_list(&self, stop: CancellationToken) {
        if self.0.config.white_list.is_none() {
            return;
        }
        let mut first = true;
        loop {
            let round = tokio::select! {
                () = stop.cancelled() => return,
                round = self.white_list_round(first) => round,
            };
            first = false;
            let pause = round.unwrap_or_else(|refusal| {
                tracing::error!(code = refusal.code.as_str(), "refresh of the white list");
                self.0.config.white_list_every.min(SOON)
            });
            self.check_list_age().await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause.max(Duration::from_millis(100))) => {}
            }
        }
    }

    /// Asks when it is time and no other node does; how long to wait then.
    async fn white_list_round(&self, first: bool) -> Result<Duration, Refusal> {
        let every = self.0.config.white_list_every.max(Duration::from_secs(1));
        self.follow_white_list().await?;
        let asked = self.0.store.read(|tx| settings::get(tx, ASKED)).await;
        let asked = asked.map_err(|e: StoreError| refuse::store(&e))?;
        let asked: Option<Asked> = asked.and_then(|s| serde_json::from_slice(&s.value).ok());
        // A process that begins asks at once, unless another node just did: its configuration may be another one.
        let alone = first && (!self.0.store.is_shared() || self.0.trust.white_list().is_none());
        if let Some(asked) = asked.as_ref().filter(|_| !alone) {
            let pause = if asked.ok { every } else { every.min(SOON) };
            let due = Timestamp(asked.at).plus_ms(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
            let left = due.0.saturating_sub(self.now().0);
            if left > 0 && asked.at <= self.now().0 {
                return Ok(Duration::from_millis(left.unsigned_abs()).min(every));
            }
        }
        if !self.take_fetch(asked.map(|a| a.at)).await? {
            return Ok(MEANWHILE.min(every));
        }
        let view = self.refresh_white_list().await;
        let ok = view.as_ref().is_ok_and(|v| v.error.is_none());
        self.end_fetch(ok).await?;
        view.map(|_| if ok { every } else { every.min(SOON) })
    }

    /// Takes the role of asking; false when another node has it, or asked since `seen`.
    async fn take_fetch(&self, seen: Option<i64>) -> Result<bool, Refusal> {
        let timeout = self.0.config.white_list.as_ref().map_or(0, |s| s.timeout.as_millis());
        let (owner, now) = (self.lease_owner().to_owned(), self.now().0);
        let until = now.saturating_add(i64::try_from(timeout).unwrap_or(MARGIN)).saturating_add(MARGIN);
        let taken = self.0.store.write(move |tx| {
            if !leases::take(tx, FETCHER, &owner, now, until)? {
                return Ok(false);
            }
            let asked = settings::get(tx, ASKED)?.and_then(|s| serde_json::from_slice::<Asked>(&s.value).ok());
            let first = asked.map(|a| a.at) == seen;
            if !first {
                leases::release(tx, FETCHER, &owner)?;
            }
            Ok(first)
        });
        taken.await.map_err(|e: StoreError| refuse::store(&e))
    }

    async fn end_fetch(&self, ok: bool) -> Result<(), Refusal> {
        let (owner, now) = (self.lease_owner().to_owned(), self.now().0);
        let asked = serde_json::json!(Asked { at: now, ok }).to_string();
        let ended = self.0.store.write(move |tx| {
            settings::put(tx, ASKED, asked.as_bytes(), now)?;
            leases::release(tx, FETCHER, &owner)
        });
        ended.await.map_err(|e: StoreError| refuse::store(&e))
    }

    /// Puts in force what another node put in force, if it did.
    pub(crate) async fn follow_white_list(&self) -> Result<(), Refusal> {
        let Some(source) = &self.0.config.white_list else { return Ok(()) };
        let newest =
            self.0.store.read(|tx| settings::get(tx, NEWEST)).await.map_err(|e: StoreError| refuse::store(&e))?;
        let version = newest.map_or(0, |n| n.version);
        if version == self.0.list.seen.load(Ordering::SeqCst) {
            return Ok(());
        }
        let _turn = self.0.list.turn.lock().await;
        if version == self.0.list.seen.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.take_kept(source).await?;
        tracing::info!(version, "the white list of another node is in force here");
        Ok(())
    }

    /// Another node may have put a list in force.
    pub(crate) fn hear_of_white_list(&self) {
        self.0.list.heard.notify_one();
    }

    /// Follows the other nodes' lists. Never returns.
    pub(crate) async fn follow_white_lists(&self) {
        if !self.0.store.is_shared() || self.0.config.white_list.is_none() {
            return std::future::pending().await;
        }
        loop {
            // What is heard is a hint; a small row is read every few seconds all the same.
            let _ = tokio::time::timeout(MEANWHILE, self.0.list.heard.notified()).await;
            if let Err(refusal) = self.follow_white_list().await {
                tracing::warn!(code = refusal.code.as_str(), "the other nodes' white list");
            }
        }
    }
}
