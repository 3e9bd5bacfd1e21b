//! What became of recipients, in one transaction: gone, put off, reported, traced.
use super::lanes::look;
use super::report::Told;
use super::{Destination, Outcome, OutcomeResult, Outgoing, Rows, Settlement, aad, explained, told};
use crate::Operator;
use crate::boxed;
use crate::desk::deliveries::{Became, DeliveryState};
use crate::mail::post::Letter;
use crate::record::{By, Fact};
use crate::refuse::{self, Fail};
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp};
use sceau_store::desk::deliveries::{self, Change};
use sceau_store::queue::{self, Entry, Message, Try};
use sceau_store::{Id, StoreError, Tx};
use serde_json::{Value, json};
use std::sync::Arc;

/// Everything that one settlement changes, prepared before its transaction.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// Queue message.
    pub message: Id,
    /// Entries that leave, each with its trace.
    pub gone: Vec<(Id, Fact)>,
    /// Entries put off.
    pub later: Vec<(Later, Fact)>,
    /// Entries whose sender is told of the delay.
    pub late: Vec<(Id, Fact)>,
    /// What pages show of these entries from now on.
    pub became: Vec<Became>,
    /// The same, sealed: [`Operator::carry_out`] does that.
    pub changes: Vec<Change>,
    /// Destination that a server answered for, and this owner, whose claim ends.
    pub reached: Option<(String, String)>,
    /// Now.
    pub now: Timestamp,
    /// Only while no worker has the message in hand for one of these destinations: what is being sent is left to its worker.
    pub unclaimed: Vec<String>,
}

/// An entry put off.
#[derive(Debug, Clone)]
pub(super) struct Later {
    id: Id,
    next: Timestamp,
    code: &'static str,
    reply: Vec<u8>,
    tried: Try,
}

/// Why a settlement must be planned again: another one took some of its entries.
#[derive(Debug)]
struct Raced;

enum Stop {
    Fail(Fail),
    Raced,
}
impl From<StoreError> for Stop {
    fn from(e: StoreError) -> Self {
        Self::Fail(Fail::Store(e))
    }
}

impl Plan {
    /// Applies the plan. Entries first, then the report's BAL (by the caller's closure), then the destination: the order of locks.
    fn apply(&self, tx: &mut dyn Tx) -> Result<Result<(), Raced>, StoreError> {
        let mut expected: Vec<Id> = self.gone.iter().map(|(id, _)| *id).collect();
        expected.sort_unstable();
        if queue::remove(tx, &expected)? != expected {
            return Ok(Err(Raced));
        }
        // Now that the entries are ours: a worker that claims the message at this moment either finds them gone, or is seen here.
        if !self.unclaimed.is_empty() && queue::is_claimed(tx, self.message, &self.unclaimed, self.now)? {
            return Ok(Err(Raced));
        }
        let mut expected: Vec<Id> = self.late.iter().map(|(id, _)| *id).collect();
        expected.sort_unstable();
        if queue::warned(tx, &expected)? != expected {
            return Ok(Err(Raced));
        }
        for (later, trace) in &self.later {
            if queue::defer(tx, later.id, later.next, self.now, later.code, Some(&later.reply))? {
                queue::note_try(tx, &later.tried)?;
                trace.write(tx)?;
            }
        }
        for (_, trace) in self.gone.iter().chain(&self.late) {
            trace.write(tx)?;
        }
        for change in &self.changes {
            deliveries::change(tx, change)?;
        }
        queue::remove_done(tx, self.message, self.now)?;
        Ok(Ok(()))
    }

    fn touch_destination(&self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        if let Some((domain, owner)) = &self.reached {
            queue::unclaim(tx, owner, domain, &[self.message])?;
            queue::reached(tx, domain, self.now)?;
            // What is left of the message here (put off, or more than one transaction takes) is looked at in its time.
            if let Some(at) = queue::left(tx, self.message, domain)? {
                queue::wake(tx, domain, at.max(self.now))?;
            }
        }
        Ok(())
    }
}

impl Operator {
    /// Records outcomes in one transaction: removes what is done, schedules what is not, writes reports for what failed or expired, traces all.
    #[boxed]
    pub async fn settle(&self, outgoing: Id, outcomes: Vec<Outcome>) -> Result<(), Refusal> {
        self.settle_rows(outgoing, None, outcomes).await
    }

    /// The lane's message was sent: what became of it may be recorded while the next one is taken and sent.
    pub fn sent(&self, destination: &Destination, outgoing: &Outgoing) -> Settlement {
        let mut hand = look(&destination.hand);
        hand.settling = hand.current.take();
        Settlement { rows: Arc::clone(&outgoing.rows), hand: Arc::clone(&destination.hand) }
    }

