//! Terms of use: versions, who accepted which, and what stays shut until then (F100–F102).
use crate::refuse::Fail;
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
