//! Closing a BAL (F031, F032, F038): asked for with proof, undone while the cooling period lasts, then for good.
//!
//! While a BAL is closing nobody signs in and mail is refused. Housekeeping ends the closing at its time; without a cooling period the act does.
//! From then on nobody reads it, its tokens open nothing, its address rests, and a job destroys it ([`super::destruction`]). Traces stay, and so does
//! mail that the BAL sent and that still waits (it is under transit keys); what becomes of it is told to nobody.
use super::views::{LifeView, bal_view};
use super::{Deed, Over, advance, bals, of_bal, undoable, wrong};
use crate::boxed;
use crate::jobs::Kind;
use crate::notices::{Notice, Template};
use crate::record::{By, Fact};
use crate::refuse::{self, Fail};
use crate::retention;
use crate::rights::On;
use crate::{Actor, Door, Operator};
use sceau_domain::life::{LifeState, LifeStep, height};
use sceau_domain::plain::reason;
use sceau_domain::retention::{Item, Span, Unit};
use sceau_domain::{Address, BalKind, Refusal, RefusalCode, Role, Timestamp, UseCase};
use sceau_store::{Id, StoreError, Tx, access, accounts, jobs, life as rows, purge};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use utoipa::ToSchema;

/// BALs closed in one round.
const SLICE: i64 = 100;

/// Why a BAL is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Its user asked for it, and proved who asks (F031).
    Request,
    /// Its holder cannot be reached: the notification address is wrong or was never verified (F032).
    NotificationAddress,
    /// Its user left.
    Departure,
    /// It serves no longer.
    Unused,
    /// Misuse.
    Misuse,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::NotificationAddress => "notification_address",
            Self::Departure => "departure",
            Self::Unused => "unused",
            Self::Misuse => "misuse",
        }
    }
}

/// The order to close a BAL.
#[derive(Debug, Clone)]
pub struct CloseOrder {
    /// Why, in a word.
    pub cause: Cause,
    /// Why, in a sentence.
    pub reason: String,
    /// How it was proven that the user asks; must be said when somebody else carries the request out.
    pub identity_proof: Option<String>,
    /// Cooling period, days of the calendar; that of the retention policy when absent.
    pub cooling_days: Option<u32>,
}

impl CloseOrder {
    /// It serves no longer, with the cooling period of its policy.
    pub fn unused(reason: &str) -> Self {
        Self { cooling_days: None, ..Self::at_once(reason) }
    }
    /// At once, for a reason.
    pub fn at_once(reason: &str) -> Self {
        Self { cause: Cause::Unused, reason: reason.into(), identity_proof: None, cooling_days: Some(0) }
    }
}

/// What the end of a closing needs, made before its transaction.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub deed: Deed,
    pub fact: Fact,
    pub job: jobs::NewJob,
}

impl End {
    /// Closes for good, in the transaction: state, tokens, tombstone, trace, and the job that destroys.
    pub fn carry_out(&self, tx: &mut dyn Tx, nth: usize, bal: &accounts::Bal, role: Option<Role>) -> Result<(), Fail> {
        let now = self.deed.at;
        if !purge::close(tx, bal.id, now)? {
            return Ok(());
        }
        let rests = retention::of_structure(tx, bal.structure_id)?.span(Item::Tombstone);
        let calendar = crate::calendar::of_structure(tx, bal.structure_id)?;
        rows::put_tombstone(tx, bal.id, rests.end(now, &calendar).map(|at| at.0))?;
        self.deed.step(tx, nth, ("bal", bal.id), (LifeState::Closing, LifeState::Closed), role)?;
        let mut fact = self.fact.clone().on(bal.id, Some(bal.address_key.clone()));
        fact.adding("messages", bal.message_count.into());
        fact.adding("used", bal.used_bytes.into());
        fact.write(tx)?;
        Ok(jobs::enqueue(tx, &jobs::NewJob { key: bal.id.to_string(), ..self.job.clone() })?)
    }
}

