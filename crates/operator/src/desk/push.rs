//! Browsers that are woken when mail came. Nothing of the mail goes along.
use crate::Operator;
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::Id;

impl Operator {
    /// Wakes a person's browsers.
    pub(crate) async fn send_pushes(&self, _person: Id) -> Result<(), Refusal> {
        Err(RefusalCode::Unavailable.into())
    }
}
