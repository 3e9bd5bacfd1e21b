//! Blobs: immutable sealed content, read by ranges.
use crate::{Spool, StoreError, Tx};

/// Id of a blob: 16 random bytes.
pub type BlobId = [u8; 16];

/// Reads a blob. Random access decodes only the chunks of the range; each chunk is authenticated.
#[derive(Debug)]
pub struct BlobReader {}

impl BlobReader {
    /// Clear size, bytes.
    pub fn size(&self) -> u64 {
        todo!()
    }
    /// `len` clear bytes from `offset` (fewer at the end). At most a few chunks are in memory; ask by pieces of ≤ 64 KiB to stream.
    /// Blocking file reads are short; callers on an async worker may call it directly for one piece at a time.
    pub fn read_at(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let _ = (offset, len);
        todo!()
    }
}

/// Inserts the blob's row (inline bytes, or a mark that a file holds it).
pub fn insert(tx: &mut dyn Tx, spool: &BlobRow) -> Result<(), StoreError> {
    let _ = (tx, spool);
    todo!()
}

/// What the row of a blob holds, prepared before the transaction (closures may run again).
#[derive(Debug, Clone)]
pub struct BlobRow {
    /// Id.
    pub id: BlobId,
    /// Clear size.
    pub size: u64,
    /// Inline sealed bytes, or none for a file.
    pub inline: Option<Vec<u8>>,
}

impl From<&Spool> for BlobRow {
    fn from(s: &Spool) -> Self {
        let inline = match &s.stored {
            crate::spool::Stored::Inline(b) => Some(b.clone()),
            crate::spool::Stored::File(_) => None,
        };
        Self { id: s.id, size: s.size, inline }
    }
}
