//! Acts that can be taken back: the inverse of each, for some minutes. No content is in it: folders, UIDs, flags.
use crate::Id;

/// An act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoRow {
    /// Id: what its inverse is sealed with (`undo`).
    pub id: Id,
    /// The BAL.
    pub bal: Id,
    /// Who did it: nobody else takes it back.
    pub person: Id,
    /// The inverse: JSON, sealed.
    pub sealed: Vec<u8>,
    /// When it was done, milliseconds.
    pub at: i64,
    /// Until when it can be taken back, milliseconds.
    pub expires: i64,
    /// When a removal is carried out, milliseconds.
    pub due: Option<i64>,
    /// When it was taken back, milliseconds.
    pub used: Option<i64>,
}
