//! Who may have access to a BAL, as what, with which rights and until when (F021, F024, F025).
//!
//! Promises, whatever is asked and in whatever order (see the tests): a personal BAL has its one holder and nobody else but the delegates that
//! the holder named, each with an end at most [`Place::longest`] away and without the right to give access; nobody but the holder can name
//! them; nobody gives himself access to a shared BAL by an administrative role; an ORG, APP or CAB that is in use never is without a habilitated responsible whose access has no planned end; machines are on APP
//! only; nobody has two accesses to one BAL.
use crate::{BalKind, BalRights, Refusal, RefusalCode};
use std::fmt;
use std::str::FromStr;

/// As what somebody has access to a BAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessRole {
    /// The person whose BAL it is (PER, MED).
    Holder,
    /// Answers for a shared BAL (ORG, APP, CAB).
    Responsible,
    /// Uses a shared BAL.
    Member,
    /// Acts for the holder of a personal BAL, named by the holder.
    Delegate,
    /// A program (APP).
    Machine,
}

impl AccessRole {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Holder, Self::Responsible, Self::Member, Self::Delegate, Self::Machine];
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Responsible => "responsible",
            Self::Member => "member",
            Self::Delegate => "delegate",
            Self::Machine => "machine",
        }
    }
    /// May this role exist on a BAL of this kind?
    pub fn is_on(self, kind: BalKind) -> bool {
        match self {
            Self::Holder => matches!(kind, BalKind::Per | BalKind::Med | BalKind::Usager),
            Self::Delegate => matches!(kind, BalKind::Per | BalKind::Med),
            Self::Responsible | Self::Member => matches!(kind, BalKind::Org | BalKind::App | BalKind::Cab),
            Self::Machine => kind == BalKind::App,
        }
    }
    /// What it gives when nothing else is said.
    pub fn usual(self) -> BalRights {
        match self {
            Self::Holder | Self::Responsible => BalRights::ALL,
            Self::Member | Self::Delegate | Self::Machine => BalRights::USE,
        }
    }
    /// May it have these rights? Giving access is for who answers for the BAL; who files sees what is filed.
    fn allows(self, rights: BalRights) -> bool {
        let manages = matches!(self, Self::Holder | Self::Responsible);
        !rights.is_empty()
            && rights.has(BalRights::MANAGE) == manages
            && (!rights.has(BalRights::FILE) || rights.has(BalRights::READ))
    }
}
impl fmt::Display for AccessRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl FromStr for AccessRole {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|r| r.as_str() == s).ok_or(())
    }
}

/// The refusal for mail that arrives at a BAL in this state; none when it is taken. A suspended BAL goes on receiving.
pub fn refuses_mail(state: &str) -> Option<RefusalCode> {
    match state {
        "active" | "suspended" => None,
        "blocked" | "closing" => Some(RefusalCode::RcptBlocked),
        _ => Some(RefusalCode::RcptClosed),
    }
}

/// An access that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Whose.
    pub person: i64,
    /// As what.
    pub role: AccessRole,
    /// With which rights.
    pub rights: BalRights,
    /// From when, milliseconds since 1970.
    pub starts: i64,
    /// Until when, when that is planned.
    pub ends: Option<i64>,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Giver {
    /// The person.
    pub person: i64,
    /// An administrator in whose place the BAL is: gives and ends, never a delegation.
    pub administers: bool,
}

/// Where and when.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Kind of the BAL.
    pub kind: BalKind,
    /// State of the BAL.
    pub state: &'a str,
    /// Now, milliseconds since 1970.
    pub now: i64,
    /// Longest delegation, milliseconds.
    pub longest: i64,
}

/// Refuses what must not be given. `held` is everything of the BAL that is not over; `habilitated`: may the person exchange health data?
///
/// # Errors
/// `right.missing`, `access.own`, `access.role`, `access.holder`, `access.rights`, `access.dates`, `access.habilitation`, `admin.exists`,
/// `state.wrong`.
pub fn may_give(place: Place<'_>, held: &[Held], by: Giver, new: Held, habilitated: bool) -> Result<(), Refusal> {
    if !new.role.is_on(place.kind) {
        return Err(wrong(RefusalCode::AccessRole, new.role));
    }
    match new.role {
        AccessRole::Holder => return Err(RefusalCode::AccessHolder.into()),
        AccessRole::Delegate if !is(held, by.person, place.now, AccessRole::Holder) => {
            return Err(missing("delegation.grant"));
        }
        AccessRole::Delegate => {}
        _ => giving(place, held, by, new)?,
    }
    if place.state == "closing" || place.state == "closed" {
        return Err(Refusal::new(RefusalCode::StateWrong).with("name", "BAL").with("cause", place.state));
    }
    if held.iter().any(|h| h.person == new.person) {
        return Err(RefusalCode::Exists.into());
    }
    fits(place, new, habilitated)
}

