//! Temporary stores for tests, on either engine (feature `testing`; never in the program).
//!
//! ```no_run
//! # async fn example() {
//! let store = sceau_store::testing::sqlite().await;
//! let id = store.new_id();
//! # }
//! ```
// A test stops where its scaffolding does.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod own_server;
mod placing;
mod schema;
mod server;

pub use crate::files::hook as files;
pub use own_server::OwnServer;
pub use server::TlsServer;
#[cfg(test)]
pub(crate) use server::database;

use crate::engine::pg_faults;
use crate::{CONNECTIONS, EngineUrl, INLINE_MAX, MasterKey, Store, StoreConfig, StoreError};
use sceau_domain::Timestamp;
use sceau_domain::clock::ManualClock;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// When a test store's clock begins: 2026-11-21T10:00:00Z.
pub const START: Timestamp = Timestamp(1_795_255_200_000);

/// A store in a temporary folder; both go when it is dropped.
#[derive(Debug)]
pub struct TestStore {
    store: Option<Store>,
    /// How it was opened.
    pub config: StoreConfig,
    /// Its clock: stands still until it is moved.
    pub clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
    faults: Vec<Arc<pg_faults::Faults>>,
    // Dropped last: databases go after connections.
    _databases: Vec<server::Database>,
}

impl Deref for TestStore {
    type Target = Store;
    fn deref(&self) -> &Store {
        self.store.as_ref().expect("open")
    }
}

impl TestStore {
    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
    /// Statements that reading and writing closures asked so far, of the data.
    pub fn statements(&self) -> (u64, u64) {
        let (reads, writes) = (self.0.engine.reads(), self.0.engine.writes());
        (reads.statements.load(Ordering::Relaxed), writes.statements.load(Ordering::Relaxed))
    }
    /// Faults that were made so far under its data, by kind; none unless it was asked to fail.
    pub fn faults(&self) -> Vec<(String, u64)> {
        self.faults.first().map(|f| f.made()).unwrap_or_default()
    }
    /// Closes it (no clone may be left) and opens it again.
    pub async fn reopen(&mut self) {
        self.close().await;
        self.store = Some(Store::open(self.config.clone()).await.expect("opens again"));
    }
    /// Closes it and tries to open it with another configuration.
    pub async fn reopen_with(&mut self, config: StoreConfig) -> Result<(), StoreError> {
        self.close().await;
        self.store = Some(Store::open(config).await?);
        Ok(())
    }
    /// Closes it; it can be opened again.
    pub async fn close(&mut self) {
        let store = self.store.take();
        tokio::task::spawn_blocking(move || drop(store)).await.expect("closed");
    }
}

/// Bytes that do not compress, the same for a seed each time.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut x = seed | 1;
    (0..len)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x.to_le_bytes()[0]
        })
        .collect()
}

/// A store on SQLite.
pub async fn sqlite() -> TestStore {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [data, keyring] = files(&folder);
    tokio::task::spawn_blocking(move || schema::put(&data, &keyring)).await.expect("files with today's schema");
    sqlite_in(folder).await
}

/// A store on SQLite in a folder that the caller made (on a disk of its choice), migrated there.
pub async fn sqlite_in(folder: tempfile::TempDir) -> TestStore {
    let [data, keyring] = files(&folder).map(EngineUrl::Sqlite);
    open(folder, data, keyring, Vec::new()).await
}

fn files(folder: &tempfile::TempDir) -> [PathBuf; 2] {
    ["data/sceau.db", "keyring/keyring.db"].map(|file| folder.path().join(file))
}

/// A store on a PostgreSQL server that the tests share, in databases of its own. The server is started by the first test that asks and
/// stops a few seconds after the last; without one the test fails and says what to install.
pub async fn postgres() -> TestStore {
    let databases = tokio::task::spawn_blocking(server::migrated).await.expect("server");
    let url = |i: usize| EngineUrl::Postgres(databases[i].url());
    let (data, keyring) = (url(0), url(1));
    open(tempfile::tempdir().expect("temporary folder"), data, keyring, databases).await
}

/// A store on PostgreSQL whose ground gives way: statements, BEGIN and COMMIT meet serialisation failures and lost connections, before or after
/// they took place, by a generator with this seed (data and keyring alike). Whoever uses it must not notice.
pub async fn failing_postgres(seed: u64) -> TestStore {
    let databases = tokio::task::spawn_blocking(|| vec![server::database(), server::database()]).await.expect("server");
    let (data, keyring) = (databases[0].url(), databases[1].url());
    let faults = [pg_faults::ask(&data, seed), pg_faults::ask(&keyring, !seed)];
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut store = open(folder, EngineUrl::Postgres(data), EngineUrl::Postgres(keyring), databases).await;
    store.faults = faults.into();
    store
}

async fn open(
    folder: tempfile::TempDir,
    data: EngineUrl,
    keyring: EngineUrl,
    databases: Vec<server::Database>,
) -> TestStore {
    let clock = Arc::new(ManualClock::at(START));
    let config = StoreConfig {
        data,
        keyring,
        blobs: folder.path().join("blobs").into(),
        spools: folder.path().join("spools"),
        master: MasterKey::generate().expect("key"),
        inline_max: INLINE_MAX,
        node: 1,
        name: "test".into(),
        visitor: false,
        connections: CONNECTIONS,
        clock: clock.clone(),
    };
    let store = Store::open(config.clone()).await.expect("opens");
    TestStore { store: Some(store), config, clock, folder, faults: Vec::new(), _databases: databases }
}

/// An empty database on the tests' PostgreSQL server; dropped with this.
#[derive(Debug)]
pub struct EmptyDatabase(server::Database);

impl EmptyDatabase {
    /// A new one.
    pub async fn new() -> Self {
        Self(tokio::task::spawn_blocking(server::database).await.expect("server"))
    }
    /// How it is named in a configuration.
    pub fn url(&self) -> EngineUrl {
        EngineUrl::Postgres(self.0.url())
    }
}
