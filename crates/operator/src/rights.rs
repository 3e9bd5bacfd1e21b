//! May the asker do this, here? The table is [`sceau_domain::rights`]; this module finds the asker's roles and whether the place is theirs.
//!
//! Asked inside the transaction of the act: a role that was taken away, a person or a structure that was blocked, is gone for the very next act.
//! Promises: refused is the answer to everything that the table does not allow; an administrative role never gives more than its place; nobody is
//! told whether what they may not see exists; a blocked place takes the effect of the roles that are bound to it; nobody acts for a person who may
//! do more than himself.
use crate::boxed;
use crate::refuse::Fail;
use crate::{Actor, Operator, Who, terms};
use sceau_domain::life::height;
use sceau_domain::rights::BalRights;
use sceau_domain::{Refusal, RefusalCode, Role, UseCase};
use sceau_store::{Event, Id, StoreError, Tx, access, accounts, roles};

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
        // A server administers nothing.
        Who::Connector(_) => Err(missing(use_case)),
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
        if use_case.is_for(role) && covers(tx, person, (role, &given), use_case, on)? {
            return Ok(());
        }
    }
    if is_own(tx, person, use_case, on)? { agreed(tx, person, use_case, on) } else { Err(missing(use_case)) }
}

/// May the asker do it here? What a rule says no to is no; a store that fails has not answered.
pub(crate) fn permitted(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, on: On) -> Result<bool, Fail> {
    match permit(tx, actor, use_case, on) {
        Ok(()) => Ok(true),
        Err(Fail::No(_)) => Ok(false),
        Err(failed) => Err(failed),
    }
}

/// What one does with one's own BAL needs the terms of use accepted, as its mail does: what gives somebody else access, what is shown of it to others.
/// What takes access away, choices about publication and closing stay open to whoever refuses the terms, and so does all that only shows.
fn agreed(tx: &mut dyn Tx, person: Id, use_case: UseCase, on: On) -> Result<(), Fail> {
    use UseCase::{AccessGrant, BalAbsence, BalEdit, DelegationGrant, MailFile, MailRead, MailSend};
    let needs =
        matches!(use_case, BalEdit | BalAbsence | AccessGrant | DelegationGrant | MailRead | MailSend | MailFile);
    match on {
        On::Bal(bal) if needs => {
            let now = tx.now();
            terms::require(tx, person, bal, now)
        }
        _ => Ok(()),
    }
}

/// As [`permit`], and the highest role by which it is permitted; none: we ask ourselves.
pub(crate) fn authority(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, on: On) -> Result<Option<Role>, Fail> {
    let Some(person) = person(tx, actor, use_case)? else { return Ok(None) };
    let mut found = is_own(tx, person, use_case, on)?.then_some(Role::User);
    for given in roles::in_force(tx, person)? {
        let Ok(role) = given.role.parse::<Role>() else { continue };
        let higher = found.is_none_or(|f| height(Some(role)) > height(Some(f)));
        if higher && use_case.is_for(role) && covers(tx, person, (role, &given), use_case, on)? {
            found = Some(role);
        }
    }
    if found == Some(Role::User) {
        agreed(tx, person, use_case, on)?;
    }
    found.map(Some).ok_or_else(|| missing(use_case))
}

/// The structures of a role that is bound to a place; `None` when the place is blocked or there is none: the role has no effect then.
fn places(tx: &mut dyn Tx, role: Role, given: &roles::Given) -> Result<Option<Vec<Id>>, StoreError> {
    match (role, given.structure_id, given.body_id) {
        (Role::Structure, Some(id), _) if roles::structure_is_open(tx, id)? => Ok(Some(vec![id])),
        // A blocked structure stays in its region's reach: who blocked it must be able to release it.
        (Role::Region, _, Some(id)) if roles::body_is_open(tx, id)? => roles::structures_of_body(tx, id).map(Some),
        _ => Ok(None),
    }
}

