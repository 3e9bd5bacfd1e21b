//! Acting on the queue: trying again at once, holding, releasing, returning to senders, deleting. Each act is traced with its reason, and once done
//! is done: repeated, it finds nothing left to do.
//!
//! Promises: what is being sent at that moment is left to its worker, never returned or deleted under its hands; what is returned or deleted leaves
//! in the transaction that traces it and tells its sender; a sender who is not told has a reason on record.
use super::admin::sender_of;
use super::report::Told;
use super::settle::Plan;
use crate::boxed;
use crate::desk::deliveries::{Became, DeliveryState};
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::plain::reason;
use sceau_domain::{Address, DomainName, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::queue::{self, EntryFilter, EntryView, Held, Selection};
use sceau_store::{StoreError, Tx};
use serde::Serialize;
use serde_json::{Value, json};

/// Entries returned or deleted by one call; more by calling again.
const SLICE: u32 = 500;
/// Longest time for which something is held without a new decision, milliseconds: longer than any message lives.
const LONGEST: i64 = 366 * 86_400_000;

/// Which entries somebody speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// One.
    Entry(i64),
    /// All recipients of a message.
    Message(i64),
    /// All that goes to a domain.
    Destination(DomainName),
    /// All that a BAL of ours sent.
    Sender(Address),
    /// All.
    All,
}

/// How long and why something is held.
#[derive(Debug, Clone)]
pub struct Holding {
    /// Why.
    pub why: String,
    /// Released by itself then; none: until somebody releases it, or it expires.
    pub until: Option<Timestamp>,
}

/// What an act did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Acted {
    /// Entries concerned.
    pub entries: u64,
    /// Entries left alone because they are being sent at this moment.
    pub sending: u64,
    /// There is more than one call takes: call again.
    pub more: bool,
}

/// How entries leave by somebody's hand.
#[derive(Debug, Clone)]
struct Leaving {
    act: &'static str,
    asked: &'static str,
    code: RefusalCode,
    state: DeliveryState,
    why: String,
    /// Why the sender is not told.
    silent: Option<String>,
}

impl Operator {
    /// Tries one entry again at once. `admin.not_found`.
    #[boxed]
    pub async fn queue_retry_entry(&self, actor: &Actor, id: i64) -> Result<u64, Refusal> {
        self.queue_retry(actor, &Chosen::Entry(id)).await
    }

    /// Tries every entry of a destination (of all without one) again at once; how many.
    #[boxed]
    pub async fn queue_retry_destination(
        &self,
        actor: &Actor,
        destination: Option<&DomainName>,
    ) -> Result<u64, Refusal> {
        self.queue_retry(actor, &destination.map_or(Chosen::All, |d| Chosen::Destination(d.clone()))).await
    }

    /// Tries what is chosen again at once, backoffs forgotten; what is held stays held. How many. `admin.not_found` for an entry or a message that is not
    /// there.
    #[boxed]
    pub async fn queue_retry(&self, actor: &Actor, chosen: &Chosen) -> Result<u64, Refusal> {
        let now = self.now();
        let count = self.change(actor, UseCase::QueueRetry, "queue.retried", chosen, json!({}), move |tx, what| {
            queue::retry(tx, what, now)
        });
        let count = count.await?;
        if count > 0 {
            self.wake_queue();
        }
        Ok(count)
    }

