//! Signatures and templates, a person's or everybody's of a BAL.
use crate::{Id, Row, StoreError, Tx, params};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    /// Id: what it is sealed with (`writing`).
    pub id: Id,
    /// The BAL.
    pub bal: Id,
    /// Whose; 0: everybody's of the BAL.
    pub person: Id,
    /// `signature`, `template`.
    pub kind: String,
    /// Name and text: JSON, sealed.
    pub sealed: Vec<u8>,
    /// Its place in the order.
    pub place: i64,
    /// Version: a change says from which one it starts.
    pub version: i64,
    /// Changed last, milliseconds.
    pub changed: i64,
}

const COLUMNS: &str = "id, bal_id, person_id, kind, sealed, place, version, changed";

fn read(r: &Row) -> Result<Writing, StoreError> {
    Ok(Writing {
        id: r.int(0)?,
        bal: r.int(1)?,
        person: r.int(2)?,
        kind: r.text(3)?,
        sealed: r.bytes(4)?,
        place: r.int(5)?,
        version: r.int(6)?,
        changed: r.int(7)?,
    })
}

/// Keeps a new one.
pub fn insert(tx: &mut dyn Tx, w: &Writing) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO writings ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    let values = params![w.id, w.bal, w.person, &w.kind, w.sealed.clone(), w.place, w.version, w.changed];
    tx.execute(&sql, values).map(drop)
}

/// One of them, held until the transaction ends.
pub fn lock(tx: &mut dyn Tx, id: Id) -> Result<Option<Writing>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM writings WHERE id = $1 FOR UPDATE");
    tx.query_opt(&sql, params![id])?.as_ref().map(read).transpose()
}

/// A person's at a BAL, then everybody's there, each in their order.
pub fn of_bal(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<Vec<Writing>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM writings WHERE bal_id = $1 AND (person_id = $2 OR person_id = 0) \
         ORDER BY CASE WHEN person_id = 0 THEN 1 ELSE 0 END, place, id"
    );
    tx.query(&sql, params![bal, person])?.iter().map(read).collect()
}

/// Writes what changed of one that is held.
pub fn write(tx: &mut dyn Tx, w: &Writing) -> Result<(), StoreError> {
    let sql = "UPDATE writings SET sealed = $2, version = $3, changed = $4 WHERE id = $1";
    tx.execute(sql, params![w.id, w.sealed.clone(), w.version, w.changed]).map(drop)
}

/// Removes one.
pub fn remove(tx: &mut dyn Tx, id: Id) -> Result<(), StoreError> {
    tx.execute("DELETE FROM writings WHERE id = $1", params![id]).map(drop)
}
