//! Roles that one process at a time holds: the notary, the sweeper of blobs; and works that go on somewhere else, like an import of mail. A lease
//! that its holder's death left behind ends by time.
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

/// Who holds a role at `now`, and until when.
pub fn holder(tx: &mut dyn Tx, name: &str, now: i64) -> Result<Option<(String, i64)>, StoreError> {
    let sql = "SELECT owner, until FROM leases WHERE name = $1 AND until > $2";
    tx.query_opt(sql, params![name, now])?.map(|r| Ok((r.text(0)?, r.int(1)?))).transpose()
}

/// Gives a role to somebody, whoever held it: for whoever judged that by [`holder`], behind a lock of what the role is about.
pub fn give(tx: &mut dyn Tx, name: &str, owner: &str, until: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO leases (name, owner, until) VALUES ($1, $2, $3) \
               ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until";
    tx.execute(sql, params![name, owner, until]).map(drop)
}

/// Forgets the roles whose names begin so and whose time is over at `now`. The prefix is one of ours, without `%` and `_`.
pub fn forget(tx: &mut dyn Tx, prefix: &str, now: i64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM leases WHERE name LIKE $1 AND until <= $2", params![format!("{prefix}%"), now])
}
