//! The configuration's legal hold is a hold like any other, on the operator as a whole (`sceau_store::holds`): purges are suspended, and everybody can
//! see it.
use super::Notary;
use crate::record::By;
use crate::refuse::Fail;
use sceau_domain::Refusal;
use sceau_store::holds::{self, Hold};
use serde_json::json;

/// Who places the configuration's hold.
pub(crate) const CONFIGURATION: &str = "configuration";

impl Notary {
    /// Places the hold of the configuration, and lifts the one that it no longer names: each with a trace; and an alarm as long as any hold on the
    /// operator lasts.
    pub(super) async fn record_hold(&self) -> Result<(), Refusal> {
        let operator = &self.0.operator;
        let asked = self.0.settings.hold.clone();
        let known = self.store().read(|tx| Ok::<_, Fail>(holds::of_operator(tx)?)).await?;
        let mine: Vec<Hold> = known.into_iter().filter(|h| h.placed_by == CONFIGURATION).collect();
        if mine.first().map(|h| &h.reason) != asked.as_ref() {
            let fact = operator.fact("trace.hold", &By::system(), None, "ok", json!({ "reason": asked }));
            let (id, now) = (self.store().new_id(), self.now());
            self.store()
                .write(move |tx| {
                    holds::lock(tx, now)?;
                    for hold in &mine {
                        holds::lift(tx, hold.id, now, CONFIGURATION, CONFIGURATION)?;
                    }
                    if let Some(reason) = &asked {
                        let hold = Hold::new(id, ("operator", 0), reason, CONFIGURATION, now, CONFIGURATION);
                        holds::place(tx, &hold)?;
                    }
                    Ok::<_, Fail>(fact.write(tx)?)
                })
                .await?;
        }
        operator.tell_of_holds().await
    }
}
