//! Openings of BALs, their changes and their ends, as requests that go step by step (F012, F015, F016, F030).
//!
//! The steps and what stands before them are [`sceau_domain::opening`]'s; here they are kept, and carried out. Each state is a committed row, with a
//! step of its life beside (who, when, why): whatever stops the process, the request is found where it was. The BAL itself, its key, folders and
//! accesses, is made with the last step, in one transaction, when the last guard lets through: at the verification, at somebody's acceptance of the
//! terms, when an ordinary address is given or confirmed (F063), or in a round of housekeeping that finds what a crash left.
//!
//! Promises: one request under way for an address; an address that a BAL has, or had and that is still kept from others, is refused when it is asked
//! for and again when the BAL is made; who may decide is judged by the structure's policy at the moment of the decision; who asked, verified and
//! refused is a named person.
pub(crate) mod ask;
mod carry;
mod decide;
pub(crate) mod facts;
pub(crate) mod request;
mod show;
pub(crate) mod views;

pub use request::{NewChange, NewEnd, NewOpening};
pub use views::{OpeningQuery, OpeningView, PartView, StepView, WaitView};

use crate::Operator;
use crate::record::By;
use sceau_store::{Id, life};

impl Operator {
    /// A step of a life, prepared before the transaction.
    pub(crate) fn life_step(
        &self,
        subject: &str,
        id: Id,
        (was, became): (&str, &str),
        by: &By,
        reason: Option<&str>,
    ) -> life::Step {
        life::Step {
            id: self.0.store.new_id(),
            subject: subject.to_owned(),
            subject_id: id,
            at: self.now().0,
            was: was.to_owned(),
            became: became.to_owned(),
            by_whom: by.name.clone(),
            reason: reason.map(str::to_owned),
        }
    }
}
