//! Blobs: immutable sealed content, read by ranges.
//!
//! Promises: blob first, row second; row deleted first, blob collected later: a crash leaves only garbage that [`collect`] removes. A blob
//! is a column of its row up to a small size and a file above it; nothing of it can be altered, cut, reordered or swapped unnoticed.
//!
//! Whoever deletes a row that names a blob calls [`release`] in the same transaction; [`collect`] then looks whether others name it.
mod collect;
pub(crate) mod format;
mod reader;

pub use collect::{Collected, collect, sweep};
pub use reader::BlobReader;
pub(crate) use reader::Source;

use crate::{Spool, StoreError, Tx, params};
use sceau_domain::Timestamp;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Id of a blob: 16 random bytes.
pub type BlobId = [u8; 16];

/// Tables and columns that name blobs.
pub(crate) const REFERENCES: &[(&str, &str)] = &[("messages", "blob_id"), ("queue_messages", "blob_id"), ("texts", "blob_id"), ("index_files", "blob_id")];

/// What the row of a blob holds, prepared before the transaction (closures may run again).
#[derive(Debug, Clone)]
pub struct BlobRow {
    /// Id.
    pub id: BlobId,
    /// Clear size.
    pub size: u64,
    /// Inline sealed bytes, or none for a file.
    pub inline: Option<Vec<u8>>,
    /// Inline, or a file at its final place.
    settled: bool,
    created: Timestamp,
}

impl From<&Spool> for BlobRow {
    fn from(s: &Spool) -> Self {
        let inline = match &s.stored {
            crate::spool::Stored::Inline(b) => Some(b.clone()),
            crate::spool::Stored::File(_) => None,
        };
        Self { id: s.id, size: s.size, inline, settled: s.is_settled(), created: s.created() }
    }
}

/// Inserts the blob's row (inline bytes, or a mark that a file holds it). `Invalid` for a file that was not settled.
pub fn insert(tx: &mut dyn Tx, row: &BlobRow) -> Result<(), StoreError> {
    if !row.settled {
        return Err(StoreError::Invalid("a spool must be settled before a transaction names it".into()));
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
    /// Inline sealed bytes; none when a file holds them.
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

/// Reads an id from a column.
pub fn id_from(bytes: &[u8]) -> Result<BlobId, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Invalid("a blob id has 16 bytes".into()))
}

/// Lies in the folder of blobs since the store was opened. Where it is missing, the folder is not the one that was opened
/// (a volume that went away): nothing is known of the blobs then, least of all that they are lost.
const MARK: &str = ".sceau-blobs";

/// Makes sure that the folder of blobs is marked. Durable once the folder is synced.
pub(crate) fn mark(blobs: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(blobs.join(MARK)).map(drop)
}

/// Why the file of a blob could not be opened.
pub(crate) fn not_opened(blobs: &Path, id: &BlobId, e: &std::io::Error) -> StoreError {
    if e.kind() != std::io::ErrorKind::NotFound {
        return StoreError::io("blob file", e);
    }
    match std::fs::metadata(blobs.join(MARK)) {
        Ok(_) => format::corrupt(id),
        Err(_) => StoreError::Transient("the folder of blobs is away (is its volume mounted?)".into()),
    }
}

/// Where a blob's file is: in one of 256 folders, by the first byte of its id.
pub(crate) fn path(blobs: &Path, id: &BlobId) -> PathBuf {
    blobs.join(hex::encode([id[0]])).join(hex::encode(id))
}
