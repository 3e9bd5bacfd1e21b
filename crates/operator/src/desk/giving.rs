//! Who takes care of many conversations at once, from a list.
//!
//! Promises: as with one ([`super::colleagues`]), only somebody who may read the BAL gets any, and it is traced; what somebody was given after the list was
//! shown stays with them, and is told; what is taken back goes to whoever had it, where nobody was given it since.
use super::acts::{Step, Stepped};
use super::beside::names;
use super::colleagues::{may_read, reader};
use crate::record::ids;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::desk::beside::{self as rows, Assignment};
use sceau_store::messages::EntryRow;
use sceau_store::{Id, StoreError, Tx, accounts, folders};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Conversations of one transaction.
const SLICE: usize = 500;

/// A conversation that was given, by one of its messages: who had it before, and its version since (0: nobody has it).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Was {
    thread: i64,
    message: Id,
    person: Option<Id>,
    version: i64,
}

impl Operator {
    /// Gives the conversations of these entries to somebody, or to nobody. Second: how many stay with whom they were given to after `seen`. `edit.conflict`
    /// where that is all of them; `admin.not_found`, `state.wrong`, `right.missing` as of one.
    pub(super) async fn give(
        &self,
        actor: &Actor,
        entries: &[EntryRow],
        to: Option<&str>,
        seen: Timestamp,
    ) -> Result<(Stepped, usize), Refusal> {
        let seat = self.shared_seat(actor)?.filing();
        let (mut given, mut left, mut holder) = (Vec::new(), 0, None);
        for slice in self.threads_of(actor, entries).await?.chunks(SLICE) {
            let (slice, login, by, now) = (slice.to_vec(), to.map(str::to_owned), actor.person(), self.now().0);
            let record = self.record(actor, seat.bal, "mail.assigned");
            let write = move |tx: &mut dyn Tx| {
                folders::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
                let bal = seat.check(tx)?;
                let person = match &login {
                    Some(login) => Some(reader(tx, seat.bal, login)?),
                    None => None,
                };
                let known = holders(tx, seat.bal, slice.iter().map(|(thread, _)| *thread))?;
                let (mut done, mut others) = (Vec::new(), Vec::new());
                for (thread, message) in slice.iter().copied() {
                    let was = known.get(&thread);
                    let before = was.map(|a| a.person);
                    match was {
                        _ if before == person => {}
                        Some(a) if a.version > seen.0 => others.push(a.person),
                        _ => {
                            let version = was.map_or(0, |a| a.version);
                            let version = put(tx, seat.bal, (thread, person, by), version, now)?;
                            done.push(Was { thread, message, person: before, version });
                        }
                    }
                }
                if !done.is_empty() {
                    let messages = ids(done.iter().map(|was| was.message));
                    record.write(tx, &bal, &json!({ "messages": messages, "count": done.len(), "to": login }))?;
                }
                let first: Vec<Id> = others.iter().copied().take(1).collect();
                let holder = names(tx, &first)?.into_values().next();
                Ok::<_, Fail>((done, others.len(), holder))
            };
            let (done, others, name) = self.act(seat.bal, write).await?;
            given.extend(done);
            left += others;
            holder = holder.or(name);
        }
        if given.is_empty() && left > 0 {
            return Err(Refusal::new(RefusalCode::EditConflict).with("name", holder.unwrap_or_default()));
        }
        let count = given.len();
        Ok(((count > 0).then_some((Step::Given { given }, count)), left))
    }

    /// Gives conversations back to whoever had them, where nobody was given them since: how many.
    pub(super) async fn give_back(&self, actor: &Actor, given: &[Was]) -> Result<usize, Refusal> {
        let seat = self.shared_seat(actor)?.filing();
        let mut by_person: BTreeMap<Option<Id>, Vec<Was>> = BTreeMap::new();
        for was in given {
            by_person.entry(was.person).or_default().push(was.clone());
        }
        let mut slices: Vec<(Option<Id>, Vec<Was>)> = Vec::new();
        for (person, all) in &by_person {
            slices.extend(all.chunks(SLICE).map(|slice| (*person, slice.to_vec())));
        }
        let mut back = 0;
        for (person, slice) in slices {
            let (by, now) = (actor.person(), self.now().0);
            let record = self.record(actor, seat.bal, "mail.assigned");
            let write = move |tx: &mut dyn Tx| {
                folders::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
                let bal = seat.check(tx)?;
                // Whoever lost the access meanwhile gets nothing back.
                let person = match person {
                    Some(person) if may_read(tx, seat.bal, person)? => Some(person),
                    _ => None,
                };
                let known = holders(tx, seat.bal, slice.iter().map(|was| was.thread))?;
                let mut messages = Vec::new();
                for was in &slice {
                    let version = known.get(&was.thread).map_or(0, |a| a.version);
                    if version == was.version {
                        put(tx, seat.bal, (was.thread, person, by), version, now)?;
                        messages.push(was.message);
                    }
                }
                let login = match person {
                    Some(person) => accounts::people_by_ids(tx, &[person])?.pop().map(|p| p.login),
                    None => None,
                };
                if !messages.is_empty() {
                    let shown = ids(messages.iter().copied());
                    record.write(tx, &bal, &json!({ "messages": shown, "count": messages.len(), "to": login }))?;
                }
                Ok::<_, Fail>(messages.len())
            };
            back += self.act(seat.bal, write).await?;
        }
        Ok(back)
    }

    /// The conversations of these entries, each once with the first of its messages.
    async fn threads_of(&self, actor: &Actor, entries: &[EntryRow]) -> Result<Vec<(i64, Id)>, Refusal> {
        let seat = self.seat(actor)?;
        let wanted: Vec<Id> = entries.iter().map(|e| e.message).collect();
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            Ok::<_, Fail>(rows::places(tx, seat.bal, &wanted)?)
        };
        let places = self.0.store.read(look).await?.into_iter().filter(|place| place.thread != 0);
        let known: HashMap<Id, i64> = places.map(|place| (place.message, place.thread)).collect();
        let (mut found, mut once) = (Vec::new(), HashSet::new());
        for entry in entries {
            let thread = match known.get(&entry.message) {
                Some(thread) => *thread,
                // Not known to lists yet.
                None => self.conversation_of(actor, entry.message).await?,
            };
            if once.insert(thread) {
                found.push((thread, entry.message));
            }
        }
        Ok(found)
    }
}

/// Who has these conversations.
fn holders(
    tx: &mut dyn Tx,
    bal: Id,
    threads: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Assignment>, StoreError> {
    let threads: Vec<i64> = threads.collect();
    Ok(rows::assignments(tx, bal, &threads)?.into_iter().map(|a| (a.thread, a)).collect())
}

/// Gives a conversation to somebody, or to nobody: its version since.
fn put(
    tx: &mut dyn Tx,
    bal: Id,
    (thread, person, by): (i64, Option<Id>, Id),
    was: i64,
    at: i64,
) -> Result<i64, StoreError> {
    let Some(person) = person else {
        rows::unassign(tx, bal, thread)?;
        return Ok(0);
    };
    let version = at.max(was + 1);
    rows::assign(tx, bal, &Assignment { thread, person, by, at, version })?;
    Ok(version)
}
