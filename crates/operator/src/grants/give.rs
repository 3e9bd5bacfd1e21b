//! Giving, changing and ending accesses to shared BALs.
use super::{
    AccessChange, AccessView, NewAccess, Sight, bal_of, giver, held, instant, next_instant, person_of, place, reason,
    rights, seized, sight,
};
use crate::boxed;
use crate::record::{By, Fact};
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, eligibility};
use sceau_domain::access::{Giver, Held, may_change, may_end, may_give};
use sceau_domain::{AccessRole, Refusal, RefusalCode, UseCase};
use sceau_store::{Id, StoreError, Tx, access, accounts, roles};
use serde_json::json;

/// An access that is about to be written.
pub(super) struct Grant {
    pub bal: accounts::Bal,
    pub person: accounts::Person,
    pub held: Held,
    pub reason: Option<String>,
    pub by: String,
}

impl Grant {
    /// Gives it, with its trace; what it is. Where the person has another one, that ends at the instant from which this one counts: nobody has two,
    /// nobody has none.
    pub fn give(self, tx: &mut dyn Tx, fact: &Fact, instead: Option<access::Access>) -> Result<AccessView, Fail> {
        let (bal, shown) = (self.bal.id, self.bal.address_key.clone());
        if instead.is_some() {
            let at = next_instant(tx, self.person.id, bal)?;
            access::end(tx, self.person.id, bal, at, &self.by)?;
        }
        let view = self.write(tx)?;
        let mut fact = fact.clone().on(bal, Some(shown));
        fact.saying(&said(&view));
        if let Some(was) = instead {
            fact.adding("was", said(&AccessView::of(was)));
        }
        fact.write(tx)?;
        Ok(view)
    }
    /// Writes the row; what it is.
    fn write(self, tx: &mut dyn Tx) -> Result<AccessView, Fail> {
        let granted = next_instant(tx, self.person.id, self.bal.id)?;
        let row = access::NewAccess {
            person_id: self.person.id,
            bal_id: self.bal.id,
            role: self.held.role.as_str().into(),
            rights: self.held.rights.bits(),
            granted,
            starts: self.held.starts,
            ends: self.held.ends,
            granted_by: self.by,
            reason: self.reason,
        };
        access::grant(tx, &row)?;
        let stored = access::present(tx, row.person_id, row.bal_id)?.ok_or(RefusalCode::NotFound)?;
        Ok(AccessView::of(stored))
    }
}

/// What a trace says of an access.
fn said(view: &AccessView) -> serde_json::Value {
    json!({ "login": view.login, "role": view.role, "rights": view.rights, "starts": view.starts, "ends": view.ends, "reason": view.reason })
}

/// A structure's people work in it: its administrators and the responsible of its BALs give to them only.
fn is_of_the_house(tx: &mut dyn Tx, actor: &Actor, bal: &accounts::Bal, person: Id) -> Result<(), Fail> {
    let Some(structure) = bal.structure_id else { return Ok(()) };
    if permit(tx, actor, UseCase::AccessGrant, On::Operator).is_ok() {
        return Ok(());
    }
    if roles::structures_of_person(tx, person)?.contains(&structure) {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::RightMissing).with("name", UseCase::AccessGrant.as_str()).into())
}

/// Refuses somebody whom the operator's rules do not take (F163).
fn taken(tx: &mut dyn Tx, bal: &accounts::Bal, person: &accounts::Person, role: AccessRole) -> Result<(), Fail> {
    // A machine has no profession; a person who is given a machine's access has.
    if role == AccessRole::Machine && !access::is_natural(tx, person.id)? {
        return Ok(());
    }
    let kind = bal.kind.parse().map_err(|()| StoreError::Invalid("kind of a BAL".into()))?;
    match eligibility::person(&eligibility::rules(tx)?, person, kind, false) {
        Some(rule) => Err(Refusal::new(rule.code()).with("name", &person.login).into()),
        None => Ok(()),
    }
}

