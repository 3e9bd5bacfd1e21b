//! What must happen even when nobody sends: expiry, warnings, forgetting, destruction of keys. The server calls
//! [`Operator::housekeeping`] each minute; running it twice at once, or on several nodes, is harmless.
use super::report::Told;
use super::settle::Plan;
use super::{aad, explained, stored_refusal};
use crate::boxed;
use crate::desk::deliveries::{Became, DeliveryState};
use crate::{Operator, refuse};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::queue::{self, EntryView, Message};
use sceau_store::{Id, StoreError, blob, dedupe, leases};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Entries handled at a time.
const SLICE: u32 = 200;
/// Rows of the dedupe memory removed in one transaction.
const PURGE: u32 = 1_000;
/// The last attempt on an entry is made when it expires; this long after, milliseconds, it is given up without one.
const GRACE: i64 = 10 * 60_000;
/// How often every blob is looked at for what crashes left behind, milliseconds: a walk over all files.
const SWEEP: i64 = 6 * 3_600_000;
/// The role of walking over all blobs. Whoever took it has it until the next walk is due, so that one node walks, and walks again when
/// it failed.
const SWEEPER: &str = "sweep";
/// A transit key is kept for two days at least: a submission takes its key before its transaction, perhaps before midnight.
const DAY: i64 = 86_400_000;

/// What a round of housekeeping did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Upkeep {
    /// Entries given up.
    pub expired: u64,
    /// Entries of which the sender was told that they are late.
    pub warned: u64,
    /// Rows of the dedupe memory forgotten.
    pub forgotten: u64,
    /// Transit keys destroyed.
    pub keys: u64,
    /// Blobs removed.
    pub blobs: u64,
    /// Tombstones of removed mail forgotten.
    pub journal: u64,
}

/// Why entries are settled without an attempt.
#[derive(Debug, Clone, Copy)]
enum Due<'a> {
    /// Their time is over; of one destination, or of all.
    Over(Option<&'a str>),
    /// Their senders are to hear that they wait.
    Late,
}

impl Operator {
    /// One round of upkeep: expired and late entries, dedupe memory, transit keys, blobs, the journal, counted refusals, gauges. What
    /// fails is logged and tried again in the next round; the first failure is returned when the round is over.
    #[boxed]
    pub async fn housekeeping(&self) -> Result<Upkeep, Refusal> {
        let mut done = Upkeep::default();
        let mut first: Option<Refusal> = None;
        let mut note = |result: Result<u64, Refusal>| match result {
            Ok(count) => count,
            Err(refusal) => {
                first.get_or_insert(refusal);
                0
            }
        };
        note(self.let_held_go().await);
        note(self.know_device_authorities().await.map(|()| 0));
        done.expired = note(self.give_up_expired(None).await);
        done.warned = note(self.warn_late().await);
        done.forgotten = note(self.forget_accepted().await);
        note(self.forget_keys().await.map(|()| 0));
        note(self.resume_openings().await);
        note(self.forget_links().await.map(|()| 0));
        note(self.end_closings().await);
        note(self.follow_recoveries().await);
        note(self.drop_released().await);
        note(self.apply_retention().await);
        done.keys = note(self.destroy_finished_epochs().await);
        done.blobs = note(self.collect_blobs().await);
        done.journal = note(self.prune_journal().await);
        note(self.forget_references().await);
        note(self.tidy_imports().await);
        note(self.tidy_destinations().await);
        note(self.notice_new_terms().await.map(|()| 0));
        note(self.tell_of_new_terms().await);
        note(self.count_usage().await);
        note(self.tell_of_unusual_use().await);
        note(self.ask_for_attestations().await);
        note(self.tell_of_absent_terms().await.map(|()| 0));
        note(self.look_at_ends_in_time().await);
        note(self.forget_absences().await);
        note(self.forget_deliveries().await);
        note(self.forget_colleagues().await);
        note(self.forget_acts().await);
        note(self.forget_uploads().await);
        note(self.forget_filling().await);
        note(self.remind_of_wrong_addresses().await);
        self.look_at_antivirus().await;
        self.trace_counted_refusals().await;
        self.tell_of_full_store().await;
        first.map_or(Ok(done), Err)
    }

    /// Gives up entries past their time: of one destination (just tried in vain), or of all after some grace.
    pub(super) async fn give_up_expired(&self, destination: Option<&str>) -> Result<u64, Refusal> {
        self.settle_due(Due::Over(destination)).await
    }

