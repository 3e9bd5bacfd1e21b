//! Domains, people, BALs, access and tokens, as the administration socket needs them (the whole model comes with the
//! people's step). Every use case takes the acting administrator, and commits its trace with the act.
mod administrators;
pub(crate) mod bals;
mod bodies;
mod domains;
pub(crate) mod memberships;
mod own;
pub mod people;
pub(crate) mod processing;
pub mod publication;
pub mod register;
mod statistics;
pub mod structures;
pub(crate) mod tokens;
pub mod views;

pub(crate) use administrators::CONFIGURATION;
pub use administrators::NamedAdministrator;
pub use bals::{BalChoices, BalEdit, BalQuery, BalView, ChoiceStep, NewBal, SuggestFor, Suggested};
pub use people::views::{NewPerson, PersonView};
pub use tokens::certificates::BalCertificateView;
pub use tokens::links::{NewTokenLink, OfferedToken, TokenLinkView};
pub use views::{DomainView, OwnRole, OwnView, TokenView};

use sceau_store::{Id, StoreError};
use std::collections::HashMap;

/// Most rows one listing gives.
const PAGE: u32 = 1000;

/// A login in its one form. `admin.invalid`.
pub(crate) fn login(text: &str) -> Result<String, sceau_domain::Refusal> {
    people::login(text)
}

/// What belongs to each id, in the order in which it was given.
pub(crate) fn grouped<T>(pairs: impl IntoIterator<Item = (Id, T)>) -> HashMap<Id, Vec<T>> {
    let mut out: HashMap<Id, Vec<T>> = HashMap::new();
    for (id, thing) in pairs {
        out.entry(id).or_default().push(thing);
    }
    out
}

/// The view of the one row that was shown.
pub(crate) fn only<T>(views: Vec<T>) -> Result<T, StoreError> {
    views.into_iter().next().ok_or_else(|| StoreError::Other("a row without a view".into()))
}

/// A page's size for the store.
pub(crate) fn page(limit: u32) -> i64 {
    i64::from(limit.clamp(1, PAGE))
}
