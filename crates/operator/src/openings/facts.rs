//! From rows to what steps are judged by: people, structure, terms, as they are at this moment.
use super::request::Request;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator, Who, eligibility};
use sceau_domain::eligibility::Rules;
use sceau_domain::opening::{AddressRule, Case, Contact, Lack, Part, Party, Task};
use sceau_domain::{Address, ConventionState, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::structures::{self, Structure};
use sceau_store::{Id, Tx, access, accounts as rows, holds, notices, roles, terms};
use std::collections::{BTreeSet, HashMap};

/// What requests are judged by beside the rows: the instant, and what the operator holds (its rule about ordinary addresses, what is of the trust space).
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    op: Operator,
    /// The instant.
    pub now: Timestamp,
}

impl Operator {
    /// What requests are judged by from now on.
    pub(crate) fn moment(&self) -> Moment {
        Moment { op: self.clone(), now: self.now() }
    }
}

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

/// What requests are judged by, as it is at this moment: places, people, who works where, who accepted the terms. Read once for many requests.
#[derive(Debug)]
pub(super) struct Ground {
    places: HashMap<Id, Structure>,
    /// Domains of places.
    domains: BTreeSet<(Id, String)>,
    rules: Rules,
    people: HashMap<String, rows::Person>,
    /// Who works where.
    working: BTreeSet<(Id, Id)>,
    /// Who of those that are to be machines is a natural person.
    natural: BTreeSet<Id>,
    /// Who accepted the terms in force.
    accepted: BTreeSet<Id>,
    /// Ordinary addresses, as they are judged.
    contacts: HashMap<Id, Contact>,
    moment: Moment,
}

/// What is known of people's ordinary addresses; nothing of those who have none, nor where nobody asks.
fn contacts(tx: &mut dyn Tx, people: &[rows::Person], moment: &Moment) -> Result<HashMap<Id, Contact>, Fail> {
    let with: Vec<(&rows::Person, &String)> = people.iter().filter_map(|p| Some((p, p.email.as_ref()?))).collect();
    if with.is_empty() || moment.op.config().notification_address == AddressRule::Off {
        return Ok(HashMap::new());
    }
    let ids: Vec<Id> = with.iter().map(|(p, _)| p.id).collect();
    let marks: HashMap<Id, (bool, bool)> =
        notices::contact_marks(tx, &ids)?.into_iter().map(|(id, wrong, taken)| (id, (wrong, taken))).collect();
    let ours: BTreeSet<String> = rows::domains(tx)?.into_iter().map(|d| d.name).collect();
    let judged = |p: &rows::Person, email: &str| {
        // What was set before, and became a domain of the trust space since, is one.
        let outside =
            email.parse::<Address>().is_ok_and(|a| moment.op.is_ordinary(&a) && !ours.contains(a.domain().as_str()));
        match marks.get(&p.id) {
            _ if !outside => Contact::Inside,
            Some((_, true)) => Contact::Taken,
            // The mark of an address that was confirmed; another one that was given since is judged by itself.
            Some((true, false)) if p.email_verified.is_some() => Contact::Wrong,
            _ if p.email_verified.is_some() => Contact::Confirmed,
            _ => Contact::Given,
        }
    };
    Ok(with.into_iter().map(|(p, email)| (p.id, judged(p, email))).collect())
}

/// What somebody's ordinary address lacks by the operator's rule (F063).
pub(crate) fn address_lack(tx: &mut dyn Tx, person: &rows::Person, moment: &Moment) -> Result<Option<Lack>, Fail> {
    let known = contacts(tx, std::slice::from_ref(person), moment)?;
    let contact = known.get(&person.id).copied().unwrap_or(Contact::Missing);
    Ok(moment.op.config().notification_address.lack(contact))
}

