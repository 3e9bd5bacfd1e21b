//! What is sealed, page by page, for a caller who opens it; and the places of blobs.
use crate::blob::{BlobId, id_from};
use crate::{Id, StoreError, Tx, params};

pub use crate::messages::NewMessage as Message;

/// Messages after an id, by id.
pub fn messages(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<Message>, StoreError> {
    let sql = "SELECT id, bal_id, blob_id, blob_key, prefix, summary, size, created FROM messages \
               WHERE id > $1 ORDER BY id LIMIT $2";
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
                created: r.int(7)?,
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
    /// Sealed reverse path, when the clear one is a pseudonym.
    pub sender: Option<Vec<u8>>,
}

/// Queued messages after an id, by id.
pub fn queued(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<Queued>, StoreError> {
    let sql = "SELECT id, bal_id, epoch, blob_id, blob_key, prefix, sender_sealed FROM queue_messages \
               WHERE id > $1 ORDER BY id LIMIT $2";
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
                sender: r.opt_bytes(6)?,
            })
        })
        .collect()
}

/// A queued recipient whose address is sealed.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Entry.
    pub id: Id,
    /// Message.
    pub message: Id,
    /// Our BAL that sent it.
    pub bal: Id,
    /// Transit epoch.
    pub epoch: i64,
    /// Sealed address.
    pub address: Vec<u8>,
}

/// Sealed recipients after an id, by id.
pub fn recipients(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<Recipient>, StoreError> {
    let sql = "SELECT e.id, e.message_id, m.bal_id, m.epoch, e.recipient_sealed FROM queue_entries e \
               JOIN queue_messages m ON m.id = e.message_id \
               WHERE e.id > $1 AND e.recipient_sealed IS NOT NULL ORDER BY e.id LIMIT $2";
    let read = |r: &crate::Row| {
        let (id, message, bal, epoch) = (r.int(0)?, r.int(1)?, r.int(2)?, r.int(3)?);
        Ok(Recipient { id, message, bal, epoch, address: r.bytes(4)? })
    };
    tx.query(sql, params![after, limit])?.iter().map(read).collect()
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
