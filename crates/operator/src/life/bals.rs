//! A BAL, suspended, resumed, blocked, released, kept.
use super::views::{LifeView, bal_view};
use super::{Deed, Over, advance, of_bal, takes_over, undoable};
use crate::boxed;
use crate::record::{By, Fact};
use crate::refuse::Fail;
use crate::rights::{On, authority, unknown};
use crate::{Actor, Operator};
use sceau_domain::life::{LifeState, LifeStep};
use sceau_domain::{Refusal, Role, UseCase};
use sceau_store::{Id, Tx, accounts, life as rows};
use serde_json::json;

/// The BAL with this key; [`unknown`] otherwise. Ask `permit` with [`On::Anywhere`] first, and with the BAL afterwards.
pub(super) fn known(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, key: &str) -> Result<accounts::Bal, Fail> {
    match accounts::bal_by_address(tx, key)? {
        Some(bal) => Ok(bal),
        None => Err(unknown(tx, actor, use_case, key)),
    }
}

/// The BAL with this key, locked, when the asker may do this to it; and by which role.
pub(super) fn seized(
    tx: &mut dyn Tx,
    actor: &Actor,
    use_case: UseCase,
    key: &str,
) -> Result<(accounts::Bal, Option<Role>), Fail> {
    let bal = known(tx, actor, use_case, key)?;
    let role = authority(tx, actor, use_case, On::Bal(bal.id))?;
    rows::lock(tx, "bals", bal.id)?;
    Ok((known(tx, actor, use_case, key)?, role))
}

impl Operator {
    /// Puts a BAL to rest: nobody signs in, mail goes on arriving. `state.wrong`, `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn suspend_bal(&self, actor: &Actor, address: &str, reason: &str) -> Result<LifeView, Refusal> {
        self.step_bal(actor, address, reason, (UseCase::BalSuspend, LifeStep::Suspend, "bal.suspended")).await
    }
    /// Takes a suspended BAL up again.
    #[boxed]
    pub async fn resume_bal(&self, actor: &Actor, address: &str, reason: &str) -> Result<LifeView, Refusal> {
        self.step_bal(actor, address, reason, (UseCase::BalSuspend, LifeStep::Resume, "bal.resumed")).await
    }
    /// Blocks a BAL for an investigation (F039).
    #[boxed]
    pub async fn block_bal(&self, actor: &Actor, address: &str, reason: &str) -> Result<LifeView, Refusal> {
        self.step_bal(actor, address, reason, (UseCase::BalBlock, LifeStep::Block, "bal.blocked")).await
    }
    /// Releases a blocked BAL: it is what it was before.
    #[boxed]
    pub async fn release_bal(&self, actor: &Actor, address: &str, reason: &str) -> Result<LifeView, Refusal> {
        self.step_bal(actor, address, reason, (UseCase::BalBlock, LifeStep::Release, "bal.released")).await
    }
    /// Withdraws a closing before its time: the BAL is what it was before.
    #[boxed]
    pub async fn keep_bal(&self, actor: &Actor, address: &str, reason: &str) -> Result<LifeView, Refusal> {
        self.step_bal(actor, address, reason, (UseCase::BalClose, LifeStep::Keep, "bal.kept")).await
    }

    /// A suspension, to be written in the transaction of the act that decides it. After the commit: [`Operator::rights_changed_of`] the BAL.
    pub(crate) fn suspension(&self, actor: &Actor, address: &str, reason: &str) -> Result<Suspension, Refusal> {
        let mut suspension =
            self.bal_change(actor, address, reason, (UseCase::BalSuspend, LifeStep::Suspend, "bal.suspended"))?;
        suspension.0.fact.without_key();
        Ok(suspension)
    }

    fn bal_change(
        &self,
        actor: &Actor,
        address: &str,
        reason: &str,
        (use_case, step, act): (UseCase, LifeStep, &'static str),
    ) -> Result<Suspension, Refusal> {
        let (key, deed) = (self.key_of(address)?, self.deed(actor, reason)?);
        let fact = self.fact(act, &By::actor(actor), None, "ok", json!({ "reason": deed.reason }));
        Ok(Suspension(Change { asker: actor.clone(), key, deed, fact, use_case, step }))
    }

    async fn step_bal(
        &self,
        actor: &Actor,
        address: &str,
        reason: &str,
        what: (UseCase, LifeStep, &'static str),
    ) -> Result<LifeView, Refusal> {
        self.require(actor, what.0, On::Anywhere).await?;
        let Suspension(change) = self.bal_change(actor, address, reason, what)?;
        let take = move |tx: &mut dyn Tx| {
            let bal = change.write(tx)?;
            Ok::<_, Fail>((bal, bal_view(tx, &change.asker, bal)?))
        };
        let (bal, view) = self.0.store.write(take).await?;
        self.rights_changed_of(bal);
        self.0.watch.notify(bal);
        Ok(view)
    }
}

/// A step of a BAL's life, prepared.
#[derive(Debug)]
struct Change {
    asker: Actor,
    key: String,
    deed: Deed,
    fact: Fact,
    use_case: UseCase,
    step: LifeStep,
}

impl Change {
    /// Takes the step; the BAL.
    fn write(&self, tx: &mut dyn Tx) -> Result<Id, Fail> {
        let (bal, role) = seized(tx, &self.asker, self.use_case, &self.key)?;
        let life = of_bal(tx, &bal)?;
        let again = match self.step {
            LifeStep::Block => life.state == LifeState::Blocked,
            LifeStep::Suspend => life.state == LifeState::Suspended,
            _ => false,
        };
        let next = if again && takes_over(tx, ("bal", bal.id), life.state, role)? {
            life
        } else {
            advance(&bal.address, life, self.step, self.deed.at, false)?
        };
        if !matches!(self.step, LifeStep::Block | LifeStep::Suspend) {
            undoable(tx, ("bal", bal.id), (life.state, Over::Last), role, self.use_case)?;
        }
        put(tx, &self.deed, &bal, (life.state, next), role)?;
        let mut fact = self.fact.clone().on(bal.id, Some(bal.address_key.clone()));
        fact.adding("was", life.state.as_str().into());
        fact.adding("became", next.state.as_str().into());
        fact.write(tx)?;
        Ok(bal.id)
    }
}

/// A BAL's suspension that another act decides.
#[derive(Debug)]
pub(crate) struct Suspension(Change);

impl Suspension {
    /// Suspends the BAL, when it is in use; the BAL, when it was.
    pub fn write(&self, tx: &mut dyn Tx) -> Result<Option<Id>, Fail> {
        let bal = known(tx, &self.0.asker, self.0.use_case, &self.0.key)?;
        match of_bal(tx, &bal)?.state {
            LifeState::Active => self.0.write(tx).map(Some),
            _ => Ok(None),
        }
    }
}

/// Writes where a BAL's life is now, and the step that led there.
pub(super) fn put(
    tx: &mut dyn Tx,
    deed: &Deed,
    bal: &accounts::Bal,
    (was, next): (LifeState, sceau_domain::life::BalLife),
    role: Option<Role>,
) -> Result<(), Fail> {
    rows::put_bal(tx, bal.id, next.state.as_str(), next.closing_at.map(|at| at.0))?;
    deed.step(tx, 0, ("bal", bal.id), (was, next.state), role)?;
    Ok(())
}
