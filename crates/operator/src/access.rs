//! May the person of a session use its BAL? Asked by every use case of a BAL, inside its own transaction: a right that was
//! taken away is gone for the very next act.
use crate::refuse::Fail;
use crate::{Actor, Operator, Who};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Id, Tx, folders};

/// A person (or ourselves) at a BAL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    /// The BAL.
    pub bal: Id,
    /// Whose access counts; none for ourselves.
    person: Option<Id>,
}

impl Seat {
    /// The seat an actor claims: `right.missing` when the session has no BAL.
    pub fn of(actor: &Actor) -> Result<Self, Refusal> {
        let bal = actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?.id;
        let person = match &actor.who {
            Who::Person(p) => Some(p.id),
            Who::System => None,
        };
        Ok(Self { bal, person })
    }
    /// The BAL exists and is active, and the person has an access in force: `right.missing` otherwise.
    /// Returns the BAL's address as traces write it (a patient's is a pseudonym there).
    pub fn check(&self, tx: &mut dyn Tx) -> Result<String, Fail> {
        folders::seat(tx, self.bal, self.person)?.ok_or_else(|| RefusalCode::RightMissing.into())
    }
}

impl Operator {
    /// Refuses `right.missing` unless the actor's BAL is active and the actor has an access in force on it.
    pub async fn require_access(&self, actor: &Actor) -> Result<(), Refusal> {
        let seat = Seat::of(actor)?;
        self.0.store.read(move |tx| seat.check(tx)).await?;
        Ok(())
    }
}