    /// Holds what is chosen: it is not tried until it is released, and expires at its time all the same. A destination is held as a whole: what comes
    /// later for it too. How many entries. `admin.invalid` for an instant that is past or far.
    #[boxed]
    pub async fn queue_hold(&self, actor: &Actor, chosen: &Chosen, holding: &Holding) -> Result<u64, Refusal> {
        let (now, why) = (self.now(), reason(&holding.why, "reason")?);
        if let Some(until) = holding.until
            && (until <= now || until.0 - now.0 > LONGEST)
        {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "until"));
        }
        let facts = json!({ "reason": why, "until": holding.until });
        let held = Held { at: now, by: By::actor(actor).name, why, until: holding.until };
        self.change(actor, UseCase::QueueHold, "queue.held", chosen, facts, move |tx, what| {
            queue::hold(tx, what, &held)
        })
        .await
    }

    /// Releases what is chosen and held: it is tried at once. How many entries.
    #[boxed]
    pub async fn queue_release(&self, actor: &Actor, chosen: &Chosen) -> Result<u64, Refusal> {
        let now = self.now();
        let count = self.change(actor, UseCase::QueueHold, "queue.released", chosen, json!({}), move |tx, what| {
            Ok(queue::release_held(tx, what, now)?.0)
        });
        let count = count.await?;
        self.wake_queue();
        Ok(count)
    }

    /// Returns what is chosen to its senders, with a report that gives the reason.
    #[boxed]
    pub async fn queue_return(&self, actor: &Actor, chosen: &Chosen, why: &str) -> Result<Acted, Refusal> {
        let why = reason(why, "reason")?;
        let (act, asked, code) = ("mail.returned", "queue.returned", RefusalCode::TransferReturned);
        let state = DeliveryState::Returned;
        self.leave(actor, UseCase::QueueReturn, chosen, Leaving { act, asked, code, state, why, silent: None }).await
    }

    /// Deletes what is chosen. Its senders are told, unless a reason is given why not.
    #[boxed]
    pub async fn queue_delete(
        &self,
        actor: &Actor,
        chosen: &Chosen,
        why: &str,
        silent: Option<&str>,
    ) -> Result<Acted, Refusal> {
        let (why, silent) = (reason(why, "reason")?, silent.map(|s| reason(s, "silent")).transpose()?);
        let (act, asked, code) = ("mail.deleted", "queue.deleted", RefusalCode::TransferDeleted);
        let state = DeliveryState::Deleted;
        self.leave(actor, UseCase::QueueDelete, chosen, Leaving { act, asked, code, state, why, silent }).await
    }

    /// Changes rows, with the trace in the same transaction. `admin.not_found` for an entry, a message or a BAL that is not there.
    async fn change<F>(
        &self,
        actor: &Actor,
        use_case: UseCase,
        act: &'static str,
        chosen: &Chosen,
        facts: Value,
        mut work: F,
    ) -> Result<u64, Refusal>
    where
        F: FnMut(&mut dyn Tx, &Selection) -> Result<u64, StoreError> + Send + 'static,
    {
        let mut trace = self.fact(act, &By::actor(actor), None, "ok", json!({}));
        let (actor, chosen, key) = (actor.clone(), chosen.clone(), self.chosen_key(chosen));
        let said = merged(self.chosen_facts(&chosen), facts);
        let done = self.0.store.write(move |tx| {
            permit(tx, &actor, use_case, On::Operator)?;
            let what = selection(tx, &chosen, key.as_deref())?;
            if is_single(&chosen) && !queue::exists(tx, &what)? {
                return Err(not_found(&chosen).into());
            }
            let count = work(tx, &what)?;
            // A destination is held or released even while nothing waits there.
            let whole = use_case == UseCase::QueueHold && matches!(chosen, Chosen::Destination(_));
            if count > 0 || whole {
                let mut said = said.clone();
                said["entries"] = count.into();
                trace.saying(&said);
                trace.write(tx)?;
            }
            Ok::<_, Fail>(count)
        });
        done.await.map_err(Refusal::from)
    }

    async fn leave(
        &self,
        actor: &Actor,
        use_case: UseCase,
        chosen: &Chosen,
        leaving: Leaving,
    ) -> Result<Acted, Refusal> {
        let facts = json!({ "reason": leaving.why, "silent": leaving.silent });
        let mut trace = self.fact(leaving.asked, &By::actor(actor), None, "ok", json!({}));
        let (asker, wanted, key, now) = (actor.clone(), chosen.clone(), self.chosen_key(chosen), self.now());
        let said = merged(self.chosen_facts(chosen), facts);
        // That it was asked, and by whom, commits before anything leaves.
        let found = self.0.store.write(move |tx| {
            permit(tx, &asker, use_case, On::Operator)?;
            let what = selection(tx, &wanted, key.as_deref())?;
            let filter = EntryFilter { wanted: vec![what], state: None, text: None, now, after: 0, limit: SLICE + 1 };
            let found = queue::list(tx, &filter)?;
            if found.is_empty() {
                return match is_single(&wanted) {
                    true => Err(not_found(&wanted).into()),
                    false => Ok(found),
                };
            }
            let mut said = said.clone();
            said["entries"] = found.len().min(SLICE as usize).into();
            trace.saying(&said);
            trace.write(tx)?;
            Ok::<_, Fail>(found)
        });
        let mut found: Vec<EntryView> = found.await?;
        let mut done = Acted { more: found.len() > SLICE as usize, ..Acted::default() };
        found.truncate(SLICE as usize);
        let whole = found.len();
        found.retain(|view| view.claimed_until.is_none_or(|until| until <= now));
        done.sending = (whole - found.len()) as u64;
        let mut by = By::actor(actor);
        if let Some(origin) = &mut by.origin {
            // The request's key was taken with the trace above.
            origin.once = None;
        }
        for (message, entries) in self.by_message(found).await? {
            let mut plan = Plan { message: message.id, now, ..Plan::default() };
            let mut told = Vec::new();
            for view in &entries {
                let facts = json!({ "reason": leaving.why, "silent": leaving.silent, "attempts": view.entry.attempts });
                let trace = self.entry_trace_by(&by, leaving.act, &message, &view.entry, "ok", facts);
                plan.gone.push((view.entry.id, trace));
                plan.unclaimed.push(view.entry.destination.clone());
                let refusal = Refusal::new(leaving.code).with("cause", &leaving.why);
                let (_, words) = self.last_words(view).await;
                let left = Became::new(&view.entry, leaving.state, Some(leaving.code));
                plan.became.push(left.by(None, words.as_deref()));
                if leaving.silent.is_none() {
                    let status = leaving.code.enhanced().to_owned();
                    told.push(Told::failed(view.entry.clone(), status, None, words.as_deref(), &refusal));
                }
            }
            match self.carry_out(&message, plan, told).await? {
                true => done.entries += entries.len() as u64,
                // A worker took it meanwhile.
                false => done.sending += entries.len() as u64,
            }
        }
        // What only waits for workers does not end by calling again.
        done.more &= done.entries > 0;
        Ok(done)
    }

    fn chosen_key(&self, chosen: &Chosen) -> Option<String> {
        match chosen {
            Chosen::Sender(address) => Some(self.bal_key(address)),
            _ => None,
        }
    }

    fn chosen_facts(&self, chosen: &Chosen) -> Value {
        match chosen {
            Chosen::Entry(id) => json!({ "entry": id }),
            Chosen::Message(id) => json!({ "message": id }),
            Chosen::Destination(domain) => json!({ "destination": domain.as_str() }),
            Chosen::Sender(address) => json!({ "from": self.shown(address) }),
            Chosen::All => json!({ "destination": null }),
        }
    }
}

