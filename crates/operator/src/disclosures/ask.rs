//! Asking for content.
use super::{CAUSES, DAY, DisclosureView, MAX_BENEFICIARY, MAX_DAYS, NewDisclosure, kept, not_closed, view};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, UseCase, plain};
use sceau_store::{Tx, accounts as rows};
use serde_json::json;

impl Operator {
    /// Asks for the content of a BAL; another administrator decides. `admin.invalid`, `admin.not_found`, `state.wrong` for a closed BAL.
    #[boxed]
    pub async fn ask_disclosure(&self, actor: &Actor, new: NewDisclosure) -> Result<DisclosureView, Refusal> {
        self.require(actor, UseCase::DisclosureAsk, On::Operator).await?;
        let invalid = |name: &str| Refusal::new(RefusalCode::Invalid).with("name", name);
        let key = self.key_of(&new.bal)?;
        if !CAUSES.contains(&new.cause.as_str()) {
            return Err(invalid("cause"));
        }
        if new.days == 0 || new.days > MAX_DAYS {
            return Err(invalid("days"));
        }
        let why = plain::reason(&new.reason, "reason")?;
        let beneficiary = plain::said(&new.beneficiary, "beneficiary", MAX_BENEFICIARY)?;
        let (by, now) = (By::actor(actor), self.now().0);
        let row = kept::Disclosure {
            id: self.0.store.new_id(),
            bal_id: 0,
            cause: new.cause,
            reason: why,
            beneficiary,
            state: "asked".into(),
            asked: now,
            asked_by: actor.person(),
            asked_with: actor.credential,
            decided: None,
            decided_by: None,
            decision: None,
            until: now + i64::from(new.days) * DAY,
            ended: None,
            ended_by: None,
            used: None,
        };
        let data = json!({ "disclosure": row.id.to_string(), "cause": row.cause, "reason": row.reason,
                           "beneficiary": row.beneficiary, "until": row.until });
        let (fact, actor) = (self.fact("disclosure.asked", &by, None, "ok", data), actor.clone());
        let ask = move |tx: &mut dyn Tx| {
            let use_case = UseCase::DisclosureAsk;
            permit(tx, &actor, use_case, On::Operator)?;
            let Some(bal) = rows::bal_by_address(tx, &key)? else { return Err(unknown(tx, &actor, use_case, &key)) };
            permit(tx, &actor, use_case, On::Bal(bal.id))?;
            not_closed(&bal)?;
            let row = kept::Disclosure { bal_id: bal.id, ..row.clone() };
            kept::insert(tx, &row)?;
            fact.clone().on(bal.id, Some(bal.address_key)).write(tx)?;
            Ok::<_, Fail>(view(tx, row, now)?)
        };
        Ok(self.0.store.write(ask).await?)
    }
}
