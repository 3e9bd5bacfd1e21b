//! What the policies in force leave of a token: one rule, asked wherever a token or a grant is believed, and wherever its end is shown.
//!
//! Promises: a policy that was tightened holds for what exists, from its next use on. What could not be made any more is not believed; what would be made
//! for fewer days ends that many days after it was made. Nothing is written: a policy that is loosened again gives back what it took.
use crate::identity::devices;
use crate::identity::own_tokens::DevicePolicy;
use crate::{Door, Operator};
use sceau_domain::Limits;
use sceau_store::accounts::Token;
use sceau_store::{Id, StoreError, Tx, access, oauth};
use std::collections::HashMap;

/// What stands for a proof at the machine itself, by whoever its system says it is: as the strength of what was made there.
pub(crate) const AT_THE_MACHINE: &str = "system_account";
/// The same, of a token for REST that a link made, for which somebody asked after a strong proof.
pub(crate) const BY_LINK: &str = "link";

/// What the configuration says of it; the rest is asked in the transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenRule {
    operator: Limits,
    /// Tokens for REST need a strong proof behind them.
    strong: bool,
    setting_up: bool,
}

/// Neither revoked nor expired.
fn is_live(t: &Token, now: i64) -> bool {
    t.revoked.is_none() && t.expires.is_none_or(|e| e > now)
}

/// What a token that this door makes has as strength, when no proof says more.
pub(crate) fn strength_at(door: Door) -> &'static str {
    if door == Door::Admin { AT_THE_MACHINE } else { "" }
}

impl Operator {
    /// The rule, as it is configured.
    pub(crate) fn token_rule(&self) -> TokenRule {
        let config = self.config();
        let strong = config.identity.api_tokens_need_strong;
        TokenRule { operator: config.limits, strong, setting_up: config.setting_up }
    }
}

impl TokenRule {
    /// Is a token for REST too weak, with nothing behind it but this?
    pub fn is_too_weak(&self, strength: &str) -> bool {
        self.strong && strength.is_empty()
    }

    /// The token, when it is believed at `now`, with the end that really holds.
    pub fn live(&self, tx: &mut dyn Tx, token: Option<Token>, now: i64) -> Result<Option<Token>, StoreError> {
        // What is over needs no further look.
        let Some(token) = token.filter(|t| is_live(t, now)) else { return Ok(None) };
        Ok(Some(self.held(tx, token)?).filter(|t| is_live(t, now)))
    }

    /// The token with the end that really holds.
    fn held(&self, tx: &mut dyn Tx, token: Token) -> Result<Token, StoreError> {
        let mut held = self.all_held(tx, vec![token])?;
        held.pop().ok_or_else(|| StoreError::Invalid("a token".into()))
    }

    /// Tokens, in their order, each with the end that really holds: what that depends on is read once for all of them.
    pub fn all_held(&self, tx: &mut dyn Tx, mut tokens: Vec<Token>) -> Result<Vec<Token>, StoreError> {
        let people: Vec<Id> = tokens.iter().filter(|t| self.is_governed(t)).map(|t| t.person_id).collect();
        let policies = match people.is_empty() {
            true => HashMap::new(),
            false => DevicePolicy::of_many(tx, &self.operator, &people)?,
        };
        let end = |t: &Token| match t.purpose.as_str() {
            // It ended as it was made.
            "api" if self.is_too_weak(&t.strength) => Some(t.created),
            _ if self.is_governed(t) => policies.get(&t.person_id).map(|p| p.last(t.created, t.expires)).or(t.expires),
            _ => t.expires,
        };
        let shorter = tokens.iter().filter(|t| self.is_governed(t) && end(t) != t.expires);
        let shorter: Vec<Id> = shorter.map(|t| t.person_id).collect();
        // Machines have no such policy; asked only where it makes a difference.
        let machines = access::machines(tx, &shorter)?;
        for token in &mut tokens {
            if !self.is_governed(token) || !machines.contains(&token.person_id) {
                token.expires = end(&*token);
            }
        }
        Ok(tokens)
    }

    /// Does the policy of device tokens bear on it, if it is no machine's?
    fn is_governed(&self, token: &Token) -> bool {
        matches!(token.purpose.as_str(), "device" | devices::PURPOSE | oauth::PURPOSE) && !self.as_it_likes(token)
    }

    /// An operator that is being set up makes tokens as it likes; people in their browsers never do.
    fn as_it_likes(&self, token: &Token) -> bool {
        self.setting_up && (token.strength.is_empty() || token.strength == AT_THE_MACHINE)
    }
}
