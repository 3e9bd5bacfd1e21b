//! What is, or would be, published of a person's BALs: field by field, where, and who changes it (F095–F097).
use super::people;
use super::people::show::Eyes;
use super::structures::views::Postal;
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::person::published_identifier;
use sceau_domain::publication::{Known, fields, withheld};
use sceau_domain::rights::BalRights;
use sceau_domain::{BalKind, DomainKind, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{StoreError, Tx, access, accounts as rows, structures};
use serde::Serialize;
use utoipa::ToSchema;

/// A field of an entry.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldView {
    /// Its name.
    pub name: &'static str,
    /// Its value; none: there is none to publish.
    pub value: Option<String>,
    /// In the national directory.
    pub national: bool,
    /// In the operator's own directory.
    pub operator: bool,
    /// Who changes it: `own` (the person, at once), `choice` (about the BAL), `request` (a correction is asked for), `never`.
    pub changed_by: &'static str,
}

/// What is published of a BAL.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicationView {
    /// Address of the BAL.
    pub address: String,
    /// Kind.
    pub kind: String,
    /// Why nothing is published: `red_list`, `test`, `internal` or `not_active`; none: it is.
    pub withheld: Option<&'static str>,
    /// On the liste rouge; null until chosen.
    pub red_list: Option<bool>,
    /// Telephone published; null until chosen.
    pub phone_published: Option<bool>,
    /// Zéro papier; null until chosen.
    pub paperless: Option<bool>,
    /// May the person make these choices?
    pub chooses: bool,
    /// Its fields.
    pub fields: Vec<FieldView>,
}

/// Holder or responsible: whose entry it is.
const PUBLISHED: [&str; 2] = ["holder", "responsible"];

/// Of the BALs of a person, those that the asker sees on the person's sheet: one of a structure elsewhere, its address even, is not told.
fn of_person(tx: &mut dyn Tx, actor: &Actor, p: &rows::Person, now: Timestamp) -> Result<Vec<PublicationView>, Fail> {
    let eyes = Eyes::of(tx, actor)?;
    let mut out = Vec::new();
    for held in access::of_person(tx, p.id)?.into_iter().filter(|a| PUBLISHED.contains(&a.role.as_str())) {
        if let Some(bal) = rows::bal_by_id(tx, held.bal_id)?.filter(|bal| eyes.see(p.id, bal.structure_id)) {
            let chooses = BalRights::from_bits(held.rights).has(BalRights::MANAGE);
            out.push(one(tx, Some(p), bal, chooses, now)?);
        }
    }
    Ok(out)
}

/// What is published of a BAL. `p`: its holder, where a person holds it.
pub(crate) fn one(
    tx: &mut dyn Tx,
    p: Option<&rows::Person>,
    bal: rows::Bal,
    chooses: bool,
    now: Timestamp,
) -> Result<PublicationView, StoreError> {
    let broken = |what: &str| StoreError::Invalid(format!("{what} of a BAL"));
    let kind: BalKind = bal.kind.parse().map_err(|()| broken("kind"))?;
    let domain = rows::domain_by_id(tx, bal.domain_id)?.ok_or_else(|| broken("domain"))?;
    let domain: DomainKind = domain.kind.parse().map_err(|()| broken("kind of the domain"))?;
    let place = match bal.structure_id {
        Some(id) => structures::by_id(tx, id)?,
        None => None,
    };
    let postal = place.as_ref().map(|s| serde_json::from_str::<Postal>(&s.address)).transpose();
    let postal = postal.map_err(|_| StoreError::Corrupt("address of a structure".into()))?.map(|p| {
        let parts = p.lines.into_iter().chain([p.postcode, p.town]);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    });
    let label = |tx: &mut dyn Tx, list: &str, code: Option<&String>| -> Result<Option<String>, StoreError> {
        let Some(code) = code else { return Ok(None) };
        Ok(Some(structures::reference_label(tx, list, code)?.unwrap_or_else(|| code.clone())))
    };
    let local = p.and_then(|p| Some((p.local_id.as_deref()?, p.local_id_until.map(Timestamp))));
    let identifier = published_identifier(p.and_then(|p| p.national_id.as_deref()), local, Some(&bal.address), now);
    let known = Known {
        given_name: p.and_then(|p| p.given_name.clone()),
        family_name: p.map(|p| p.family_name.clone().unwrap_or_else(|| p.name.clone())),
        profession: label(tx, people::PROFESSIONS, p.and_then(|p| p.profession.as_ref()))?,
        speciality: label(tx, people::SPECIALITIES, p.and_then(|p| p.speciality.as_ref()))?,
        identifier: identifier.map(str::to_owned),
        phone: p.and_then(|p| p.phone.clone()),
        structure: place.map(|s| s.name),
        postal: postal.filter(|text| !text.is_empty()),
        address: bal.address.clone(),
        label: bal.label,
        description: bal.description,
        service: bal.service,
        responsible: bal.responsible,
        phone_published: bal.phone_published,
        paperless: bal.paperless,
    };
    let why = withheld((kind, domain), (bal.test, bal.reachable), bal.state == "active", bal.red_list);
    let field = |f: sceau_domain::publication::Field| FieldView {
        name: f.name,
        value: f.value,
        national: f.national,
        operator: f.operator,
        changed_by: f.changed_by.as_str(),
    };
    Ok(PublicationView {
        address: bal.address,
        kind: bal.kind,
        withheld: why.map(sceau_domain::publication::Withheld::as_str),
        red_list: bal.red_list,
        phone_published: bal.phone_published,
        paperless: bal.paperless,
        chooses,
        fields: fields(kind, known, why).into_iter().map(field).collect(),
    })
}

impl Operator {
    /// What is published of the asker's own BALs.
    #[boxed]
    pub async fn own_publication(&self, actor: &Actor) -> Result<Vec<PublicationView>, Refusal> {
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let (id, actor, now) = (person.id, actor.clone(), self.now());
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::OwnShow, On::Anywhere)?;
            let person = rows::person_by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            of_person(tx, &actor, &person, now)
        };
        Ok(self.0.store.read(find).await?)
    }

    /// What is published of a person's BALs, as far as the asker sees them. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn publication(&self, actor: &Actor, login: &str) -> Result<Vec<PublicationView>, Refusal> {
        let (login, actor, now) = (login.to_ascii_lowercase(), actor.clone(), self.now());
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::PersonList, On::Anywhere)?;
            let person = people::known(tx, &actor, UseCase::PersonList, &login)?;
            of_person(tx, &actor, &person, now)
        };
        Ok(self.0.store.read(find).await?)
    }
}
