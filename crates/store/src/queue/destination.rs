//! Destinations: who works on which, when the next attempt is made, how long the backoff is.
use crate::{StoreError, Tx, params};
use sceau_domain::Timestamp;

/// Is any destination due and free? A read, so that idle workers write nothing.
pub fn anything_due(tx: &mut dyn Tx, now: Timestamp) -> Result<bool, StoreError> {
    let row = tx.query_opt(
        "SELECT domain FROM queue_destinations WHERE next_at <= $1 AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1",
        params![now.0],
    )?;
    Ok(row.is_some())
}

/// When the next destination will be due and free.
pub fn next_due(tx: &mut dyn Tx) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_opt(
        "SELECT MIN(CASE WHEN lease_until IS NOT NULL AND lease_until > next_at THEN lease_until ELSE next_at END)
         FROM queue_destinations",
        &[],
    )?;
    Ok(row.map_or(Ok(None), |r| r.opt_int(0))?.map(Timestamp))
}

/// Leases the destination due first to `owner` until `until`.
pub fn lease(tx: &mut dyn Tx, owner: &str, now: Timestamp, until: Timestamp) -> Result<Option<String>, StoreError> {
    // Where several nodes pick the same row, the second finds it taken after waiting for the first: it looks again.
    for _ in 0..8 {
        let Some(candidate) = tx.query_opt(
            "SELECT domain FROM queue_destinations WHERE next_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
             ORDER BY next_at, domain LIMIT 1",
            params![now.0],
        )?
        else {
            return Ok(None);
        };
        let domain = candidate.text(0)?;
        let taken = tx.execute(
            "UPDATE queue_destinations SET leased_by = $1, lease_until = $2
             WHERE domain = $3 AND (lease_until IS NULL OR lease_until <= $4)",
            params![owner, until.0, &domain, now.0],
        )?;
        if taken > 0 {
            return Ok(Some(domain));
        }
    }
    Ok(None)
}

/// Prolongs a lease that `owner` still holds; false when it is lost.
pub fn renew(tx: &mut dyn Tx, owner: &str, domain: &str, until: Timestamp) -> Result<bool, StoreError> {
    let touched = tx.execute(
        "UPDATE queue_destinations SET lease_until = $1 WHERE domain = $2 AND leased_by = $3",
        params![until.0, domain, owner],
    )?;
    Ok(touched > 0)
}

/// Does `owner` hold this destination's lease still?
pub fn holds(tx: &mut dyn Tx, owner: &str, domain: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM queue_destinations WHERE domain = $1 AND leased_by = $2";
    Ok(tx.query_opt(sql, params![domain, owner])?.is_some())
}

/// A server of the destination answered: the backoff of the destination starts anew.
pub fn reached(tx: &mut dyn Tx, domain: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE queue_destinations SET failures = 0, last_code = NULL, last_args = NULL WHERE domain = $1
         AND (failures <> 0 OR last_code IS NOT NULL)",
        params![domain],
    )?;
    Ok(())
}

/// Ends `owner`'s lease. The destination is due again with its next entry, but never before `now`: those that were due
/// earlier come first. Without entries the row goes.
pub fn release(tx: &mut dyn Tx, owner: &str, domain: &str, now: Timestamp) -> Result<(), StoreError> {
    let held = tx.execute(
        "UPDATE queue_destinations SET leased_by = NULL, lease_until = NULL WHERE domain = $1 AND leased_by = $2",
        params![domain, owner],
    )?;
    if held > 0 { reschedule(tx, domain, now) } else { Ok(()) }
}

/// Sets when a destination whose row is locked is due, from its entries. A backoff that has elapsed and found nothing due is
/// over: left as it is, the destination would be leased and given back without a pause until its next entry is due.
fn reschedule(tx: &mut dyn Tx, domain: &str, now: Timestamp) -> Result<(), StoreError> {
    let next = tx.query_opt("SELECT MIN(next_at) FROM queue_entries WHERE destination = $1", params![domain])?;
    match next.map_or(Ok(None), |r| r.opt_int(0))? {
        Some(at) => tx.execute(
            "UPDATE queue_destinations SET next_at = $1, failures = CASE WHEN $1 > $3 THEN 0 ELSE failures END
             WHERE domain = $2 AND (failures = 0 OR next_at <= $3)",
            params![at.max(now.0), domain, now.0],
        )?,
        None => {
            tx.execute("DELETE FROM queue_destinations WHERE domain = $1 AND leased_by IS NULL", params![domain])?
        }
    };
    Ok(())
}

