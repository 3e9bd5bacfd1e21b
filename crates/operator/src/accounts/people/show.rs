//! People, shown: only those whom the asker's place reaches.
use super::views::{Certification, Code, ExemptionView, MembershipView, Ordinary, PersonView};
use super::{PROFESSIONS, SPECIALITIES, is_administrator, known};
use crate::accounts::page;
use crate::notices::Template;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Operator, Who};
use sceau_domain::person::{exemption_stands, published_identifier};
use sceau_domain::{BalKind, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::structures;
use sceau_store::{StoreError, Tx, access, accounts as rows, notices};

impl Operator {
    /// People, by login, `limit` from after `after`: all whom the asker may see, or those who work in one structure (code).
    pub async fn people_of(
        &self,
        actor: &Actor,
        structure: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<PersonView>, Refusal> {
        self.require(actor, UseCase::PersonList, On::Anywhere).await?;
        let structure = structure.map(|s| plain::code(s, "structure")).transpose()?;
        let (after, limit, now) = (after.unwrap_or_default().to_owned(), page(limit), self.now().0);
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            let people = match &structure {
                Some(code) => {
                    let Some(s) = structures::by_code(tx, code)? else {
                        return Err(unknown(tx, &actor, UseCase::PersonList, code));
                    };
                    permit(tx, &actor, UseCase::PersonList, On::Structure(s.id))?;
                    rows::people_within(tx, &[s.id], &after, limit)?
                }
                None => match reach(tx, &actor, UseCase::PersonList)? {
                    Reach::All => rows::people(tx, &after, limit)?,
                    Reach::Structures(within) => rows::people_within(tx, &within, &after, limit)?,
                    Reach::Own(_) => Vec::new(),
                },
            };
            let eyes = Eyes::of(tx, &actor)?;
            people.into_iter().map(|p| Ok(shown(tx, &eyes, p, now)?)).collect::<Result<Vec<_>, Fail>>()
        };
        Ok(self.0.store.read(list).await?)
    }

    /// People, by login, `limit` from after `after`.
    pub async fn people(&self, actor: &Actor, after: Option<&str>, limit: u32) -> Result<Vec<PersonView>, Refusal> {
        self.people_of(actor, None, after, limit).await
    }

    /// One person. `admin.not_found`, `right.missing`.
    pub async fn person(&self, actor: &Actor, login: &str) -> Result<PersonView, Refusal> {
        let (login, actor, now) = (login.to_ascii_lowercase(), actor.clone(), self.now().0);
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::PersonList, On::Anywhere)?;
            let person = known(tx, &actor, UseCase::PersonList, &login)?;
            view(tx, &actor, person, now)
        };
        Ok(self.0.store.read(find).await?)
    }

    /// The asker, as the base has him or her (F097). `right.missing` for ourselves.
    pub async fn own_person(&self, actor: &Actor) -> Result<PersonView, Refusal> {
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let (id, actor, now) = (person.id, actor.clone(), self.now().0);
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::OwnShow, On::Anywhere)?;
            let person = rows::person_by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            view(tx, &actor, person, now)
        };
        Ok(self.0.store.read(find).await?)
    }
}

fn code(tx: &mut dyn Tx, list: &str, code: Option<String>) -> Result<Option<Code>, StoreError> {
    let Some(code) = code else { return Ok(None) };
    let label = structures::reference_label(tx, list, &code)?;
    Ok(Some(Code { code, verified: label.is_some(), label }))
}

/// What the asker may see of a person: work and BALs elsewhere are for whoever sees everything, and for the person.
#[derive(Debug)]
pub(crate) struct Eyes {
    /// Who asks; 0: ourselves.
    me: i64,
    /// None: everything.
    within: Option<Vec<i64>>,
}

impl Eyes {
    fn of(tx: &mut dyn Tx, actor: &Actor) -> Result<Self, Fail> {
        let me = actor.person();
        let within = match reach(tx, actor, UseCase::PersonList) {
            Ok(Reach::All) => None,
            Ok(Reach::Structures(within)) => Some(within),
            // Whoever sees nobody may see himself.
            Ok(Reach::Own(_)) | Err(Fail::No(_)) => Some(Vec::new()),
            Err(failed) => return Err(failed),
        };
        Ok(Self { me, within })
    }
    fn see(&self, person: i64, structure: Option<i64>) -> bool {
        let here = |within: &Vec<i64>| structure.is_some_and(|s| within.contains(&s));
        self.me == person || self.within.as_ref().is_none_or(here)
    }
}

/// A person as shown to the asker at this moment.
pub(crate) fn view(tx: &mut dyn Tx, actor: &Actor, p: rows::Person, now: i64) -> Result<PersonView, Fail> {
    let eyes = Eyes::of(tx, actor)?;
    Ok(shown(tx, &eyes, p, now)?)
}

fn shown(tx: &mut dyn Tx, eyes: &Eyes, p: rows::Person, now: i64) -> Result<PersonView, StoreError> {
    let (mut bals, mut own_address) = (Vec::new(), None);
    for access in access::of_person(tx, p.id)? {
        if let Some(bal) = rows::bal_by_id(tx, access.bal_id)? {
            if bal.kind == BalKind::Per.as_str() && access.role == "holder" && own_address.is_none() {
                own_address = Some(bal.address.clone());
            }
            if eyes.see(p.id, bal.structure_id) {
                bals.push((bal.address, access.role));
            }
        }
    }
    let mut memberships = Vec::new();
    for m in structures::memberships(tx, p.id)?.into_iter().filter(|m| eyes.see(p.id, Some(m.structure_id))) {
        if let Some(s) = structures::by_id(tx, m.structure_id)? {
            memberships.push(MembershipView {
                structure: s.code,
                structure_name: s.name,
                function: m.function,
                since: Timestamp(m.since),
                ended: m.ended.map(Timestamp),
            });
        }
    }
    let until = p.local_id_until.map(Timestamp);
    let published = published_identifier(
        p.national_id.as_deref(),
        p.local_id.as_deref().map(|id| (id, until)),
        own_address.as_deref(),
        Timestamp(now),
    )
    .map(str::to_owned);
    let email = match p.email {
        Some(address) => {
            let last = notices::last(tx, p.id, Template::EmailLink.as_str())?;
            let (notice, cause) = last.map_or((None, None), |n| (Some(n.state), n.code));
            Some(Ordinary { address, verified: p.email_verified.map(Timestamp), notice, cause })
        }
        None => None,
    };
    Ok(PersonView {
        administrator: is_administrator(tx, p.id)?,
        profession: code(tx, PROFESSIONS, p.profession)?,
        speciality: code(tx, SPECIALITIES, p.speciality)?,
        exemption: p.local_id.map(|identifier| ExemptionView {
            identifier,
            reason: p.local_id_reason.unwrap_or_default(),
            until,
            stands: exemption_stands(until, Timestamp(now)),
        }),
        identity: Certification { how: p.identity, at: p.identity_at.map(Timestamp), by: p.identity_by },
        login: p.login,
        name: p.name,
        given_name: p.given_name,
        family_name: p.family_name,
        national_id: p.national_id,
        published_identifier: published,
        habilitated: p.habilitated,
        email,
        phone: p.phone,
        memberships,
        bals,
        blocked: p.disabled.map(Timestamp),
        version: p.version,
        created: Timestamp(p.created),
    })
}
