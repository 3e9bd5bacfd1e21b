//! What is being written, and what waits to leave.
use crate::Id;

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Id: what its content is sealed with (`draft`).
    pub id: Id,
    /// The BAL it is written at.
    pub bal: Id,
    /// Who writes.
    pub person: Id,
    /// JSON, sealed.
    pub sealed: Vec<u8>,
    /// `open`, `leaving`, `failed`.
    pub state: String,
    /// When it leaves, milliseconds.
    pub send_at: Option<i64>,
    /// Why it did not leave: a refusal's code.
    pub why: Option<String>,
    /// The message that shows it in Drafts; 0: none yet.
    pub message: Id,
    /// Its folder; 0: none.
    pub folder: Id,
    /// Its UID there; 0: none.
    pub uid: i64,
    /// The version that stands there.
    pub filed: i64,
    /// Version: a change says from which one it starts.
    pub version: i64,
    /// Since when, milliseconds.
    pub created: i64,
    /// Changed last, milliseconds.
    pub changed: i64,
}
