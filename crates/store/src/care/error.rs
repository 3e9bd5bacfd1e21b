//! What can go wrong in the care of whole stores.
use crate::StoreError;
use std::path::Path;

/// Errors of backup, restore and moves. [`CareError::code`] is stable; the sentences are in the locale files (`care.error.*`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CareError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A file of a backup could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: String,
        /// Why.
        cause: String,
    },
    /// There is no whole generation here.
    #[error("no backup in {0}")]
    NoBackup(String),
    /// A file of the backup is not what its manifest says.
    #[error("{0} is damaged")]
    Damaged(String),
    /// Contents of the backup are damaged or missing; everything else of it can be restored.
    #[error("{count} contents of the backup are damaged or missing: {first}")]
    DamagedContents {
        /// How many.
        count: u64,
        /// The files of the first ones.
        first: String,
    },
    /// The backup was written by a newer program.
    #[error("format {0} is newer than this program knows")]
    NewerFormat(u32),
    /// The database holds a table that this program does not know.
    #[error("unknown table {0}")]
    UnknownTable(String),
    /// The target holds rows already.
    #[error("the target is not empty")]
    NotEmpty,
    /// The target holds an unfinished restore or move of something else.
    #[error("the target holds another unfinished restore or move")]
    OtherUnfinished,
    /// The target was made by another version of the program than the source.
    #[error("the target has schema {found}, {wanted} is needed")]
    Schema {
        /// Found in the target.
        found: i64,
        /// Of the source.
        wanted: i64,
    },
    /// The source holds nothing.
    #[error("the source is empty")]
    EmptySource,
    /// Somebody is connected to this database.
    #[error("{0} is in use")]
    InUse(String),
    /// This node serves the database.
    #[error("node {0} serves the database")]
    Served(String),
    /// There is no keyring: it comes first.
    #[error("the keyring is missing")]
    NoKeyring,
    /// Another backup runs.
    #[error("another backup is running")]
    Running,
    /// The hold on blobs was lost while the backup ran: some may be missing.
    #[error("the hold on blobs was lost")]
    HoldLost,
    /// After the move, a table is not the same on both sides.
    #[error("{0} differs")]
    Differs(String),
}

impl CareError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(e) => e.code(),
            Self::File { .. } => "care.file",
            Self::NoBackup(_) => "care.no_backup",
            Self::Damaged(_) => "care.damaged",
            Self::DamagedContents { .. } => "care.damaged_contents",
            Self::NewerFormat(_) => "care.newer_format",
            Self::UnknownTable(_) => "care.unknown_table",
            Self::NotEmpty => "care.not_empty",
            Self::OtherUnfinished => "care.other_unfinished",
            Self::Schema { .. } => "care.schema",
            Self::EmptySource => "care.empty_source",
            Self::InUse(_) => "care.in_use",
            Self::Served(_) => "care.served",
            Self::NoKeyring => "care.no_keyring",
            Self::Running => "care.running",
            Self::HoldLost => "care.hold_lost",
            Self::Differs(_) => "care.differs",
        }
    }
    /// The values of its sentence's placeholders.
    pub fn arguments(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Store(e) => vec![("cause", e.to_string())],
            Self::File { path, cause } => vec![("path", path.clone()), ("cause", cause.clone())],
            Self::NoBackup(path) | Self::Damaged(path) | Self::InUse(path) => vec![("path", path.clone())],
            Self::Served(node) => vec![("node", node.clone())],
            Self::UnknownTable(name) | Self::Differs(name) => vec![("name", name.clone())],
            Self::DamagedContents { count, first } => vec![("count", count.to_string()), ("path", first.clone())],
            Self::NewerFormat(found) => vec![("found", found.to_string())],
            Self::Schema { found, wanted } => vec![("found", found.to_string()), ("wanted", wanted.to_string())],
            _ => Vec::new(),
        }
    }
    /// From a file operation.
    pub(crate) fn file(path: &Path, e: &std::io::Error) -> Self {
        match StoreError::io("backup", e) {
            StoreError::Full => Self::Store(StoreError::Full),
            _ => Self::File { path: path.display().to_string(), cause: e.to_string() },
        }
    }
}