    /// [`Operator::settle`], of a message that a lane sent ([`Operator::sent`]).
    #[boxed]
    pub async fn settle_sent(&self, sent: &Settlement, outcomes: Vec<Outcome>) -> Result<(), Refusal> {
        self.settle_rows(sent.rows.0.id, Some(&sent.rows), outcomes).await?;
        look(&sent.hand).settling = None;
        Ok(())
    }

    /// With the rows as they were claimed, where they are known. Whatever changed of them since is noticed by the transaction, and looked up then.
    async fn settle_rows(&self, outgoing: Id, known: Option<&Rows>, outcomes: Vec<Outcome>) -> Result<(), Refusal> {
        let mut known = known.map(|(message, entries)| {
            let told = |e: &&Entry| outcomes.iter().any(|o| o.entry == e.id);
            (Some(message.clone()), entries.iter().filter(told).cloned().collect())
        });
        let entries = loop {
            let (message, entries): (Option<Message>, Vec<Entry>) = match known.take() {
                Some(known) => known,
                None => {
                    let ids: Vec<Id> = outcomes.iter().map(|o| o.entry).collect();
                    let look =
                        move |tx: &mut dyn Tx| Ok((queue::message_by_id(tx, outgoing)?, queue::entries(tx, &ids)?));
                    self.0.store.read(look).await.map_err(|e: StoreError| refuse::store(&e))?
                }
            };
            let Some(message) = message.filter(|_| !entries.is_empty()) else {
                tracing::warn!(message = outgoing, "outcomes of a message that has left the queue");
                return Ok(());
            };
            let (plan, told) = self.plan(&message, &entries, &outcomes).await.map_err(|e| refuse::store(&e))?;
            if self.carry_out(&message, plan, told).await? {
                break entries;
            }
        };
        if let Some(first) = entries.first() {
            self.0.leases.lanes.renew_all(&first.destination, self.lease_end());
        }
        self.note_alarms(&entries, &outcomes).await;
        Ok(())
    }

    /// Alarms of a destination: over with a delivery, raised by what waiting does not heal.
    async fn note_alarms(&self, entries: &[Entry], outcomes: &[Outcome]) {
        let Some(domain) = entries.first().map(|e| e.destination.as_str()) else { return };
        for outcome in outcomes {
            match &outcome.result {
                OutcomeResult::Delivered { .. } => return self.clear_transfer_alarms(domain).await,
                OutcomeResult::Deferred { refusal, server, .. } => {
                    return self.raise_transfer_alarm(domain, refusal, server.as_deref()).await;
                }
                OutcomeResult::Failed { .. } => {}
            }
        }
    }

    async fn plan(
        &self,
        message: &Message,
        entries: &[Entry],
        outcomes: &[Outcome],
    ) -> Result<(Plan, Vec<Told>), StoreError> {
        let now = self.now();
        let key = self.0.store.vault().transit_key_of(message.epoch).await;
        let key = match key {
            Err(StoreError::NoKey) => None,
            key => Some(key?),
        };
        let mut plan = Plan { message: message.id, now, ..Plan::default() };
        let mut told = Vec::new();
        for e in entries {
            let Some(outcome) = outcomes.iter().find(|o| o.entry == e.id) else { continue };
            plan.reached = Some((e.destination.clone(), self.lease_owner().to_owned()));
            match &outcome.result {
                OutcomeResult::Delivered { server, reply, dn, tls, dsn } => {
                    let facts = json!({ "server": server, "certificate": dn, "tls": tls, "reply": code_of(reply) });
                    plan.gone.push((e.id, self.entry_trace("mail.transferred", message, e, "ok", facts)));
                    let taken = Became::new(e, DeliveryState::Relayed, None);
                    plan.became.push(taken.by(Some(server), Some(reply)));
                    if !dsn && told::wants(e).success {
                        told.push(Told::relayed(e.clone(), server, reply));
                    }
                    metrics::counter!("sceau_queue_settled_total", "outcome" => "delivered").increment(1);
                }
                OutcomeResult::Failed { server, reply, status } => {
                    let refusal =
                        Refusal::new(RefusalCode::TransferRefused).with("server", server).with("reply", reply);
                    let facts = json!({ "server": server, "reply": code_of(reply), "status": status });
                    plan.gone.push((e.id, self.entry_trace("mail.failed", message, e, refusal.code.as_str(), facts)));
                    told.push(Told::failed(e.clone(), permanent(status), Some(server), Some(reply), &refusal));
                    let failed = Became::new(e, DeliveryState::Failed, Some(refusal.code));
                    plan.became.push(failed.by(Some(server), Some(reply)));
                    metrics::counter!("sceau_queue_settled_total", "outcome" => "failed").increment(1);
                }
                OutcomeResult::Deferred { server, reason, refusal } => {
                    let attempts = u32::try_from(e.attempts + 1).unwrap_or(u32::MAX);
                    let facts = json!({ "server": server, "reply": code_of(reason), "attempts": attempts });
                    let seed = self.seed(&e.destination);
                    match self.0.config.retry.next_attempt(attempts, message.created, now, seed) {
                        Some(next) => {
                            let trace = self.entry_trace("mail.deferred", message, e, refusal.code.as_str(), facts);
                            let reply = match &key {
                                Some(key) => key.seal(aad(message.epoch, e.id, "queue.reply"), reason.as_bytes())?,
                                None => Vec::new(),
                            };
                            let tried = Try {
                                id: self.0.store.new_id(),
                                entry: Some(e.id),
                                destination: e.destination.clone(),
                                at: now,
                                server: server.clone(),
                                code: refusal.code.as_str().to_owned(),
                                reply: Some(reply.clone()),
                                args: None,
                            };
                            let later = Later { id: e.id, next, code: refusal.code.as_str(), reply, tried };
                            plan.later.push((later, trace));
                            let delayed = Became::new(e, DeliveryState::Delayed, Some(refusal.code));
                            plan.became.push(delayed.by(server.as_deref(), Some(reason)));
                            metrics::counter!("sceau_queue_settled_total", "outcome" => "deferred").increment(1);
                        }
                        None => {
                            plan.gone.push((
                                e.id,
                                self.entry_trace("mail.expired", message, e, refusal.code.as_str(), facts),
                            ));
                            told.push(self.given_up(message, e, server.clone(), Some(reason.clone()), refusal));
                            let expired = Became::new(e, DeliveryState::Expired, Some(refusal.code));
                            plan.became.push(expired.by(server.as_deref(), Some(reason)));
                            metrics::counter!("sceau_queue_settled_total", "outcome" => "expired").increment(1);
                        }
                    }
                }
            }
        }
        Ok((plan, told))
    }

