//! Deciding and withdrawing.
use super::{DisclosureView, found, kept, not_closed, state_at, view};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::plain::reason;
use sceau_domain::{Refusal, RefusalCode, Role, UseCase};
use sceau_store::disclosures::Disclosure;
use sceau_store::{Id, StoreError, Tx, roles};
use serde_json::json;

/// Is the one who decides another person than the one who asked, as far as we can know? Not himself; an administrator since before the request, so
/// that nobody names one for it; in a session that the asker could not have opened; nor did he open the asker's.
fn is_another(tx: &mut dyn Tx, decider: &Actor, d: &Disclosure) -> Result<bool, StoreError> {
    let person = decider.person();
    let since_before = |g: &roles::Given| g.role == Role::Administrator.as_str() && g.granted <= d.asked;
    if person == d.asked_by || !roles::in_force(tx, person)?.iter().any(since_before) {
        return Ok(false);
    }
    for (token, other) in [(decider.credential, d.asked_by), (d.asked_with, person)] {
        if let Some(token) = token
            && kept::maker(tx, token)? == Some(other)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Operator {
    /// Agrees to a request, or refuses it, with a reason. `disclosure.own` for who asked, `state.wrong` when it is no longer asked for.
    #[boxed]
    pub async fn decide_disclosure(
        &self,
        actor: &Actor,
        id: Id,
        agreed: bool,
        why: &str,
    ) -> Result<DisclosureView, Refusal> {
        self.require(actor, UseCase::DisclosureDecide, On::Operator).await?;
        let (why, now, by) = (reason(why, "reason")?, self.now().0, By::actor(actor));
        let state = if agreed { "agreed" } else { "refused" };
        let data = json!({ "disclosure": id.to_string(), "decision": state, "reason": why });
        let (fact, actor) = (self.fact("disclosure.decided", &by, None, "ok", data), actor.clone());
        let decide = move |tx: &mut dyn Tx| {
            let (disclosure, bal) = found(tx, &actor, UseCase::DisclosureDecide, id)?;
            if !is_another(tx, &actor, &disclosure)? {
                return Err(RefusalCode::DisclosureOwn.into());
            }
            not_closed(&bal)?;
            let open = state_at(&disclosure, now) == "asked";
            if !open || !kept::decide(tx, id, state, now, (actor.person(), &why))? {
                return Err(Refusal::new(RefusalCode::StateWrong).with("name", id).into());
            }
            fact.clone().on(bal.id, Some(bal.address_key)).write(tx)?;
            let decided = kept::by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, decided, now)?)
        };
        Ok(self.0.store.write(decide).await?)
    }

    /// Ends a request or a disclosure before its time: any administrator may, at once. `state.wrong` when there is nothing to end.
    #[boxed]
    pub async fn withdraw_disclosure(&self, actor: &Actor, id: Id, why: &str) -> Result<DisclosureView, Refusal> {
        self.require(actor, UseCase::DisclosureDecide, On::Operator).await?;
        let (why, now, by) = (reason(why, "reason")?, self.now().0, By::actor(actor));
        let data = json!({ "disclosure": id.to_string(), "reason": why });
        let (fact, actor) = (self.fact("disclosure.withdrawn", &by, None, "ok", data), actor.clone());
        let withdraw = move |tx: &mut dyn Tx| {
            let (_, bal) = found(tx, &actor, UseCase::DisclosureDecide, id)?;
            if !kept::withdraw(tx, id, now, actor.person())? {
                return Err(Refusal::new(RefusalCode::StateWrong).with("name", id).into());
            }
            fact.clone().on(bal.id, Some(bal.address_key)).write(tx)?;
            let withdrawn = kept::by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, withdrawn, now)?)
        };
        Ok(self.0.store.write(withdraw).await?)
    }
}
