//! Who has access to a BAL: given, changed, ended, and who had it (F018, F021, F024, F025, F159). The rules are [`sceau_domain::access`].
//!
//! Promises: nothing of the past is rewritten (a change ends one row and begins another in the same instant); every act says who, why and what it
//! was before; two people who change the same BAL's accesses at once take turns, and who started from an older state is told; from the commit on no
//! door of any node believes what was taken away ([`Operator::rights_changed_of`]).
mod activity;
mod delegations;
mod give;
mod history;
mod sharing;
mod views;

pub use activity::Activity;
pub use delegations::{DelegationView, NewDelegation};
pub use views::{AccessChange, AccessView, DisclosedTo, NewAccess, ReaderTimes, Readers, ReadersOfDay, Stretch};

use crate::Actor;
use crate::refuse::Fail;
use crate::rights::{On, authority, permit, unknown};
use sceau_domain::access::{Giver, Held, Place};
use sceau_domain::policy::Limits;
use sceau_domain::{AccessRole, BalRights, Refusal, RefusalCode, Role, Timestamp, UseCase, plain};
use sceau_store::{Id, StoreError, Tx, access, accounts};

/// A day, milliseconds.
const DAY: i64 = 86_400_000;

/// The BAL of an act, once the asker was found to be somebody who may do it somewhere.
pub(crate) fn bal_of(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, key: &str) -> Result<accounts::Bal, Fail> {
    permit(tx, actor, use_case, On::Anywhere)?;
    match accounts::bal_by_address(tx, key)? {
        Some(bal) => Ok(bal),
        None => Err(unknown(tx, actor, use_case, key)),
    }
}

/// The BAL of an act that changes who has access to it, kept from others until the transaction ends: judged as it is from then on.
fn seized(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, key: &str) -> Result<accounts::Bal, Fail> {
    let bal = bal_of(tx, actor, use_case, key)?;
    access::lock(tx, bal.id)?;
    bal_of(tx, actor, use_case, key)
}

/// What the asker may know of who has access to a BAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// Everything, the past included: whoever administers it or answers for it.
    Whole,
    /// Who is there with him.
    Present,
    /// A delegate: himself and the holder.
    Own,
}

/// `right.missing` unless the asker may see anything of who has access.
fn sight(tx: &mut dyn Tx, actor: &Actor, bal: Id) -> Result<Sight, Fail> {
    if authority(tx, actor, UseCase::AccessList, On::Bal(bal))? != Some(Role::User) {
        return Ok(Sight::Whole);
    }
    Ok(match access::in_force(tx, actor.person(), bal)? {
        Some(a) if BalRights::from_bits(a.rights).has(BalRights::MANAGE) => Sight::Whole,
        Some(a) if a.role == AccessRole::Delegate.as_str() => Sight::Own,
        _ => Sight::Present,
    })
}

/// Refuses `right.missing` unless the asker may see everything, the past included.
pub(crate) fn whole_sight(tx: &mut dyn Tx, actor: &Actor, bal: Id) -> Result<(), Fail> {
    match sight(tx, actor, bal)? {
        Sight::Whole => Ok(()),
        _ => Err(Refusal::new(RefusalCode::RightMissing).with("name", UseCase::AccessList.as_str()).into()),
    }
}

/// The person of a login.
fn person_of(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, login: &str) -> Result<accounts::Person, Fail> {
    match accounts::person_by_login(tx, login)? {
        Some(person) => Ok(person),
        None => Err(unknown(tx, actor, use_case, login)),
    }
}

/// In whose name the asker acts on this BAL: an administrator's, or that of somebody with an access.
fn giver(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, bal: Id) -> Result<Giver, Fail> {
    let role = authority(tx, actor, use_case, On::Bal(bal))?;
    let administers = !matches!(role, Some(Role::User | Role::Machine));
    Ok(Giver { person: actor.person(), administers })
}

/// The accesses of a BAL that are not over, as the rules see them.
fn held(tx: &mut dyn Tx, bal: Id) -> Result<Vec<Held>, StoreError> {
    access::of_bal(tx, bal)?.iter().map(as_held).collect()
}

fn as_held(a: &access::Access) -> Result<Held, StoreError> {
    let role = a.role.parse().map_err(|()| StoreError::Invalid("role of an access".into()))?;
    Ok(Held { person: a.person_id, role, rights: BalRights::from_bits(a.rights), starts: a.starts, ends: a.ends })
}

/// Where and when, for the rules; the longest delegation is the one that is set for the BAL's place.
fn place<'a>(tx: &mut dyn Tx, operator: &Limits, bal: &'a accounts::Bal, now: i64) -> Result<Place<'a>, StoreError> {
    let kind = bal.kind.parse().map_err(|()| StoreError::Invalid("kind of a BAL".into()))?;
    let days =
        crate::policies::effective(tx, operator, bal.id)?.map_or(operator.delegation_days, |l| l.delegation_days);
    Ok(Place { kind, state: &bal.state, now, longest: i64::from(days) * DAY })
}

/// Rights from their names; the usual ones of the role when none are named. `admin.invalid`.
fn rights(names: Option<&[String]>, role: sceau_domain::AccessRole) -> Result<BalRights, Refusal> {
    match names {
        None => Ok(role.usual()),
        Some(names) => {
            BalRights::from_names(names).ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", "rights"))
        }
    }
}

/// A reason that may be left out. `admin.invalid`.
fn reason(text: Option<&str>) -> Result<Option<String>, Refusal> {
    text.map(|t| plain::reason(t, "reason")).transpose()
}

/// When the next access of a person may be given: never at the same instant as one before.
fn next_instant(tx: &mut dyn Tx, person: Id, bal: Id) -> Result<i64, StoreError> {
    let now = tx.now();
    Ok(access::newest(tx, person, bal)?.map_or(now, |newest| now.max(newest + 1)))
}

/// An instant that a person gave, within what can be counted with.
fn instant(at: Timestamp) -> Result<i64, Refusal> {
    // The year 9999: what lies beyond cannot be written as a date.
    const LAST: i64 = 253_402_300_799_999;
    if (0..=LAST).contains(&at.0) { Ok(at.0) } else { Err(Refusal::new(RefusalCode::Invalid).with("name", "date")) }
}