    /// What a sender is told of an entry that is given up.
    pub(super) fn given_up(
        &self,
        message: &Message,
        entry: &Entry,
        server: Option<String>,
        reply: Option<String>,
        last: &Refusal,
    ) -> Told {
        let hours = (self.now().0.saturating_sub(message.created.0)) / 3_600_000;
        let reply = reply.unwrap_or_else(|| explained(last));
        let refusal =
            Refusal::new(RefusalCode::TransferExpired).with("delay", format!("{hours} h")).with("reply", &reply);
        // A mailbox that stayed full to the end is told as such: machines act on it (EX_PBA_5080).
        let full = told::status_of(&reply).is_some_and(|s| told::is_over_quota(&s));
        let status = if full { "5.2.2" } else { refusal.code.enhanced() };
        Told::failed(entry.clone(), status.into(), server.as_deref(), Some(&reply), &refusal)
    }

    /// Commits a plan with the report that its sender wants. False when it must be planned again.
    pub(super) async fn carry_out(&self, message: &Message, plan: Plan, told: Vec<Told>) -> Result<bool, Refusal> {
        let mut plan = plan;
        let became = std::mem::take(&mut plan.became);
        plan.changes = self.delivery_changes(message, became, plan.now).await.map_err(|e| refuse::store(&e))?;
        let sees = (!plan.changes.is_empty()).then_some(message.bal);
        let done = self.commit_plan(message, plan, told).await?;
        if let Some(bal) = sees.filter(|_| done) {
            self.0.watch.notify(bal);
        }
        Ok(done)
    }

    async fn commit_plan(&self, message: &Message, mut plan: Plan, told: Vec<Told>) -> Result<bool, Refusal> {
        if let Some(letter) = self.report(message, &told).await? {
            match self.commit_with_report(&plan, letter).await {
                Ok(done) => return Ok(done),
                Err(Fail::No(refusal)) if undeliverable(&refusal) => {
                    // The sender's BAL is closed or full, its domain has left, no white list is in force: the trace says why nobody was told.
                    for (_, trace) in plan.gone.iter_mut().chain(&mut plan.late) {
                        trace.adding("report", refusal.code.as_str().into());
                    }
                }
                Err(fail) => return Err(fail.into()),
            }
        }
        let done = self.0.store.write(move |tx| match plan.apply(tx)? {
            Ok(()) => Ok(plan.touch_destination(tx)?),
            Err(Raced) => Err(Stop::Raced),
        });
        match done.await {
            Ok(()) => Ok(true),
            Err(Stop::Raced) => Ok(false),
            Err(Stop::Fail(fail)) => Err(fail.into()),
        }
    }

