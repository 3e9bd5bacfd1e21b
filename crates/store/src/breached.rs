//! Breached passwords that the operator imported: first eight octets of their SHA-1. No rule is here.
//!
//! Promises: a list takes the place of the one before at once ([`put_in_force`]), one after the other when two end together; what is being written, or
//! was replaced, is never asked.
use crate::{Id, Row, StoreError, Tx, Value, params, settings};

/// A list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Which entries are its.
    pub generation: Id,
    /// Where it comes from, in the words of who imported it.
    pub source: String,
    /// Entries.
    pub entries: i64,
    /// In force since; while it is being written, last written. Milliseconds since 1970.
    pub changed: i64,
    /// By whom: a login.
    pub imported_by: String,
}

/// Entries in one statement.
const ROWS: usize = 500;

/// The prefix of a SHA-1 digest under which a password is looked up: its first eight octets, as they are kept.
pub fn prefix(sha1: &[u8; 20]) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&sha1[..8]);
    i64::from_be_bytes(first)
}

/// A list that begins; `entries` is not looked at.
pub fn begin(tx: &mut dyn Tx, l: &List) -> Result<(), StoreError> {
    let sql = "INSERT INTO breached_lists (generation, state, source, entries, changed, imported_by) VALUES ($1, 'draft', $2, 0, $3, $4)";
    tx.execute(sql, params![l.generation, &l.source, l.changed, &l.imported_by]).map(drop)
}

/// Adds to a list that is being written; an entry that is there already counts once. False when it is not being written any more.
pub fn add(tx: &mut dyn Tx, generation: Id, prefixes: &[i64], at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE breached_lists SET changed = $2 WHERE generation = $1 AND state = 'draft'";
    if tx.execute(sql, params![generation, at])? == 0 {
        return Ok(false);
    }
    let mut new = 0;
    for slice in prefixes.chunks(ROWS) {
        let rows: Vec<String> = (0..slice.len()).map(|i| format!("($1, ${})", i + 2)).collect();
        let sql = format!(
            "INSERT INTO breached (generation, prefix) VALUES {} ON CONFLICT (generation, prefix) DO NOTHING",
            rows.join(", ")
        );
        let values: Vec<Value> = std::iter::once(generation).chain(slice.iter().copied()).map(Value::from).collect();
        new += tx.execute(&sql, &values)?;
    }
    let sql = "UPDATE breached_lists SET entries = entries + $2 WHERE generation = $1";
    tx.execute(sql, params![generation, i64::try_from(new).unwrap_or(i64::MAX)])?;
    Ok(true)
}

/// Puts a list in force that is being written; the one before is removed by and by. False when it is not being written any more.
pub fn put_in_force(tx: &mut dyn Tx, generation: Id, at: i64) -> Result<bool, StoreError> {
    // Of two at once the second one sees what the first put in force: else both would replace the list before, and one of them fail.
    settings::put(tx, "breached.lock", b"", at)?;
    let sql = "SELECT generation FROM breached_lists WHERE generation = $1 AND state = 'draft' FOR UPDATE";
    if tx.query_opt(sql, params![generation])?.is_none() {
        return Ok(false);
    }
    tx.execute("UPDATE breached_lists SET state = 'gone' WHERE state = 'force'", &[])?;
    let sql = "UPDATE breached_lists SET state = 'force', changed = $2 WHERE generation = $1";
    Ok(tx.execute(sql, params![generation, at])? > 0)
}

/// Gives a list up that is being written.
pub fn give_up(tx: &mut dyn Tx, generation: Id) -> Result<(), StoreError> {
    let sql = "UPDATE breached_lists SET state = 'gone' WHERE generation = $1 AND state = 'draft'";
    tx.execute(sql, params![generation]).map(drop)
}

/// The list in force.
pub fn in_force(tx: &mut dyn Tx) -> Result<Option<List>, StoreError> {
    let sql = "SELECT generation, source, entries, changed, imported_by FROM breached_lists WHERE state = 'force'";
    let read = |r: Row| {
        Ok(List {
            generation: r.int(0)?,
            source: r.text(1)?,
            entries: r.int(2)?,
            changed: r.int(3)?,
            imported_by: r.text(4)?,
        })
    };
    tx.query_opt(sql, &[])?.map(read).transpose()
}

/// Is this prefix in the list in force? None when there is no list.
pub fn holds(tx: &mut dyn Tx, prefix: i64) -> Result<Option<bool>, StoreError> {
    let Some(list) = tx.query_opt("SELECT generation FROM breached_lists WHERE state = 'force'", &[])? else {
        return Ok(None);
    };
    let sql = "SELECT 1 FROM breached WHERE generation = $1 AND prefix = $2";
    Ok(Some(tx.query_opt(sql, params![list.int(0)?, prefix])?.is_some()))
}

/// Removes entries of lists that were replaced or given up, and of those whose writer did nothing since `before`; at most `limit` of one list. How many.
pub fn forget(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE breached_lists SET state = 'gone' WHERE state = 'draft' AND changed < $1";
    tx.execute(sql, params![before])?;
    let sql = "SELECT generation FROM breached_lists WHERE state = 'gone' ORDER BY generation";
    let Some(gone) = tx.query_opt(sql, &[])?.map(|r| r.int(0)).transpose()? else { return Ok(0) };
    let sql = "DELETE FROM breached WHERE generation = $1 AND prefix IN \
               (SELECT prefix FROM breached WHERE generation = $1 ORDER BY prefix LIMIT $2)";
    let entries = tx.execute(sql, params![gone, limit])?;
    if entries > 0 {
        return Ok(entries);
    }
    tx.execute("DELETE FROM breached_lists WHERE generation = $1", params![gone])
}
