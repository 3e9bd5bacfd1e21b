//! Roles that one process at a time holds: the notary, the sweeper of blobs. A lease that its holder's death left behind ends by time.
use crate::{StoreError, Tx, params};

/// Takes or prolongs a role until `until` (milliseconds). False when another process holds it at `now`.
pub fn take(tx: &mut dyn Tx, name: &str, owner: &str, now: i64, until: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO leases (name, owner, until) VALUES ($1, $2, $4) ON CONFLICT (name) DO UPDATE \
               SET owner = excluded.owner, until = excluded.until WHERE leases.owner = excluded.owner OR leases.until <= $3";
    Ok(tx.execute(sql, params![name, owner, now, until])? > 0)
}

/// Gives a role back.
pub fn release(tx: &mut dyn Tx, name: &str, owner: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM leases WHERE name = $1 AND owner = $2", params![name, owner]).map(drop)
}

/// Does this process hold the role at `now`? Asked in the transaction of an act that only the holder may do.
pub fn held(tx: &mut dyn Tx, name: &str, owner: &str, now: i64) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM leases WHERE name = $1 AND owner = $2 AND until > $3 FOR UPDATE";
    Ok(tx.query_opt(sql, params![name, owner, now])?.is_some())
}
