//! May the person of a session use its BAL? Asked by every use case of a BAL, inside its own transaction: a right that was
//! taken away is gone for the very next act.
use crate::refuse::Fail;
use crate::{Actor, Operator, Who, terms};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Id, Tx, folders};

/// A person (or ourselves) at a BAL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    /// The BAL.
    pub bal: Id,
    /// Whose access counts; none for ourselves.
    person: Option<Id>,
    /// When the act began, milliseconds since 1970: what is planned (dates of an access, versions of the terms) is judged by it.
    at: i64,
}

impl Seat {
    /// The BAL exists and is active, and the person has an access in force: `right.missing` otherwise. The person accepted the terms of use in
    /// force: `terms.required` otherwise.
    /// Returns the BAL's address as traces write it (a patient's is a pseudonym there).
    pub fn check(&self, tx: &mut dyn Tx) -> Result<String, Fail> {
        let shown = folders::seat(tx, self.bal, self.person)?.ok_or(RefusalCode::RightMissing)?;
        if let Some(person) = self.person
            && !terms::open(tx, person, self.bal, self.at)?
        {
            return Err(RefusalCode::TermsRequired.into());
        }
        Ok(shown)
    }
}

impl Operator {
    /// The seat an actor claims: `right.missing` when the session has no BAL.
    pub(crate) fn seat(&self, actor: &Actor) -> Result<Seat, Refusal> {
        let bal = actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?.id;
        let person = match &actor.who {
            Who::Person(p) => Some(p.id),
            Who::System => None,
        };
        Ok(Seat { bal, person, at: self.now().0 })
    }

    /// Refuses `right.missing` unless the actor's BAL is active and the actor has an access in force on it.
    pub async fn require_access(&self, actor: &Actor) -> Result<(), Refusal> {
        let seat = self.seat(actor)?;
        self.0.store.read(move |tx| seat.check(tx)).await?;
        Ok(())
    }
}
