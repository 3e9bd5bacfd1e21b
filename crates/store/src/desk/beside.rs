//! What colleagues see of a message at a shared BAL: who opened, answered, forwarded it first; who takes care of its conversation; notes; who answers at
//! this moment. The traces prove it; this is what a page shows.
use crate::Id;

/// Who did something with a message, and when first, milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The message.
    pub message: Id,
    /// Who.
    pub person: Id,
    /// Opened.
    pub opened: Option<i64>,
    /// Through which door, as traces name it: a program that fetches everything is no reader.
    pub door: String,
    /// Answered.
    pub answered: Option<i64>,
    /// Forwarded.
    pub forwarded: Option<i64>,
}

/// Who takes care of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The conversation.
    pub thread: i64,
    /// Who.
    pub person: Id,
    /// By whom it was given.
    pub by: Id,
    /// When, milliseconds.
    pub at: i64,
    /// Version: a change says from which one it starts.
    pub version: i64,
}

/// A note for colleagues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Id: what its text is sealed with (`note`).
    pub id: Id,
    /// The message.
    pub message: Id,
    /// Who wrote it.
    pub person: Id,
    /// When, milliseconds.
    pub at: i64,
    /// Its text, sealed.
    pub sealed: Vec<u8>,
}
