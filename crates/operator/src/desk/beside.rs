//! What colleagues see of a message at a shared BAL: who opened it, who answered or forwarded it, notes that are never sent.
//!
//! Promises: written in the transaction that traces the reading or changes the flag, whichever door it came by; shown of shared BALs alone; a note is sealed
//! under its BAL's key, read by whoever may read the BAL, and taken away by who wrote it or who manages the BAL.
use crate::access::Seat;
use crate::boxed;
use crate::mailbox::entries::Flags;
use crate::mailbox::personal::leave_out;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::personal::is_shared;
use sceau_domain::{BalRights, Refusal, RefusalCode, Timestamp, plain};
use sceau_store::desk::beside::{self as rows, Beside, Note, Place};
use sceau_store::{Id, StoreError, Tx, accounts, folders, messages};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};

/// Text of a note; object = the note's id.
const NOTE: &str = "note";
/// Longest note, characters.
pub const NOTE_LENGTH: usize = 4_000;
/// Notes of one message.
const NOTES: usize = 200;

/// What a colleague did with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BesideView {
    /// Who: the name to show.
    pub name: String,
    /// It is whoever looks.
    pub own: bool,
    /// Opened first.
    pub opened: Option<Timestamp>,
    /// By a person at a page: what a mail program fetches is not read yet.
    pub by_page: bool,
    /// Answered first.
    pub answered: Option<Timestamp>,
    /// Forwarded first.
    pub forwarded: Option<Timestamp>,
}

/// A note for colleagues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteView {
    /// Its id.
    pub id: Id,
    /// Who wrote it: the name to show.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// What it says.
    pub text: String,
    /// Whoever looks may take it away.
    pub removable: bool,
}

/// The one who does something with messages of a shared BAL, for its row beside them; none elsewhere, and for ourselves.
pub(crate) fn colleague(actor: &Actor) -> Option<(Id, &'static str)> {
    let shared = actor.bal.as_ref().is_some_and(|b| is_shared(b.kind));
    let person = actor.person();
    (shared && person != 0).then(|| (person, actor.origin.door.as_str()))
}

/// Which of these messages were answered and forwarded just now: `before` and `after` the change of their flags, with whether they have the keyword then.
pub(crate) fn newly(before: (i64, bool), after: (i64, bool)) -> (bool, bool) {
    let answered = Flags::ANSWERED.bits();
    (after.0 & answered != 0 && before.0 & answered == 0, after.1 && !before.1)
}

