//! What leaves in seconds or later: sending always passes here, so that it can be held back.
use crate::Operator;
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::Id;

impl Operator {
    /// Sends a draft whose time has come.
    pub(crate) async fn send_due(&self, _draft: Id) -> Result<(), Refusal> {
        Err(RefusalCode::Unavailable.into())
    }
}
