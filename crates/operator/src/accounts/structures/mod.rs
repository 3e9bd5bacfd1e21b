//! Structures: who they are, who administers them, what the operator settled with them (F012, F014, F152).
//!
//! Promises: identifiers pass their checks; a change starts from the version that was read; a list holds what the asker's place reaches; what is
//! missing (an administrator, a contact, a convention in force) is shown with the structure.
mod settle;
pub mod views;

use super::people::conflict;
use super::processing::chain;
use super::{grouped, only, page};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Operator};
use sceau_domain::identifier::{Finess, Siret};
use sceau_domain::{ConventionState, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::structures as rows;
use sceau_store::{Id, StoreError, Tx, reference};
use serde_json::json;
use std::collections::HashMap;
use views::{Contact, Convention, FollowingView, NewStructure, Postal, StructureChange, StructureView};

/// Most lines of a postal address.
const LINES: usize = 4;
/// Reference table of categories of structures.
const CATEGORIES: &str = "structure_categories";

/// Which structures to list.
#[derive(Debug, Clone, Default)]
pub struct StructureFilter {
    /// Those that this regional body (code) follows.
    pub body: Option<String>,
    /// With this in the code or the name, or with this FINESS or SIRET.
    pub text: Option<String>,
    /// From after this code.
    pub after: Option<String>,
}

/// The structure with this code, when the asker may do this to it. Ask [`permit`] with [`On::Anywhere`] first.
pub(crate) fn known(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, code: &str) -> Result<rows::Structure, Fail> {
    let Some(found) = rows::by_code(tx, code)? else { return Err(unknown(tx, actor, use_case, code)) };
    permit(tx, actor, use_case, On::Structure(found.id))?;
    Ok(found)
}

/// A contact in its one form. `admin.invalid`, `naming.too_long`.
pub(super) fn checked_contact(c: &Contact) -> Result<Contact, Refusal> {
    let email = match c.email.trim() {
        "" => String::new(),
        text => {
            let address: Result<sceau_domain::Address, _> = text.parse();
            address.map_err(|_| Refusal::new(RefusalCode::Invalid).with("name", "contact.email"))?.to_string()
        }
    };
    Ok(Contact {
        name: plain::line(&c.name, "contact.name", plain::NAME)?,
        function: plain::line(&c.function, "contact.function", plain::NAME)?,
        email,
        phone: if c.phone.trim().is_empty() { String::new() } else { plain::phone(&c.phone)? },
    })
}

fn checked_postal(p: &Postal) -> Result<Postal, Refusal> {
    if p.lines.len() > LINES {
        return Err(Refusal::new(RefusalCode::NamingTooLong).with("name", "address.lines").with("limit", LINES));
    }
    let lines = p.lines.iter().map(|l| plain::line(l, "address.lines", plain::NAME));
    Ok(Postal {
        lines: lines.collect::<Result<_, _>>()?,
        postcode: plain::line(&p.postcode, "address.postcode", 12)?,
        town: plain::line(&p.town, "address.town", plain::NAME)?,
    })
}

/// JSON as kept; what was written by us can always be read.
fn kept<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "{}".into())
}

impl StructureChange {
    /// Applies it, every value checked. `admin.invalid`, `naming.too_long`, `identifier.*`.
    fn applied(&self, mut s: rows::Structure) -> Result<rows::Structure, Refusal> {
        let text = |value: &Option<String>, check: &dyn Fn(&str) -> Result<String, Refusal>| match value.as_deref() {
            None => Ok(None),
            Some(t) if t.trim().is_empty() => Ok(Some(None)),
            Some(t) => check(t).map(|v| Some(Some(v))),
        };
        let finess = |t: &str| t.parse::<Finess>().map(String::from).map_err(Refusal::from);
        let siret = |t: &str| t.parse::<Siret>().map(String::from).map_err(Refusal::from);
        if let Some(name) = &self.name {
            s.name = plain::filled(name, "name", plain::NAME)?;
        }
        if let Some(v) = text(&self.category, &|t| plain::reference_code(t, "category"))? {
            s.category = v.unwrap_or_default();
        }
        if let Some(v) = text(&self.territory, &|t| plain::reference_code(t, "territory"))? {
            s.territory = v.unwrap_or_default();
        }
        if let Some(v) = text(&self.finess_ej, &finess)? {
            s.finess_ej = v;
        }
        if let Some(v) = text(&self.finess_eg, &finess)? {
            s.finess_eg = v;
        }
        if let Some(v) = text(&self.siret, &siret)? {
            s.siret = v;
        }
        if let Some(address) = &self.address {
            s.address = kept(&checked_postal(address)?);
        }
        if let Some(contact) = &self.contact {
            s.contact = kept(&checked_contact(contact)?);
        }
        Ok(s)
    }
    /// Does it touch who the structure is, and not only how it is reached?
    fn is_of_identity(&self) -> bool {
        let texts = [&self.name, &self.category, &self.finess_ej, &self.finess_eg, &self.siret, &self.territory];
        texts.iter().any(|t| t.is_some())
    }
    fn fields(&self) -> Vec<&'static str> {
        let given = [
            ("name", self.name.is_some()),
            ("category", self.category.is_some()),
            ("finess_ej", self.finess_ej.is_some()),
            ("finess_eg", self.finess_eg.is_some()),
            ("siret", self.siret.is_some()),
            ("address", self.address.is_some()),
            ("contact", self.contact.is_some()),
            ("territory", self.territory.is_some()),
        ];
        given.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
    }
}

