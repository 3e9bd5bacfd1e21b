//! The hold that keeps blobs from being collected while a backup copies them.
//!
//! Promises: a blob that a snapshot names, taken after the hold was, stays until the hold ends: the collector asks in the
//! transaction that deletes rows, and whoever takes the hold waits for such a transaction. A hold whose process died ends by time.
use crate::leases;
use crate::{StoreError, Tx, params};

/// The lease's name.
const NAME: &str = "backup";
/// How long a hold lasts without being renewed, milliseconds.
const LASTS: i64 = 10 * 60_000;

/// Takes the hold. False when another backup has it.
pub(crate) fn take(tx: &mut dyn Tx, owner: &str, now: i64) -> Result<bool, StoreError> {
    leases::take(tx, NAME, owner, now, now.saturating_add(LASTS))
}

/// Renews the hold. False when it ended meanwhile: blobs may have been collected, and taking it anew would hide that.
pub(crate) fn renew(tx: &mut dyn Tx, owner: &str, now: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE leases SET until = $3 WHERE name = $1 AND owner = $2 AND until > $4";
    Ok(tx.execute(sql, params![NAME, owner, now.saturating_add(LASTS), now])? > 0)
}

/// Does this process have the hold still?
pub(crate) fn mine(tx: &mut dyn Tx, owner: &str, now: i64) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM leases WHERE name = $1 AND owner = $2 AND until > $3";
    Ok(tx.query_opt(sql, params![NAME, owner, now])?.is_some())
}

/// Gives the hold back.
pub(crate) fn release(tx: &mut dyn Tx, owner: &str) -> Result<(), StoreError> {
    leases::release(tx, NAME, owner)
}

/// Must no blob be removed now? Asked by the collector in the transaction that deletes rows of blobs; until it ends nobody takes
/// the hold.
pub(crate) fn held(tx: &mut dyn Tx, now: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO leases (name, owner, until) VALUES ($1, '', 0) \
               ON CONFLICT (name) DO UPDATE SET until = leases.until RETURNING until";
    let row = tx.query_opt(sql, params![NAME])?;
    Ok(row.map(|r| r.int(0)).transpose()?.is_some_and(|until| until > now))
}
