//! What is kept: one code over SQLite and PostgreSQL, sealed from the first byte.
//!
//! Only `operator` uses this crate. Rules are not here: this crate keeps what it is given and gives back what it kept.
//!
//! * [`engine`]: [`Tx`] and the two engines (group commit on SQLite, a pool on PostgreSQL), migrations in `schema/`.
//! * [`vault`]: master key → BAL keys and transit keys (in the keyring, apart from the data) → blob keys; sealing.
//! * [`spool`], [`blob`]: sealed streams; a finished spool *is* the future blob (a rename, never a second encryption).
//! * one module a table family: [`accounts`], [`folders`], [`messages`], [`queue`], [`traces`], [`alarms`], [`jobs`], [`dedupe`].
pub mod accounts;
pub mod alarms;
pub mod blob;
pub mod dedupe;
pub mod engine;
pub mod error;
pub mod folders;
pub mod id;
pub mod jobs;
pub mod keywords;
pub mod messages;
pub mod queue;
pub mod settings;
pub mod spool;
pub mod traces;
pub mod vault;

pub use engine::{Row, Tx, Value};
pub use error::StoreError;
pub use id::Id;
pub use spool::{Spool, SpoolWriter};
pub use vault::{DataKey, MasterKey, Vault};

use sceau_domain::clock::SharedClock;
use std::path::PathBuf;
use std::sync::Arc;

/// Where rows live.
#[derive(Debug, Clone)]
pub enum EngineUrl {
    /// A SQLite file (created when absent).
    Sqlite(PathBuf),
    /// A PostgreSQL connection string.
    Postgres(String),
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Data.
    pub data: EngineUrl,
    /// Keyring: apart from the data, never in ordinary backups.
    pub keyring: EngineUrl,
    /// Folder of blob files (created when absent, 0700).
    pub blobs: PathBuf,
    /// Folder of spools (created when absent, 0700; leftovers are removed at open: their keys died with the process).
    pub spools: PathBuf,
    /// Key that wraps every other.
    pub master: MasterKey,
    /// Blobs up to this many stored bytes live in the database (default 16 KiB).
    pub inline_max: usize,
    /// Number of this node (0…1023), part of every id.
    pub node: u16,
    /// Time.
    pub clock: SharedClock,
}

/// An open store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) vault: Vault,
    pub(crate) ids: id::IdMaker,
    pub(crate) engine: engine::Engine,
    pub(crate) config: StoreConfig,
}

impl Store {
    /// Opens or creates, migrates forward, refuses a newer schema and a wrong master key with a clear error, touching nothing.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let _ = config;
        todo!()
    }
    /// Runs `f` in a writing transaction. It may run several times (conflicts): no I/O, no hashing, no sealing inside; prepare before.
    /// The result is returned only after COMMIT has reached the disk. An `Err` rolls everything `f` did back.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let _ = f;
        todo!()
    }
    /// Runs `f` on a consistent snapshot; writing fails.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let _ = f;
        todo!()
    }
    /// Keys and sealing.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }
    /// A new unique, time-ordered id.
    pub fn new_id(&self) -> Id {
        self.0.ids.make()
    }
    /// A new spool.
    pub fn spool(&self) -> SpoolWriter {
        todo!()
    }
    /// Opens a blob with its (unwrapped) key.
    pub async fn open_blob(&self, id: blob::BlobId, key: DataKey) -> Result<blob::BlobReader, StoreError> {
        let _ = (id, key);
        todo!()
    }
    /// The clock the store was opened with.
    pub fn clock(&self) -> &SharedClock {
        &self.0.config.clock
    }
}