impl Operator {
    /// Who has access to a BAL, or will have: by login.
    #[boxed]
    pub async fn accesses(&self, actor: &Actor, address: &str) -> Result<Vec<AccessView>, Refusal> {
        self.require(actor, UseCase::AccessList, On::Anywhere).await?;
        let (key, actor) = (self.key_of(address)?, actor.clone());
        let list = move |tx: &mut dyn Tx| {
            let bal = bal_of(tx, &actor, UseCase::AccessList, &key)?;
            let own = sight(tx, &actor, bal.id)? == Sight::Own;
            let me = actor.person();
            // A delegate sees himself and for whom he acts, as in the list of delegations.
            let seen = |a: &access::Access| !own || a.person_id == me || a.role == AccessRole::Holder.as_str();
            Ok::<_, Fail>(access::of_bal(tx, bal.id)?.into_iter().filter(seen).map(AccessView::of).collect())
        };
        Ok(self.0.store.read(list).await?)
    }

    /// The access of one person to a BAL, not over. `admin.not_found`.
    #[boxed]
    pub async fn access(&self, actor: &Actor, address: &str, login: &str) -> Result<AccessView, Refusal> {
        let login = login.to_ascii_lowercase();
        let found = self.accesses(actor, address).await?.into_iter().find(|a| a.login == login);
        found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", login))
    }

    /// Gives an access to a shared BAL. `access.*`, `admin.exists`, `admin.not_found`, `admin.invalid`, `state.wrong`.
    #[boxed]
    pub async fn give_access(&self, actor: &Actor, address: &str, new: NewAccess) -> Result<AccessView, Refusal> {
        self.require(actor, UseCase::AccessGrant, On::Anywhere).await?;
        let key = self.key_of(address)?;
        let (login, why) = (new.login.to_ascii_lowercase(), reason(new.reason.as_deref())?);
        let rights = rights(new.rights.as_deref(), new.role)?;
        let (starts, ends) = (new.starts.map(instant).transpose()?, new.ends.map(instant).transpose()?);
        let (by, limits) = (By::actor(actor), self.config().limits);
        let (fact, actor) = (self.fact("access.given", &by, None, "ok", json!({})), actor.clone());
        let give = move |tx: &mut dyn Tx| {
            let use_case = UseCase::AccessGrant;
            let bal = seized(tx, &actor, use_case, &key)?;
            let giver = giver(tx, &actor, use_case, bal.id)?;
            let person = person_of(tx, &actor, use_case, &login)?;
            is_of_the_house(tx, &actor, &bal, person.id)?;
            let now = tx.now();
            let held_now = held(tx, bal.id)?;
            let starts = starts.unwrap_or(now);
            let new = Held { person: person.id, role: new.role, rights, starts, ends };
            if new.role == AccessRole::Delegate {
                // The other door asks for the holder himself.
                return Err(Refusal::new(RefusalCode::RightMissing)
                    .with("name", UseCase::DelegationGrant.as_str())
                    .into());
            }
            taken(tx, &bal, &person, new.role)?;
            may_give(place(tx, &limits, &bal, now)?, &held_now, giver, new, person.habilitated)
                .map_err(|r| if r.code == RefusalCode::Exists { r.with("name", &login) } else { r })?;
            let grant = Grant { bal, person, held: new, reason: why.clone(), by: by.name.clone() };
            grant.give(tx, &fact, None)
        };
        Ok(self.0.store.write(give).await?)
    }

