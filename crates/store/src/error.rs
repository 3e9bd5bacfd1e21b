//! What can go wrong in the store.
use crate::blob::PlaceRefusal;
use crate::vault::KeeperError;

/// Errors of the store. [`StoreError::code`] is stable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk or the database has no room.
    #[error("no space left")]
    Full,
    /// Lost connection, deadlock, serialisation failure, busy: trying again may help.
    #[error("temporarily unavailable: {0}")]
    Transient(String),
    /// Something unique exists already: `table.column, …` (the constraint's name when the engine does not tell the columns).
    #[error("exists already: {0}")]
    Exists(String),
    /// The database was written by a newer program.
    #[error("schema {found} is newer than this program knows ({known}): install the newer program again")]
    NewerSchema {
        /// Version found.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// Programs of an earlier version serve the database, and would not survive what this one changes.
    #[error(
        "an earlier version still serves this database ({nodes}), and this one takes away what it needs: stop all of it first"
    )]
    EarlierNodes {
        /// Who: numbers and names.
        nodes: String,
    },
    /// Another server uses this data folder.
    #[error("another server is using {0}; stop it first")]
    Locked(String),
    /// The keyring holds keys of mailboxes, and there are no data.
    #[error("the data are missing while the keyring holds keys of mailboxes")]
    DataMissing,
    /// A restore or a move into this store is not finished.
    #[error("a restore or a move into this store is not finished: run it again")]
    Unfinished,
    /// Another living process has this node's number.
    #[error("another process has the number {number} on this database (node {name}): give each node its own")]
    NodeTaken {
        /// The number.
        number: u16,
        /// Name of the node that has it.
        name: String,
    },
    /// The number belongs to a node of another name.
    #[error("the number {number} belongs to the node {name} on this database")]
    NodeName {
        /// The number.
        number: u16,
        /// Name of the node that has it.
        name: String,
    },
    /// The master key does not open this keyring.
    #[error("the master key does not open this keyring")]
    WrongMasterKey,
    /// The master key cannot be used where it is kept: a person must act.
    #[error("{0}")]
    Keeper(KeeperError),
    /// The place of blobs cannot be used as it is configured: a person must act.
    #[error("the place of blobs {0}")]
    Place(PlaceRefusal),
    /// A key is gone: closed BAL or finished epoch.
    #[error("key destroyed or unknown")]
    NoKey,
    /// Sealed bytes do not open: altered, truncated or moved. Names the object, never content.
    #[error("sealed object {0} does not open")]
    Corrupt(String),
    /// A text holds NUL, a value has the wrong type, a constraint is broken or a reading transaction writes.
    #[error("invalid value: {0}")]
    Invalid(String),
    /// Anything else.
    #[error("store: {0}")]
    Other(String),
}

/// What [`StoreError::Invalid`] says of a text that holds NUL: the one such error that whoever gave the text can mend.
pub const NUL: &str = "a text holds NUL";

impl StoreError {
    /// Stable code, for logs and alarms.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full => "store.full",
            Self::Transient(_) => "store.transient",
            Self::Exists(_) => "store.exists",
            Self::NewerSchema { .. } => "store.newer_schema",
            Self::EarlierNodes { .. } => "store.earlier_nodes",
            Self::Locked(_) => "store.locked",
            Self::DataMissing => "store.data_missing",
            Self::Unfinished => "store.unfinished",
            Self::NodeTaken { .. } => "store.node_taken",
            Self::NodeName { .. } => "store.node_name",
            Self::WrongMasterKey => "store.wrong_master_key",
            Self::Keeper(e) => e.code(),
            Self::Place(_) => "store.blobs",
            Self::NoKey => "store.no_key",
            Self::Corrupt(_) => "store.corrupt",
            Self::Invalid(_) => "store.invalid",
            Self::Other(_) => "store.other",
        }
    }
    /// Trying again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_) | Self::Full)
    }
    /// From a file operation; `what` names the file's role, never a path or content.
    pub(crate) fn io(what: &str, e: &std::io::Error) -> Self {
        match e.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            kind => Self::Other(format!("{what}: {kind}")),
        }
    }
}
