//! Acts that can be taken back: the inverse of each, for some minutes. No content is in it: folders, UIDs, flags.
use crate::{Id, Row, StoreError, Tx, params};

/// An act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoRow {
    /// Id: what its inverse is sealed with (`undo`).
    pub id: Id,
    /// The BAL.
    pub bal: Id,
    /// Who did it: nobody else takes it back.
    pub person: Id,
    /// The inverse: JSON, sealed.
    pub sealed: Vec<u8>,
    /// When it was done, milliseconds.
    pub at: i64,
    /// Until when it can be taken back, milliseconds.
    pub expires: i64,
    /// When a removal is carried out, milliseconds.
    pub due: Option<i64>,
    /// When it was taken back, milliseconds.
    pub used: Option<i64>,
}

const COLUMNS: &str = "id, bal_id, person_id, sealed, at, expires, due, used";

fn read(r: &Row) -> Result<UndoRow, StoreError> {
    Ok(UndoRow {
        id: r.int(0)?,
        bal: r.int(1)?,
        person: r.int(2)?,
        sealed: r.bytes(3)?,
        at: r.int(4)?,
        expires: r.int(5)?,
        due: r.opt_int(6)?,
        used: r.opt_int(7)?,
    })
}

/// Keeps how an act is taken back.
pub fn insert(tx: &mut dyn Tx, row: &UndoRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO undos (id, bal_id, person_id, sealed, at, expires, due, used) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let UndoRow { id, bal, person, at, expires, due, used, .. } = *row;
    tx.execute(sql, params![id, bal, person, row.sealed.clone(), at, expires, due, used]).map(drop)
}

/// An act.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<UndoRow>, StoreError> {
    tx.query_opt(&format!("SELECT {COLUMNS} FROM undos WHERE id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// Takes an act back, once: none when it is not this person's at this BAL, was taken back already, or its time is over.
pub fn take(tx: &mut dyn Tx, id: Id, bal: Id, person: Id, now: i64) -> Result<Option<UndoRow>, StoreError> {
    let sql = format!(
        "UPDATE undos SET used = $4 WHERE id = $1 AND bal_id = $2 AND person_id = $3 AND used IS NULL AND expires > $4 \
         RETURNING {COLUMNS}"
    );
    tx.query_opt(&sql, params![id, bal, person, now])?.as_ref().map(read).transpose()
}

/// What became of taking an act back, for who asks again.
pub fn settle(tx: &mut dyn Tx, id: Id, sealed: Vec<u8>) -> Result<(), StoreError> {
    tx.execute("UPDATE undos SET sealed = $2 WHERE id = $1", params![id, sealed]).map(drop)
}

/// An act that could not be taken back just now can be, later.
pub fn give_back(tx: &mut dyn Tx, id: Id) -> Result<(), StoreError> {
    tx.execute("UPDATE undos SET used = NULL WHERE id = $1", params![id]).map(drop)
}

/// How long a removal that nobody carried out is kept, milliseconds: for as long as its job may wait, whatever is down. Without it, what it flagged would stay
/// hidden and never go.
const REMOVAL: i64 = 7 * 86_400_000;

/// Forgets acts whose time is over, at most so many. A removal that is still to be carried out stays until then.
pub fn forget(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM undos WHERE id IN (SELECT id FROM undos WHERE expires <= $1 AND (due IS NULL OR due <= $2) LIMIT $3)";
    tx.execute(sql, params![now, now - REMOVAL, limit])
}
