//! Proofs of identity of people in a browser and of their programs (F006, F041 to F050): what is asked, judged, kept and traced. The rules are those of
//! [`sceau_identity`], which is pure.
//!
//! One rule: a credential is a row of `tokens`, whatever proved it; a browser's session too. So it is listed, revoked within a second on every node and
//! traced as every other one.
//!
//! * [`settings`]: the section `[identity]`.
pub mod settings;

use crate::Operator;
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::{Lacking, Need};

/// What a node remembers of identities; nothing that a second node could have spent.
#[derive(Debug, Default)]
pub(crate) struct State {}

/// What is lacking, as it is told.
pub(crate) fn lacking(what: Lacking) -> Refusal {
    Refusal::new(match what {
        Lacking::Proof => RefusalCode::LoginRequired,
        Lacking::Strength => RefusalCode::AuthStrength,
        Lacking::Freshness => RefusalCode::AuthFresh,
        Lacking::Issuer => RefusalCode::AuthIssuer,
    })
}

impl Operator {
    /// Refuses an act whose actor did not prove enough (F041, F046): `login.required`, `auth.strength`, `auth.fresh`, `auth.issuer`.
    pub(crate) fn needs(&self, actor: &crate::Actor, need: Need) -> Result<(), Refusal> {
        self.config().identity.meets(&actor.proof, need, self.clock().now()).map_err(lacking)
    }
}
