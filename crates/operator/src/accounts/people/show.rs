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
            people.into_iter().map(|p| Ok(view(tx, p, now)?)).collect()
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
            Ok::<_, Fail>(view(tx, person, now)?)
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
            Ok::<_, Fail>(view(tx, person, now)?)
        };
        Ok(self.0.store.read(find).await?)
    }
}

fn code(tx: &mut dyn Tx, list: &str, code: Option<String>) -> Result<Option<Code>, StoreError> {
    let Some(code) = code else { return Ok(None) };
    let label = structures::reference_label(tx, list, &code)?;
    Ok(Some(Code { code, verified: label.is_some(), label }))
}

/// A person as shown at this moment.
pub(crate) fn view(tx: &mut dyn Tx, p: rows::Person, now: i64) -> Result<PersonView, StoreError> {
    let (mut bals, mut own_address) = (Vec::new(), None);
    for access in access::of_person(tx, p.id)? {
        if let Some(bal) = rows::bal_by_id(tx, access.bal_id)? {
            if bal.kind == BalKind::Per.as_str() && access.role == "holder" && own_address.is_none() {
                own_address = Some(bal.address.clone());
            }
            bals.push((bal.address, access.role));
        }
    }
    let mut memberships = Vec::new();
    for m in structures::memberships(tx, p.id)? {
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
