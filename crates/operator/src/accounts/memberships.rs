//! Who works where, as what, since when. The past stays.
//!
//! Somebody leaves by a departure ([`crate::life`]), which ends with the membership whatever it gave: there is no other way out.
use super::people::views::PersonView;
use super::people::{function, view};
use super::structures;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, UseCase};
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
    let entrusted = match permit(tx, actor, UseCase::MembershipEdit, On::Person(person.id)) {
        Ok(()) => true,
        // The number says who is meant; whoever knows it does not answer for the person.
        Err(Fail::No(_)) if meant => false,
        Err(refused) => return Err(refused),
    };
    if !rows::set_function(tx, person.id, place.id, as_what)? {
        let (person_id, structure_id, function) = (person.id, place.id, as_what.to_owned());
        rows::join(tx, &Membership { person_id, structure_id, function, since: now, ended: None })?;
        if !entrusted {
            roles::not_entrusted(tx, person.id, place.id)?;
        }
    }
    Ok(())
}

impl Operator {
    /// A person works in a structure from now on, or has another function there. Whoever administers a structure alone takes in people whom they
    /// see already; others are taken in with their national identifier, which shows that they are meant. `admin.not_found`, `right.missing`.
    #[boxed]
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
            view(tx, &actor, person, now)
        };
        // Nothing is taken from anybody by it: no session is asked again.
        Ok(self.0.store.write(join).await?)
    }
}
