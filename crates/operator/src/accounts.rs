//! Domains, people, BALs, access and tokens, as the administration socket needs them (the whole model comes with the
//! people's step). Every use case takes the acting administrator, and commits its trace with the act.
mod administrators;
mod bals;
mod closing;
mod domains;
mod people;
mod tokens;
pub mod views;

pub use views::{BalView, DomainView, NewBal, NewPerson, PersonView, TokenView};

use crate::{Actor, Who};
use sceau_domain::{Refusal, RefusalCode};

/// Most rows one listing gives.
const PAGE: u32 = 1000;

/// Only a named administrator. `right.missing`.
pub(crate) fn require_administrator(actor: &Actor) -> Result<(), Refusal> {
    match actor.who {
        Who::Administrator(_) => Ok(()),
        Who::Person(_) | Who::System => Err(RefusalCode::RightMissing.into()),
    }
}

/// A page's size for the store.
fn page(limit: u32) -> i64 {
    i64::from(limit.clamp(1, PAGE))
}
