//! Where the objects of blobs are: what a folder and a bucket have in common.
//!
//! An object is immutable and no other ever has its id (72 bits of it are random), so that putting it twice is harmless and nothing is ever
//! overwritten by something else.
use super::{BlobId, Caller, PlaceRefusal, Source};
use crate::engine::Pending;
use crate::files::NewFile;
use crate::{StoreError, settings};
use sceau_domain::Timestamp;
use std::fmt::Debug;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

/// What an operation on objects returns.
pub(crate) type Soon<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// An object, as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Id of the blob.
    pub id: BlobId,
    /// Stored bytes.
    pub stored: u64,
    /// Milliseconds since it was put, by the clock of whoever keeps it.
    pub age_ms: i64,
}

/// A page of a listing.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Its objects; may be empty although more follow.
    pub objects: Vec<Listed>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

/// A place of objects. Every operation ends in bounded time; `Transient` when the place is away or slow, `Full` when it has no room.
pub(crate) trait Objects: Debug + Send + Sync {
    /// Looks before anything is written, here or anywhere: whose mark the place has; none when it has none or is away. `Place` when it
    /// cannot be used as it is configured.
    fn look(&self) -> Soon<'_, Option<String>>;
    /// Makes the place ready and marks it as `owner`'s unless it is marked; `Place` when it is marked as another's, whose sweeper would take
    /// our objects for garbage. A place that is away is no error here when it may come back by itself: it is marked before the first
    /// object is put.
    fn prepare<'a>(&'a self, owner: &'a str) -> Soon<'a, ()>;
    /// Puts a finished spool: when this returns, the object is durable and can be read. The spool's file may be gone then.
    fn put<'a>(&'a self, id: BlobId, spool: &'a Arc<NewFile>, now: Timestamp) -> Soon<'a, ()>;
    /// Opens an object for reading. `Corrupt` when it is missing while the place is there. For a thread that may block, what is on this machine is opened
    /// there, at once: it waits for no other thread of that kind.
    fn open(&self, id: BlobId, caller: Caller) -> Soon<'_, Source>;
    /// Removes objects; those that are not there are no error.
    fn remove(&self, ids: Vec<BlobId>) -> Soon<'_, ()>;
    /// The objects after a place in the listing, in the listing's order.
    fn list(&self, after: Option<String>, now: Timestamp) -> Soon<'_, Page>;
    /// Whose mark the place has: empty where an early version left none. `Transient` when it has none.
    fn owner(&self) -> Soon<'_, String>;
    /// The file of an object, where objects are files.
    fn path(&self, id: &BlobId) -> Option<PathBuf>;
}

/// Name of the setting that tells whose blobs a database names.
pub(crate) const OWNER: &str = "blobs.owner";

/// Refuses a place whose mark, as [`Objects::look`] found it, is not the one of this database. Nothing is written.
pub(crate) fn check_ours(data: &mut Pending, mark: Option<&str>) -> Result<(), StoreError> {
    let Some(mark) = mark else { return Ok(()) };
    let ours = if data.version() > 0 { data.read(|tx| settings::get(tx, OWNER))? } else { None };
    if ours.is_some_and(|s| s.value == mark.as_bytes()) {
        return Ok(());
    }
    Err(StoreError::Place(PlaceRefusal::Foreign))
}

/// The name by which a place of blobs is marked as this database's, made at the first start: nodes of one database have one.
pub(crate) async fn owner(engine: &crate::engine::Engine, now: Timestamp) -> Result<String, StoreError> {
    let found: Result<_, StoreError> = engine.read(|tx| settings::get(tx, OWNER)).await;
    let setting = match found? {
        Some(setting) => setting,
        None => {
            let mut bytes = [0; 16];
            crate::vault::aead::random(&mut bytes)?;
            let made = hex::encode(bytes);
            let put = move |tx: &mut dyn crate::Tx| {
                // Another node may be first.
                settings::replace(tx, OWNER, 0, made.as_bytes(), now.0)?;
                settings::get(tx, OWNER)?.ok_or_else(|| StoreError::Other("a setting is gone".into()))
            };
            let made: Result<_, StoreError> = engine.write(put).await;
            made?
        }
    };
    String::from_utf8(setting.value).map_err(|_| StoreError::Corrupt("blobs.owner".into()))
}