    /// Changes an access to a shared BAL, from this version of it: the old one is ended, another begins. `edit.conflict`, and as
    /// [`Operator::give_access`].
    #[boxed]
    pub async fn change_access(
        &self,
        actor: &Actor,
        address: &str,
        login: &str,
        version: i64,
        change: AccessChange,
    ) -> Result<AccessView, Refusal> {
        self.require(actor, UseCase::AccessGrant, On::Anywhere).await?;
        let key = self.key_of(address)?;
        let (login, why) = (login.to_ascii_lowercase(), reason(change.reason.as_deref())?);
        let rights = rights(change.rights.as_deref(), change.role)?;
        let ends = change.ends.map(instant).transpose()?;
        let (by, limits) = (By::actor(actor), self.config().limits);
        let (fact, actor) = (self.fact("access.changed", &by, None, "ok", json!({})), actor.clone());
        let act = move |tx: &mut dyn Tx| {
            let use_case = UseCase::AccessGrant;
            let bal = seized(tx, &actor, use_case, &key)?;
            let giver = giver(tx, &actor, use_case, bal.id)?;
            let person = person_of(tx, &actor, use_case, &login)?;
            let missing = || Fail::from(Refusal::new(RefusalCode::NotFound).with("name", &login));
            let was = access::present(tx, person.id, bal.id)?.ok_or_else(missing)?;
            if was.granted != version {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", &login).into());
            }
            let now = tx.now();
            let new = Held { person: person.id, role: change.role, rights, starts: was.starts.max(now), ends };
            let held_now = held(tx, bal.id)?;
            if was.role == AccessRole::Delegate.as_str() {
                return Err(Refusal::new(RefusalCode::RightMissing)
                    .with("name", UseCase::DelegationGrant.as_str())
                    .into());
            }
            may_change(place(tx, &limits, &bal, now)?, &held_now, giver, new, person.habilitated)?;
            // What nobody asked of a machine is asked of whoever is to be more.
            if was.role == AccessRole::Machine.as_str() {
                taken(tx, &bal, &person, change.role)?;
            }
            let who = person.id;
            let grant = Grant { bal, person, held: new, reason: why.clone(), by: by.name.clone() };
            Ok::<_, Fail>((who, grant.give(tx, &fact, Some(was))?))
        };
        let (person, view) = self.0.store.write(act).await?;
        self.rights_changed_of(person);
        Ok(view)
    }

    /// Ends an access to a shared BAL; whoever has one may give it back. `access.last`, `access.holder`, `admin.not_found`.
    #[boxed]
    pub async fn end_access(
        &self,
        actor: &Actor,
        address: &str,
        login: &str,
        why: Option<&str>,
    ) -> Result<AccessView, Refusal> {
        self.end_as(actor, address, login, why, UseCase::AccessGrant).await
    }

    /// Ends an access or a delegation, each by its own use case.
    pub(super) async fn end_as(
        &self,
        actor: &Actor,
        address: &str,
        login: &str,
        why: Option<&str>,
        use_case: UseCase,
    ) -> Result<AccessView, Refusal> {
        self.require(actor, use_case, On::Anywhere).await?;
        let (key, login, why) = (self.key_of(address)?, login.to_ascii_lowercase(), reason(why)?);
        let (by, limits, delegation) = (By::actor(actor), self.config().limits, use_case == UseCase::DelegationEnd);
        let act = if delegation { "delegation.ended" } else { "access.ended" };
        let (fact, actor) = (self.fact(act, &by, None, "ok", json!({})), actor.clone());
        let end = move |tx: &mut dyn Tx| {
            let bal = seized(tx, &actor, use_case, &key)?;
            let own = matches!(&actor.who, crate::Who::Person(p) if p.login == login);
            let giver = match own && access::present(tx, actor.person(), bal.id)?.is_some() {
                true => Giver { person: actor.person(), administers: false },
                false => giver(tx, &actor, use_case, bal.id)?,
            };
            let person = person_of(tx, &actor, use_case, &login)?;
            let missing = || Fail::from(Refusal::new(RefusalCode::NotFound).with("name", &login));
            let was = access::present(tx, person.id, bal.id)?.ok_or_else(missing)?;
            // A delegation is no access of a shared BAL, and the other way round: each has its door.
            if delegation != (was.role == AccessRole::Delegate.as_str()) {
                return Err(missing());
            }
            let now = tx.now();
            let held_now = held(tx, bal.id)?;
            may_end(place(tx, &limits, &bal, now)?, &held_now, giver, person.id)?;
            access::end(tx, person.id, bal.id, now.max(was.granted), &by.name)?;
            let revoked = access::revoke_tokens(tx, person.id, bal.id, now)?;
            let ended = access::Access { ended: Some(now.max(was.granted)), ended_by: Some(by.name.clone()), ..was };
            let view = AccessView::of(ended);
            let mut fact = fact.clone().on(bal.id, Some(bal.address_key));
            fact.saying(&said(&view));
            fact.adding("tokens", revoked.into());
            fact.adding("reason", json!(why));
            fact.write(tx)?;
            Ok::<_, Fail>((person.id, view))
        };
        let (person, view) = self.0.store.write(end).await?;
        self.rights_changed_of(person);
        Ok(view)
    }
}
