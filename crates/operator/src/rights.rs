//! May the asker do this, here? The table is [`sceau_domain::rights`]; this module finds the asker's roles and whether the place is theirs.
//!
//! Asked inside the transaction of the act: a role that was taken away, a person or a structure that was blocked, is gone for the very next act.
//! Promises: refused is the answer to everything that the table does not allow; an administrative role never gives more than its place; nobody is
//! told whether what they may not see exists.
use crate::refuse::Fail;
use crate::{Actor, Operator, Who};
use sceau_domain::{Refusal, RefusalCode, Role, UseCase};
use sceau_store::{Id, StoreError, Tx, access, accounts, roles};

/// The place of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// The operator as a whole, or what belongs to no structure.
    Operator,
    /// A structure.
    Structure(Id),
    /// A regional body.
    Body(Id),
    /// A person.
    Person(Id),
    /// A BAL.
    Bal(Id),
    /// Whatever the asker's place is: lists, which [`Reach`] then narrows, and what is the asker's own.
    Anywhere,
}

/// How far a list may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everything.
    All,
    /// These structures (those of a region included), sorted; and what is the asker's own.
    Structures(Vec<Id>),
    /// Only what is the asker's own.
    Own(Id),
}

impl Reach {
    /// The structures to look in: none when there is no bound.
    pub fn structures(&self) -> Option<&[Id]> {
        match self {
            Self::All => None,
            Self::Structures(list) => Some(list),
            Self::Own(_) => Some(&[]),
        }
    }
}

fn missing(use_case: UseCase) -> Fail {
    Refusal::new(RefusalCode::RightMissing).with("name", use_case.as_str()).into()
}

/// The person behind an actor, not blocked. `None`: ourselves.
fn person(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase) -> Result<Option<Id>, Fail> {
    match &actor.who {
        Who::System => Ok(None),
        Who::Person(p) => match accounts::person_by_id(tx, p.id)? {
            Some(row) if row.disabled.is_none() => Ok(Some(row.id)),
            _ => Err(missing(use_case)),
        },
    }
}

/// Refuses `right.missing` unless one of the asker's roles may do `use_case` on this place.
pub(crate) fn permit(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, on: On) -> Result<(), Fail> {
    let Some(person) = person(tx, actor, use_case)? else { return Ok(()) };
    for given in roles::in_force(tx, person)? {
        // A role that this version does not know gives nothing.
        let Ok(role) = given.role.parse::<Role>() else { continue };
        if use_case.is_for(role) && covers(tx, role, &given, on)? {
            return Ok(());
        }
    }
    if use_case.is_for(Role::User) && is_own(tx, person, on)? {
        return Ok(());
    }
    Err(missing(use_case))
}

fn covers(tx: &mut dyn Tx, role: Role, given: &roles::Given, on: On) -> Result<bool, StoreError> {
    let structures = match role {
        Role::Administrator | Role::Support | Role::Auditor => return Ok(true),
        Role::Structure => given.structure_id.into_iter().collect::<Vec<_>>(),
        Role::Region => match given.body_id {
            Some(body) if on == On::Body(body) => return Ok(true),
            Some(body) => roles::structures_of_body(tx, body)?,
            None => return Ok(false),
        },
        Role::User | Role::Machine => return Ok(false),
    };
    match on {
        On::Anywhere => Ok(true),
        On::Operator | On::Body(_) => Ok(false),
        On::Structure(id) => Ok(structures.contains(&id)),
        On::Bal(id) => Ok(roles::structure_of_bal(tx, id)?.is_some_and(|s| structures.contains(&s))),
        On::Person(id) => Ok(roles::structures_of_person(tx, id)?.iter().any(|s| structures.contains(s))),
    }
}

fn is_own(tx: &mut dyn Tx, person: Id, on: On) -> Result<bool, StoreError> {
    match on {
        On::Anywhere => Ok(true),
        On::Person(id) => Ok(id == person),
        On::Bal(id) => Ok(access::in_force(tx, person, id)?.is_some()),
        On::Operator | On::Structure(_) | On::Body(_) => Ok(false),
    }
}

/// How far the asker's roles let a list of this kind go. `right.missing` when nowhere.
pub(crate) fn reach(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase) -> Result<Reach, Fail> {
    let Some(person) = person(tx, actor, use_case)? else { return Ok(Reach::All) };
    let mut found: Option<Vec<Id>> = None;
    for given in roles::in_force(tx, person)? {
        let Ok(role) = given.role.parse::<Role>() else { continue };
        if !use_case.is_for(role) {
            continue;
        }
        match role {
            Role::Administrator | Role::Support | Role::Auditor => return Ok(Reach::All),
            Role::Structure => found.get_or_insert_default().extend(given.structure_id),
            Role::Region => {
                if let Some(body) = given.body_id {
                    let followed = roles::structures_of_body(tx, body)?;
                    found.get_or_insert_default().extend(followed);
                }
            }
            Role::User | Role::Machine => {}
        }
    }
    match found {
        Some(mut list) => {
            list.sort_unstable();
            list.dedup();
            Ok(Reach::Structures(list))
        }
        None if use_case.is_for(Role::User) => Ok(Reach::Own(person)),
        None => Err(missing(use_case)),
    }
}

/// The answer to a name that nobody has: `admin.not_found` for who may see everything, `right.missing` for everybody else, so that nothing is told.
/// Ask [`permit`] with [`On::Anywhere`] first.
pub(crate) fn unknown(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, name: &str) -> Fail {
    match reach(tx, actor, use_case) {
        Ok(Reach::All) => Refusal::new(RefusalCode::NotFound).with("name", name).into(),
        Ok(_) => missing(use_case),
        Err(fail) => fail,
    }
}

impl Operator {
    /// After a commit that took something away from somebody: no node believes what it judged before, open sessions are looked at again.
    pub(crate) fn rights_changed(&self) {
        self.0.guard.forget_rights();
    }

    /// [`permit`] in a transaction of its own: for acts that have none, and for reading.
    pub(crate) async fn require(&self, actor: &Actor, use_case: UseCase, on: On) -> Result<(), Refusal> {
        if actor.who == Who::System {
            return Ok(());
        }
        let actor = actor.clone();
        Ok(self.0.store.read(move |tx| permit(tx, &actor, use_case, on)).await?)
    }
}
