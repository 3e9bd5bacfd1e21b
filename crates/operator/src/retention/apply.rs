//! What outlived its retention goes: messages of open BALs, contacts of people who left, requests that came to nothing, notices, acceptances of
//! the terms by people who left; what sign-ins left behind; and at once what people set for themselves at BALs where their access is over. Part of
//! housekeeping, once an hour, by one node at a time. (Traces go by the notary's hand, idempotency keys by [`crate::once`], closed BALs by [`crate::life`].)
//!
//! Promises: nothing that a legal hold names goes, whatever a policy says, also when the hold comes while this runs; the policy is judged in the
//! transaction that removes; each transaction says in its trace what it removed and by which time (not of what sign-ins left: their own traces say all);
//! cut anywhere, it goes on in the next round.
use super::{longest, of_structure};
use crate::Operator;
use crate::record::{By, Fact};
use crate::refuse::{self, Fail};
use sceau_domain::retention::{Item, Span};
use sceau_domain::{Refusal, Timestamp};
use sceau_store::journal::Act;
use sceau_store::{Id, StoreError, Tx, access, accounts, aged, folders, holds, id, jobs, leases, messages, spent};
use serde_json::json;

/// Rows removed in one transaction.
const SLICE: i64 = 200;
/// BALs looked at in one transaction.
const PAGE: i64 = 500;
/// Rows of a kind that sign-ins left removed in one transaction, and transactions in one round.
const PROOFS: i64 = 500;
const PROOF_ROUNDS: u32 = 2_000;
/// How often, milliseconds; and for how long the role is taken.
const EVERY: i64 = 3_600_000;
/// The role: one node at a time, until the next round is due.
const ROLE: &str = "retention";

impl Operator {
    /// Removes what outlived its retention; how many rows. Once an hour, by the node that takes the role.
    pub(crate) async fn apply_retention(&self) -> Result<u64, Refusal> {
        let (owner, now) = (self.lease_owner().to_owned(), self.now().0);
        let mine = self.0.store.write(move |tx| leases::take(tx, ROLE, &owner, now, now + EVERY)).await;
        if !mine.map_err(|e: StoreError| refuse::store(&e))? {
            return Ok(0);
        }
        let done = self.apply_now().await;
        if done.is_err() {
            // Whoever comes next goes on.
            let owner = self.lease_owner().to_owned();
            let _ = self.0.store.write(move |tx| leases::release(tx, ROLE, &owner)).await;
        }
        done
    }

    async fn apply_now(&self) -> Result<u64, Refusal> {
        let mut count = self.apply_to_messages().await?;
        for item in [Item::Requests, Item::Notices] {
            count += self.apply_to_rows(item).await?;
        }
        count += self.apply_to_people().await? + self.apply_to_acceptances().await?;
        count += self.apply_to_remains().await?;
        Ok(count + self.forget_spent_proofs().await?)
    }

    /// What sign-ins leave behind: attempts, codes, sessions that ended. No policy says how long: traces do, for their own time.
    async fn forget_spent_proofs(&self) -> Result<u64, Refusal> {
        let (now, mut count) = (self.now().0, 0);
        // A list of breached passwords that was replaced may be very long: the rest goes in the next hour.
        for _ in 0..PROOF_ROUNDS {
            let gone = self.0.store.write(move |tx| spent::forget(tx, now, PROOFS)).await;
            match gone.map_err(|e: StoreError| refuse::store(&e))? {
                0 => break,
                gone => count += gone,
            }
        }
        Ok(count)
    }

