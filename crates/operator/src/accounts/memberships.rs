//! Who works where, as what, since when. The past stays.
//!
//! Leaving a structure takes the person's administrative role there with it. Accesses to its BALs are ended where they are kept
//! (`crate::accounts::access`), for a BAL may lose its last responsible person by it.
use super::people::views::PersonView;
use super::people::{function, view};
use super::structures;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Role, UseCase};
use sceau_store::structures::{self as rows, Membership};
use sceau_store::{Tx, accounts, roles};
use serde_json::json;

/// A person works in a structure from now on: the rule of [`Operator::join_structure`], with a function and a national identifier in their one form.
pub(crate) fn taken_in(
    tx: &mut dyn Tx,
    actor: &Actor,
    person: &accounts::Person,
    structure: &str,
    as_what: &str,
    national_id: Option<&str>,
    now: i64,
) -> Result<(), Fail> {
    let place = structures::known(tx, actor, UseCase::MembershipEdit, structure)?;
    let meant = national_id.is_some() && person.national_id.as_deref() == national_id;
    if !meant {
        permit(tx, actor, UseCase::MembershipEdit, On::Person(person.id))?;
    }
    if !rows::set_function(tx, person.id, place.id, as_what)? {
        let (person_id, structure_id, function) = (person.id, place.id, as_what.to_owned());
        rows::join(tx, &Membership { person_id, structure_id, function, since: now, ended: None })?;
    }
    Ok(())
}

impl Operator {
    /// A person works in a structure from now on, or has another function there. Whoever administers a structure alone takes in people whom they
    /// see already; others are taken in with their national identifier, which shows that they are meant. `admin.not_found`, `right.missing`.
    pub async fn join_structure(
        &self,
        actor: &Actor,
        login: &str,
        structure: &str,
        as_what: &str,
        national_id: Option<&str>,
    ) -> Result<PersonView, Refusal> {
        self.require(actor, UseCase::MembershipEdit, On::Anywhere).await?;
        let as_what = function(as_what)?;
        let national_id = national_id.map(sceau_domain::person::national_id).transpose()?;
        let (login, code) = (login.to_ascii_lowercase(), structure.to_ascii_lowercase());
        let said = json!({ "login": login, "structure": code, "function": as_what });
        let fact = self.fact("membership.begun", &By::actor(actor), None, "ok", said);
        let (actor, now) = (actor.clone(), self.now().0);
        let join = move |tx: &mut dyn Tx| {
            let Some(person) = accounts::person_by_login(tx, &login)? else {
                return Err(unknown(tx, &actor, UseCase::MembershipEdit, &login));
            };
            taken_in(tx, &actor, &person, &code, &as_what, national_id.as_deref(), now)?;
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, person, now)?)
        };
        let view = self.0.store.write(join).await?;
        self.rights_changed();
        Ok(view)
    }

    /// A person no longer works in a structure, and no longer administers it. `admin.not_found`, `right.missing`.
    pub async fn leave_structure(&self, actor: &Actor, login: &str, structure: &str) -> Result<PersonView, Refusal> {
        self.require(actor, UseCase::MembershipEdit, On::Anywhere).await?;
        let (login, code) = (login.to_ascii_lowercase(), structure.to_ascii_lowercase());
        let fact =
            self.fact("membership.ended", &By::actor(actor), None, "ok", json!({ "login": login, "structure": code }));
        let (by, actor, now) = (By::actor(actor).name, actor.clone(), self.now().0);
        let leave = move |tx: &mut dyn Tx| {
            let place = structures::known(tx, &actor, UseCase::MembershipEdit, &code)?;
            let found = accounts::person_by_login(tx, &login)?;
            let Some(person) = found else { return Err(unknown(tx, &actor, UseCase::MembershipEdit, &login)) };
            permit(tx, &actor, UseCase::MembershipEdit, On::Person(person.id))?;
            if !rows::leave(tx, person.id, place.id, now)? {
                return Err(Refusal::new(RefusalCode::NotFound).with("name", &code).into());
            }
            let given = roles::in_force(tx, person.id)?;
            let over = given.iter().filter(|g| g.role == Role::Structure.as_str() && g.structure_id == Some(place.id));
            let mut ended = 0;
            for role in over {
                ended += i64::from(roles::end(tx, role.id, now, &by)?);
            }
            let mut fact = fact.clone();
            fact.adding("roles", ended.into());
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, person, now)?)
        };
        let view = self.0.store.write(leave).await?;
        self.rights_changed();
        Ok(view)
    }
}
