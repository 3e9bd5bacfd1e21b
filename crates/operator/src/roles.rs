//! Administrative roles: who has which, where; giving and ending them (F013, F149, F157).
//!
//! Promises: a role goes to a named natural person, whose function is said, with a reason, and counts at once on every node; the operator's administrators give every role,
//! a structure's administrator names others of the same structure and nothing else; the operator never loses its last administrator; what the
//! configuration gave, only the configuration takes; the past is kept.
use crate::accounts::CONFIGURATION;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, bodies, permit, reach, unknown};
use crate::{Actor, Operator};
use sceau_domain::plain::{self, reason};
use sceau_domain::{Refusal, RefusalCode, Role, Timestamp, UseCase};
use sceau_store::roles::{Filter, Given};
use sceau_store::{Id, StoreError, Tx, accounts as rows, roles, structures};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Rows looked at in one step of a listing.
const SLICE: i64 = 500;

/// A role to give.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// To whom: a login.
    pub login: String,
    /// Which.
    pub role: Role,
    /// Code of the structure, for `structure`.
    pub structure: Option<String>,
    /// Code of the regional body, for `region`.
    pub body: Option<String>,
    /// What the person does there (F157); that of the person's work in the structure when absent.
    pub function: Option<String>,
    /// Why.
    pub reason: String,
}

/// An administrative role and the named person who has it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoleView {
    /// Id, to end it.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: Id,
    /// `administrator`, `structure`, `region`, `support` or `auditor`.
    pub role: String,
    /// Whose: login.
    pub login: String,
    /// Name as shown.
    pub name: String,
    /// First names.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// What the person does there (F157).
    pub function: Option<String>,
    /// Code of the structure in which it counts.
    pub structure: Option<String>,
    /// Code of the regional body for which it counts.
    pub body: Option<String>,
    /// Since.
    #[schema(value_type = i64)]
    pub granted: Timestamp,
    /// Who gave it: a login, or `configuration`.
    pub granted_by: String,
    /// Why.
    pub reason: Option<String>,
    /// Until, when it is over.
    #[schema(value_type = Option<i64>)]
    pub ended: Option<Timestamp>,
    /// Who ended it.
    pub ended_by: Option<String>,
}

/// Which roles to list.
#[derive(Debug, Clone, Default)]
pub struct RoleFilter {
    /// Of this login.
    pub login: Option<String>,
    /// Of somebody with this in the login or the name.
    pub text: Option<String>,
    /// Of this name.
    pub role: Option<Role>,
    /// In this structure (code).
    pub structure: Option<String>,
    /// Those that are over, too.
    pub ended: bool,
}

