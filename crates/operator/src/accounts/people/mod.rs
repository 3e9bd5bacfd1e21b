//! People: added, shown, changed; identity certified; ordinary address verified (F008–F011, F017, F095, F097).
//!
//! Promises: a national identifier is one person's; homonyms are fine; a change starts from the version that was read, so that of two who edit at
//! once nothing is lost; a change of an identity trait takes the certification with it.
mod edit;
pub(crate) mod email;
pub(crate) mod identity;
pub(crate) mod show;
pub mod views;

use crate::boxed;
pub(crate) use show::view;
use views::{Exemption, NewPerson, PersonView};

use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
pub(crate) use sceau_domain::person::login;
use sceau_domain::person::{local_id, national_id, new_login};
use sceau_domain::{Refusal, RefusalCode, Role, Timestamp, UseCase, plain};
use sceau_store::structures::{self, Membership};
use sceau_store::{Id, StoreError, Tx, accounts as rows, roles};
use serde_json::json;

/// Longest exemption from the national identifier, milliseconds: three years.
const LONGEST_EXEMPTION: i64 = 3 * 366 * 24 * 3_600_000;
/// Most characters of a function.
const FUNCTION: usize = 120;

/// A name to show: printable, not empty, bounded. `admin.invalid`, `naming.too_long`.
pub(crate) fn shown_name(text: &str) -> Result<String, Refusal> {
    plain::filled(text, "name", plain::NAME)
}

/// What a person does in a structure; it may be empty. `admin.invalid`, `naming.too_long`.
pub(crate) fn function(text: &str) -> Result<String, Refusal> {
    plain::line(text, "function", FUNCTION)
}

/// A text that may be cleared: `None` when empty.
fn cleared(text: &str, check: impl FnOnce(&str) -> Result<String, Refusal>) -> Result<Option<String>, Refusal> {
    if text.trim().is_empty() { Ok(None) } else { check(text).map(Some) }
}

/// Checks an exemption at this moment. `admin.invalid`, `naming.too_long`.
fn checked_exemption(e: &Exemption, now: Timestamp) -> Result<Exemption, Refusal> {
    let (identifier, reason) = (local_id(&e.identifier)?, plain::filled(&e.reason, "reason", plain::NOTE)?);
    if e.until <= now || e.until.0 > now.0.saturating_add(LONGEST_EXEMPTION) {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "until"));
    }
    Ok(Exemption { identifier, reason, until: e.until })
}

/// Somebody else changed it meanwhile.
pub(crate) fn conflict(name: &str) -> Fail {
    Refusal::new(RefusalCode::EditConflict).with("name", name).into()
}

/// Who has this login, when the asker may do this to that person. Ask [`permit`] with [`On::Anywhere`] first.
pub(super) fn known(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, login: &str) -> Result<rows::Person, Fail> {
    let Some(person) = rows::person_by_login(tx, login)? else { return Err(unknown(tx, actor, use_case, login)) };
    permit(tx, actor, use_case, On::Person(person.id))?;
    Ok(person)
}

/// Refuses a code that an imported table of this name does not have. Without the table nothing can be said.
fn check_code(tx: &mut dyn Tx, list: &str, field: &'static str, code: Option<&str>) -> Result<(), Fail> {
    let Some(code) = code else { return Ok(()) };
    if structures::reference_is_there(tx, list)? && structures::reference_label(tx, list, code)?.is_none() {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", field).with("cause", code).into());
    }
    Ok(())
}

/// Reference table of professions.
pub(crate) const PROFESSIONS: &str = "professions";
/// Reference table of specialities.
pub(crate) const SPECIALITIES: &str = "specialities";

fn check_codes(tx: &mut dyn Tx, p: &rows::Person) -> Result<(), Fail> {
    check_code(tx, PROFESSIONS, "profession", p.profession.as_deref())?;
    check_code(tx, SPECIALITIES, "speciality", p.speciality.as_deref())
}

/// Refuses a national identifier that somebody else has. Whose it is is told to those who may see that person.
fn check_national_id(tx: &mut dyn Tx, actor: &Actor, p: &rows::Person) -> Result<(), Fail> {
    let Some(id) = &p.national_id else { return Ok(()) };
    match rows::person_by_national_id(tx, id)? {
        Some(other) if other.id != p.id => {
            let seen = permit(tx, actor, UseCase::PersonList, On::Person(other.id)).is_ok();
            let name = if seen { format!("national_id: {}", other.login) } else { "national_id".into() };
            Err(Refusal::new(RefusalCode::Exists).with("name", name).into())
        }
        _ => Ok(()),
    }
}

/// Refuses an identifier that a structure gave to somebody else already: published, it would name two people. `also`: a structure that the person
/// is about to work in.
fn check_local_id(tx: &mut dyn Tx, p: &rows::Person, also: Option<Id>) -> Result<(), Fail> {
    match &p.local_id {
        Some(id) if structures::local_id_taken(tx, p.id, id, also)? => {
            Err(Refusal::new(RefusalCode::Exists).with("name", id).into())
        }
        _ => Ok(()),
    }
}

pub(crate) fn is_administrator(tx: &mut dyn Tx, person: Id) -> Result<bool, StoreError> {
    Ok(roles::in_force(tx, person)?.iter().any(|g| g.role == Role::Administrator.as_str()))
}

/// Does the asker speak for the operator in this (and not for a structure alone)?
fn for_operator(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase) -> bool {
    permit(tx, actor, use_case, On::Operator).is_ok()
}