fn covers(
    tx: &mut dyn Tx,
    asker: Id,
    (role, given): (Role, &roles::Given),
    use_case: UseCase,
    on: On,
) -> Result<bool, StoreError> {
    let structures = match role {
        Role::Administrator | Role::Auditor => return Ok(true),
        Role::Support => return below(tx, asker, &[], use_case, on),
        Role::User | Role::Machine => return Ok(false),
        Role::Structure | Role::Region => match places(tx, role, given)? {
            Some(structures) => structures,
            None => return Ok(false),
        },
    };
    match on {
        On::Anywhere => Ok(true),
        On::Operator => Ok(false),
        On::Body(id) => Ok(role == Role::Region && given.body_id == Some(id)),
        On::Structure(id) => Ok(structures.contains(&id)),
        On::Bal(id) => Ok(roles::structure_of_bal(tx, id)?.is_some_and(|s| structures.contains(&s))),
        On::Person(id) => {
            let here = if role == Role::Structure && is_of_the_whole_person(use_case) {
                roles::answers_for(tx, id)?.is_some_and(|s| structures.contains(&s))
            } else {
                roles::structures_of_person(tx, id)?.iter().any(|s| structures.contains(s))
            };
            Ok(here && below(tx, asker, &structures, use_case, on)?)
        }
    }
}

/// Acts that bear on everything a person does. An administrator may bring into his structure whoever works elsewhere too, by a national identifier
/// that anybody can look up: these acts stay with the structure that the person was entrusted to ([`roles::answers_for`]), or with the operator.
fn is_of_the_whole_person(use_case: UseCase) -> bool {
    use UseCase::{
        FactorInvite, FactorList, PersonBlock, PersonCertify, PersonEdit, RecoveryAsk, RecoveryConfirm, RecoveryList,
        RecoveryStop, SessionEnd, SessionList, TokenCreate, TokenList, TokenRevoke,
    };
    matches!(
        use_case,
        PersonEdit
            | PersonCertify
            | PersonBlock
            | TokenCreate
            | TokenList
            | TokenRevoke
            | FactorList
            | FactorInvite
            | RecoveryAsk
            | RecoveryConfirm
            | RecoveryStop
            | RecoveryList
            | SessionList
            | SessionEnd
    )
}

/// Does an act on a person stay below the asker? Whoever acts for a person could otherwise make himself what that person is: nobody but the
/// operator's administrators acts on somebody who has an administrative role, unless it is that of a structure of his own place.
fn below(tx: &mut dyn Tx, asker: Id, structures: &[Id], use_case: UseCase, on: On) -> Result<bool, StoreError> {
    let On::Person(id) = on else { return Ok(true) };
    if id == asker || leaves_the_person_alone(use_case) {
        return Ok(true);
    }
    let within = |g: &roles::Given| {
        g.role == Role::Structure.as_str() && g.structure_id.is_some_and(|s| structures.contains(&s))
    };
    Ok(roles::in_force(tx, id)?.iter().all(within))
}

/// Use cases that change nothing of what a person is: what only shows, and what says of the person something that is the asker's to say.
fn leaves_the_person_alone(use_case: UseCase) -> bool {
    use UseCase::{
        AcceptanceList, AccessGrant, AccessList, BalList, FactorList, MembershipEdit, OpeningAsk, OpeningList,
        PersonList, PolicyShow, RecoveryList, RoleGrant, RoleList, SessionList, TokenList,
    };
    matches!(
        use_case,
        PersonList
            | RoleList
            | BalList
            | OpeningList
            | AccessList
            | AcceptanceList
            | PolicyShow
            | TokenList
            | FactorList
            | RecoveryList
            | SessionList
            | RoleGrant
            | MembershipEdit
            | AccessGrant
            | OpeningAsk
    )
}

/// What one is without any administrative role.
fn nature(tx: &mut dyn Tx, person: Id) -> Result<Role, StoreError> {
    Ok(if access::is_machine(tx, person)? { Role::Machine } else { Role::User })
}