fn check_category(tx: &mut dyn Tx, s: &rows::Structure) -> Result<(), Fail> {
    if !s.category.is_empty()
        && rows::reference_is_there(tx, CATEGORIES)?
        && rows::reference_label(tx, CATEGORIES, &s.category)?.is_none()
    {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "category").with("cause", &s.category).into());
    }
    Ok(())
}

impl Operator {
    /// Adds a structure, of no regional body, without convention, whose BALs the operator opens. `admin.exists`, `admin.invalid`,
    /// `naming.too_long`, `identifier.*`.
    #[boxed]
    pub async fn add_structure(&self, actor: &Actor, new: NewStructure) -> Result<StructureView, Refusal> {
        self.require(actor, UseCase::StructureAdd, On::Operator).await?;
        let code = plain::code(&new.code, "code")?;
        let now = self.now();
        let change = StructureChange {
            name: Some(new.name),
            category: new.category,
            finess_ej: new.finess_ej,
            finess_eg: new.finess_eg,
            siret: new.siret,
            address: Some(new.address),
            contact: Some(new.contact),
            territory: new.territory,
        };
        let row = change.applied(rows::Structure::new(self.0.store.new_id(), &code, &code, now.0))?;
        let fact = self.fact("structure.added", &By::actor(actor), None, "ok", json!({ "structure": code }));
        let (actor, operator) = (actor.clone(), self.0.config.name.clone());
        let add = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::StructureAdd, On::Operator)?;
            if rows::by_code(tx, &row.code)?.is_some() {
                return Err(Refusal::new(RefusalCode::Exists).with("name", &row.code).into());
            }
            check_category(tx, &row)?;
            rows::insert(tx, &row)?;
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, row.clone(), &operator, now)?)
        };
        Ok(self.0.store.write(add).await?)
    }

    /// Structures, by code, `limit` of them: what the asker's place reaches.
    #[boxed]
    pub async fn structures(
        &self,
        actor: &Actor,
        filter: StructureFilter,
        limit: u32,
    ) -> Result<Vec<StructureView>, Refusal> {
        self.require(actor, UseCase::StructureList, On::Anywhere).await?;
        let text = filter.text.as_deref().map(|t| plain::line(t, "text", plain::NAME)).transpose()?;
        let (actor, operator, now, limit) = (actor.clone(), self.0.config.name.clone(), self.now(), page(limit));
        let list = move |tx: &mut dyn Tx| {
            let reached = reach(tx, &actor, UseCase::StructureList)?;
            let body = match &filter.body {
                Some(code) => match rows::body_by_code(tx, &code.to_ascii_lowercase())? {
                    Some(b) => Some(b.id),
                    None if reached == Reach::All => return Err(unknown(tx, &actor, UseCase::StructureList, code)),
                    // As for a body that follows none of the asker's: nothing is told of bodies.
                    None => return Ok(Vec::new()),
                },
                None => None,
            };
            let within = match &reached {
                Reach::All => None,
                Reach::Structures(ids) => Some(ids.as_slice()),
                Reach::Own(_) => Some(&[][..]),
            };
            let after = filter.after.as_deref().unwrap_or_default();
            let found = rows::list(tx, within, (body, text.as_deref()), after, limit)?;
            Ok::<_, Fail>(views(tx, found, &operator, now)?)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One structure. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn structure(&self, actor: &Actor, code: &str) -> Result<StructureView, Refusal> {
        let (actor, code) = (actor.clone(), code.to_ascii_lowercase());
        let (operator, now) = (self.0.config.name.clone(), self.now());
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::StructureList, On::Anywhere)?;
            let found = known(tx, &actor, UseCase::StructureList, &code)?;
            Ok::<_, Fail>(view(tx, found, &operator, now)?)
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Changes the particulars of a structure that is still of this version. `edit.conflict`, `admin.not_found`, `admin.invalid`,
    /// `naming.too_long`, `identifier.*`.
    #[boxed]
    pub async fn edit_structure(
        &self,
        actor: &Actor,
        code: &str,
        version: i64,
        change: StructureChange,
    ) -> Result<StructureView, Refusal> {
        self.require(actor, UseCase::StructureEdit, On::Anywhere).await?;
        let code = code.to_ascii_lowercase();
        let said = json!({ "structure": code, "fields": change.fields() });
        let fact = self.fact("structure.changed", &By::actor(actor), None, "ok", said);
        let (actor, operator, now) = (actor.clone(), self.0.config.name.clone(), self.now());
        let edit = move |tx: &mut dyn Tx| {
            let before = known(tx, &actor, UseCase::StructureEdit, &code)?;
            let signed = before.convention.parse().is_ok_and(ConventionState::binds);
            if signed && change.is_of_identity() {
                // Who signed is who the convention names: another name or identifier is the operator's to write.
                let settles = permit(tx, &actor, UseCase::StructureSettle, On::Structure(before.id));
                settles.map_err(|_| {
                    Refusal::new(RefusalCode::StateWrong).with("name", &code).with("cause", "convention")
                })?;
            }
            let after = change.applied(before)?;
            check_category(tx, &after)?;
            if after.version != version || !rows::update(tx, &after)? {
                return Err(conflict(&code));
            }
            fact.write(tx)?;
            let stored = rows::by_id(tx, after.id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, stored, &operator, now)?)
        };
        Ok(self.0.store.write(edit).await?)
    }
}

