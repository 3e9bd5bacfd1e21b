//! Small values kept under a name: the last good white list, marks of what was done until when, fencing.
//!
//! Promises: a value's version grows with each change, so that [`replace`] lets one of several nodes win and tells the others.
use crate::{StoreError, Tx, params};

/// A value with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The bytes, as they were given (seal what is secret).
    pub value: Vec<u8>,
    /// Grows by one with each change; the first is 1.
    pub version: i64,
    /// Last change, milliseconds since 1970.
    pub updated: i64,
}

/// The value of a name.
pub fn get(tx: &mut dyn Tx, name: &str) -> Result<Option<Setting>, StoreError> {
    tx.query_opt("SELECT value, version, updated FROM settings WHERE name = $1", params![name])?
        .map(|r| Ok(Setting { value: r.bytes(0)?, version: r.int(1)?, updated: r.int(2)? }))
        .transpose()
}

/// Sets a value whatever it was. Its new version.
pub fn put(tx: &mut dyn Tx, name: &str, value: &[u8], at: i64) -> Result<i64, StoreError> {
    let sql = "INSERT INTO settings (name, value, version, updated) VALUES ($1, $2, 1, $3) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = settings.version + 1, updated = excluded.updated \
               RETURNING version";
    match tx.query_opt(sql, params![name, value, at])? {
        Some(row) => row.int(0),
        None => Err(StoreError::Other("a setting returned no version".into())),
    }
}

/// Sets a value only if its version is still `seen` (0: it does not exist). False when another was first.
pub fn replace(tx: &mut dyn Tx, name: &str, seen: i64, value: &[u8], at: i64) -> Result<bool, StoreError> {
    let done = if seen == 0 {
        let sql =
            "INSERT INTO settings (name, value, version, updated) VALUES ($1, $2, 1, $3) ON CONFLICT (name) DO NOTHING";
        tx.execute(sql, params![name, value, at])?
    } else {
        let sql =
            "UPDATE settings SET value = $2, version = version + 1, updated = $3 WHERE name = $1 AND version = $4";
        tx.execute(sql, params![name, value, at, seen])?
    };
    Ok(done > 0)
}

/// Removes a value; false when there was none.
pub fn remove(tx: &mut dyn Tx, name: &str) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM settings WHERE name = $1", params![name])? > 0)
}