/// Refuses a change (an access is ended and another given in the same instant) that must not be.
///
/// # Errors
/// As [`may_give`]; `access.last`.
pub fn may_change(place: Place<'_>, held: &[Held], by: Giver, new: Held, habilitated: bool) -> Result<(), Refusal> {
    let was = held.iter().find(|h| h.person == new.person).ok_or(RefusalCode::NotFound)?;
    if was.role == AccessRole::Holder || new.role == AccessRole::Holder {
        return Err(RefusalCode::AccessHolder.into());
    }
    let rest: Vec<Held> = held.iter().filter(|h| h.person != new.person).copied().collect();
    // Judged with the old access in place: a responsible who steps down acts as responsible for the last time.
    match (was.role, new.role) {
        (AccessRole::Delegate, AccessRole::Delegate) => {
            if !is(held, by.person, place.now, AccessRole::Holder) {
                return Err(missing("delegation.grant"));
            }
        }
        (AccessRole::Delegate, _) | (_, AccessRole::Delegate) => return Err(wrong(RefusalCode::AccessRole, new.role)),
        _ if !new.role.is_on(place.kind) => return Err(wrong(RefusalCode::AccessRole, new.role)),
        _ => giving(place, held, by, new)?,
    }
    fits(place, new, habilitated)?;
    let mut after = rest;
    after.push(new);
    keeps_responsible(place, held, &after)
}

/// Refuses an end that must not be: the holder's, the last responsible's. Whoever has an access may give it back.
///
/// # Errors
/// `admin.not_found`, `right.missing`, `access.holder`, `access.last`.
pub fn may_end(place: Place<'_>, held: &[Held], by: Giver, person: i64) -> Result<(), Refusal> {
    let was = held.iter().find(|h| h.person == person).ok_or(RefusalCode::NotFound)?;
    match was.role {
        AccessRole::Holder => return Err(RefusalCode::AccessHolder.into()),
        AccessRole::Delegate => {
            if !by.administers && by.person != person && !is(held, by.person, place.now, AccessRole::Holder) {
                return Err(missing("delegation.end"));
            }
        }
        _ if by.person == person => {}
        _ => managing(place, held, by)?,
    }
    let rest: Vec<Held> = held.iter().filter(|h| h.person != person).copied().collect();
    keeps_responsible(place, held, &rest)
}

/// Is there a responsible now, whose access has no planned end?
pub fn has_responsible(held: &[Held], now: i64) -> bool {
    held.iter().any(|h| h.role == AccessRole::Responsible && h.starts <= now && h.ends.is_none())
}

fn keeps_responsible(place: Place<'_>, before: &[Held], after: &[Held]) -> Result<(), Refusal> {
    let shared = AccessRole::Responsible.is_on(place.kind);
    let idle = matches!(place.state, "suspended" | "closing" | "closed");
    // What was without one already (an older operator's data) may be mended step by step.
    if shared && !idle && has_responsible(before, place.now) && !has_responsible(after, place.now) {
        return Err(RefusalCode::AccessLast.into());
    }
    Ok(())
}

fn is(held: &[Held], person: i64, now: i64, role: AccessRole) -> bool {
    held.iter().any(|h| h.person == person && h.role == role && in_force(h, now))
}

fn in_force(h: &Held, now: i64) -> bool {
    h.starts <= now && h.ends.is_none_or(|e| e > now)
}

fn managing(place: Place<'_>, held: &[Held], by: Giver) -> Result<(), Refusal> {
    let manages = |h: &Held| h.person == by.person && in_force(h, place.now) && h.rights.has(BalRights::MANAGE);
    if by.administers || held.iter().any(manages) { Ok(()) } else { Err(missing("access.grant")) }
}

/// [`managing`]; and an administrative role gives nothing to whoever has it: what is in the BAL is not for administrators.
fn giving(place: Place<'_>, held: &[Held], by: Giver, new: Held) -> Result<(), Refusal> {
    if by.administers && by.person == new.person {
        return managing(place, held, Giver { administers: false, ..by }).map_err(|_| RefusalCode::AccessOwn.into());
    }
    managing(place, held, by)
}

fn fits(place: Place<'_>, new: Held, habilitated: bool) -> Result<(), Refusal> {
    if !new.role.allows(new.rights) {
        return Err(wrong(RefusalCode::AccessRights, new.role));
    }
    if new.starts < place.now || new.ends.is_some_and(|e| e <= new.starts) {
        return Err(wrong(RefusalCode::AccessDates, new.role));
    }
    let bounded = new.ends.is_some_and(|e| e <= place.now.saturating_add(place.longest));
    if new.role == AccessRole::Delegate && !bounded {
        let days = place.longest / 86_400_000;
        return Err(wrong(RefusalCode::AccessDates, new.role).with("limit", days));
    }
    if new.role == AccessRole::Responsible && !habilitated {
        return Err(RefusalCode::AccessHabilitation.into());
    }
    Ok(())
}

fn wrong(code: RefusalCode, role: AccessRole) -> Refusal {
    Refusal::new(code).with("name", role)
}

fn missing(name: &'static str) -> Refusal {
    Refusal::new(RefusalCode::RightMissing).with("name", name)
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
