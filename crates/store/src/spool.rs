//! Spools: sealed streams being received. Content goes through 64 KiB chunks, each its own zstd frame sealed under the
//! spool's random key (associated data: blob id, chunk index, last flag). Small content stays in memory (sealed too, so that
//! it can go inline), larger content is a file. The format is the blob's: keeping a spool is a rename.
use crate::blob::BlobId;
use crate::{DataKey, StoreError};
use std::path::PathBuf;

/// A spool being written. Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct SpoolWriter {}

impl SpoolWriter {
    /// Appends clear bytes (at most one chunk is held in clear, in memory). Plain file writes, no fsync.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let _ = bytes;
        todo!()
    }
    /// Clear bytes written so far.
    pub fn len(&self) -> u64 {
        todo!()
    }
    /// True when nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Seals the last chunk. Not durable yet: see [`Spool::settle`].
    pub fn finish(self) -> Result<Spool, StoreError> {
        todo!()
    }
}

/// Where a spool's sealed bytes are.
#[derive(Debug, Clone)]
pub enum Stored {
    /// In memory: will be a column of the blob's row.
    Inline(Vec<u8>),
    /// In a file.
    File(PathBuf),
}

/// A finished spool. Dropped without [`Spool::kept`], its file is removed.
#[derive(Debug)]
pub struct Spool {
    /// Id of the blob it will be.
    pub id: BlobId,
    /// Its key: wrap it for each BAL (and a transit key) that shares it.
    pub key: DataKey,
    /// Clear size, bytes.
    pub size: u64,
    /// Where the sealed bytes are.
    pub stored: Stored,
    /// Keyed digest of the clear content, for deduplication.
    pub digest: [u8; 32],
}

impl Spool {
    /// Makes a file durable at its final place (fdatasync, rename, fsync of the folder). Before the transaction that names it.
    pub async fn settle(&mut self) -> Result<(), StoreError> {
        todo!()
    }
    /// Reads it back.
    pub fn reader(&self) -> Result<crate::blob::BlobReader, StoreError> {
        todo!()
    }
    /// The transaction that names it is committed: the file stays.
    pub fn kept(self) {}
}