/// Who else is an administrator of the operator, not blocked, when this role is left out? The roles are locked, so that two who end each other's
/// do not both succeed.
fn is_last(tx: &mut dyn Tx, ending: Id) -> Result<bool, StoreError> {
    let name = Role::Administrator.as_str();
    roles::lock(tx, name)?;
    for other in roles::holders(tx, name)? {
        if other.id != ending && rows::person_by_id(tx, other.person_id)?.is_some_and(|p| p.disabled.is_none()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Would the operator be without administrator if this person were blocked? Asked before blocking, in the same transaction.
pub(crate) fn is_last_administrator(tx: &mut dyn Tx, person: Id) -> Result<bool, StoreError> {
    let name = Role::Administrator.as_str();
    roles::lock(tx, name)?;
    let mut is_one = false;
    for given in roles::holders(tx, name)? {
        if given.person_id == person {
            is_one = true;
        } else if rows::person_by_id(tx, given.person_id)?.is_some_and(|p| p.disabled.is_none()) {
            return Ok(false);
        }
    }
    Ok(is_one)
}

/// Where giving and ending this role is judged.
fn place_of(role: &str, structure: Option<Id>) -> On {
    match structure {
        Some(id) if role == Role::Structure.as_str() => On::Structure(id),
        _ => On::Operator,
    }
}

/// What whoever has a role does: as it was said with the role, else the person's work in the structure.
fn function(tx: &mut dyn Tx, g: &Given) -> Result<Option<String>, StoreError> {
    let said = match (&g.function, g.structure_id) {
        (Some(said), _) => Some(said.clone()),
        (None, Some(structure)) => roles::function(tx, g.person_id, structure)?,
        (None, None) => None,
    };
    Ok(said.filter(|f| !f.trim().is_empty()))
}

fn view(tx: &mut dyn Tx, g: Given) -> Result<RoleView, StoreError> {
    let person = rows::person_by_id(tx, g.person_id)?;
    let function = function(tx, &g)?;
    let structure = match g.structure_id {
        Some(id) => structures::by_id(tx, id)?.map(|s| s.code),
        None => None,
    };
    let body = match g.body_id {
        Some(id) => structures::body_by_id(tx, id)?.map(|b| b.code),
        None => None,
    };
    let (login, name, given_name, family_name) = match person {
        Some(p) => (p.login, p.name, p.given_name, p.family_name),
        None => (String::new(), String::new(), None, None),
    };
    Ok(RoleView {
        id: g.id,
        role: g.role,
        login,
        name,
        given_name,
        family_name,
        function,
        structure,
        body,
        granted: Timestamp(g.granted),
        granted_by: g.granted_by,
        reason: g.reason,
        ended: g.ended.map(Timestamp),
        ended_by: g.ended_by,
    })
}

/// May who asks see this role?
fn is_seen(reach: &Reach, bodies: &[Id], g: &Given) -> bool {
    match reach {
        Reach::All => true,
        Reach::Structures(list) => {
            g.structure_id.is_some_and(|s| list.binary_search(&s).is_ok())
                || g.body_id.is_some_and(|b| bodies.contains(&b))
        }
        Reach::Own(person) => g.person_id == *person,
    }
}

impl Operator {
    /// Roles within the asker's reach, by id, `limit` from after `after`.
    #[boxed]
    pub async fn roles(
        &self,
        actor: &Actor,
        filter: RoleFilter,
        after: Id,
        limit: u32,
    ) -> Result<Vec<RoleView>, Refusal> {
        self.require(actor, UseCase::RoleList, On::Anywhere).await?;
        let (actor, limit) = (actor.clone(), limit.clamp(1, 1000) as usize);
        let login = filter.login.as_deref().map(crate::accounts::login).transpose()?;
        let text = filter.text.as_deref().map(|t| plain::line(t, "text", plain::NAME)).transpose()?;
        let text = text.filter(|t| !t.is_empty());
        let list = move |tx: &mut dyn Tx| {
            let use_case = UseCase::RoleList;
            permit(tx, &actor, use_case, On::Anywhere)?;
            let (reach, bodies) = (reach(tx, &actor, use_case)?, bodies(tx, &actor, use_case)?);
            let mut narrowed = Filter { ended: filter.ended, text: text.clone(), ..Filter::default() };
            narrowed.role = filter.role.map(|r| r.as_str().to_owned());
            if let Some(login) = &login {
                let Some(person) = rows::person_by_login(tx, login)? else {
                    return Err(unknown(tx, &actor, use_case, login));
                };
                permit(tx, &actor, use_case, On::Person(person.id))?;
                narrowed.person = Some(person.id);
            }
            if let Some(code) = &filter.structure {
                let Some(structure) = structures::by_code(tx, code)? else {
                    return Err(unknown(tx, &actor, use_case, code));
                };
                permit(tx, &actor, use_case, On::Structure(structure.id))?;
                narrowed.structure = Some(structure.id);
            }
            let (mut out, mut from) = (Vec::new(), after);
            loop {
                let slice = roles::page(tx, &narrowed, from, SLICE)?;
                let Some(last) = slice.last() else { return Ok::<_, Fail>(out) };
                from = last.id;
                for given in slice.into_iter().filter(|g| is_seen(&reach, &bodies, g)) {
                    out.push(view(tx, given)?);
                    if out.len() == limit {
                        return Ok(out);
                    }
                }
            }
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One role. `admin.not_found`.
    #[boxed]
    pub async fn role(&self, actor: &Actor, id: Id) -> Result<RoleView, Refusal> {
        let actor = actor.clone();
        let find = move |tx: &mut dyn Tx| {
            let use_case = UseCase::RoleList;
            permit(tx, &actor, use_case, On::Anywhere)?;
            let Some(given) = roles::by_id(tx, id)? else {
                return Err(unknown(tx, &actor, use_case, &id.to_string()));
            };
            let (reach, bodies) = (reach(tx, &actor, use_case)?, bodies(tx, &actor, use_case)?);
            if is_seen(&reach, &bodies, &given) {
                Ok::<_, Fail>(view(tx, given)?)
            } else {
                Err(unknown(tx, &actor, use_case, &id.to_string()))
            }
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Gives a role. `admin.invalid`, `admin.exists`, `role.unnamed`.
    #[boxed]
    pub async fn grant_role(&self, actor: &Actor, new: NewRole) -> Result<RoleView, Refusal> {
        self.require(actor, UseCase::RoleGrant, On::Anywhere).await?;
        let invalid = |name: &str| Refusal::new(RefusalCode::Invalid).with("name", name);
        let (login, reason) = (crate::accounts::login(&new.login)?, reason(&new.reason, "reason")?);
        let said = new.function.as_deref().map(crate::accounts::people::function).transpose()?;
        if !new.role.is_granted() {
            return Err(invalid("role"));
        }
        if new.structure.is_some() != (new.role == Role::Structure) {
            return Err(invalid("structure"));
        }
        if new.body.is_some() != (new.role == Role::Region) {
            return Err(invalid("body"));
        }
        let by = By::actor(actor);
        let given = Given {
            id: self.0.store.new_id(),
            person_id: 0,
            role: new.role.as_str().into(),
            structure_id: None,
            body_id: None,
            granted: self.now().0,
            granted_by: by.name.clone(),
            reason: Some(reason.clone()),
            ended: None,
            ended_by: None,
            function: said.filter(|f| !f.is_empty()),
        };
        let data = json!({ "role": given.role, "id": given.id.to_string(), "login": login, "structure": new.structure,
                           "body": new.body, "reason": reason });
        let (fact, actor) = (self.fact("role.granted", &by, None, "ok", data), actor.clone());
        let grant = move |tx: &mut dyn Tx| {
            let use_case = UseCase::RoleGrant;
            permit(tx, &actor, use_case, On::Anywhere)?;
            let mut given = given.clone();
            if let Some(code) = &new.structure {
                let Some(found) = structures::by_code(tx, code)? else {
                    return Err(unknown(tx, &actor, use_case, code));
                };
                given.structure_id = Some(found.id);
            }
            permit(tx, &actor, use_case, place_of(&given.role, given.structure_id))?;
            if let Some(code) = &new.body {
                let Some(found) = structures::body_by_code(tx, code)? else {
                    return Err(unknown(tx, &actor, use_case, code));
                };
                given.body_id = Some(found.id);
            }
            let Some(person) = rows::person_by_login(tx, &login)? else {
                return Err(unknown(tx, &actor, use_case, &login));
            };
            permit(tx, &actor, use_case, On::Person(person.id))?;
            roles::lock_person(tx, person.id)?;
            // Names are a natural person's: a machine has none.
            let named = |part: &Option<String>| part.as_deref().is_some_and(|n| !n.trim().is_empty());
            if person.disabled.is_some() || !named(&person.given_name) || !named(&person.family_name) {
                return Err(Refusal::new(RefusalCode::RoleUnnamed).with("name", &login).into());
            }
            given.person_id = person.id;
            if function(tx, &given)?.is_none() {
                return Err(Refusal::new(RefusalCode::RoleUnnamed).with("name", &login).into());
            }
            let same =
                |g: &Given| (&g.role, g.structure_id, g.body_id) == (&given.role, given.structure_id, given.body_id);
            if roles::in_force(tx, person.id)?.iter().any(same) {
                return Err(Refusal::new(RefusalCode::Exists).with("name", &given.role).into());
            }
            roles::insert(tx, &given)?;
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, given)?)
        };
        // Each act asks for roles in its own transaction, and no session of mail has its right from one: nobody is asked again.
        Ok(self.0.store.write(grant).await?)
    }

    /// Ends a role, with a reason; what it gave is gone for the very next act. `role.last`, `role.configured`, `state.wrong` when it is over.
    #[boxed]
    pub async fn end_role(&self, actor: &Actor, id: Id, why: &str) -> Result<RoleView, Refusal> {
        self.require(actor, UseCase::RoleGrant, On::Anywhere).await?;
        let (why, by, now) = (reason(why, "reason")?, By::actor(actor), self.now().0);
        let (fact, actor) = (self.fact("role.ended", &by, None, "ok", json!({})), actor.clone());
        let end = move |tx: &mut dyn Tx| {
            let use_case = UseCase::RoleGrant;
            permit(tx, &actor, use_case, On::Anywhere)?;
            let Some(given) = roles::by_id(tx, id)? else {
                return Err(unknown(tx, &actor, use_case, &id.to_string()));
            };
            permit(tx, &actor, use_case, place_of(&given.role, given.structure_id))?;
            let no = |code| Fail::from(Refusal::new(code).with("name", &given.role));
            if given.ended.is_some() {
                return Err(no(RefusalCode::StateWrong));
            }
            if given.granted_by == CONFIGURATION {
                return Err(no(RefusalCode::RoleConfigured));
            }
            if given.role == Role::Administrator.as_str() && is_last(tx, id)? {
                return Err(no(RefusalCode::RoleLast));
            }
            if !roles::end(tx, id, now, &by.name)? {
                return Err(no(RefusalCode::StateWrong));
            }
            let over = roles::by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            let shown = view(tx, over)?;
            let mut fact = fact.clone();
            fact.saying(&json!({ "role": shown.role, "id": id.to_string(), "login": shown.login,
                                 "structure": shown.structure, "body": shown.body, "reason": why }));
            fact.write(tx)?;
            Ok::<_, Fail>(shown)
        };
        Ok(self.0.store.write(end).await?)
    }
}
