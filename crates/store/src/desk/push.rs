//! Browsers that want to be woken. A row ends with the known browser's session that made it.
use crate::Id;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Id: what its endpoint is sealed with.
    pub id: Id,
    /// Whose.
    pub person: Id,
    /// The session that made it (row of `tokens`).
    pub token: Id,
    /// Keyed digest of its endpoint.
    pub tag: Vec<u8>,
    /// The endpoint, sealed under the identity key.
    pub sealed: Vec<u8>,
    /// Host of the service.
    pub host: String,
    /// Since when, milliseconds.
    pub created: i64,
    /// When it was last woken, milliseconds.
    pub last: Option<i64>,
    /// How often that failed since it last did not.
    pub failures: i64,
}