/// Which rights an access must hold for an act on its BAL; none for what whoever has an access may see.
fn needed(use_case: UseCase) -> BalRights {
    use UseCase::{
        AccessGrant, BalAbsence, BalAttest, BalChoices, BalClose, BalEdit, DelegationEnd, DelegationGrant, MailFile,
        MailRead, MailSend, OpeningAsk,
    };
    match use_case {
        BalEdit | BalAbsence | BalAttest | BalChoices | BalClose | OpeningAsk | AccessGrant | DelegationGrant
        | DelegationEnd => BalRights::MANAGE,
        MailRead => BalRights::READ,
        MailSend => BalRights::SEND,
        MailFile => BalRights::FILE,
        _ => BalRights::from_bits(0),
    }
}

fn is_own(tx: &mut dyn Tx, person: Id, use_case: UseCase, on: On) -> Result<bool, StoreError> {
    match on {
        On::Operator | On::Structure(_) | On::Body(_) => Ok(false),
        On::Person(id) if id != person => Ok(false),
        On::Anywhere | On::Person(_) => Ok(use_case.is_for(nature(tx, person)?)),
        On::Bal(id) => match access::in_force(tx, person, id)? {
            Some(a) => {
                let role = if a.role == Role::Machine.as_str() { Role::Machine } else { Role::User };
                Ok(use_case.is_for(role) && BalRights::from_bits(a.rights).has(needed(use_case)))
            }
            None => Ok(false),
        },
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
            Role::Structure | Role::Region => {
                if let Some(structures) = places(tx, role, &given)? {
                    found.get_or_insert_default().extend(structures);
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
        None if use_case.is_for(nature(tx, person)?) => Ok(Reach::Own(person)),
        None => Err(missing(use_case)),
    }
}

/// What the asker's administrative roles allow somewhere. What one may do as a user is not in it: nothing for whoever has no such role.
pub(crate) fn administers(tx: &mut dyn Tx, actor: &Actor) -> Result<Vec<UseCase>, Fail> {
    let Some(person) = person(tx, actor, UseCase::OwnShow)? else { return Ok(UseCase::ALL.to_vec()) };
    let mut held = Vec::new();
    for given in roles::in_force(tx, person)? {
        let Ok(role) = given.role.parse::<Role>() else { continue };
        let stands = match role {
            Role::Administrator | Role::Support | Role::Auditor => true,
            Role::Structure | Role::Region => places(tx, role, &given)?.is_some(),
            Role::User | Role::Machine => false,
        };
        if stands {
            held.push(role);
        }
    }
    Ok(UseCase::ALL.iter().copied().filter(|case| held.iter().any(|role| case.is_for(*role))).collect())
}

/// The regional bodies for which the asker has a role that may do this: what [`Reach`] does not name.
pub(crate) fn bodies(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase) -> Result<Vec<Id>, Fail> {
    let mut out = Vec::new();
    let Some(person) = person(tx, actor, use_case)? else { return Ok(out) };
    for given in roles::in_force(tx, person)? {
        if use_case.is_for(Role::Region)
            && given.role == Role::Region.as_str()
            && let Some(body) = given.body_id
            && roles::body_is_open(tx, body)?
        {
            out.push(body);
        }
    }
    Ok(out)
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
        self.0.guard.forget_rights(None);
        self.0.store.announce(Event::Rights(None));
    }

    /// The same, when only sessions of this person, at this BAL or with this token can be concerned.
    pub(crate) fn rights_changed_of(&self, id: Id) {
        self.0.guard.forget_rights(Some(id));
        self.0.store.announce(Event::Rights(Some(id)));
    }

    /// May the actor do this anywhere at all? For doors that judge what was sent before they hand it over: who may not hears that first.
    #[boxed]
    pub async fn may(&self, actor: &Actor, use_case: UseCase) -> Result<(), Refusal> {
        self.require(actor, use_case, On::Anywhere).await
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

pub mod things;

#[cfg(test)]
mod tests;