/// A structure as shown at this moment.
pub(crate) fn view(
    tx: &mut dyn Tx,
    s: rows::Structure,
    operator: &str,
    now: Timestamp,
) -> Result<StructureView, StoreError> {
    only(views(tx, vec![s], operator, now)?)
}

/// Structures as shown at this moment, in their order: what other tables say of them is read once for all of them.
pub(crate) fn views(
    tx: &mut dyn Tx,
    found: Vec<rows::Structure>,
    operator: &str,
    now: Timestamp,
) -> Result<Vec<StructureView>, StoreError> {
    let around = Around::read(tx, &found)?;
    found.into_iter().map(|s| around.view(s, operator, now)).collect()
}

/// What other tables say of some structures.
struct Around {
    bodies: HashMap<Id, rows::Body>,
    administrators: HashMap<Id, Vec<String>>,
    domains: HashMap<Id, Vec<String>>,
    counts: HashMap<Id, (i64, i64)>,
    followed: HashMap<Id, Vec<rows::Following>>,
    categories: HashMap<String, String>,
}

impl Around {
    fn read(tx: &mut dyn Tx, found: &[rows::Structure]) -> Result<Self, StoreError> {
        let ids: Vec<Id> = found.iter().map(|s| s.id).collect();
        let codes: Vec<String> = found.iter().map(|s| s.category.clone()).filter(|c| !c.is_empty()).collect();
        Ok(Self {
            bodies: rows::bodies(tx)?.into_iter().map(|b| (b.id, b)).collect(),
            administrators: grouped(rows::administrators(tx, &ids)?),
            domains: grouped(rows::domains_of(tx, &ids)?),
            counts: rows::counts(tx, &ids)?,
            followed: grouped(rows::followings(tx, &ids)?),
            categories: reference::labels(tx, CATEGORIES, &codes)?,
        })
    }

    fn view(&self, s: rows::Structure, operator: &str, now: Timestamp) -> Result<StructureView, StoreError> {
        let broken = |what: &str| StoreError::Corrupt(format!("{what} of a structure"));
        let address: Postal = serde_json::from_str(&s.address).map_err(|_| broken("address"))?;
        let contact: Contact = serde_json::from_str(&s.contact).map_err(|_| broken("contact"))?;
        let state: ConventionState = s.convention.parse().map_err(|()| broken("convention"))?;
        let (from, until) = (s.convention_from.map(Timestamp), s.convention_until.map(Timestamp));
        let body = s.body_id.and_then(|id| self.bodies.get(&id));
        let administrators = self.administrators.get(&s.id).cloned().unwrap_or_default();
        let domains = self.domains.get(&s.id).cloned().unwrap_or_default();
        let (people, bals) = self.counts.get(&s.id).copied().unwrap_or_default();
        let followed = self.followed.get(&s.id).cloned().unwrap_or_default();
        let in_force = state.binds() && from.is_none_or(|f| f <= now) && until.is_none_or(|u| now < u);
        let missing = [
            ("no_administrator", administrators.is_empty()),
            ("no_contact", contact.name.is_empty() || (contact.email.is_empty() && contact.phone.is_empty())),
            ("no_identifier", s.finess_ej.is_none() && s.finess_eg.is_none() && s.siret.is_none()),
            ("convention_not_in_force", !in_force),
            ("no_domain", domains.is_empty()),
        ];
        let some = |text: String| Some(text).filter(|t| !t.is_empty());
        Ok(StructureView {
            processing: chain(s.name.clone(), body.map(|b| b.name.clone()), operator),
            followed: followed.into_iter().map(FollowingView::from).collect(),
            warnings: missing.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()).collect(),
            code: s.code,
            name: s.name,
            category_label: self.categories.get(&s.category).cloned(),
            category: some(s.category),
            finess_ej: s.finess_ej,
            finess_eg: s.finess_eg,
            siret: s.siret,
            address,
            contact,
            body: body.map(|b| b.code.clone()),
            opening: s.opening,
            convention: Convention { state, reference: s.convention_reference, from, until },
            domains,
            territory: some(s.territory),
            administrators,
            people,
            bals,
            blocked: s.blocked.map(Timestamp),
            version: s.version,
            created: Timestamp(s.created),
        })
    }
}
