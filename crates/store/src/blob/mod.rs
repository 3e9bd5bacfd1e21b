//! Blobs: immutable sealed content, read by ranges.
//!
//! Promises: blob first, row second; row deleted first, blob collected later: a crash leaves only garbage that [`collect`] removes. A blob
//! is a column of its row up to a small size and an object above it (a file of a folder, or an object of an S3 bucket: [`BlobPlace`]);
//! nothing of it can be altered, cut, reordered or swapped unnoticed.
//!
//! Whoever deletes a row that names a blob calls [`release`] in the same transaction; [`collect`] then looks whether others name it.
mod collect;
mod folder;
pub(crate) mod format;
pub(crate) mod objects;
mod place;
mod raw;
mod reader;
mod s3;
mod source;

pub(crate) use collect::unnamed;
pub use collect::{Collected, collect, sweep};
pub use objects::{Listed, Page};
pub use place::{BlobPlace, PlaceError, PlaceRefusal, S3Config, parse_endpoint, parse_s3_url};
pub use raw::{RawBlob, list, put_raw, raw, remove_raw};
pub use reader::BlobReader;
pub(crate) use reader::{open_here, wait};
pub(crate) use source::{Caller, Source};

use crate::{Spool, StoreError, Tx, params};
use objects::Objects;
use sceau_domain::Timestamp;
use sceau_domain::clock::SharedClock;
use std::sync::Arc;

/// Id of a blob. Early versions made 16 random bytes; see [`new_id`].
pub type BlobId = [u8; 16];

/// A new id: what was made about the same time stands together in an index, so that deliveries touch the same few pages of it however many
/// blobs there are. Milliseconds since 1970 (48 bits) and 72 random bits; before them the byte of the time that turns every 65 seconds:
/// folders are named by the first byte, and all 256 are used in less than five hours.
pub(crate) fn new_id(now: Timestamp) -> Result<BlobId, StoreError> {
    let mut id = BlobId::default();
    let ms = now.0.to_be_bytes();
    id[0] = ms[5];
    id[1..7].copy_from_slice(&ms[2..]);
    crate::vault::aead::random(&mut id[7..])?;
    Ok(id)
}

/// Tables and columns that name blobs.
pub(crate) const REFERENCES: &[(&str, &str)] = &[
    ("messages", "blob_id"),
    ("queue_messages", "blob_id"),
    ("texts", "blob_id"),
    ("index_files", "blob_id"),
    ("upload_pieces", "blob_id"),
];

/// What the row of a blob holds, prepared before the transaction (closures may run again).
#[derive(Debug, Clone)]
pub struct BlobRow {
    /// Id.
    pub id: BlobId,
    /// Clear size.
    pub size: u64,
    /// Inline sealed bytes, or none for an object.
    pub inline: Option<Vec<u8>>,
    /// Inline, or an object at its final place.
    settled: bool,
    created: Timestamp,
    /// When the object was put. Other nodes spare it for [`GRACE_MS`] only.
    put: Option<Timestamp>,
    clock: SharedClock,
}

/// Objects that no row names are spared for so long, milliseconds: a transaction may be about to name them.
pub(crate) const GRACE_MS: i64 = 3_600_000;
/// A transaction that comes later than this after its object is refused, milliseconds: an hour after it the object may be gone.
const LATEST_MS: i64 = GRACE_MS / 2;

impl From<&Spool> for BlobRow {
    fn from(s: &Spool) -> Self {
        let inline = match &s.stored {
            crate::spool::Stored::Inline(b) => Some(b.clone()),
            crate::spool::Stored::File(_) | crate::spool::Stored::Object => None,
        };
        let clock = s.clock().clone();
        Self { id: s.id, size: s.size, inline, settled: s.is_settled(), created: s.created(), put: s.put_at(), clock }
    }
}

/// Inserts the blob's row (inline bytes, or a mark that an object holds it). `Invalid` for a spool that was not settled; `Transient`
/// when so much time passed since that another node may have taken the object for garbage (a machine that slept).
pub fn insert(tx: &mut dyn Tx, row: &BlobRow) -> Result<(), StoreError> {
    if !row.settled {
        return Err(StoreError::Invalid("a spool must be settled before a transaction names it".into()));
    }
    if row.put.is_some_and(|at| row.clock.now().0.saturating_sub(at.0) > LATEST_MS) {
        return Err(StoreError::Transient("too much time passed between an object and its row".into()));
    }
    let size = i64::try_from(row.size).map_err(|_| StoreError::Invalid("size".into()))?;
    tx.execute(
        "INSERT INTO blobs (id, size, inline, created) VALUES ($1, $2, $3, $4)",
        params![row.id.as_slice(), size, row.inline.clone(), row.created.0],
    )
    .map(drop)
}

/// A row that named this blob was deleted: it is collected if no other does.
pub fn release(tx: &mut dyn Tx, id: &BlobId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO blobs_released (id, at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        params![id.as_slice(), now.0],
    )
    .map(drop)
}

/// A blob's row, as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Clear size.
    pub size: u64,
    /// Inline sealed bytes; none when an object holds them.
    pub inline: Option<Vec<u8>>,
}

/// The row of a blob; none when it has none.
pub fn find(tx: &mut dyn Tx, id: &BlobId) -> Result<Option<Found>, StoreError> {
    tx.query_opt("SELECT size, inline FROM blobs WHERE id = $1", params![id.as_slice()])?
        .map(|row| {
            let size = u64::try_from(row.int(0)?).map_err(|_| format::corrupt(id))?;
            Ok(Found { size, inline: row.opt_bytes(1)? })
        })
        .transpose()
}

/// The clear size of a blob by its row, without its content; none when it has no row.
pub fn find_size(tx: &mut dyn Tx, id: &BlobId) -> Result<Option<u64>, StoreError> {
    tx.query_opt("SELECT size FROM blobs WHERE id = $1", params![id.as_slice()])?
        .map(|row| u64::try_from(row.int(0)?).map_err(|_| format::corrupt(id)))
        .transpose()
}

/// Reads an id from a column.
pub fn id_from(bytes: &[u8]) -> Result<BlobId, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Invalid("a blob id has 16 bytes".into()))
}

/// TEST ONLY: requests that this process sent to S3 services.
#[cfg(any(test, feature = "testing"))]
pub fn requests() -> u64 {
    s3::COUNT.load(std::sync::atomic::Ordering::SeqCst)
}

/// The place that a configuration names.
pub(crate) fn objects(place: &BlobPlace) -> Result<Arc<dyn Objects>, StoreError> {
    Ok(match place {
        BlobPlace::Folder(path) => Arc::new(folder::Folder::new(path.clone())),
        BlobPlace::S3(config) => Arc::new(s3::S3::new(config)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_minute_stand_together_and_spread_over_the_folders() {
        let at = |ms: i64| new_id(Timestamp((27_393_421 << 16) + ms)).unwrap();
        let ids: Vec<BlobId> = (0..60_000).step_by(10).map(at).collect();
        assert!(ids.is_sorted() && ids.windows(2).all(|w| w[0] != w[1]));
        assert_ne!(at(0), at(0));
        let first: std::collections::BTreeSet<u8> = (0..256).map(|turn| at(turn * 65_536)[0]).collect();
        assert_eq!(first.len(), 256);
    }
}