    /// Tells senders that their message still waits, once.
    async fn warn_late(&self) -> Result<u64, Refusal> {
        self.settle_due(Due::Late).await
    }

    /// Settles what is due so, a slice at a time, message by message; how many entries.
    async fn settle_due(&self, due: Due<'_>) -> Result<u64, Refusal> {
        let mut count = 0;
        loop {
            let (now, mut settled, mut failure) = (self.now(), 0, None);
            let found = match due {
                Due::Over(destination) => {
                    let only = destination.map(str::to_owned);
                    let before = if only.is_some() { now } else { now.plus_ms(-GRACE) };
                    self.0.store.read(move |tx| queue::expired(tx, only.as_deref(), before, now, SLICE)).await
                }
                Due::Late => self.0.store.read(move |tx| queue::late(tx, now, SLICE)).await,
            };
            let found = found.map_err(|e: StoreError| refuse::store(&e))?;
            let full = found.len() == SLICE as usize;
            for (message, entries) in self.by_message(found).await? {
                let mut plan = Plan { message: message.id, now, ..Plan::default() };
                let mut told = Vec::new();
                for view in &entries {
                    told.push(self.settle_one(due, &message, view, &mut plan).await);
                }
                // A race is no failure: whoever was faster has settled them, or the next round looks again. A message that
                // cannot be settled does not keep the others waiting.
                match self.carry_out(&message, plan, told).await {
                    Ok(done) => settled += u64::from(done) * entries.len() as u64,
                    Err(refusal) => failure = Some(refusal),
                }
            }
            count += settled;
            match failure {
                Some(refusal) => return Err(refusal),
                // Without progress the next look would find the same.
                None if !full || settled == 0 => return Ok(count),
                None => {}
            }
        }
    }

    /// What is to be done with an entry, and what its sender is told.
    async fn settle_one(&self, due: Due<'_>, message: &Message, view: &EntryView, plan: &mut Plan) -> Told {
        let (last, words) = self.last_words(view).await;
        match due {
            Due::Over(_) => {
                let last = last.unwrap_or_else(|| RefusalCode::TransferExpired.into());
                let facts = json!({ "attempts": view.entry.attempts + view.entry.unreached });
                let trace = self.entry_trace("mail.expired", message, &view.entry, last.code.as_str(), facts);
                plan.gone.push((view.entry.id, trace));
                // A worker may just have taken it for its last attempt.
                plan.unclaimed.push(view.entry.destination.clone());
                let expired = Became::new(&view.entry, DeliveryState::Expired, Some(last.code));
                plan.became.push(expired.by(None, words.as_deref()));
                self.given_up(message, &view.entry, None, words, &last)
            }
            Due::Late => {
                let refusal = last.unwrap_or_else(|| RefusalCode::Unavailable.into());
                let facts = json!({ "until": view.entry.expires.0 });
                let trace = self.entry_trace("mail.delayed", message, &view.entry, refusal.code.as_str(), facts);
                plan.late.push((view.entry.id, trace));
                let delayed = Became::new(&view.entry, DeliveryState::Delayed, Some(refusal.code));
                plan.became.push(delayed.by(None, words.as_deref()));
                Told::delayed(view.entry.clone(), words, &refusal)
            }
        }
    }

    /// What was held until an instant that has come is due again.
    async fn let_held_go(&self) -> Result<u64, Refusal> {
        let now = self.now();
        let gone = self.0.store.write(move |tx| queue::let_go(tx, now, SLICE)).await;
        let gone = gone.map_err(|e: StoreError| refuse::store(&e))?;
        if gone > 0 {
            self.wake_queue();
        }
        Ok(gone)
    }

    /// Entries with their messages, each message once.
    pub(super) async fn by_message(&self, views: Vec<EntryView>) -> Result<Vec<(Message, Vec<EntryView>)>, Refusal> {
        let mut grouped: BTreeMap<Id, Vec<EntryView>> = BTreeMap::new();
        for view in views {
            grouped.entry(view.entry.message).or_default().push(view);
        }
        let mut out = Vec::with_capacity(grouped.len());
        for (id, entries) in grouped {
            let message = self.0.store.read(move |tx| queue::message_by_id(tx, id)).await;
            if let Some(message) = message.map_err(|e: StoreError| refuse::store(&e))? {
                out.push((message, entries));
            }
        }
        Ok(out)
    }

