//! Rules of a BAL, in order, and up to where they were applied.
use crate::Id;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Id: what it is sealed with (`rule`).
    pub id: Id,
    /// The BAL.
    pub bal: Id,
    /// Its place in the order.
    pub place: i64,
    /// Is it applied?
    pub enabled: bool,
    /// Conditions and acts: JSON, sealed.
    pub sealed: Vec<u8>,
    /// Who wrote it last.
    pub by: Id,
    /// Why it last failed: a refusal's code.
    pub told: Option<String>,
    /// Version: a change says from which one it starts.
    pub version: i64,
    /// Changed last, milliseconds.
    pub changed: i64,
}
