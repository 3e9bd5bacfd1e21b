//! Proofs of identity of people in a browser and of their programs (F006, F041 to F050): what is asked, judged, kept and traced. The rules are those of
//! [`sceau_identity`], which is pure.
//!
//! One rule: a credential is a row of `tokens`, whatever proved it; a browser's session too. So it is listed, revoked within a second on every node and
//! traced as every other one.
//!
//! * [`settings`]: the section `[identity]`.
//! * [`attempts`]: a sign-in under way in one browser; [`sessions`]: what it becomes, and who is behind a cookie;
//! * [`card`]: the door for cards; [`devices`]: certificates of people's devices;
//! * [`bind`]: whom a card or a provider means here; [`first`]: the BAL that somebody opens himself;
//! * [`factors`]: what people enrol (`passkeys`, [`totp`], `passwords` with [`breached`], `codes`); [`enrol`], [`recovery`]: the first ones, and lost ones;
//! * [`sso`]: structures' own sign-ins; [`links`]: names elsewhere by which somebody is known here, as that person sees and ends them;
//! * [`oauth`]: our own authorization server;
//! * [`own_tokens`]: what opens somebody's mail, in a browser;
//! * [`psc`]: Pro Santé Connect in a browser, and its tokens at the mail doors (`bearer`); `provider`, `keys`, `flow`: how providers are asked and believed.
pub mod attempts;
mod bearer;
pub mod bind;
pub mod breached;
pub mod card;
mod codes;
pub mod devices;
pub mod enrol;
pub mod factors;
pub mod first;
mod flow;
mod keys;
pub mod links;
pub mod oauth;
pub mod own_tokens;
mod passkeys;
mod passwords;
mod provider;
pub mod psc;
pub mod recovery;
mod seal;
pub mod sessions;
pub mod settings;
pub mod shown;
mod slow;
pub mod sso;
mod standing;
pub mod totp;

use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::Lacking;

/// What a node remembers of identities; nothing that a second node could have spent.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Our authorities for devices.
    devices: devices::Known,
    /// Seats for what passwords cost.
    passwords: crate::seats::Seats,
    /// Identity providers: how they are asked, their keys.
    remotes: provider::Remotes,
}

/// What is lacking, as it is told.
fn lacking(what: Lacking) -> Refusal {
    Refusal::new(match what {
        Lacking::Proof => RefusalCode::LoginRequired,
        Lacking::Strength => RefusalCode::AuthStrength,
        Lacking::Freshness => RefusalCode::AuthFresh,
        Lacking::Issuer => RefusalCode::AuthIssuer,
    })
}
