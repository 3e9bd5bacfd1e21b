//! Annotations of folders and BALs (METADATA, RFC 5464): names and values sealed under the BAL's key, names looked up by a keyed digest.
use crate::{Id, StoreError, Tx, params};

/// An annotation, sealed.
#[derive(Debug, Clone)]
pub struct Annotation {
    /// Id, to which what is sealed is bound.
    pub id: Id,
    /// BAL.
    pub bal: Id,
    /// Folder; 0 for the BAL as a whole.
    pub folder: Id,
    /// Whose alone; 0 for everybody's.
    pub person: Id,
    /// Keyed digest of the name.
    pub tag: Vec<u8>,
    /// Sealed name (`annotation.name`, object = id).
    pub name: Vec<u8>,
    /// Sealed value (`annotation.value`, object = id).
    pub value: Vec<u8>,
    /// Bytes of name and value in clear.
    pub bytes: i64,
    /// When it was set, milliseconds since 1970.
    pub changed: i64,
}

/// Sets an annotation: what had this name is gone.
pub fn set(tx: &mut dyn Tx, a: &Annotation) -> Result<(), StoreError> {
    remove(tx, a.bal, a.folder, a.person, &a.tag)?;
    let sql = "INSERT INTO annotations (id, bal_id, folder_id, person_id, name_tag, name_sealed, value_sealed, bytes, changed) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (tag, name, value) = (a.tag.as_slice(), a.name.as_slice(), a.value.as_slice());
    tx.execute(sql, params![a.id, a.bal, a.folder, a.person, tag, name, value, a.bytes, a.changed]).map(drop)
}

/// Removes one; false when there was none.
pub fn remove(tx: &mut dyn Tx, bal: Id, folder: Id, person: Id, tag: &[u8]) -> Result<bool, StoreError> {
    let sql = "DELETE FROM annotations WHERE bal_id = $1 AND folder_id = $2 AND person_id = $3 AND name_tag = $4";
    Ok(tx.execute(sql, params![bal, folder, person, tag])? > 0)
}

/// Those of a folder (0: of the BAL as a whole) that are everybody's, and this person's own.
pub fn of(tx: &mut dyn Tx, bal: Id, folder: Id, person: Id) -> Result<Vec<Annotation>, StoreError> {
    let sql = "SELECT id, person_id, name_tag, name_sealed, value_sealed, bytes, changed FROM annotations \
               WHERE bal_id = $1 AND folder_id = $2 AND person_id IN (0, $3) ORDER BY id";
    let read = |r: &crate::Row| {
        let (id, person) = (r.int(0)?, r.int(1)?);
        let (tag, name, value) = (r.bytes(2)?, r.bytes(3)?, r.bytes(4)?);
        Ok(Annotation { id, bal, folder, person, tag, name, value, bytes: r.int(5)?, changed: r.int(6)? })
    };
    tx.query(sql, params![bal, folder, person])?.iter().map(read).collect()
}

/// Folder, id and sealed name of those of a BAL that are everybody's, and of this person's own.
pub fn names(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<Vec<(Id, Id, Vec<u8>)>, StoreError> {
    let sql =
        "SELECT folder_id, id, name_sealed FROM annotations WHERE bal_id = $1 AND person_id IN (0, $2) ORDER BY id";
    tx.query(sql, params![bal, person])?.iter().map(|r| Ok((r.int(0)?, r.int(1)?, r.bytes(2)?))).collect()
}

/// How many a person (0: everybody) has at a BAL, and their bytes.
pub fn weight(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM annotations WHERE bal_id = $1 AND person_id = $2";
    match tx.query_opt(sql, params![bal, person])? {
        Some(row) => Ok((row.int(0)?, row.int(1)?)),
        None => Ok((0, 0)),
    }
}

/// Forgets those of a folder that goes.
pub(crate) fn forget(tx: &mut dyn Tx, bal: Id, folder: Id) -> Result<(), StoreError> {
    tx.execute("DELETE FROM annotations WHERE bal_id = $1 AND folder_id = $2", params![bal, folder]).map(drop)
}