fn merged(mut to: Value, more: Value) -> Value {
    if let (Value::Object(to), Value::Object(more)) = (&mut to, more) {
        to.extend(more);
    }
    to
}

/// One thing, which is there or not.
fn is_single(chosen: &Chosen) -> bool {
    matches!(chosen, Chosen::Entry(_) | Chosen::Message(_))
}

fn not_found(chosen: &Chosen) -> Refusal {
    let refusal = Refusal::new(RefusalCode::NotFound);
    match chosen {
        Chosen::Entry(id) | Chosen::Message(id) => refusal.with("name", id),
        Chosen::Destination(domain) => refusal.with("name", domain),
        Chosen::Sender(address) => refusal.with("name", address),
        Chosen::All => refusal,
    }
}

fn selection(tx: &mut dyn Tx, chosen: &Chosen, key: Option<&str>) -> Result<Selection, Fail> {
    Ok(match chosen {
        Chosen::Entry(id) => Selection::Entry(*id),
        Chosen::Message(id) => Selection::Message(*id),
        Chosen::Destination(domain) => Selection::Destination(domain.to_string()),
        Chosen::All => Selection::All,
        Chosen::Sender(_) => {
            let bal = sender_of(tx, key.unwrap_or_default())?;
            Selection::Sender(bal.ok_or_else(|| refuse_unknown(chosen))?)
        }
    })
}

fn refuse_unknown(chosen: &Chosen) -> Fail {
    not_found(chosen).into()
}