/// See [`Operator::draft_person`].
#[derive(Debug, Clone)]
pub(crate) struct PersonDraft {
    actor: Actor,
    row: rows::Person,
    function: String,
    structure: Option<String>,
    fact: crate::record::Fact,
}

impl PersonDraft {
    /// Adds the person, with the membership and the trace, judging everything. The row as it is then.
    pub fn add(&self, tx: &mut dyn Tx) -> Result<rows::Person, Fail> {
        let (row, now) = (&self.row, self.row.created);
        let place = match &self.structure {
            Some(code) => match structures::by_code(tx, code)? {
                Some(s) => Some(s.id),
                None => return Err(unknown(tx, &self.actor, UseCase::PersonAdd, code)),
            },
            None => None,
        };
        permit(tx, &self.actor, UseCase::PersonAdd, place.map_or(On::Operator, On::Structure))?;
        if row.national_id.is_none() && row.local_id.is_none() && !for_operator(tx, &self.actor, UseCase::PersonAdd) {
            return Err(Refusal::new(RefusalCode::IdentityMissing).with("name", &row.login).into());
        }
        check_codes(tx, row)?;
        check_local_id(tx, row, place)?;
        let stored = match rows::person_by_login(tx, &row.login)? {
            // An administrator is declared by the configuration; adding the person completes it.
            Some(p) if p.national_id.is_none() && p.family_name.is_none() && is_administrator(tx, p.id)? => {
                permit(tx, &self.actor, UseCase::PersonAdd, On::Operator)?;
                let row = rows::Person {
                    id: p.id,
                    version: p.version,
                    created: p.created,
                    disabled: p.disabled,
                    email: p.email,
                    email_verified: p.email_verified,
                    ..self.row.clone()
                };
                check_national_id(tx, &self.actor, &row)?;
                if !rows::update_person(tx, &row)? {
                    return Err(conflict(&row.login));
                }
                row.id
            }
            Some(p) => return Err(Refusal::new(RefusalCode::Exists).with("name", p.login).into()),
            None => {
                check_national_id(tx, &self.actor, row)?;
                rows::insert_person(tx, row)?;
                row.id
            }
        };
        if let Some(structure_id) = place {
            let function = self.function.clone();
            let member = Membership { person_id: stored, structure_id, function, since: now, ended: None };
            structures::join(tx, &member)?;
        }
        self.fact.write(tx)?;
        rows::person_by_id(tx, stored)?.ok_or_else(|| RefusalCode::NotFound.into())
    }
}

impl Operator {
    /// Adds a person. In a structure, the membership is made in the same act. `admin.exists`, `admin.invalid`, `naming.too_long`, `identifier.*`;
    /// `identity.missing` when the administrator of a structure gives neither national identifier nor exemption.
    #[boxed]
    pub async fn add_person(&self, actor: &Actor, person: NewPerson) -> Result<PersonView, Refusal> {
        self.require(actor, UseCase::PersonAdd, On::Anywhere).await?;
        let draft = self.draft_person(actor, &person)?;
        let add = move |tx: &mut dyn Tx| {
            let stored = draft.add(tx)?;
            view(tx, &draft.actor, stored, draft.row.created)
        };
        Ok(self.0.store.write(add).await?)
    }

    /// A person to add, everything checked that can be without looking: to be written in the transaction of a larger act.
    pub(crate) fn draft_person(&self, actor: &Actor, person: &NewPerson) -> Result<PersonDraft, Refusal> {
        let (row, function) = self.new_person(person)?;
        let structure = person.structure.as_deref().map(|s| plain::code(s, "structure")).transpose()?;
        let said = json!({ "login": row.login, "structure": structure, "exemption": row.local_id_reason });
        let fact = self.fact("person.added", &By::actor(actor), None, "ok", said);
        Ok(PersonDraft { actor: actor.clone(), row, function, structure, fact })
    }

    /// The row of a person to add, everything checked that can be without looking, and the function.
    fn new_person(&self, p: &NewPerson) -> Result<(rows::Person, String), Refusal> {
        let login = new_login(&p.login)?;
        let now = self.now();
        let text = |value: &Option<String>, check: &dyn Fn(&str) -> Result<String, Refusal>| {
            value.as_deref().map_or(Ok(None), |t| cleared(t, check))
        };
        let given_name = text(&p.given_name, &|t| plain::name(t, "given_name"))?;
        let family_name = text(&p.family_name, &|t| plain::name(t, "family_name"))?;
        let name = match p.name.trim() {
            "" => {
                let parts: Vec<&str> = [&given_name, &family_name].into_iter().flatten().map(String::as_str).collect();
                shown_name(&parts.join(" "))?
            }
            name => shown_name(name)?,
        };
        let exemption = p.exemption.as_ref().map(|e| checked_exemption(e, now)).transpose()?;
        let national_id = text(&p.national_id, &national_id)?;
        if national_id.is_some() && exemption.is_some() {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "exemption"));
        }
        let row = rows::Person {
            national_id,
            given_name,
            family_name,
            profession: text(&p.profession, &|t| plain::reference_code(t, "profession"))?,
            speciality: text(&p.speciality, &|t| plain::reference_code(t, "speciality"))?,
            habilitated: p.habilitated,
            local_id: exemption.as_ref().map(|e| e.identifier.clone()),
            local_id_reason: exemption.as_ref().map(|e| e.reason.clone()),
            local_id_until: exemption.as_ref().map(|e| e.until.0),
            phone: text(&p.phone, &plain::phone)?,
            ..rows::Person::new(self.0.store.new_id(), &login, &name, now.0)
        };
        Ok((row, function(p.function.as_deref().unwrap_or_default())?))
    }
}
