//! What is sealed, page by page, for a caller who opens it; and the places of blobs.
use crate::blob::{BlobId, id_from};
use crate::{Id, StoreError, Tx, params};

/// A message of a BAL, sealed.
#[derive(Debug, Clone)]
pub struct Message {
    /// Message.
    pub id: Id,
    /// Its BAL.
    pub bal: Id,
    /// Its blob.
    pub blob: BlobId,
    /// The blob's key, wrapped.
    pub blob_key: Vec<u8>,
    /// Sealed prefix.
    pub prefix: Option<Vec<u8>>,
    /// Sealed summary.
    pub summary: Vec<u8>,
    /// Prefix and content, bytes.
    pub size: i64,
}

/// Messages after an id, by id.
pub fn messages(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<Message>, StoreError> {
    let sql =
        "SELECT id, bal_id, blob_id, blob_key, prefix, summary, size FROM messages WHERE id > $1 ORDER BY id LIMIT $2";
    tx.query(sql, params![after, limit])?
        .iter()
        .map(|r| {
            Ok(Message {
                id: r.int(0)?,
                bal: r.int(1)?,
                blob: id_from(&r.bytes(2)?)?,
                blob_key: r.bytes(3)?,
                prefix: r.opt_bytes(4)?,
                summary: r.bytes(5)?,
                size: r.int(6)?,
            })
        })
        .collect()
}

/// Messages in all.
pub fn count(tx: &mut dyn Tx) -> Result<u64, StoreError> {
    super::super::backup::count(tx, "messages")
}

/// Writes a summary that was made again.
pub fn set_summary(tx: &mut dyn Tx, message: Id, summary: &[u8]) -> Result<(), StoreError> {
    tx.execute("UPDATE messages SET summary = $2 WHERE id = $1", params![message, summary]).map(drop)
}

/// A queued message, sealed.
#[derive(Debug, Clone)]
pub struct Queued {
    /// Message.
    pub id: Id,
    /// Our BAL that sent it.
    pub bal: Id,
    /// Transit epoch.
    pub epoch: i64,
    /// Its blob.
    pub blob: BlobId,
    /// The blob's key, wrapped by the transit key.
    pub blob_key: Vec<u8>,
    /// Sealed prefix.
    pub prefix: Vec<u8>,
}

/// Queued messages after an id, by id.
pub fn queued(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<Queued>, StoreError> {
    let sql =
        "SELECT id, bal_id, epoch, blob_id, blob_key, prefix FROM queue_messages WHERE id > $1 ORDER BY id LIMIT $2";
    tx.query(sql, params![after, limit])?
        .iter()
        .map(|r| {
            Ok(Queued {
                id: r.int(0)?,
                bal: r.int(1)?,
                epoch: r.int(2)?,
                blob: id_from(&r.bytes(3)?)?,
                blob_key: r.bytes(4)?,
                prefix: r.bytes(5)?,
            })
        })
        .collect()
}

/// Ids of the blobs outside the rows, after an id, by id.
pub fn outside(tx: &mut dyn Tx, after: &BlobId, limit: i64) -> Result<Vec<BlobId>, StoreError> {
    let sql = "SELECT id FROM blobs WHERE inline IS NULL AND id > $1 ORDER BY id LIMIT $2";
    tx.query(sql, params![after.as_slice(), limit])?.iter().map(|r| id_from(&r.bytes(0)?)).collect()
}

/// Which messages name a blob (some, when very many do): BAL and message.
pub fn shown_by(tx: &mut dyn Tx, blob: &BlobId) -> Result<Vec<(Id, Id)>, StoreError> {
    let sql = "SELECT bal_id, id FROM messages WHERE blob_id = $1 ORDER BY id LIMIT 50";
    tx.query(sql, params![blob.as_slice()])?.iter().map(|r| Ok((r.int(0)?, r.int(1)?))).collect()
}

/// Do these blobs have rows?
pub fn known(tx: &mut dyn Tx, ids: &[BlobId]) -> Result<Vec<bool>, StoreError> {
    ids.iter().map(|id| Ok(crate::blob::find_size(tx, id)?.is_some())).collect()
}