impl Ground {
    /// Reads what these requests, each for a structure perhaps, are judged by.
    pub fn read<'a>(
        tx: &mut dyn Tx,
        requests: impl IntoIterator<Item = (&'a Request, Option<Id>)>,
        moment: &Moment,
    ) -> Result<Self, Fail> {
        let now = moment.now;
        let (mut places, mut logins, mut machines) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (request, structure) in requests {
            places.extend(structure);
            logins.extend(request.people.iter().map(|(login, _)| login.clone()));
            let named = request.people.iter().filter(|(_, part)| *part == Part::Machine);
            machines.extend(named.map(|(login, _)| login.as_str()));
        }
        let people = rows::people_by_logins(tx, &logins)?;
        let ids: Vec<Id> = people.iter().map(|p| p.id).collect();
        let machines: Vec<Id> = people.iter().filter(|p| machines.contains(p.login.as_str())).map(|p| p.id).collect();
        let accepted = match terms::in_force(tx, now.0)? {
            Some(version) => terms::accepted_of(tx, &ids, version)?,
            None => BTreeSet::new(),
        };
        Ok(Self {
            domains: structures::domains_of(tx, &places)?.into_iter().collect(),
            places: structures::by_ids(tx, &places)?,
            rules: eligibility::rules(tx)?,
            working: roles::working(tx, &ids)?,
            natural: access::natural(tx, &machines)?,
            contacts: contacts(tx, &people, moment)?,
            moment: moment.clone(),
            people: people.into_iter().map(|p| (p.login.clone(), p)).collect(),
            accepted,
        })
    }

    /// What is known about one of these requests. `admin.not_found`: a person that nobody is.
    pub fn known(&self, request: &Request, structure: Option<Id>) -> Result<Known, Fail> {
        let now = self.moment.now;
        let place = match structure {
            None => None,
            Some(id) => Some(self.places.get(&id).ok_or_else(|| missing("structure"))?),
        };
        let judged = request.eligibility_override.is_none();
        let (mut parties, mut people) = (Vec::new(), Vec::new());
        for (login, part) in &request.people {
            let p = self.people.get(login).ok_or_else(|| missing(login))?;
            let place = structure.filter(|_| request.colleagues.contains(login));
            let unfit = match part {
                Part::Machine if !self.natural.contains(&p.id) => None,
                _ => eligibility::person(&self.rules, p, request.kind, *part == Part::Holder),
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
                left: place.is_some_and(|place| !self.working.contains(&(p.id, place))),
                unfit: unfit.filter(|_| judged),
                accepted: self.accepted.contains(&p.id),
                contact: self.contacts.get(&p.id).copied().unwrap_or(Contact::Missing),
            });
        }
        let convention = place.is_none_or(|s| agreed(s, now));
        // What is there already stays in its domain, and was taken.
        let new = request.task == Task::Open;
        let domain = match place {
            Some(s) if new => self.domains.contains(&(s.id, request.parsed()?.domain().to_string())),
            _ => true,
        };
        let unfit = if new && judged { eligibility::place(&self.rules, place) } else { None };
        let address = self.moment.op.config().notification_address;
        let case = Case { task: request.task, kind: request.kind, parties, convention, domain, unfit, address };
        Ok(Known { case, people })
    }
}

/// Looks at everything anew. `admin.not_found`: a person that nobody is.
pub(super) fn look(tx: &mut dyn Tx, request: &Request, structure: Option<Id>, moment: &Moment) -> Result<Known, Fail> {
    Ground::read(tx, [(request, structure)], moment)?.known(request, structure)
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
    let Some(b) = rows::bal_by_address(tx, key)? else { return Ok(None) };
    // Kept from others while its traces are, which a hold keeps beyond their time, and for good when nothing says otherwise (F030).
    if b.state == "closed" && b.tombstone_until.is_some_and(|until| until <= now.0) {
        // A hold that is being placed at this moment comes first.
        holds::lock(tx, now.0)?;
        if !holds::names(tx, b.id)? {
            return Ok(Some(b.id));
        }
    }
    Err(Refusal::new(RefusalCode::Exists).with("name", b.address).into())
}
