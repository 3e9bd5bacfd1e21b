//! Files on their way into a draft: sealed pieces, taken by whichever node is asked.
use crate::blob::{self, BlobId, id_from};
use crate::{Id, Row, StoreError, Tx, params};
use sceau_domain::Timestamp;

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

const COLUMNS: &str = "id, bal_id, draft_id, sealed, size, held, created";

fn read(r: &Row) -> Result<Upload, StoreError> {
    Ok(Upload {
        id: r.int(0)?,
        bal: r.int(1)?,
        draft: r.int(2)?,
        sealed: r.bytes(3)?,
        size: r.int(4)?,
        held: r.int(5)?,
        created: r.int(6)?,
    })
}

/// Begins a file: nothing of it is held yet.
pub fn insert(tx: &mut dyn Tx, u: &Upload) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO uploads ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)");
    tx.execute(&sql, params![u.id, u.bal, u.draft, u.sealed.clone(), u.size, u.held, u.created]).map(drop)
}

/// One of them, held until the transaction ends.
pub fn lock(tx: &mut dyn Tx, id: Id) -> Result<Option<Upload>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM uploads WHERE id = $1 FOR UPDATE");
    tx.query_opt(&sql, params![id])?.as_ref().map(read).transpose()
}

/// Those of a draft, in the order in which they came.
pub fn of_draft(tx: &mut dyn Tx, draft: Id) -> Result<Vec<Upload>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM uploads WHERE draft_id = $1 ORDER BY id");
    tx.query(&sql, params![draft])?.iter().map(read).collect()
}

/// How many bytes the files of a person's drafts at a BAL have, or are to have.
pub fn room_taken(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(u.size), 0) AS BIGINT) FROM drafts d JOIN uploads u ON u.draft_id = d.id \
               WHERE d.bal_id = $1 AND d.person_id = $2";
    tx.query_opt(sql, params![bal, person])?.map_or(Ok(0), |r| r.int(0))
}

/// Keeps the next piece of a file that is held ([`lock`]); its blob's row is the caller's.
pub fn add(tx: &mut dyn Tx, bal: Id, p: &Piece) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO upload_pieces (upload_id, first, bal_id, size, blob_id, blob_key) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![p.upload, p.first, bal, p.size, p.blob.as_slice(), p.blob_key.clone()])?;
    tx.execute("UPDATE uploads SET held = $2 WHERE id = $1", params![p.upload, p.first + p.size]).map(drop)
}

/// Of how many pieces a file is, so far.
pub fn count(tx: &mut dyn Tx, upload: Id) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM upload_pieces WHERE upload_id = $1";
    tx.query_opt(sql, params![upload])?.map_or(Ok(0), |r| r.int(0))
}

/// What is held of a file is all of it.
pub fn end(tx: &mut dyn Tx, id: Id) -> Result<(), StoreError> {
    tx.execute("UPDATE uploads SET size = held WHERE id = $1", params![id]).map(drop)
}

/// The pieces of a file, in order.
pub fn pieces(tx: &mut dyn Tx, upload: Id) -> Result<Vec<Piece>, StoreError> {
    let sql = "SELECT upload_id, first, size, blob_id, blob_key FROM upload_pieces WHERE upload_id = $1 ORDER BY first";
    let read = |r: &Row| {
        let blob = id_from(&r.bytes(3)?)?;
        Ok(Piece { upload: r.int(0)?, first: r.int(1)?, size: r.int(2)?, blob, blob_key: r.bytes(4)? })
    };
    tx.query(sql, params![upload])?.iter().map(read).collect()
}

/// Removes a file; its blobs are collected.
pub fn remove(tx: &mut dyn Tx, id: Id, now: Timestamp) -> Result<(), StoreError> {
    for piece in pieces(tx, id)? {
        blob::release(tx, &piece.blob, now)?;
    }
    tx.execute("DELETE FROM upload_pieces WHERE upload_id = $1", params![id])?;
    tx.execute("DELETE FROM uploads WHERE id = $1", params![id]).map(drop)
}

/// Files begun before `before` whose draft is gone; at most `limit`.
pub fn left_over(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT u.id FROM uploads u WHERE u.created < $1 \
               AND NOT EXISTS (SELECT 1 FROM drafts d WHERE d.id = u.draft_id) ORDER BY u.id LIMIT $2";
    tx.query(sql, params![before, limit])?.iter().map(|r| r.int(0)).collect()
}