impl Operator {
    pub(super) fn end_of_closing(&self, deed: Deed, by: &By) -> End {
        let fact = self.fact("bal.closed", by, None, "ok", json!({ "reason": deed.reason }));
        End { deed, fact, job: self.job(Kind::Purge, "", Vec::new(), Duration::ZERO) }
    }

    /// Begins to close a BAL, or closes it where there is no cooling period. `state.wrong`, `admin.not_found`, `admin.invalid`, `right.missing`.
    #[boxed]
    pub async fn close_bal(&self, actor: &Actor, address: &str, order: CloseOrder) -> Result<LifeView, Refusal> {
        let use_case = UseCase::BalClose;
        self.require(actor, use_case, On::Anywhere).await?;
        let (key, deed) = (self.key_of(address)?, self.deed(actor, &order.reason)?);
        let invalid = |name: &'static str| Refusal::new(RefusalCode::Invalid).with("name", name);
        let proof = order.identity_proof.as_deref().map(|p| reason(p, "identity_proof"));
        let (proof, by) = (proof.transpose()?, By::actor(actor));
        let said = json!({ "reason": deed.reason, "cause": order.cause.as_str() });
        let fact = self.fact("bal.closing", &by, None, "ok", said);
        let end = self.end_of_closing(deed.clone(), &by);
        let told = self.closing_notices(&key, order.cooling_days, deed.at).await?;
        let (asker, op) = (actor.clone(), self.clone());
        let begin = move |tx: &mut dyn Tx| {
            let (bal, role) = bals::seized(tx, &asker, use_case, &key)?;
            let life = of_bal(tx, &bal)?;
            let policy = retention::of_structure(tx, bal.structure_id)?.span(Item::Cooling);
            let span = cooling(order.cooling_days, policy, role)?;
            let calendar = crate::calendar::of_structure(tx, bal.structure_id)?;
            // A cooling period ends; one that does not is none.
            let at = span.end(deed.at, &calendar).ok_or_else(|| invalid("cooling_days"))?;
            let closing = advance(&bal.address, life, LifeStep::Close(at), deed.at, false)?;
            undoable(tx, ("bal", bal.id), (life.state, Over::All), role, use_case)?;
            let proof = proven(order.cause, &proof, role, &asker)?;
            if order.cause == Cause::NotificationAddress {
                unreachable_holder(tx, &op, &bal)?;
            }
            bals::put(tx, &deed, &bal, (life.state, closing), role)?;
            let mut fact = fact.clone().on(bal.id, Some(bal.address_key.clone()));
            fact.adding("at", at.0.into());
            if let Some(proof) = proof {
                fact.adding("identity_proof", proof.into());
            }
            fact.write(tx)?;
            if closing.after(LifeStep::End, deed.at, false).is_ok() {
                end.carry_out(tx, 1, &bal, role)?;
            } else {
                told.iter().try_for_each(|notice| notice.write(tx))?;
            }
            Ok::<_, Fail>((bal.id, bal_view(tx, &asker, bal.id)?))
        };
        let (bal, view) = self.0.store.write(begin).await?;
        self.closed(bal);
        Ok(view)
    }

    /// Notices to those who answer for a BAL, at their verified ordinary addresses, that it will be closed: prepared before the transaction that may
    /// write them. None without a relay.
    async fn closing_notices(&self, key: &str, days: Option<u32>, now: Timestamp) -> Result<Vec<Notice>, Refusal> {
        if !self.has_relay() {
            return Ok(Vec::new());
        }
        let key = key.to_owned();
        let find = move |tx: &mut dyn Tx| {
            let Some(bal) = accounts::bal_by_address(tx, &key)? else { return Ok((Vec::new(), None)) };
            let policy = retention::of_structure(tx, bal.structure_id)?.span(Item::Cooling);
            let calendar = crate::calendar::of_structure(tx, bal.structure_id)?;
            let at = days.map_or(policy, |days| Span::Of(days, Unit::Days)).end(now, &calendar);
            let mut people = Vec::new();
            for a in access::of_bal(tx, bal.id)? {
                if matches!(a.role.as_str(), "holder" | "responsible") {
                    people.extend(accounts::person_by_id(tx, a.person_id)?.filter(|p| p.email_verified.is_some()));
                }
            }
            Ok::<_, StoreError>((people, at.map(|at| calendar.date_at(at).to_string())))
        };
        let (people, date) = self.0.store.read(find).await.map_err(|e| refuse::store(&e))?;
        let mut out = Vec::new();
        for person in people {
            let to = person.email.as_deref().and_then(|e| e.parse::<Address>().ok());
            if let (Some(to), Some(date)) = (to, &date) {
                out.push(self.notice(Template::BalClosing, person.id, &to, &[("date", date)]).await?);
            }
        }
        Ok(out)
    }

