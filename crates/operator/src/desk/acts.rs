//! What is done with messages that were ticked, and taking it back.
use super::list::Filter;
use crate::Operator;
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::Id;

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Read, or unread again.
    Seen(bool),
    /// Followed, or not any more.
    Flagged(bool),
    /// A label, given or taken.
    Label(String, bool),
    /// Into a folder.
    Move(Id),
    /// Into the archive.
    Archive,
    /// Into Junk.
    Junk,
    /// Into the bin.
    Trash,
    /// Removed for good, a moment later.
    Remove,
    /// The whole folder, emptied.
    Empty,
}

/// With which messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Their folder.
    pub folder: Id,
    /// Their UIDs.
    pub uids: Vec<u32>,
    /// All that this filter shows, instead. 5,000 at once at most: more is told.
    pub whole_view: Option<Filter>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// How many messages.
    pub count: usize,
    /// What takes it back.
    pub undo: Option<Id>,
}

/// What became of taking back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undone {
    /// How many are as they were.
    pub back: usize,
    /// How many were changed since, and stay.
    pub changed: usize,
}

impl Operator {
    /// Removes for good what an act left to be removed, unless it was taken back.
    pub(crate) async fn remove_due(&self, _act: Id) -> Result<(), Refusal> {
        Err(RefusalCode::Unavailable.into())
    }
}
