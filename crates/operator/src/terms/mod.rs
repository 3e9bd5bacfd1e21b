//! Terms of use: versions, who accepted which, and what stays shut until then (F100–F102).
//!
//! Promises: the text of a version never changes; the person alone accepts, what is in force and nothing else, and what was accepted is kept with
//! its digest, door and factors; no BAL opens through any door before that. Without a version in force doors stay as they are, and an alarm says so.
mod accept;
mod acceptances;
mod publish;
mod show;

pub use acceptances::{AcceptanceFilter, AcceptanceView, UnacceptedView};
pub use publish::NewTerms;
pub use show::{ClauseDifference, OwnTerms, TermsState, TermsText, TermsView};

use crate::Operator;
use crate::refuse::Fail;
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Id, Tx, terms as rows};

/// Where a person stands with the version in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No version is in force.
    Absent,
    /// One is, and the person has not accepted it.
    Missing,
    /// Accepted.
    Accepted,
}

/// Where a person stands with the version in force.
pub(crate) fn standing(tx: &mut dyn Tx, person: Id, now: i64) -> Result<Standing, Fail> {
    let Some(terms) = rows::in_force(tx, now)? else { return Ok(Standing::Absent) };
    Ok(if rows::accepted(tx, person, terms)? { Standing::Accepted } else { Standing::Missing })
}

/// May the person use this BAL, as far as the terms go? For a machine the acceptance of somebody responsible for the BAL counts.
pub(crate) fn open(tx: &mut dyn Tx, person: Id, bal: Id, now: i64) -> Result<bool, Fail> {
    Ok(match rows::missing(tx, person, now)? {
        None => true,
        Some(terms) => rows::accepted_for_machine(tx, person, bal, terms)?,
    })
}

impl Operator {
    /// Where people read and accept the terms of use.
    pub fn terms_link(&self) -> String {
        format!("{}/conditions", self.0.config.public_url)
    }

    /// The refusal of a door that stays shut, with the link.
    pub(crate) fn terms_required(&self) -> Refusal {
        Refusal::new(RefusalCode::TermsRequired).with("name", self.terms_link())
    }
}
