//! From rows to what steps are judged by: people, structure, terms, as they are at this moment.
use super::request::Request;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::terms::has_accepted;
use crate::{Actor, Who, eligibility};
use sceau_domain::opening::{Case, Part, Party, Task};
use sceau_domain::{ConventionState, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::structures::{self, Structure};
use sceau_store::{Id, Tx, accounts as rows, roles};

/// What is known about a request.
#[derive(Debug)]
pub(super) struct Known {
    /// What steps are judged by.
    pub case: Case,
    /// The people, with their rows.
    pub people: Vec<(Id, Part)>,
}

impl Known {
    /// Whose acceptance is waited for.
    pub fn awaited(&self) -> Vec<Id> {
        let logins: Vec<&str> = self.case.awaited().map(|p| p.login.as_str()).collect();
        let named = self.case.parties.iter().zip(&self.people);
        named.filter(|(p, _)| logins.contains(&p.login.as_str())).map(|(_, (id, _))| *id).collect()
    }
}

/// Looks at everything anew. `admin.not_found`: a person that nobody is.
pub(super) fn look(tx: &mut dyn Tx, request: &Request, structure: Option<Id>, now: Timestamp) -> Result<Known, Fail> {
    let place = match structure {
        None => None,
        Some(id) => Some(structures::by_id(tx, id)?.ok_or_else(|| missing("structure"))?),
    };
    let rules = eligibility::rules(tx)?;
    let judged = request.eligibility_override.is_none();
    let (mut parties, mut people) = (Vec::new(), Vec::new());
    for (login, part) in &request.people {
        let p = rows::person_by_login(tx, login)?.ok_or_else(|| missing(login))?;
        let left = match structure.filter(|_| request.colleagues.contains(login)) {
            Some(structure) => !roles::structures_of_person(tx, p.id)?.contains(&structure),
            None => false,
        };
        let unfit = match part {
            Part::Machine => None,
            _ => eligibility::person(&rules, &p, request.kind, *part == Part::Holder),
        };
        people.push((p.id, *part));
        parties.push(Party {
            login: p.login.clone(),
            part: *part,
            national_id: p.national_id.is_some(),
            exemption: p.local_id.is_some().then(|| p.local_id_until.map(Timestamp)),
            certified: p.identity != "none",
            habilitated: p.habilitated,
            blocked: p.disabled.is_some(),
            left,
            unfit: unfit.filter(|_| judged),
            accepted: has_accepted(tx, p.id, now.0)?,
        });
    }
    let convention = place.as_ref().is_none_or(|s| agreed(s, now));
    // What is there already stays in its domain, and was taken.
    let new = request.task == Task::Open;
    let domain = match &place {
        Some(s) if new => structures::domains(tx, s.id)?.contains(&request.parsed()?.domain().to_string()),
        _ => true,
    };
    let unfit = if new && judged { eligibility::place(&rules, place.as_ref()) } else { None };
    Ok(Known { case: Case { task: request.task, kind: request.kind, parties, convention, domain, unfit }, people })
}

/// Does a signed convention stand at this moment, and is the structure not blocked?
pub(crate) fn agreed(s: &Structure, now: Timestamp) -> bool {
    s.convention.parse().is_ok_and(ConventionState::binds)
        && s.convention_from.is_none_or(|from| from <= now.0)
        && s.convention_until.is_none_or(|until| now.0 < until)
        && s.blocked.is_none()
}

fn missing(name: &str) -> Refusal {
    Refusal::new(RefusalCode::NotFound).with("name", name)
}

/// May the asker name these people? Somebody may who may see them, and whoever works in the same structure; others are told nothing of them.
/// Notes who works there: whoever has left before it is carried out gets nothing.
pub(super) fn nameable(
    tx: &mut dyn Tx,
    actor: &Actor,
    request: &mut Request,
    structure: Option<Id>,
) -> Result<(), Fail> {
    request.colleagues.clear();
    for (login, _) in &request.people {
        let Some(person) = rows::person_by_login(tx, login)? else {
            return Err(unknown(tx, actor, UseCase::OpeningAsk, login));
        };
        let own = matches!(&actor.who, Who::Person(p) if p.id == person.id);
        let colleague = match structure {
            Some(id) => roles::structures_of_person(tx, person.id)?.contains(&id),
            None => false,
        };
        if !own && !colleague {
            permit(tx, actor, UseCase::PersonList, On::Person(person.id))?;
        }
        if colleague {
            request.colleagues.push(login.clone());
        }
    }
    Ok(())
}

/// Looks whether an address may be given. The id of a closed BAL that must give it up first, when there is one. `admin.exists`.
pub(super) fn free(tx: &mut dyn Tx, key: &str, now: Timestamp) -> Result<Option<Id>, Fail> {
    match rows::bal_by_address(tx, key)? {
        None => Ok(None),
        // Kept from others while its traces are, and for good when nothing says otherwise (F030).
        Some(b) if b.state == "closed" && b.tombstone_until.is_some_and(|until| until <= now.0) => Ok(Some(b.id)),
        Some(b) => Err(Refusal::new(RefusalCode::Exists).with("name", b.address).into()),
    }
}
