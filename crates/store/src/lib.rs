//! What is kept: one code over SQLite and PostgreSQL, sealed from the first byte.
//!
//! Only `operator` uses this crate. Rules are not here: this crate keeps what it is given and gives back what it kept.
//!
//! * [`engine`]: [`Tx`] and the two engines (group commit on SQLite, a pool on PostgreSQL), migrations in `schema/`.
//! * [`vault`]: master key → BAL keys and transit keys (in the keyring, apart from the data) → blob keys; sealing.
//! * [`spool`], [`blob`]: sealed streams; a finished spool *is* the future blob (a rename or an upload, never a second encryption).
//! * one module a table family: [`accounts`], [`folders`], [`messages`], [`queue`], [`traces`], [`notary`], [`alarms`], [`jobs`], [`dedupe`].
pub mod absences;
pub mod abuse;
pub mod access;
pub mod accounts;
pub mod aged;
pub mod alarms;
pub mod annotations;
pub mod attempts;
pub mod bals;
pub mod bindings;
pub mod blob;
pub mod breached;
pub mod browsers;
pub mod calendar;
pub mod care;
pub mod certificates;
pub mod connectors;
pub mod dedupe;
pub mod departures;
pub mod desk;
pub mod device_authorities;
pub mod disclosures;
pub mod domain_moves;
pub mod engine;
pub mod error;
pub mod events;
pub mod factors;
mod files;
pub mod folders;
pub mod holds;
pub mod id;
pub mod idempotency;
pub mod identity_key;
pub mod imports;
pub mod indexes;
pub mod jobs;
pub mod journal;
pub mod keywords;
pub mod leases;
pub mod life;
pub mod mail_notices;
mod many;
pub mod messages;
pub mod names;
pub mod nodes;
pub mod notary;
pub mod notices;
pub mod oauth;
pub mod one_time_codes;
pub mod openings;
mod part;
pub mod peers;
pub mod policies;
pub mod purge;
pub mod queue;
pub mod rates;
pub mod recoveries;
pub mod reference;
pub mod register;
mod remembering;
pub mod reports;
pub mod retention;
pub mod revocation;
pub mod roles;
pub mod settings;
pub mod spent;
pub mod spool;
pub mod sso;
pub mod structures;
pub mod subscriptions;
pub mod terms;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod texts;
pub mod token_certificates;
pub mod traces;
pub mod usage;
pub mod vault;
pub mod web_sessions;
pub mod white_lists;

pub use blob::{BlobPlace, S3Config};
pub use engine::{Columns, Row, Tx, Value};
pub use error::{NUL, StoreError};
pub use events::{Event, Events};
pub use files::append;
pub use id::Id;
pub use part::part;
pub use remembering::remembering;
pub use spool::{Spool, SpoolWriter};
pub use vault::{DataKey, MasterKey, Vault};

use engine::{Pending, Threads};
use sceau_domain::clock::SharedClock;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

/// Where rows live.
#[derive(Clone, PartialEq, Eq)]
pub enum EngineUrl {
    /// A SQLite file (created when absent).
    Sqlite(PathBuf),
    /// A PostgreSQL connection string.
    Postgres(String),
}

impl std::fmt::Debug for EngineUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            // It may hold a password.
            Self::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Data.
    pub data: EngineUrl,
    /// Keyring: apart from the data, never in ordinary backups.
    pub keyring: EngineUrl,
    /// Where blobs above [`StoreConfig::inline_max`] are.
    pub blobs: BlobPlace,
    /// Folder of spools of this process (created when absent, 0700; leftovers are removed at open: their keys died with the process. A
    /// visitor removes none).
    pub spools: PathBuf,
    /// Key that wraps every other.
    pub master: MasterKey,
    /// Blobs up to this many stored bytes live in the database (default 16 KiB).
    pub inline_max: usize,
    /// Number of this node (0…1007), part of every id. On PostgreSQL one living process at a time has it.
    pub node: u16,
    /// Name of this node, as `sceau node list` shows it: its host name.
    pub name: String,
    /// A command beside the server: on PostgreSQL it takes a free number from [`id::FIRST_VISITOR`] on instead of `node`, and is no node.
    pub visitor: bool,
    /// Connections to PostgreSQL for the data: about two thirds write, the others read (two at least). Two more listen and tell the other nodes,
    /// and up to three go to the keyring.
    pub connections: usize,
    /// Time.
    pub clock: SharedClock,
}