    async fn apply_to_messages(&self) -> Result<u64, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let (now, mut after, mut count) = (self.now(), Id::MIN, 0);
        loop {
            let page = move |tx: &mut dyn Tx| {
                let found = aged::bals(tx, after, PAGE)?;
                let last = found.last().map(|(bal, _)| *bal);
                let mut kept = super::Spans::default();
                let mut due = Vec::new();
                for (bal, structure) in found {
                    // Most have nothing to give: only reading finds that out.
                    let before = kept.of(tx, structure, Item::Messages)?.begun_by(now);
                    if let Some(before) = before
                        && !aged::messages(tx, bal, id::first_at(before), 1)?.is_empty()
                    {
                        due.push(bal);
                    }
                }
                Ok::<_, StoreError>((due, last))
            };
            let (due, last) = self.0.store.read(page).await.map_err(failed)?;
            for bal in due {
                loop {
                    let gone = self.retire_messages(bal).await?;
                    count += gone;
                    if gone == 0 {
                        break;
                    }
                }
            }
            match last {
                Some(last) => after = last,
                None => return Ok(count),
            }
        }
    }

    /// One slice of a BAL's messages that are older than its policy says; how many. None while a hold names the BAL.
    async fn retire_messages(&self, bal: Id) -> Result<u64, Refusal> {
        let now = self.now();
        let fact = self.fact("retention.messages", &By::system(), None, "ok", json!({}));
        let index = self.index_job(bal, self.config().search.delay);
        let retire = move |tx: &mut dyn Tx| -> Result<u64, Fail> {
            holds::lock(tx, now.0)?;
            let Some(row) = accounts::bal_by_id(tx, bal)?.filter(|b| b.state != "closed") else { return Ok(0) };
            if holds::names(tx, bal)? {
                return Ok(0);
            }
            let span = of_structure(tx, row.structure_id)?.span(Item::Messages);
            let Some(before) = span.begun_by(now) else { return Ok(0) };
            let list = aged::messages(tx, bal, id::first_at(before), SLICE)?;
            if list.is_empty() {
                return Ok(0);
            }
            let Some(state) = folders::lock_bal(tx, bal)? else { return Ok(0) };
            let act = Act { bal, modseq: state.modseq, at: now.0 };
            for (folder, entries) in aged::entries(tx, bal, &list)? {
                let counts = messages::counts_of(&entries).negated();
                messages::remove(tx, act, folder, &entries)?;
                folders::adjust(tx, folder, counts, state.modseq)?;
                folders::recharge_bal(tx, bal, counts.bytes, counts.messages)?;
            }
            messages::drop_orphans(tx, bal, list.clone(), now.0)?;
            jobs::ensure(tx, &index)?;
            let mut fact = fact.clone().on(bal, Some(row.address_key));
            let shown: Vec<String> = list.iter().map(Id::to_string).collect();
            fact.saying(&json!({ "retention": span.to_string(), "count": list.len(), "messages": shown }));
            fact.write(tx)?;
            Ok(list.len() as u64)
        };
        self.act(bal, retire).await.map_err(|e: Fail| e.into())
    }

    /// Annotations and subscriptions of people whose access is over go whatever a policy says: neither they nor anybody else can read or remove them.
    async fn apply_to_remains(&self) -> Result<u64, Refusal> {
        let (mut after, mut count) = (Id::MIN, 0);
        loop {
            let page = move |tx: &mut dyn Tx| {
                let Some((last, _)) = aged::bals(tx, after, PAGE)?.pop() else { return Ok(None) };
                Ok::<_, StoreError>(Some((aged::remains(tx, (after, last))?, last)))
            };
            let Some((due, last)) = self.0.store.read(page).await.map_err(|e| refuse::store(&e))? else {
                return Ok(count);
            };
            for (bal, person) in due {
                count += self.drop_remains(bal, person).await?;
            }
            after = last;
        }
    }

    async fn drop_remains(&self, bal: Id, person: Id) -> Result<u64, Refusal> {
        let (fact, now) = (self.fact("retention.remains", &By::system(), None, "ok", json!({})), self.now().0);
        let remove = move |tx: &mut dyn Tx| {
            holds::lock(tx, now)?;
            // Nobody gets an access meanwhile.
            access::lock(tx, bal)?;
            let still = aged::remains(tx, (bal - 1, bal))?.contains(&(bal, person));
            let Some(row) = accounts::bal_by_id(tx, bal)?.filter(|b| still && b.state != "closed") else {
                return Ok(0);
            };
            let gone = aged::drop_remains(tx, bal, person)?;
            let data = json!({ "count": gone, "people": [person.to_string()] });
            said(&fact, &data).on(bal, Some(row.address_key)).write(tx)?;
            Ok::<_, StoreError>(gone)
        };
        self.0.store.write(remove).await.map_err(|e| refuse::store(&e))
    }

    async fn apply_to_rows(&self, item: Item) -> Result<u64, Refusal> {
        let (now, mut count) = (self.now(), 0);
        let act = if item == Item::Requests { "retention.requests" } else { "retention.notices" };
        loop {
            let fact = self.fact(act, &By::system(), None, "ok", json!({}));
            let remove = move |tx: &mut dyn Tx| {
                let Some((span, Timestamp(before))) = due(tx, item, now)? else { return Ok(0) };
                let gone = match item {
                    Item::Requests => aged::drop_requests(tx, before, SLICE)?,
                    _ => aged::drop_notices(tx, before, SLICE)?,
                };
                if gone > 0 {
                    said(&fact, &json!({ "retention": span.to_string(), "count": gone })).write(tx)?;
                }
                Ok::<_, StoreError>(gone)
            };
            match self.0.store.write(remove).await.map_err(|e| refuse::store(&e))? {
                0 => return Ok(count),
                gone => count += gone,
            }
        }
    }

    async fn apply_to_people(&self) -> Result<u64, Refusal> {
        let (now, mut count) = (self.now(), 0);
        loop {
            let facts: Vec<Fact> =
                (0..SLICE).map(|_| self.fact("retention.identity", &By::system(), None, "ok", json!({}))).collect();
            let remove = move |tx: &mut dyn Tx| {
                let Some((span, Timestamp(before))) = due(tx, Item::Identity, now)? else { return Ok(0) };
                let found = aged::people(tx, before, SLICE)?;
                for ((person, login), fact) in found.iter().zip(&facts) {
                    aged::forget_person(tx, *person)?;
                    said(fact, &json!({ "retention": span.to_string(), "login": login })).write(tx)?;
                }
                Ok::<_, StoreError>(found.len() as u64)
            };
            match self.0.store.write(remove).await.map_err(|e| refuse::store(&e))? {
                0 => return Ok(count),
                gone => count += gone,
            }
        }
    }

    async fn apply_to_acceptances(&self) -> Result<u64, Refusal> {
        let (now, mut count) = (self.now(), 0);
        loop {
            let fact = self.fact("retention.acceptances", &By::system(), None, "ok", json!({}));
            let remove = move |tx: &mut dyn Tx| {
                holds::lock(tx, now.0)?;
                // One log holds everybody's traces, which they are proved with.
                let span = longest(tx, Item::FunctionalTraces)?.longer(longest(tx, Item::BalTraces)?);
                let Some(Timestamp(before)) = span.begun_by(now) else { return Ok(0) };
                let (people, gone) = aged::drop_acceptances(tx, before, SLICE)?;
                if gone > 0 {
                    let people: Vec<String> = people.iter().map(Id::to_string).collect();
                    let data = json!({ "retention": span.to_string(), "count": gone, "people": people });
                    said(&fact, &data).write(tx)?;
                }
                Ok::<_, StoreError>(gone)
            };
            match self.0.store.write(remove).await.map_err(|e| refuse::store(&e))? {
                0 => return Ok(count),
                gone => count += gone,
            }
        }
    }
}

/// The longest time that any policy in use says for what belongs to nobody's BAL, and the instant before which it is over; after taking the lock by
/// which holds and removals follow each other.
fn due(tx: &mut dyn Tx, item: Item, now: Timestamp) -> Result<Option<(Span, Timestamp)>, StoreError> {
    holds::lock(tx, now.0)?;
    let span = longest(tx, item)?;
    Ok(span.begun_by(now).map(|before| (span, before)))
}

fn said(fact: &Fact, data: &serde_json::Value) -> Fact {
    let mut fact = fact.clone();
    fact.saying(data);
    fact
}
