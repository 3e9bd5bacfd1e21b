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