/// Default of [`StoreConfig::inline_max`], bytes.
pub const INLINE_MAX: usize = 16 * 1024;
/// Default of [`StoreConfig::connections`].
pub const CONNECTIONS: usize = 12;

/// An open store. Cheap to clone. When the last clone is dropped, what was queued is still carried out and the database is closed.
#[derive(Clone)]
pub struct Store(pub(crate) Shared);

/// What a store holds. That it may go to another thread is proved once, where it is opened, and not of each part wherever a future holds a store.
pub(crate) type Shared = Arc<dyn Deref<Target = Inner> + Send + Sync>;

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&**self.0).finish()
    }
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) vault: Vault,
    pub(crate) ids: id::IdMaker,
    pub(crate) engine: engine::Engine,
    // After the engine: the node's number is given back when the last transaction is over.
    pub(crate) link: Option<engine::Link>,
    pub(crate) heard: events::Heard,
    /// This process: `number:random`.
    pub(crate) owner: String,
    pub(crate) places: Arc<spool::Places>,
    pub(crate) config: StoreConfig,
}

impl Store {
    /// Opens or creates, migrates forward, refuses a newer schema, a wrong master key and a place of blobs that cannot be used as it is
    /// configured or is another database's with a clear error, touching nothing.
    /// On PostgreSQL, refuses a node number that another living process has.
    pub async fn open(mut config: StoreConfig) -> Result<Self, StoreError> {
        // Numbers of visitors are taken and left by the minute: a server that had one would be fenced off by a command.
        if config.node >= id::FIRST_VISITOR {
            return Err(StoreError::Invalid(format!("the number of a node is below {}", id::FIRST_VISITOR)));
        }
        if config.data == config.keyring {
            return Err(StoreError::Invalid("the keyring must be apart from the data".into()));
        }
        let objects = blob::objects(&config.blobs)?;
        let mark = objects.look().await?;
        let (given, me) = (config.clone(), engine::Me::of(&config)?);
        let mut process = me.owner.clone();
        let (keyring, engine, fence, places) = blocking(move || {
            let mut keyring = Pending::connect(&given.keyring, &engine::KEYRING, KEYRING_THREADS)?;
            let mut data = Pending::connect(&given.data, &engine::DATA, threads(given.connections))?;
            vault::check(&mut keyring, &given.master, data.version() > 0)?;
            care::check_not_lost(&mut keyring, &data)?;
            care::check_finished(&mut data)?;
            blob::objects::check_ours(&mut data, mark.as_deref())?;
            let keyring = keyring.start()?;
            let engine = data.start()?;
            // Before anything of another process of this number could be touched, its spools first.
            let fence = engine.fence(me)?;
            Ok((keyring, engine, fence, spool::Places::prepare(&given, objects)?))
        })
        .await?;
        let list = vault::destroyed::List::of(&config);
        let vault = Vault::open(keyring, &config.master, config.clock.clone(), list).await?;
        // Before anything is served: what was destroyed stays destroyed, whatever copy was put back.
        let again = vault.replay(engine.read(vault::destroyed::closed).await?).await?;
        if again > 0 {
            tracing::warn!(keys = again, "keys of closed mailboxes came back with a copy and were destroyed again");
        }
        if !config.visitor {
            // Destroyed by another node while this one was away. Not worth a start that fails.
            match vault.learn_destructions(None).await {
                Ok(0) => {}
                Ok(keys) => tracing::info!(keys, "keys destroyed elsewhere are listed here now"),
                Err(e) => tracing::warn!(error = %e, "keys destroyed elsewhere are not listed here"),
            }
        }
        let newest = engine
            .read(|tx| match tx.query_opt("SELECT COALESCE(MAX(id), 0) FROM traces", &[])? {
                Some(row) => row.int(0),
                None => Ok(0),
            })
            .await
            .map_err(|e: StoreError| e)?;
        if let Some(fence) = &fence {
            (config.node, process) = (fence.me.number, fence.me.owner.clone());
        }
        let ids = id::IdMaker::new(config.node, config.clock.clone(), newest);
        let (heard, first_id) = (events::Heard::default(), ids.make());
        let link = match fence {
            Some(fence) => {
                let heard = heard.clone();
                Some(blocking(move || fence.start(first_id, heard)).await?)
            }
            None => None,
        };
        let owner = blob::objects::owner(&engine, config.clock.now()).await?;
        places.objects.prepare(&owner).await?;
        let store = Self(Arc::new(Box::new(Inner { vault, ids, engine, link, heard, owner: process, places, config })));
        store.register(first_id).await?;
        Ok(store)
    }
    /// Runs `f` in a writing transaction. It may run several times (conflicts): no I/O, no hashing, no sealing inside; prepare before.
    /// The result is returned only after COMMIT has reached the disk. An `Err` rolls everything `f` did back. Once queued it is carried out,
    /// even when the caller stops waiting.
    pub fn write<T, E, F>(&self, f: F) -> impl Future<Output = Result<T, E>> + Send
    where
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.engine.writes().submit(f, Some(&self.0.config.clock), self.0.link.as_ref())
    }
    /// Runs `f` on a consistent snapshot; writing fails.
    pub fn read<T, E, F>(&self, f: F) -> impl Future<Output = Result<T, E>> + Send
    where
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.engine.reads().submit(f, Some(&self.0.config.clock), None)
    }
    /// Does the database answer, and may this process write? For readiness.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if let Some(link) = &self.0.link {
            link.check()?;
        }
        self.read(|tx| tx.query("SELECT 1", &[]).map(drop)).await
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
        SpoolWriter::new(Arc::clone(&self.0.places), self.0.vault.tagger("content"))
    }
    /// Opens a blob with its (unwrapped) key. `Corrupt` when it has no row or no object, or is not whole; `Transient` when the whole
    /// place of blobs is away or slow.
    pub async fn open_blob(&self, id: blob::BlobId, key: DataKey) -> Result<blob::BlobReader, StoreError> {
        let found = self.read(move |tx| blob::find(tx, &id)).await?;
        self.open_found(id, key, found).await
    }
    /// As [`Store::open_blob`], of a row that was found already; `Corrupt` when there is none.
    pub async fn open_found(
        &self,
        id: blob::BlobId,
        key: DataKey,
        found: Option<blob::Found>,
    ) -> Result<blob::BlobReader, StoreError> {
        self.reader_of(id, key, found, blob::Caller::Task).await
    }
    /// [`Store::open_found`] for a thread that may block (`spawn_blocking`, never an async task).
    pub fn open_found_blocking(
        &self,
        id: blob::BlobId,
        key: DataKey,
        found: Option<blob::Found>,
    ) -> Result<blob::BlobReader, StoreError> {
        let inline = found.as_ref().is_none_or(|f| f.inline.is_some());
        let remote = !inline && self.0.places.objects.path(&id).is_none();
        blob::wait(remote, self.reader_of(id, key, found, blob::Caller::Thread))
    }
    /// The one way from a blob's row to its reader, whoever reads.
    async fn reader_of(
        &self,
        id: blob::BlobId,
        key: DataKey,
        found: Option<blob::Found>,
        caller: blob::Caller,
    ) -> Result<blob::BlobReader, StoreError> {
        let found = found.ok_or_else(|| blob::format::corrupt(&id))?;
        let source = match found.inline {
            Some(bytes) => blob::Source::Memory(bytes.into()),
            None => self.0.places.objects.open(id, caller).await?,
        };
        blob::BlobReader::open(id, key, source, Some(found.size), caller).await
    }
    /// The clock the store was opened with.
    pub fn clock(&self) -> &SharedClock {
        &self.0.config.clock
    }
}

/// Two thirds write.
fn threads(connections: usize) -> Threads {
    let connections = connections.max(2);
    let readers = (connections / 3).max(1);
    Threads { writers: connections - readers, readers }
}
const KEYRING_THREADS: Threads = Threads { writers: 1, readers: 2 };

/// Runs what blocks on a thread of its own kind (the PostgreSQL driver has a runtime in it, which no async worker may enter).
async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(f)
        .await
        .unwrap_or_else(|_| Err(StoreError::Other("a task of the store panicked".into())))
}
