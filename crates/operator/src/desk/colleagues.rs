//! Who takes care of a conversation at a shared BAL: one at a time, given by anybody who files there, traced.
//!
//! Promises: only somebody who may read the BAL gets one; a change says from which version it starts, so that of two who take the same one the second hears
//! of the first; whoever loses his access loses nothing that he did, and takes care of nothing any more.
use super::beside::names;
use crate::boxed;
use crate::mailbox::read::MessageSummary;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{BalRights, Refusal, RefusalCode, Timestamp};
use sceau_store::desk::beside::{self as rows, Assignment};
use sceau_store::{Id, StoreError, Tx, access, accounts, folders, messages};
use serde_json::json;
use std::collections::HashMap;

/// How often what is over is forgotten: in the first minute of an hour.
const HOUR: i64 = 60;
/// Rows forgotten at once.
const SLICE: i64 = 1_000;

/// Who takes care of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentView {
    /// The conversation.
    pub thread: i64,
    /// Login of who does.
    pub login: String,
    /// The name to show.
    pub name: String,
    /// It is whoever looks.
    pub own: bool,
    /// Since when.
    pub at: Timestamp,
    /// What a change starts from.
    pub version: i64,
}

/// Somebody who may take care of conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colleague {
    /// Login.
    pub login: String,
    /// The name to show.
    pub name: String,
    /// It is whoever looks.
    pub own: bool,
}

impl Operator {
    /// Who takes care of these conversations; those of nobody are absent. Empty at a BAL of one person.
    #[boxed]
    pub async fn assignments(&self, actor: &Actor, threads: &[i64]) -> Result<HashMap<i64, AssignmentView>, Refusal> {
        let seat = self.seat(actor)?;
        if self.shared_seat(actor).is_err() {
            return Ok(HashMap::new());
        }
        let (threads, own) = (threads.to_vec(), actor.person());
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            let found = rows::assignments(tx, seat.bal, &threads)?;
            let people: Vec<Id> = found.iter().map(|a| a.person).collect();
            let people = accounts::people_by_ids(tx, &people)?;
            let view = |a: Assignment| {
                // One without access any more takes care of nothing.
                let person = people.iter().find(|p| p.id == a.person)?;
                let (login, name) = (person.login.clone(), person.name.clone());
                let own = a.person == own;
                Some((
                    a.thread,
                    AssignmentView { thread: a.thread, login, name, own, at: Timestamp(a.at), version: a.version },
                ))
            };
            let mut out = HashMap::new();
            for a in found {
                if may_read(tx, seat.bal, a.person)? {
                    out.extend(view(a));
                }
            }
            Ok::<_, Fail>(out)
        };
        Ok(self.0.store.read(look).await?)
    }

    /// Those who may take care of conversations of the actor's BAL, by name. Empty at a BAL of one person.
    #[boxed]
    pub async fn colleagues(&self, actor: &Actor) -> Result<Vec<Colleague>, Refusal> {
        let seat = self.seat(actor)?;
        if self.shared_seat(actor).is_err() {
            return Ok(Vec::new());
        }
        let own = actor.person();
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            let now = tx.now();
            let reads = |a: &access::Access| a.starts <= now && BalRights::from_bits(a.rights).has(BalRights::READ);
            let here: Vec<Id> =
                access::of_bal(tx, seat.bal)?.iter().filter(|a| reads(a)).map(|a| a.person_id).collect();
            let people = accounts::people_by_ids(tx, &here)?.into_iter();
            let view = |p: accounts::Person| Colleague { own: p.id == own, login: p.login, name: p.name };
            Ok::<_, Fail>(people.map(view).collect::<Vec<_>>())
        };
        let mut found = self.0.store.read(look).await?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Gives a conversation to somebody, or to nobody (`login` none). `from`: the version that the page showed, 0 where nobody had it. `edit.conflict`,
    /// `entry.unknown` for no conversation of this BAL, `admin.not_found` for somebody without access, `state.wrong` at a BAL of one person,
    /// `right.missing`.
    #[boxed]
    pub async fn assign(&self, actor: &Actor, message: Id, from: i64, login: Option<&str>) -> Result<(), Refusal> {
        let seat = self.shared_seat(actor)?.filing();
        let thread = self.conversation_of(actor, message).await?;
        let (login, by, at) = (login.map(str::to_owned), actor.person(), self.now().0);
        let record = self.record(actor, seat.bal, "mail.assigned");
        let write = move |tx: &mut dyn Tx| {
            folders::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            let was = rows::assignments(tx, seat.bal, &[thread])?.into_iter().next();
            let version = was.as_ref().map_or(0, |a| a.version);
            if version != from {
                let now = names(tx, &was.iter().map(|a| a.person).collect::<Vec<_>>())?;
                let name = now.into_values().next().unwrap_or_default();
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", name).into());
            }
            match &login {
                None => rows::unassign(tx, seat.bal, thread)?,
                Some(login) => {
                    let person = reader(tx, seat.bal, login)?;
                    rows::assign(tx, seat.bal, &Assignment { thread, person, by, at, version: at.max(version + 1) })?;
                }
            }
            record.write(tx, &bal, &json!({ "messages": [message], "to": login }))?;
            Ok::<_, Fail>(())
        };
        Ok(self.act(seat.bal, write).await?)
    }

    /// The conversation of a message that the actor may see, as lists number it: the same before its entries know theirs. `entry.unknown`.
    #[boxed]
    pub async fn conversation_of(&self, actor: &Actor, message: Id) -> Result<i64, Refusal> {
        let stands = self.stands(actor, message).await?;
        if let Some(known) = stands.iter().map(|(place, _)| place.thread).find(|t| *t != 0) {
            return Ok(known);
        }
        let seat = self.seat(actor)?;
        let look = move |tx: &mut dyn Tx| Ok(messages::summaries(tx, seat.bal, &[message])?.rows.remove(&message));
        let row = self.0.store.read(look).await.map_err(|e: StoreError| refuse::store(&e))?;
        let row = row.ok_or(RefusalCode::EntryUnknown)?;
        let seal = self.bal_seal(seat.bal).await?;
        let opened = MessageSummary::open(&seal, &row, &mut Vec::new()).map_err(|e| refuse::store(&e))?;
        Ok(self.thread_number(seat.bal, opened.summary.thread_root(), message))
    }

    /// Forgets who takes care of what is gone, and who answered. Part of housekeeping; how many.
    pub(crate) async fn forget_colleagues(&self) -> Result<u64, Refusal> {
        let now = self.now().0;
        let hourly = now.div_euclid(60_000) % HOUR == 0;
        let forget = move |tx: &mut dyn Tx| {
            let gone = if hourly { rows::forget_assignments(tx, now - 86_400_000, SLICE)? } else { 0 };
            Ok(gone + rows::forget_presences(tx, now)?)
        };
        self.0.store.write(forget).await.map_err(|e: StoreError| refuse::store(&e))
    }
}

/// May this person read the BAL now?
pub(super) fn may_read(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<bool, StoreError> {
    let seated = access::seat(tx, bal, person)?;
    Ok(seated.is_some_and(|s| BalRights::from_bits(s.rights).has(BalRights::READ)))
}

/// Somebody who may read the BAL, by login. `admin.not_found`.
pub(super) fn reader(tx: &mut dyn Tx, bal: Id, login: &str) -> Result<Id, Fail> {
    let person = accounts::person_by_login(tx, login)?.map(|p| p.id);
    match person {
        Some(person) if may_read(tx, bal, person)? => Ok(person),
        _ => Err(Refusal::new(RefusalCode::NotFound).with("name", login).into()),
    }
}
