//! People, shown: only those whom the asker's place reaches.
use super::views::{Certification, Code, ExemptionView, MembershipView, Only, Ordinary, PeopleQuery, PersonView};
use super::{PROFESSIONS, SPECIALITIES, known};
use crate::accounts::{grouped, only, page};
use crate::boxed;
use crate::notices::Template;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Operator, Who};
use sceau_domain::person::{exemption_stands, published_identifier};
use sceau_domain::text::to_ascii;
use sceau_domain::{BalKind, Refusal, RefusalCode, Role, Timestamp, UseCase, plain};
use sceau_store::access::{self, Access};
use sceau_store::notices::{self, Notice};
use sceau_store::structures::{self, Membership, Structure};
use sceau_store::{Id, StoreError, Tx, accounts as rows, bals, names, reference, roles};
use std::collections::{BTreeSet, HashMap};

impl Operator {
    /// People, by login, `limit` from after `after`: all whom the asker may see, or those who work in one structure (code).
    #[boxed]
    pub async fn people_of(
        &self,
        actor: &Actor,
        structure: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<PersonView>, Refusal> {
        let query = PeopleQuery { structure: structure.map(str::to_owned), ..PeopleQuery::default() };
        self.people_found(actor, query, after, limit).await
    }

    /// People, by login, `limit` from after `after`: of those whom the asker may see, whom `query` means. However many there are besides, fewer than
    /// `limit` are all that are left.
    #[boxed]
    pub async fn people_found(
        &self,
        actor: &Actor,
        query: PeopleQuery,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<PersonView>, Refusal> {
        self.require(actor, UseCase::PersonList, On::Anywhere).await?;
        let structure = query.structure.map(|s| plain::code(&s, "structure")).transpose()?;
        let text = query.text.map(|t| plain::line(&t, "text", plain::NAME)).transpose()?.unwrap_or_default();
        let only = query.only;
        let words: Vec<String> = folded(&text).split_whitespace().map(str::to_owned).collect();
        let (after, limit, now) = (after.unwrap_or_default().to_owned(), page(limit), self.now().0);
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            let within = match &structure {
                Some(code) => {
                    let Some(s) = structures::by_code(tx, code)? else {
                        return Err(unknown(tx, &actor, UseCase::PersonList, code));
                    };
                    permit(tx, &actor, UseCase::PersonList, On::Structure(s.id))?;
                    Some(vec![s.id])
                }
                None => match reach(tx, &actor, UseCase::PersonList)? {
                    Reach::All => None,
                    Reach::Structures(within) => Some(within),
                    Reach::Own(_) => return Ok(Vec::new()),
                },
            };
            let people = match &within {
                _ if !words.is_empty() || only.is_some() => {
                    meant(tx, within.as_deref(), (&words, only), &after, limit)?
                }
                None => rows::people(tx, &after, limit)?,
                Some(within) => rows::people_within(tx, within, &after, limit)?,
            };
            let eyes = Eyes::of(tx, &actor)?;
            Ok::<_, Fail>(shown(tx, &eyes, people, now)?)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// People, by login, `limit` from after `after`.
    #[boxed]
    pub async fn people(&self, actor: &Actor, after: Option<&str>, limit: u32) -> Result<Vec<PersonView>, Refusal> {
        self.people_of(actor, None, after, limit).await
    }

    /// One person. `admin.not_found`, `right.missing`.
    #[boxed]
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
    #[boxed]
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

/// A text as it is compared: without accents, in lower case.
fn folded(text: &str) -> String {
    to_ascii(text).to_ascii_lowercase()
}

/// People in whose names each of the words stands, and of whom that is so, by login, `limit` from after `after`. Names alone are read of everybody else.
fn meant(
    tx: &mut dyn Tx,
    within: Option<&[Id]>,
    (words, only): (&[String], Option<Only>),
    after: &str,
    limit: i64,
) -> Result<Vec<rows::Person>, StoreError> {
    /// Names read at once.
    const SLICE: i64 = 2_000;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut logins, mut from) = (Vec::new(), after.to_owned());
    'all: loop {
        let slice = names::list(tx, within, &from, SLICE)?;
        let Some(last) = slice.last() else { break };
        from.clone_from(&last.login);
        for named in slice {
            let texts = [Some(named.name), named.given_name, named.family_name, named.email];
            let said =
                texts.into_iter().flatten().fold(named.login.clone(), |all, text| format!("{all} {}", folded(&text)));
            let is = |word: &String| said.contains(word.as_str()) || named.national_id.as_ref() == Some(word);
            let so = match only {
                None => true,
                Some(Only::Uncertified) => !named.certified,
                Some(Only::Blocked) => named.blocked,
            };
            if so && words.iter().all(is) {
                logins.push(named.login);
            }
            if logins.len() == wanted {
                break 'all;
            }
        }
    }
    let mut people = rows::people_by_logins(tx, &logins)?;
    // In the order of the list, which is the engine's: a page's last one is where the next begins.
    people.sort_by_key(|p| logins.iter().position(|login| *login == p.login));
    Ok(people)
}

fn code(labels: &HashMap<String, String>, code: Option<String>) -> Option<Code> {
    let code = code?;
    let label = labels.get(&code).cloned();
    Some(Code { verified: label.is_some(), code, label })
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
    /// Whoever asks.
    pub(crate) fn of(tx: &mut dyn Tx, actor: &Actor) -> Result<Self, Fail> {
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
    /// Of this person, what is of this structure.
    pub(crate) fn see(&self, person: i64, structure: Option<i64>) -> bool {
        let here = |within: &Vec<i64>| structure.is_some_and(|s| within.contains(&s));
        self.me == person || self.within.as_ref().is_none_or(here)
    }
}

/// A person as shown to the asker at this moment.
pub(crate) fn view(tx: &mut dyn Tx, actor: &Actor, p: rows::Person, now: i64) -> Result<PersonView, Fail> {
    let eyes = Eyes::of(tx, actor)?;
    Ok(only(shown(tx, &eyes, vec![p], now)?)?)
}

/// People as shown, in their order.
fn shown(tx: &mut dyn Tx, eyes: &Eyes, people: Vec<rows::Person>, now: i64) -> Result<Vec<PersonView>, StoreError> {
    let around = Around::read(tx, &people)?;
    Ok(people.into_iter().map(|p| around.view(eyes, p, now)).collect())
}

/// What other tables say of some people, read once for all of them.
struct Around {
    access: HashMap<Id, Vec<Access>>,
    bals: HashMap<Id, rows::Bal>,
    memberships: HashMap<Id, Vec<Membership>>,
    structures: HashMap<Id, Structure>,
    administrators: BTreeSet<Id>,
    professions: HashMap<String, String>,
    specialities: HashMap<String, String>,
    /// The last link to an ordinary address, by person.
    notices: HashMap<Id, Notice>,
}

impl Around {
    fn read(tx: &mut dyn Tx, people: &[rows::Person]) -> Result<Self, StoreError> {
        let ids: Vec<Id> = people.iter().map(|p| p.id).collect();
        let access = access::of_people(tx, &ids)?;
        let held: Vec<Id> = access.iter().map(|a| a.bal_id).collect();
        let memberships = structures::memberships_of(tx, &ids)?;
        let places: Vec<Id> = memberships.iter().map(|m| m.structure_id).collect();
        let professions: Vec<String> = people.iter().filter_map(|p| p.profession.clone()).collect();
        let specialities: Vec<String> = people.iter().filter_map(|p| p.speciality.clone()).collect();
        let reached: Vec<Id> = people.iter().filter(|p| p.email.is_some()).map(|p| p.id).collect();
        let notices = notices::last_of(tx, &reached, Template::EmailLink.as_str())?;
        Ok(Self {
            bals: bals::by_ids(tx, &held)?.into_iter().map(|b| (b.id, b)).collect(),
            structures: structures::by_ids(tx, &places)?,
            administrators: roles::who_has(tx, Role::Administrator.as_str(), &ids)?,
            professions: reference::labels(tx, PROFESSIONS, &professions)?,
            specialities: reference::labels(tx, SPECIALITIES, &specialities)?,
            notices: notices.into_iter().map(|n| (n.person_id, n)).collect(),
            access: grouped(access.into_iter().map(|a| (a.person_id, a))),
            memberships: grouped(memberships.into_iter().map(|m| (m.person_id, m))),
        })
    }

    fn view(&self, eyes: &Eyes, p: rows::Person, now: i64) -> PersonView {
        let (mut bals, mut own_address) = (Vec::new(), None);
        for access in self.access.get(&p.id).into_iter().flatten() {
            let Some(bal) = self.bals.get(&access.bal_id) else { continue };
            if bal.kind == BalKind::Per.as_str() && access.role == "holder" && own_address.is_none() {
                own_address = Some(bal.address.as_str());
            }
            if eyes.see(p.id, bal.structure_id) {
                bals.push((bal.address.clone(), access.role.clone()));
            }
        }
        let membership = |m: &Membership| {
            let s = self.structures.get(&m.structure_id).filter(|s| eyes.see(p.id, Some(s.id)))?;
            Some(MembershipView {
                structure: s.code.clone(),
                structure_name: s.name.clone(),
                function: m.function.clone(),
                since: Timestamp(m.since),
                ended: m.ended.map(Timestamp),
            })
        };
        let memberships = self.memberships.get(&p.id).into_iter().flatten().filter_map(membership).collect();
        let until = p.local_id_until.map(Timestamp);
        let published = published_identifier(
            p.national_id.as_deref(),
            p.local_id.as_deref().map(|id| (id, until)),
            own_address,
            Timestamp(now),
        )
        .map(str::to_owned);
        let email = p.email.map(|address| {
            let last = self.notices.get(&p.id).map(|n| (Some(n.state.clone()), n.code.clone()));
            let (notice, cause) = last.unwrap_or_default();
            Ordinary { address, verified: p.email_verified.map(Timestamp), notice, cause }
        });
        PersonView {
            administrator: self.administrators.contains(&p.id),
            profession: code(&self.professions, p.profession),
            speciality: code(&self.specialities, p.speciality),
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
        }
    }
}
