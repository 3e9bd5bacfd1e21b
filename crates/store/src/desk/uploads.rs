//! Files on their way into a draft: sealed pieces, taken by whichever node is asked.
use crate::Id;
use crate::blob::BlobId;

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Id: what name and type are sealed with (`upload`).
    pub id: Id,
    /// The BAL.
    pub bal: Id,
    /// Its draft.
    pub draft: Id,
    /// Name and type: JSON, sealed.
    pub sealed: Vec<u8>,
    /// Bytes it is to have.
    pub size: i64,
    /// Bytes that are held.
    pub held: i64,
    /// Since when, milliseconds.
    pub created: i64,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The file.
    pub upload: Id,
    /// Where it begins in the file, bytes.
    pub first: i64,
    /// Its length, bytes.
    pub size: i64,
    /// Its blob.
    pub blob: BlobId,
    /// The blob's key wrapped by the BAL's.
    pub blob_key: Vec<u8>,
}
