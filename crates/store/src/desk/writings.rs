//! Signatures and templates, a person's or everybody's of a BAL.
use crate::Id;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    /// Id: what it is sealed with (`writing`).
    pub id: Id,
    /// The BAL.
    pub bal: Id,
    /// Whose; 0: everybody's of the BAL.
    pub person: Id,
    /// `signature`, `template`.
    pub kind: String,
    /// Name and text: JSON, sealed.
    pub sealed: Vec<u8>,
    /// Its place in the order.
    pub place: i64,
    /// Version: a change says from which one it starts.
    pub version: i64,
    /// Changed last, milliseconds.
    pub changed: i64,
}
