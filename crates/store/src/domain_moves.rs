//! Domains that come from another operator or go to one (F216): one move at a time.
use crate::{Id, Row, StoreError, Tx, params};

/// A move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainMove {
    /// Which domain.
    pub domain_id: Id,
    /// Its name.
    pub domain: String,
    /// It comes to us; otherwise it goes.
    pub inward: bool,
    /// Since when, milliseconds.
    pub begun: i64,
    /// Until when BALs that are still here are served, milliseconds.
    pub until: Option<i64>,
}

const SELECT: &str = "SELECT m.domain_id, d.name, m.direction, m.begun, m.until_at FROM domain_moves m JOIN domains d ON d.id = m.domain_id";

fn read(row: &Row) -> Result<DomainMove, StoreError> {
    Ok(DomainMove {
        domain_id: row.int(0)?,
        domain: row.text(1)?,
        inward: row.text(2)? == "in",
        begun: row.int(3)?,
        until: row.opt_int(4)?,
    })
}

/// Every move, by domain.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<DomainMove>, StoreError> {
    tx.query(&format!("{SELECT} ORDER BY d.name"), &[])?.iter().map(read).collect()
}

/// Begins a move, or puts another in its place.
pub fn put(tx: &mut dyn Tx, m: &DomainMove) -> Result<(), StoreError> {
    let direction = if m.inward { "in" } else { "out" };
    let sql = "INSERT INTO domain_moves (domain_id, direction, begun, until_at) VALUES ($1, $2, $3, $4) ON CONFLICT (domain_id) \
               DO UPDATE SET direction = excluded.direction, begun = excluded.begun, until_at = excluded.until_at";
    tx.execute(sql, params![m.domain_id, direction, m.begun, m.until]).map(drop)
}

/// Ends a move; false when there is none.
pub fn remove(tx: &mut dyn Tx, domain: Id) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM domain_moves WHERE domain_id = $1", params![domain])? > 0)
}

/// BALs of a domain that still take mail.
pub fn open_bals(tx: &mut dyn Tx, domain: Id) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM bals WHERE domain_id = $1 AND state IN ('active', 'suspended', 'blocked')";
    tx.query_opt(sql, params![domain])?.map_or(Ok(0), |row| row.int(0))
}
