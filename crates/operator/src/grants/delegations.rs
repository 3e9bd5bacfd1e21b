//! Delegations of one's own BAL: a medical secretary, named by the professional alone (F024, F025).
use super::give::Grant;
use super::{AccessView, held, instant, person_of, place, reason, rights, seized};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::access::{Giver, Held, may_give};
use sceau_domain::{AccessRole, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{Tx, access, accounts};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// A delegation to give.
#[derive(Debug, Clone)]
pub struct NewDelegation {
    /// One's own BAL.
    pub address: String,
    /// To whom: login.
    pub login: String,
    /// Names of rights; `read`, `send`, `file` when absent.
    pub rights: Option<Vec<String>>,
    /// From when; now when absent.
    pub starts: Option<Timestamp>,
    /// Until when.
    pub ends: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

/// A delegation that one gave or received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DelegationView {
    /// The BAL.
    pub address: String,
    /// Login of the holder.
    pub holder: String,
    /// The delegate's access.
    #[serde(flatten)]
    pub access: AccessView,
}

impl Operator {
    /// The delegations in which the asker is holder or delegate, not over.
    #[boxed]
    pub async fn delegations(&self, actor: &Actor) -> Result<Vec<DelegationView>, Refusal> {
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::DelegationEnd, On::Anywhere)?;
            let me = actor.person();
            let mut out = Vec::new();
            for own in access::of_person(tx, me)? {
                let Some(bal) = accounts::bal_by_id(tx, own.bal_id)? else { continue };
                let Some(holder) = access::holder(tx, bal.id)? else { continue };
                let delegates =
                    access::of_bal(tx, bal.id)?.into_iter().filter(|a| a.role == AccessRole::Delegate.as_str());
                // A delegate sees his own only.
                for a in delegates.filter(|a| holder.person_id == me || a.person_id == me) {
                    let (address, holder) = (bal.address.clone(), holder.login.clone());
                    out.push(DelegationView { address, holder, access: AccessView::of(a) });
                }
            }
            Ok::<_, Fail>(out)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// Names a delegate for one's own BAL. `right.missing` for everybody but the holder; `access.*`, `admin.exists`.
    #[boxed]
    pub async fn give_delegation(&self, actor: &Actor, new: NewDelegation) -> Result<DelegationView, Refusal> {
        self.require(actor, UseCase::DelegationGrant, On::Anywhere).await?;
        let (key, login, why) =
            (self.key_of(&new.address)?, new.login.to_ascii_lowercase(), reason(new.reason.as_deref())?);
        let rights = rights(new.rights.as_deref(), AccessRole::Delegate)?;
        let (starts, ends) = (new.starts.map(instant).transpose()?, instant(new.ends)?);
        let (by, limits) = (By::actor(actor), self.config().limits);
        let (fact, actor) = (self.fact("delegation.given", &by, None, "ok", json!({})), actor.clone());
        let give = move |tx: &mut dyn Tx| {
            let use_case = UseCase::DelegationGrant;
            let bal = seized(tx, &actor, use_case, &key)?;
            permit(tx, &actor, use_case, On::Bal(bal.id))?;
            let person = person_of(tx, &actor, use_case, &login)?;
            let now = tx.now();
            let held_now = held(tx, bal.id)?;
            let starts = starts.unwrap_or(now);
            let new = Held { person: person.id, role: AccessRole::Delegate, rights, starts, ends: Some(ends) };
            // Whatever else the asker is: nobody names a delegate but the holder.
            let holder = Giver { person: actor.person(), administers: false };
            may_give(place(tx, &limits, &bal, now)?, &held_now, holder, new, person.habilitated)
                .map_err(|r| if r.code == RefusalCode::Exists { r.with("name", &login) } else { r })?;
            let address = bal.address.clone();
            let grant = Grant { bal, person, held: new, reason: why.clone(), by: by.name.clone() };
            let access = grant.give(tx, &fact, None)?;
            Ok::<_, Fail>(DelegationView { address, holder: by.name.clone(), access })
        };
        Ok(self.0.store.write(give).await?)
    }

    /// Changes the rights of a delegation of one's own BAL; its end stays. The old one is ended, another begins in the same instant. `right.missing` for
    /// everybody but the holder; `access.*`, `admin.not_found`.
    pub(super) async fn change_delegation(
        &self,
        actor: &Actor,
        address: &str,
        login: &str,
        names: &[String],
    ) -> Result<AccessView, Refusal> {
        self.require(actor, UseCase::DelegationGrant, On::Anywhere).await?;
        let (key, login) = (self.key_of(address)?, login.to_ascii_lowercase());
        let rights = rights(Some(names), AccessRole::Delegate)?;
        let (by, limits) = (By::actor(actor), self.config().limits);
        let (fact, actor) = (self.fact("delegation.changed", &by, None, "ok", json!({})), actor.clone());
        let change = move |tx: &mut dyn Tx| {
            let use_case = UseCase::DelegationGrant;
            let bal = seized(tx, &actor, use_case, &key)?;
            permit(tx, &actor, use_case, On::Bal(bal.id))?;
            let person = person_of(tx, &actor, use_case, &login)?;
            let missing = || Fail::from(Refusal::new(RefusalCode::NotFound).with("name", &login));
            let was = access::present(tx, person.id, bal.id)?.ok_or_else(missing)?;
            if was.role != AccessRole::Delegate.as_str() {
                return Err(missing());
            }
            let now = tx.now();
            let new = Held {
                person: person.id,
                role: AccessRole::Delegate,
                rights,
                starts: was.starts.max(now),
                ends: was.ends,
            };
            let holder = Giver { person: actor.person(), administers: false };
            let held_now: Vec<Held> = held(tx, bal.id)?.into_iter().filter(|h| h.person != person.id).collect();
            may_give(place(tx, &limits, &bal, now)?, &held_now, holder, new, person.habilitated)?;
            let who = person.id;
            let grant = Grant { bal, person, held: new, reason: was.reason.clone(), by: by.name.clone() };
            Ok::<_, Fail>((who, grant.give(tx, &fact, Some(was))?))
        };
        let (person, view) = self.0.store.write(change).await?;
        self.rights_changed_of(person);
        Ok(view)
    }

    /// Ends a delegation: the holder, the delegate, an administrator. `admin.not_found`.
    #[boxed]
    pub async fn end_delegation(
        &self,
        actor: &Actor,
        address: &str,
        login: &str,
        why: Option<&str>,
    ) -> Result<AccessView, Refusal> {
        self.end_as(actor, address, login, why, UseCase::DelegationEnd).await
    }
}