    /// After the commit of what closed a BAL, or began to.
    pub(super) fn closed(&self, bal: Id) {
        self.rights_changed_of(bal);
        self.0.search.close(bal);
        self.0.watch.notify(bal);
        self.wake_jobs();
    }

    /// Ends the closings whose time has come. Part of housekeeping; how many.
    pub(crate) async fn end_closings(&self) -> Result<u64, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let (now, mut count) = (self.now(), 0);
        let due = self.0.store.read(move |tx| rows::due(tx, now.0, SLICE)).await.map_err(failed)?;
        for bal in due {
            let end = self.end_of_closing(self.own_deed(None), &By::system());
            let close = move |tx: &mut dyn Tx| {
                rows::lock(tx, "bals", bal)?;
                let Some(row) = accounts::bal_by_id(tx, bal)? else { return Ok(false) };
                // Withdrawn, or ended by another node, meanwhile.
                if of_bal(tx, &row)?.after(LifeStep::End, end.deed.at, false).is_err() {
                    return Ok(false);
                }
                end.carry_out(tx, 0, &row, None)?;
                Ok::<_, Fail>(true)
            };
            if self.0.store.write(close).await? {
                self.closed(bal);
                count += 1;
            }
        }
        Ok(count)
    }
}

/// The cooling period: the policy's, a longer one, or a shorter one by the operator's administrators.
fn cooling(days: Option<u32>, policy: Span, role: Option<Role>) -> Result<Span, Refusal> {
    let Some(days) = days else { return Ok(policy) };
    let asked = Span::Of(days, Unit::Days);
    let highest = height(role) >= height(Some(Role::Administrator));
    if !(highest || asked.is_at_least(policy)) || !Item::Cooling.most().is_at_least(asked) {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "cooling_days").with("cause", policy));
    }
    Ok(asked)
}

/// How it is proven that the user asks (F031): the user's own session, or what whoever carries the request out has seen.
fn proven(cause: Cause, said: &Option<String>, role: Option<Role>, actor: &Actor) -> Result<Option<String>, Refusal> {
    match (cause, role, said) {
        (Cause::Request, Some(Role::User), _) if actor.origin.door == Door::Api => Ok(Some("token".into())),
        (Cause::Request, Some(Role::User), _) => Ok(Some("session".into())),
        (Cause::Request, _, None) => Err(Refusal::new(RefusalCode::Invalid).with("name", "identity_proof")),
        (_, Some(Role::User), _) => Err(Refusal::new(RefusalCode::Invalid).with("name", "cause")),
        (_, _, said) => Ok(said.clone()),
    }
}

/// Refuses `state.wrong` when the holder of a personal BAL can be reached (F032).
fn unreachable_holder(tx: &mut dyn Tx, op: &Operator, bal: &accounts::Bal) -> Result<(), Fail> {
    if bal.kind != BalKind::Per.as_str() {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "cause").into());
    }
    for holder in access::of_bal(tx, bal.id)?.into_iter().filter(|a| a.role == "holder") {
        let (person, now) = (accounts::person_by_id(tx, holder.person_id)?, Timestamp(tx.now()));
        if let Some(person) = person
            && op.is_reached(tx, &person, now)?
        {
            return Err(wrong(&bal.address, "email_verified").into());
        }
    }
    Ok(())
}
