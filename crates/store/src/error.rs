//! What can go wrong in the store.

/// Errors of the store. `code()` is stable.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the database has no room.
    #[error("no space left")]
    Full,
    /// Lost connection, deadlock, serialisation failure, busy: trying again may help.
    #[error("temporarily unavailable: {0}")]
    Transient(String),
    /// Something unique exists already (constraint name or column).
    #[error("exists already: {0}")]
    Exists(String),
    /// The database was written by a newer program.
    #[error("schema {found} is newer than this program knows ({known})")]
    NewerSchema {
        /// Version found.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// The master key does not open this keyring.
    #[error("the master key does not open this keyring")]
    WrongMasterKey,
    /// A key is gone: closed BAL or finished epoch.
    #[error("key destroyed or unknown")]
    NoKey,
    /// Sealed bytes do not open: altered, truncated or moved. Names the object, never content.
    #[error("sealed object {0} does not open")]
    Corrupt(String),
    /// A text holds NUL or a value has the wrong type.
    #[error("invalid value: {0}")]
    Invalid(String),
    /// Anything else.
    #[error("store: {0}")]
    Other(String),
}
