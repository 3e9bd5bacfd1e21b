//! Proofs of identity of people in a browser and of their programs (F006, F041 to F050): what is asked, judged, kept and traced. The rules are those of
//! [`sceau_identity`], which is pure.
//!
//! One rule: a credential is a row of `tokens`, whatever proved it; a browser's session too. So it is listed, revoked within a second on every node and
//! traced as every other one.
//!
//! * [`settings`]: the section `[identity]`.
//! * [`attempts`]: a sign-in under way in one browser; [`sessions`]: what it becomes, and who is behind a cookie.
pub mod attempts;
mod seal;
pub mod sessions;
pub mod settings;

use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::Lacking;

/// What a node remembers of identities; nothing that a second node could have spent.
#[derive(Debug, Default)]
pub(crate) struct State {}

/// What is lacking, as it is told.
fn lacking(what: Lacking) -> Refusal {
    Refusal::new(match what {
        Lacking::Proof => RefusalCode::LoginRequired,
        Lacking::Strength => RefusalCode::AuthStrength,
        Lacking::Freshness => RefusalCode::AuthFresh,
        Lacking::Issuer => RefusalCode::AuthIssuer,
    })
}