impl Operator {
    /// Where a message stands that the actor may see: folders with their names, UIDs, conversation. `entry.unknown` when that is nowhere.
    pub(crate) async fn stands(&self, actor: &Actor, message: Id) -> Result<Vec<(Place, String)>, Refusal> {
        let (seat, without) = (self.seat(actor)?, self.kept_from(actor));
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            let mut found = Vec::new();
            for place in rows::places(tx, seat.bal, &[message])? {
                let mut entries = messages::entries_of(tx, place.folder, &[place.uid])?;
                leave_out(without.as_ref(), tx, &mut entries)?;
                if let (false, Some(folder)) = (entries.is_empty(), folders::by_id(tx, seat.bal, place.folder)?) {
                    found.push((place, folder.name_sealed));
                }
            }
            Ok::<_, Fail>(found)
        };
        let found = self.0.store.read(look).await?;
        let seal = self.bal_seal(seat.bal).await?;
        let mut out = Vec::with_capacity(found.len());
        for (place, sealed) in found {
            let name = seal.open_folder_name(place.folder, &sealed).map_err(|e| refuse::store(&e))?;
            if actor.sees_folder(&name) {
                out.push((place, name));
            }
        }
        if out.is_empty() { Err(RefusalCode::EntryUnknown.into()) } else { Ok(out) }
    }

    /// The seat of a colleague at a shared BAL; `state.wrong` at another one.
    pub(super) fn shared_seat(&self, actor: &Actor) -> Result<Seat, Refusal> {
        let seat = self.seat(actor)?;
        match actor.bal.as_ref().filter(|b| !is_shared(b.kind)) {
            None => Ok(seat),
            Some(bal) => {
                let wrong = Refusal::new(RefusalCode::StateWrong).with("name", &bal.address);
                Err(wrong.with("cause", bal.kind.as_str()))
            }
        }
    }

    /// What colleagues did with these messages, of those that the actor may see: the first to open a message first. Empty at a BAL of one person.
    #[boxed]
    pub async fn beside(&self, actor: &Actor, messages: &[Id]) -> Result<HashMap<Id, Vec<BesideView>>, Refusal> {
        let seat = self.seat(actor)?;
        if actor.bal.as_ref().is_none_or(|b| !is_shared(b.kind)) {
            return Ok(HashMap::new());
        }
        let (mut wanted, own) = (Vec::with_capacity(messages.len()), actor.person());
        for message in messages {
            match self.stands(actor, *message).await {
                Ok(_) => wanted.push(*message),
                Err(refusal) if refusal.code == RefusalCode::EntryUnknown => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            let found = rows::of_messages(tx, seat.bal, &wanted)?;
            let people: Vec<Id> = found.iter().map(|b| b.person).collect();
            Ok::<_, Fail>((found, names(tx, &people)?))
        };
        let (found, names) = self.0.store.read(look).await?;
        let mut out: HashMap<Id, Vec<BesideView>> = HashMap::new();
        for Beside { message, person, opened, door, answered, forwarded } in found {
            // Somebody who is no longer known did it all the same; the traces say who it was.
            let name = names.get(&person).cloned().unwrap_or_default();
            let (opened, answered) = (opened.map(Timestamp), answered.map(Timestamp));
            let (own, by_page, forwarded) = (person == own, door == "web", forwarded.map(Timestamp));
            let view = BesideView { name, own, opened, by_page, answered, forwarded };
            out.entry(message).or_default().push(view);
        }
        Ok(out)
    }

    /// The notes of a message, oldest first. `entry.unknown`.
    #[boxed]
    pub async fn notes(&self, actor: &Actor, message: Id) -> Result<Vec<NoteView>, Refusal> {
        self.stands(actor, message).await?;
        let seat = self.seat(actor)?;
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            let found = rows::notes(tx, seat.bal, message)?;
            let people: Vec<Id> = found.iter().map(|n| n.person).collect();
            Ok::<_, Fail>((found, names(tx, &people)?))
        };
        let (found, names) = self.0.store.read(look).await?;
        let seal = self.bal_seal(seat.bal).await?;
        let (own, manages) = (actor.person(), manages(actor));
        let view = |n: Note| {
            let text = seal.open(n.id, NOTE, &n.sealed)?;
            let name = names.get(&n.person).cloned().unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            Ok(NoteView { id: n.id, name, at: Timestamp(n.at), text, removable: manages || n.person == own })
        };
        found.into_iter().map(view).collect::<Result<_, StoreError>>().map_err(|e| refuse::store(&e))
    }

    /// Writes a note for colleagues beside a message: it is never sent. Its id. `note.long`, `admin.invalid` for an empty one, `entry.unknown`,
    /// `state.wrong` at a BAL of one person, `right.missing`.
    #[boxed]
    pub async fn write_note(&self, actor: &Actor, message: Id, text: &str) -> Result<Id, Refusal> {
        let seat = self.shared_seat(actor)?.filing();
        if text.chars().count() > NOTE_LENGTH {
            return Err(Refusal::new(RefusalCode::NoteLong).with("limit", NOTE_LENGTH));
        }
        let text = plain::lines(text, "note", NOTE_LENGTH)?;
        self.stands(actor, message).await?;
        let (id, person, at) = (self.0.store.new_id(), actor.person(), self.now().0);
        let sealed = self.bal_seal(seat.bal).await?.seal(id, NOTE, text.as_bytes()).map_err(|e| refuse::store(&e))?;
        let row = Note { id, message, person, at, sealed };
        let record = self.record(actor, seat.bal, "note.made");
        let write = move |tx: &mut dyn Tx| {
            folders::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            if rows::notes(tx, seat.bal, message)?.len() >= NOTES {
                return Err(Refusal::new(RefusalCode::NoteLong).with("limit", NOTES).into());
            }
            // Gone meanwhile: nothing is written beside what is not there.
            if !rows::insert_note(tx, seat.bal, &row)? {
                return Err(RefusalCode::EntryUnknown.into());
            }
            record.write(tx, &bal, &json!({ "messages": [message], "note": id }))?;
            Ok::<_, Fail>(id)
        };
        Ok(self.act(seat.bal, write).await?)
    }

    /// Takes a note away: one's own, or any for who manages the BAL. `entry.unknown`, `right.missing`.
    #[boxed]
    pub async fn remove_note(&self, actor: &Actor, message: Id, note: Id) -> Result<(), Refusal> {
        let seat = self.shared_seat(actor)?.filing();
        self.stands(actor, message).await?;
        let person = actor.person();
        let record = self.record(actor, seat.bal, "note.removed");
        let write = move |tx: &mut dyn Tx| {
            folders::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            let found = rows::notes(tx, seat.bal, message)?.into_iter().find(|n| n.id == note);
            let found = found.ok_or(RefusalCode::EntryUnknown)?;
            if found.person != person {
                seat.managing().check(tx)?;
            }
            rows::remove_note(tx, seat.bal, note)?;
            record.write(tx, &bal, &json!({ "messages": [message], "note": note }))?;
            Ok::<_, Fail>(())
        };
        Ok(self.act(seat.bal, write).await?)
    }
}

/// May whoever sits so manage the BAL? For what is shown; the act asks again.
pub(super) fn manages(actor: &Actor) -> bool {
    actor.bal.as_ref().and_then(|b| b.chair.as_ref()).is_some_and(|c| c.rights.has(BalRights::MANAGE))
}

/// Names of people, to show.
pub(super) fn names(tx: &mut dyn Tx, people: &[Id]) -> Result<HashMap<Id, String>, StoreError> {
    let people: Vec<Id> = people.iter().copied().collect::<BTreeSet<Id>>().into_iter().collect();
    Ok(accounts::people_by_ids(tx, &people)?.into_iter().map(|p| (p.id, p.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answered_is_what_was_not_before() {
        assert_eq!(newly((1, false), (3, true)), (true, true));
        assert_eq!(newly((3, true), (2, true)), (false, false));
        assert_eq!(newly((2, true), (1, false)), (false, false));
    }
}