    async fn commit_with_report(&self, plan: &Plan, letter: Letter) -> Result<bool, Fail> {
        let plan = plan.clone();
        let done = self.post_with(letter, move |tx| {
            if plan.apply(tx)?.is_err() {
                // Nothing may stay of what was applied so far.
                return Err(Fail::No(RefusalCode::Exists.into()));
            }
            plan.touch_destination(tx)?;
            Ok(true)
        });
        match done.await {
            Ok(_) => Ok(true),
            Err(Fail::No(r)) if r.code == RefusalCode::Exists => Ok(false),
            Err(fail) => Err(fail),
        }
    }

    /// The trace of what happened to one entry, on its sender's BAL.
    pub(super) fn entry_trace(
        &self,
        act: &'static str,
        message: &Message,
        entry: &Entry,
        outcome: &str,
        facts: Value,
    ) -> Fact {
        self.entry_trace_by(&By::system(), act, message, entry, outcome, facts)
    }

    /// As [`Operator::entry_trace`], of what somebody did to it.
    pub(super) fn entry_trace_by(
        &self,
        by: &By,
        act: &'static str,
        message: &Message,
        entry: &Entry,
        outcome: &str,
        facts: Value,
    ) -> Fact {
        let mut data = json!({
            "id": message.tag,
            "entry": entry.id,
            "from": message.sender,
            "to": entry.recipient,
            "destination": entry.destination,
        });
        if let (Value::Object(data), Value::Object(facts)) = (&mut data, facts) {
            data.extend(facts);
        }
        // As traces name BALs: by what addresses are compared by.
        let shown = message.sender.parse::<Address>().ok().map(|a| a.key());
        let fact = self.fact(act, by, None, outcome, data);
        // What we wrote ourselves is no BAL's.
        if message.bal == 0 { fact } else { fact.on(message.bal, shown) }
    }

    /// A stable number of a destination, to spread attempts.
    pub(super) fn seed(&self, domain: &str) -> u64 {
        let tag = self.0.store.vault().tag("queue.seed", domain.as_bytes());
        u64::from_be_bytes(tag[..8].try_into().unwrap_or_default())
    }
}

/// Nobody can take the report: the outcome is kept all the same. Only what our own store refuses is tried again; any other refusal would make us send
/// again, and again, what was delivered in the same attempt.
fn undeliverable(refusal: &Refusal) -> bool {
    use RefusalCode::{KeyDone, ShuttingDown, StorageFull, Unavailable};
    !matches!(refusal.code, Unavailable | StorageFull | ShuttingDown | KeyDone)
}

/// The codes at the start of a reply (`550 5.1.1`), all of it that a trace may hold in clear.
pub(super) fn code_of(reply: &str) -> Option<String> {
    let mut words = reply.split([' ', '-']);
    let code = words.next().filter(|w| w.len() == 3 && w.bytes().all(|b| b.is_ascii_digit()))?;
    let enhanced =
        words.next().filter(|w| w.split('.').count() == 3 && w.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    Some(enhanced.map_or_else(|| code.to_owned(), |e| format!("{code} {e}")))
}

/// RFC 3464 §2.3.4: a failure has a status of class 5.
fn permanent(status: &str) -> String {
    let valid = status.split('.').count() == 3 && status.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match status.split_once('.') {
        Some(("5", _)) if valid => status.to_owned(),
        Some((_, rest)) if valid => format!("5.{rest}"),
        _ => "5.0.0".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_holds_only_the_codes_of_a_reply() {
        assert_eq!(code_of("550 5.1.1 <anne@example.org> unknown").as_deref(), Some("550 5.1.1"));
        assert_eq!(code_of("250-2.0.0 more").as_deref(), Some("250 2.0.0"));
        assert_eq!(code_of("250 OK id 1.2").as_deref(), Some("250"));
        assert_eq!(code_of("Anne is 550 5.1.1"), None);
        assert_eq!(code_of(""), None);
    }

    /// A report that is refused, for whatever reason, never takes back what was delivered with it; what the store could not do is done again.
    #[test]
    fn only_what_the_store_could_not_do_is_settled_again() {
        for e in [StoreError::Full, StoreError::Transient("away".into()), StoreError::Corrupt("row".into())] {
            assert!(!undeliverable(&refuse::store(&e)), "{e}");
        }
        use RefusalCode::{ExchangeInternal, PeerWhiteListAbsent, RcptClosed, RcptOverQuota, RcptRelay, RcptUnknown};
        for code in [ExchangeInternal, PeerWhiteListAbsent, RcptClosed, RcptOverQuota, RcptRelay, RcptUnknown] {
            assert!(undeliverable(&code.into()), "{code:?}");
        }
    }

    #[test]
    fn a_failure_is_permanent() {
        assert_eq!(permanent("5.1.1"), "5.1.1");
        assert_eq!(permanent("4.7.1"), "5.7.1");
        assert_eq!(permanent("nonsense"), "5.0.0");
        assert_eq!(permanent(""), "5.0.0");
    }
}