/// What the last attempt on a destination said.
#[derive(Debug, Clone)]
pub struct Unreached {
    /// Refusal code.
    pub code: String,
    /// Placeholders of its sentence, JSON.
    pub args: String,
}

/// How a destination fares.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Consecutive attempts that reached no server.
    pub failures: i64,
    /// Code of the last of them.
    pub last_code: Option<String>,
    /// When its first entry is given up.
    pub first_expiry: Option<Timestamp>,
}

/// How a destination fares.
pub fn health(tx: &mut dyn Tx, domain: &str) -> Result<Health, StoreError> {
    let row = tx.query_opt("SELECT failures, last_code FROM queue_destinations WHERE domain = $1", params![domain])?;
    let Some(row) = row else { return Ok(Health::default()) };
    let first = tx.query_opt("SELECT MIN(expires) FROM queue_entries WHERE destination = $1", params![domain])?;
    Ok(Health {
        failures: row.int(0)?,
        last_code: row.opt_text(1)?,
        first_expiry: first.map_or(Ok(None), |r| r.opt_int(0))?.map(Timestamp),
    })
}

/// No server of the destination could be reached: all its entries wait until `next`, `owner`'s lease ends. How many wait.
pub fn put_off(
    tx: &mut dyn Tx,
    owner: &str,
    domain: &str,
    next: Timestamp,
    now: Timestamp,
    why: &Unreached,
) -> Result<i64, StoreError> {
    let held = tx.execute(
        "UPDATE queue_destinations SET next_at = $1, failures = failures + 1, unreached = unreached + 1,
             leased_by = NULL, lease_until = NULL, last_at = $2, last_code = $3, last_args = $4
         WHERE domain = $5 AND leased_by = $6",
        params![next.0, now.0, &why.code, &why.args, domain, owner],
    )?;
    if held == 0 {
        return Ok(0);
    }
    let row = tx.query_opt("SELECT COUNT(*) FROM queue_entries WHERE destination = $1", params![domain])?;
    let waiting = row.map_or(Ok(0), |r| r.int(0))?;
    if waiting == 0 {
        tx.execute("DELETE FROM queue_destinations WHERE domain = $1", params![domain])?;
    }
    Ok(waiting)
}

/// Frees the leases of dead processes of a node: every owner that starts with `node_prefix` and is not `alive`.
pub fn free_dead_leases(tx: &mut dyn Tx, node_prefix: &str, alive: &str) -> Result<u64, StoreError> {
    let held = tx.query(
        "SELECT domain, leased_by FROM queue_destinations WHERE leased_by IS NOT NULL AND leased_by <> $1",
        params![alive],
    )?;
    let mut freed = 0;
    for row in held {
        let (domain, owner) = (row.text(0)?, row.text(1)?);
        if owner.starts_with(node_prefix) {
            freed += tx.execute(
                "UPDATE queue_destinations SET leased_by = NULL, lease_until = NULL WHERE domain = $1 AND leased_by = $2",
                params![&domain, &owner],
            )?;
        }
    }
    Ok(freed)
}

/// Removes destinations for which nothing waits and nobody works.
pub fn remove_idle_destinations(tx: &mut dyn Tx, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let rows = tx.query(
        "SELECT domain FROM queue_destinations d WHERE (lease_until IS NULL OR lease_until <= $1)
         AND NOT EXISTS (SELECT 1 FROM queue_entries e WHERE e.destination = d.domain) ORDER BY domain LIMIT $2",
        params![now.0, i64::from(limit)],
    )?;
    let mut gone = 0;
    for row in rows {
        let domain = row.text(0)?;
        // Lock, then look at the entries again: a submission may have come in between.
        tx.execute("UPDATE queue_destinations SET leased_by = NULL WHERE domain = $1", params![&domain])?;
        gone += tx.execute(
            "DELETE FROM queue_destinations WHERE domain = $1
             AND NOT EXISTS (SELECT 1 FROM queue_entries WHERE destination = $1)",
            params![&domain],
        )?;
    }
    Ok(gone)
}