    /// What last happened to an entry or to its destination, whichever is later: the refusal, and the words in full.
    pub(super) async fn last_words(&self, view: &EntryView) -> (Option<Refusal>, Option<String>) {
        if let Some((at, code, args)) = &view.unreached
            && view.last_at.is_none_or(|last| last <= *at)
        {
            let refusal = stored_refusal(code, args);
            let words = refusal.as_ref().map_or_else(|| code.clone(), explained);
            return (refusal, Some(words));
        }
        let refusal = view.entry.last_code.as_deref().and_then(|code| stored_refusal(code, "{}"));
        let words = match &view.entry.last_reply {
            Some(sealed) if !sealed.is_empty() => self.unsealed_reply(view, sealed).await,
            _ => None,
        };
        (refusal, words)
    }

    pub(super) async fn unsealed_reply(&self, view: &EntryView, sealed: &[u8]) -> Option<String> {
        let key = self.0.store.vault().transit_key_of(view.epoch).await.ok()?;
        let clear = key.unseal(aad(view.epoch, view.entry.id, "queue.reply"), sealed).ok()?;
        String::from_utf8(clear).ok()
    }

    async fn forget_accepted(&self) -> Result<u64, Refusal> {
        let horizon = self.dedupe_horizon(self.now());
        let mut count = 0;
        loop {
            let gone = self.0.store.write(move |tx| dedupe::purge(tx, horizon, PURGE)).await;
            let gone = gone.map_err(|e: StoreError| refuse::store(&e))?;
            count += gone;
            if gone < u64::from(PURGE) {
                return Ok(count);
            }
        }
    }

    /// Destroys the transit keys of past epochs that no queued message needs any more.
    async fn destroy_finished_epochs(&self) -> Result<u64, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let vault = self.0.store.vault();
        let yesterday = self.now().0.div_euclid(DAY) - 1;
        let past: Vec<i64> =
            vault.transit_epochs().await.map_err(failed)?.into_iter().filter(|e| *e < yesterday).collect();
        if past.is_empty() {
            return Ok(0);
        }
        let needed = self.0.store.read(queue::epochs).await.map_err(failed)?;
        let finished: Vec<i64> = past.into_iter().filter(|e| !needed.contains(e)).collect();
        let count = finished.len() as u64;
        if count > 0 {
            vault.destroy_transit_keys(finished).await.map_err(failed)?;
        }
        Ok(count)
    }

    /// Removes released blobs, and once in [`SWEEP`] what a crash left between a file and its transaction. The first time such
    /// garbage is old enough only after a while: a fresh process does not begin with a walk.
    async fn collect_blobs(&self) -> Result<u64, Refusal> {
        let (now, last) = (self.now().0, &self.0.swept);
        let due = match last.load(Ordering::Relaxed) {
            0 => {
                last.store(now, Ordering::Relaxed);
                false
            }
            before => (now - before).abs() >= SWEEP,
        };
        let sweeps = due && self.take_sweep().await?;
        let collected = if sweeps { blob::sweep(&self.0.store).await } else { blob::collect(&self.0.store).await };
        let collected = collected.map_err(|e| refuse::store(&e))?;
        if due {
            last.store(now, Ordering::Relaxed);
        }
        if sweeps {
            tracing::info!(rows = collected.rows, objects = collected.files, "blobs swept");
        }
        Ok(collected.rows + collected.files)
    }

    /// One node at a time walks over the place of blobs.
    async fn take_sweep(&self) -> Result<bool, Refusal> {
        let (owner, now) = (self.lease_owner().to_owned(), self.now().0);
        let taken = self.0.store.write(move |tx| leases::take(tx, SWEEPER, &owner, now, now + SWEEP)).await;
        taken.map_err(|e: StoreError| refuse::store(&e))
    }

    async fn tidy_destinations(&self) -> Result<u64, Refusal> {
        let now = self.now();
        let tidied = self.0.store.write(move |tx| {
            let gone = queue::remove_idle_destinations(tx, now, SLICE)?;
            Ok((gone, queue::depth(tx)?))
        });
        let (gone, (waiting, oldest)) = tidied.await.map_err(|e: StoreError| refuse::store(&e))?;
        let age = oldest.map_or(0, |at| now.0.saturating_sub(at.0).max(0) / 1000);
        // Gauges are floating numbers; a queue is far from 2^52 entries.
        metrics::gauge!("sceau_queue_entries").set(waiting as f64);
        metrics::gauge!("sceau_queue_oldest_seconds").set(age as f64);
        Ok(gone)
    }
}
