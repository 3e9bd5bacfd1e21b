//! Windows over a folder's entries, as lists show them.

/// Where a window begins: the entry after (or before) this one, by date, then by UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// INTERNALDATE, milliseconds.
    pub date: i64,
    /// UID.
    pub uid: i64,
}
