//! A person or a structure, blocked and released (F039).
use super::views::{LifeView, other_view};
use super::{Over, takes_over, undoable, wrong};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, authority, unknown};
use crate::{Actor, Operator, Who};
use sceau_domain::life::{LifeState, blocked};
use sceau_domain::{AccessRole, Refusal, RefusalCode, UseCase};
use sceau_store::{Tx, access, accounts, life as rows};
use serde_json::json;

/// The person with this login; [`unknown`] otherwise. Ask `permit` with [`On::Anywhere`] first, and with the person afterwards.
pub(super) fn known(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, login: &str) -> Result<accounts::Person, Fail> {
    match accounts::person_by_login(tx, login)? {
        Some(person) => Ok(person),
        None => Err(unknown(tx, actor, use_case, login)),
    }
}

impl Operator {
    /// Blocks a person: no door opens any more. Nobody blocks himself. `state.wrong`, `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn block_person(&self, actor: &Actor, login: &str, reason: &str) -> Result<LifeView, Refusal> {
        self.set_person_blocked(actor, login, reason, true).await
    }
    /// Releases a blocked person.
    #[boxed]
    pub async fn release_person(&self, actor: &Actor, login: &str, reason: &str) -> Result<LifeView, Refusal> {
        self.set_person_blocked(actor, login, reason, false).await
    }
    /// Blocks a structure: its BALs and the roles of its administrators have no effect any more. `state.wrong`, `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn block_structure(&self, actor: &Actor, code: &str, reason: &str) -> Result<LifeView, Refusal> {
        self.set_structure_blocked(actor, code, reason, true).await
    }
    /// Releases a blocked structure.
    #[boxed]
    pub async fn release_structure(&self, actor: &Actor, code: &str, reason: &str) -> Result<LifeView, Refusal> {
        self.set_structure_blocked(actor, code, reason, false).await
    }

    async fn set_person_blocked(
        &self,
        actor: &Actor,
        login: &str,
        reason: &str,
        block: bool,
    ) -> Result<LifeView, Refusal> {
        let use_case = UseCase::PersonBlock;
        self.require(actor, use_case, On::Anywhere).await?;
        let (login, deed) = (login.to_ascii_lowercase(), self.deed(actor, reason)?);
        let act = if block { "person.blocked" } else { "person.released" };
        let fact = self.fact(act, &By::actor(actor), None, "ok", json!({ "login": login, "reason": deed.reason }));
        let asker = actor.clone();
        let take = move |tx: &mut dyn Tx| {
            let person = known(tx, &asker, use_case, &login)?;
            let role = authority(tx, &asker, use_case, On::Person(person.id))?;
            if matches!(&asker.who, Who::Person(p) if p.id == person.id) {
                return Err(Refusal::new(RefusalCode::Invalid).with("name", "login").into());
            }
            rows::lock(tx, "people", person.id)?;
            let person = known(tx, &asker, use_case, &login)?;
            let (was, became) = match blocked(person.disabled.is_some(), block) {
                Some(step) => step,
                None if block && takes_over(tx, ("person", person.id), LifeState::Blocked, role)? => {
                    (LifeState::Blocked, LifeState::Blocked)
                }
                None => return Err(wrong(&person.login, state(block)).into()),
            };
            if !block {
                undoable(tx, ("person", person.id), (was, Over::Last), role, use_case)?;
            }
            // Two who block each other do not both succeed.
            if block && crate::roles::is_last_administrator(tx, person.id)? {
                return Err(Refusal::new(RefusalCode::RoleLast).with("name", &person.login).into());
            }
            rows::put_person(tx, person.id, block.then_some(deed.at.0))?;
            deed.step(tx, 0, ("person", person.id), (was, became), role)?;
            fact.write(tx)?;
            let view = other_view(tx, &asker, ("person", person.id), &person.login, block)?;
            let held = access::of_person(tx, person.id)?.into_iter().filter(|a| a.role == AccessRole::Holder.as_str());
            Ok::<_, Fail>((person.id, held.map(|a| a.bal_id).collect::<Vec<_>>(), view))
        };
        let (person, held, view) = self.0.store.write(take).await?;
        self.rights_changed_of(person);
        // Behind a blocked holder nobody acts for him.
        held.into_iter().for_each(|bal| self.rights_changed_of(bal));
        Ok(view)
    }

    async fn set_structure_blocked(
        &self,
        actor: &Actor,
        code: &str,
        reason: &str,
        block: bool,
    ) -> Result<LifeView, Refusal> {
        let use_case = UseCase::StructureBlock;
        self.require(actor, use_case, On::Anywhere).await?;
        let (code, deed) = (code.to_ascii_lowercase(), self.deed(actor, reason)?);
        let act = if block { "structure.blocked" } else { "structure.released" };
        let fact = self.fact(act, &By::actor(actor), None, "ok", json!({ "structure": code, "reason": deed.reason }));
        let asker = actor.clone();
        let take = move |tx: &mut dyn Tx| {
            let found = crate::accounts::structures::known(tx, &asker, use_case, &code)?;
            let role = authority(tx, &asker, use_case, On::Structure(found.id))?;
            rows::lock(tx, "structures", found.id)?;
            let found = crate::accounts::structures::known(tx, &asker, use_case, &code)?;
            let (was, became) = match blocked(found.blocked.is_some(), block) {
                Some(step) => step,
                None if block && takes_over(tx, ("structure", found.id), LifeState::Blocked, role)? => {
                    (LifeState::Blocked, LifeState::Blocked)
                }
                None => return Err(wrong(&found.code, state(block)).into()),
            };
            if !block {
                undoable(tx, ("structure", found.id), (was, Over::Last), role, use_case)?;
            }
            rows::put_structure(tx, found.id, block.then_some(deed.at.0))?;
            deed.step(tx, 0, ("structure", found.id), (was, became), role)?;
            fact.write(tx)?;
            other_view(tx, &asker, ("structure", found.id), &found.code, block)
        };
        let view = self.0.store.write(take).await?;
        self.rights_changed();
        Ok(view)
    }
}

fn state(block: bool) -> &'static str {
    if block { LifeState::Blocked.as_str() } else { LifeState::Active.as_str() }
}
