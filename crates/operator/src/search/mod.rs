//! Text search of a BAL: messages are indexed by a job, what is not indexed yet is found by scanning its text records (design §5 "Search").
use crate::Operator;
use sceau_domain::Refusal;
use sceau_store::Id;
use tokio_util::sync::CancellationToken;

impl Operator {
    /// The job: brings a BAL's index up to date.
    pub(crate) async fn index_bal(&self, _bal: Id, _stop: &CancellationToken) -> Result<(), Refusal> {
        Ok(())
    }
}
