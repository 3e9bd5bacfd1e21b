//! Domains, people, BALs, access and tokens, as the administration socket needs them (the whole model comes with the
//! people's step). Every use case takes the acting administrator, and commits its trace with the act.
mod administrators;
mod bals;
mod closing;
mod domains;
mod own;
mod people;
mod tokens;
pub mod views;

pub use views::{BalView, DomainView, NewBal, NewPerson, OwnRole, OwnView, PersonView, TokenView};

/// Most rows one listing gives.
const PAGE: u32 = 1000;

/// A page's size for the store.
fn page(limit: u32) -> i64 {
    i64::from(limit.clamp(1, PAGE))
}
