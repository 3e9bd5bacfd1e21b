//! Logging in: device tokens (256 bits, kept as peppered digest), rate limits, constant work for unknown users.
use crate::{Actor, Operator, Origin};
use sceau_domain::Refusal;

/// Sliding-window counters of failed logins, by remote address and by login; bounded.
#[derive(Debug, Default)]
pub struct Guard {}

impl Operator {
    /// Checks `login` (`person`, or `person*bal-address` on a shared BAL; a PER holder's own BAL is the default) and a device token.
    /// Takes the same time for an unknown user. Refuses `login.failed`, `login.too_many`, `right.missing`.
    /// Traces success and failure; updates the token's last use.
    pub async fn login_token(&self, login: &str, token: &str, origin: &Origin) -> Result<Actor, Refusal> {
        let _ = (login, token, origin);
        todo!()
    }
    /// Is the actor still allowed on its BAL (token not revoked, access not ended, BAL not closed)? Doors ask at each command;
    /// answered from a short-lived cache that revocation clears at once.
    pub async fn still_allowed(&self, actor: &Actor) -> Result<(), Refusal> {
        let _ = actor;
        todo!()
    }
    /// Traces the end of a session.
    pub async fn logout(&self, actor: &Actor) {
        let _ = actor;
        todo!()
    }
}
