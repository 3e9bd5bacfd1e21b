//! Signatures and templates: a person's own at a BAL, and everybody's of the BAL.
//!
//! Promises: sealed under the BAL's key; one's own are changed by oneself, everybody's by whoever manages the BAL, from a version; what stands under
//! everybody's letters changes with a trace.
use crate::access::Seat;
use crate::boxed;
use crate::mailbox::seal::BalSeal;
use crate::record::Record;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{BalRights, Refusal, RefusalCode};
use sceau_store::desk::writings::{self as rows, Writing as Row};
use sceau_store::{Id, StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What name and text are sealed with.
const SEALED: &str = "writing";
/// Longest name, characters.
const NAME: usize = 100;
/// Longest text, bytes.
const TEXT: usize = 32 << 10;
/// Most of a person, or of everybody, at a BAL.
const MOST: usize = 100;

/// What a writing is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It stands under every new letter.
    Signature,
    /// One begins with it.
    Template,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Signature, Self::Template];
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Template => "template",
        }
    }
    fn of(row: &Row) -> Self {
        Self::ALL.into_iter().find(|k| k.as_str() == row.kind).unwrap_or(Self::Template)
    }
}

/// A writing as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WritingView {
    /// Its id.
    pub id: Id,
    /// What names it in an address.
    pub code: String,
    /// What it is for.
    pub kind: Kind,
    /// Everybody's of the BAL.
    pub shared: bool,
    /// May this person change it?
    pub open: bool,
    /// Its name; of a template, the subject of what begins with it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Its version: a change says from which one it starts.
    pub version: i64,
}

/// Name and text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writing {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Writing {
    /// `admin.invalid`, naming the field.
    fn check(&self) -> Result<(), Refusal> {
        let name = if self.name.trim().is_empty() || self.name.chars().count() > NAME {
            "name"
        } else if self.text.len() > TEXT {
            "text"
        } else {
            return Ok(());
        };
        Err(Refusal::new(RefusalCode::Invalid).with("name", name))
    }
    fn seal(&self, seal: &BalSeal, id: Id) -> Result<Vec<u8>, Refusal> {
        let bytes = serde_json::to_vec(self).map_err(|_| RefusalCode::Defect)?;
        seal.seal(id, SEALED, &bytes).map_err(|e| refuse::store(&e))
    }
}

/// May this person change it? With the BAL as traces show it. Told like what does not exist where it is another person's.
fn own(row: Option<Row>, tx: &mut dyn Tx, seat: &Seat, person: Id) -> Result<(Row, String), Fail> {
    let row =
        row.filter(|r| r.bal == seat.bal && (r.person == person || r.person == 0)).ok_or(RefusalCode::NotFound)?;
    let seat = if row.person == 0 { seat.managing() } else { *seat };
    let shown = seat.check(tx)?;
    Ok((row, shown))
}

/// Traces what was done with one that is everybody's.
fn trace(tx: &mut dyn Tx, record: &Record, row: &Row, shown: &str, what: &str) -> Result<(), StoreError> {
    match row.person {
        0 => record.write(tx, shown, &json!({ "writing": row.id, "kind": row.kind, "what": what })),
        _ => Ok(()),
    }
}

impl Operator {
    /// One's own at the BAL, then everybody's there.
    #[boxed]
    pub async fn writings(&self, actor: &Actor) -> Result<Vec<WritingView>, Refusal> {
        let (seat, person) = (self.seat(actor)?.sending(), actor.person());
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(rows::of_bal(tx, seat.bal, person)?)
        });
        let (found, seal) = (read.await?, self.bal_seal(seat.bal).await?);
        let manages =
            actor.bal.as_ref().and_then(|b| b.chair.as_ref()).is_some_and(|c| c.rights.has(BalRights::MANAGE));
        found.iter().map(|row| self.writing_view(&seal, row, manages)).collect()
    }

    /// Keeps a new one. `right.missing` for everybody's without the right to manage, `admin.invalid`, `quota.exceeded` beyond a hundred.
    #[boxed]
    pub async fn new_writing(&self, actor: &Actor, kind: Kind, shared: bool, writing: &Writing) -> Result<(), Refusal> {
        writing.check()?;
        let seat = self.seat(actor)?;
        let seat = if shared { seat.managing() } else { seat.sending() };
        let person = if shared { 0 } else { actor.person() };
        let (id, now) = (self.0.store.new_id(), self.now().0);
        let sealed = writing.seal(&self.bal_seal(seat.bal).await?, id)?;
        let (bal, kind) = (seat.bal, kind.as_str().to_owned());
        let row = Row { id, bal, person, kind, sealed, place: id, version: 1, changed: now };
        let record = self.record(actor, bal, "writing.changed");
        let write = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            let shown = seat.check(tx)?;
            let others = rows::of_bal(tx, bal, person)?;
            if others.iter().filter(|other| other.person == person).count() >= MOST {
                return Err(Refusal::new(RefusalCode::QuotaExceeded).with("limit", MOST).into());
            }
            rows::insert(tx, &row)?;
            Ok(trace(tx, &record, &row, &shown, "made")?)
        };
        Ok(self.0.store.write(write).await?)
    }

    /// Changes one from the version `from`. `edit.conflict`, `admin.invalid`, `right.missing`, `admin.not_found`.
    #[boxed]
    pub async fn set_writing(&self, actor: &Actor, id: Id, from: i64, writing: &Writing) -> Result<(), Refusal> {
        writing.check()?;
        let (seat, person, now) = (self.seat(actor)?.sending(), actor.person(), self.now().0);
        let sealed = writing.seal(&self.bal_seal(seat.bal).await?, id)?;
        let record = self.record(actor, seat.bal, "writing.changed");
        let write = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            let row = rows::lock(tx, id)?;
            let (mut row, shown) = own(row, tx, &seat, person)?;
            if row.version != from {
                return Err(RefusalCode::EditConflict.into());
            }
            (row.sealed, row.version, row.changed) = (sealed.clone(), from + 1, now);
            rows::write(tx, &row)?;
            Ok(trace(tx, &record, &row, &shown, "set")?)
        };
        Ok(self.0.store.write(write).await?)
    }

    /// Removes one. `right.missing`, `admin.not_found`.
    #[boxed]
    pub async fn remove_writing(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        let (seat, person) = (self.seat(actor)?.sending(), actor.person());
        let record = self.record(actor, seat.bal, "writing.changed");
        let remove = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            let row = rows::lock(tx, id)?;
            let (row, shown) = own(row, tx, &seat, person)?;
            rows::remove(tx, id)?;
            Ok(trace(tx, &record, &row, &shown, "removed")?)
        };
        Ok(self.0.store.write(remove).await?)
    }

    fn writing_view(&self, seal: &BalSeal, row: &Row, manages: bool) -> Result<WritingView, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let bytes = seal.open(row.id, SEALED, &row.sealed).map_err(failed)?;
        let Writing { name, text } =
            serde_json::from_slice(&bytes).map_err(|_| failed(StoreError::Corrupt(row.id.to_string())))?;
        let shared = row.person == 0;
        Ok(WritingView {
            id: row.id,
            code: self.writing_object(row.id),
            kind: Kind::of(row),
            shared,
            open: !shared || manages,
            name,
            text,
            version: row.version,
        })
    }
}
