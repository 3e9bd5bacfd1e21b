//! The legal hold: purges are suspended, and everybody can see it.
use super::Notary;
use crate::record::By;
use crate::refuse::Fail;
use sceau_domain::Refusal;
use sceau_store::notary as rows;
use serde_json::json;

impl Notary {
    /// Puts the hold of the configuration on record when it is not the one in force: a trace, and an alarm as long as it lasts.
    pub(super) async fn record_hold(&self) -> Result<(), Refusal> {
        let operator = &self.0.operator;
        let hold = self.0.settings.hold.clone();
        let known = self.store().read(|tx| Ok::<_, Fail>(rows::state(tx)?.hold)).await?;
        if known != hold {
            let fact = operator.fact("trace.hold", &By::system(), None, "ok", json!({ "reason": hold }));
            let set = hold.clone();
            self.store()
                .write(move |tx| {
                    rows::set_hold(tx, set.as_deref())?;
                    Ok::<_, Fail>(fact.write(tx)?)
                })
                .await?;
        }
        match hold {
            Some(reason) => operator.raise_alarm("notary.hold", "", false, json!({ "cause": reason })).await,
            None if known.is_some() => operator.clear_alarm("notary.hold", "").await,
            None => {}
        }
        Ok(())
    }
}
