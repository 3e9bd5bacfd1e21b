//! Destinations: who works on which, when the next attempt is made, how long the backoff is.
use crate::{StoreError, Tx, Value, params};
use sceau_domain::Timestamp;

/// What lies beyond every instant that is waited for: all that waits at a destination is held.
pub const NEVER: i64 = 8_640_000_000_000_000;
/// Free for `owner`: not leased to another who tries it.
const FREE: &str = "held_at IS NULL AND (lease_until IS NULL OR lease_until <= $1)";

/// A destination where something is due.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its name.
    pub domain: String,
    /// It could not be reached last time: one worker tries it, under a lease.
    pub failing: bool,
}

/// Destinations that are due and free, those due first first, beside some; with those that could not be reached last time, or without. A read, so that
/// idle workers write nothing.
pub fn candidates(
    tx: &mut dyn Tx,
    now: Timestamp,
    beside: &[String],
    failing: bool,
    limit: u32,
) -> Result<Vec<Candidate>, StoreError> {
    let mut values = vec![Value::Int(now.0), Value::Int(limit.into())];
    let others = not_among(beside, &mut values);
    let healthy = if failing { "" } else { " AND failures = 0" };
    let sql = format!(
        "SELECT domain, failures FROM queue_destinations WHERE next_at <= $1 AND {FREE}{healthy}{others} ORDER BY next_at, domain LIMIT $2"
    );
    tx.query(&sql, &values)?.iter().map(|r| Ok(Candidate { domain: r.text(0)?, failing: r.int(1)? > 0 })).collect()
}

/// Names of all destinations, in order.
pub fn names(tx: &mut dyn Tx) -> Result<Vec<String>, StoreError> {
    tx.query("SELECT domain FROM queue_destinations ORDER BY domain", &[])?.iter().map(|r| r.text(0)).collect()
}

fn not_among(names: &[String], values: &mut Vec<Value>) -> String {
    if names.is_empty() {
        return String::new();
    }
    let marks: Vec<String> = names
        .iter()
        .map(|name| {
            values.push(name.into());
            format!("${}", values.len())
        })
        .collect();
    format!(" AND domain NOT IN ({})", marks.join(", "))
}

/// When the next destination beside some will be due and free.
pub fn next_due(tx: &mut dyn Tx, beside: &[String]) -> Result<Option<Timestamp>, StoreError> {
    let mut values = Vec::new();
    let others = not_among(beside, &mut values);
    let sql = format!(
        "SELECT MIN(CASE WHEN lease_until IS NOT NULL AND lease_until > next_at THEN lease_until ELSE next_at END)
         FROM queue_destinations WHERE held_at IS NULL{others}"
    );
    let row = tx.query_opt(&sql, &values)?;
    Ok(row.map_or(Ok(None), |r| r.opt_int(0))?.map(Timestamp))
}

/// Leases a destination that could not be reached to `owner` until `until`, so that one worker tries it. False when another has it.
pub fn lease(tx: &mut dyn Tx, owner: &str, domain: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
    let taken = tx.execute(
        &format!("UPDATE queue_destinations SET leased_by = $2, lease_until = $3 WHERE domain = $4 AND next_at <= $1 AND {FREE}"),
        params![now.0, owner, until.0, domain],
    )?;
    Ok(taken > 0)
}

/// Prolongs a lease that `owner` still holds; false when it is lost.
pub fn renew(tx: &mut dyn Tx, owner: &str, domain: &str, until: Timestamp) -> Result<bool, StoreError> {
    let touched = tx.execute(
        "UPDATE queue_destinations SET lease_until = $1 WHERE domain = $2 AND leased_by = $3",
        params![until.0, domain, owner],
    )?;
    Ok(touched > 0)
}

/// A server of the destination answered: the backoff of the destination starts anew, and whoever has work for it may go.
pub fn reached(tx: &mut dyn Tx, domain: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE queue_destinations SET next_at = CASE WHEN failures <> 0 AND next_at > $2 THEN $2 ELSE next_at END, failures = 0,
             last_code = NULL, last_args = NULL, leased_by = NULL, lease_until = NULL
         WHERE domain = $1 AND (failures <> 0 OR last_code IS NOT NULL OR leased_by IS NOT NULL)",
        params![domain, now.0],
    )?;
    Ok(())
}

/// Ends `owner`'s lease, if it has one. The destination is due again with its next entry, but never before `now`: those that were due
/// earlier come first. Without entries the row goes.
pub fn release(tx: &mut dyn Tx, owner: &str, domain: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE queue_destinations SET leased_by = NULL, lease_until = NULL WHERE domain = $1 AND leased_by = $2",
        params![domain, owner],
    )?;
    reschedule(tx, domain, now)
}

/// Something at the destination became due: it is looked at, unless it is put off.
pub fn wake(tx: &mut dyn Tx, domain: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE queue_destinations SET next_at = $1 WHERE domain = $2 AND next_at > $1 AND failures = 0",
        params![at.0, domain],
    )?;
    Ok(())
}

/// Sets when a destination is due, from its entries that nobody has in hand. A backoff that has elapsed and found nothing due is
/// over: left as it is, the destination would be tried and given back without a pause until its next entry is due. While somebody tries it, it is not.
pub fn reschedule(tx: &mut dyn Tx, domain: &str, now: Timestamp) -> Result<(), StoreError> {
    // Lock first, then look at the entries.
    let sql = "SELECT leased_by, held_at FROM queue_destinations WHERE domain = $1 FOR UPDATE";
    let Some(row) = tx.query_opt(sql, params![domain])? else { return Ok(()) };
    let kept = row.opt_text(0)?.is_some() || row.opt_int(1)?.is_some();
    let next = if super::ready(tx, domain, now, 1)?.any() {
        Some(now.0)
    } else {
        let free = "NOT EXISTS (SELECT 1 FROM queue_claims c WHERE c.message_id = e.message_id AND c.destination = e.destination \
                    AND c.until > $2)";
        let sql = format!(
            "SELECT e.next_at FROM queue_entries e WHERE e.destination = $1 AND e.turn = 0 AND {free} ORDER BY e.next_at LIMIT 1"
        );
        let waiting = tx.query_opt(&sql, params![domain, now.0])?.map(|r| r.int(0)).transpose()?;
        let sql = "SELECT MIN(until) FROM queue_claims WHERE destination = $1 AND until > $2";
        let in_hand = tx.query_opt(sql, params![domain, now.0])?.map_or(Ok(None), |r| r.opt_int(0))?;
        [waiting, in_hand].into_iter().flatten().min()
    };
    let next = match next {
        Some(next) => next,
        None => {
            let any = tx.query_opt("SELECT 1 FROM queue_entries WHERE destination = $1 LIMIT 1", params![domain])?;
            if any.is_none() && !kept {
                tx.execute("DELETE FROM queue_destinations WHERE domain = $1", params![domain])?;
                return Ok(());
            }
            NEVER
        }
    };
    tx.execute(
        "UPDATE queue_destinations SET next_at = $1,
             failures = CASE WHEN $1 > $3 AND leased_by IS NULL THEN 0 ELSE failures END
         WHERE domain = $2 AND (failures = 0 OR next_at <= $3)",
        params![next.max(now.0), domain, now.0],
    )?;
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

/// No server of the destination could be reached: all its entries wait until `next`, `owner`'s lease ends. How many wait; none when another has
/// put it off meanwhile, or tries it.
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
         WHERE domain = $5 AND (leased_by = $6 OR ((lease_until IS NULL OR lease_until <= $2) AND (failures = 0 OR next_at <= $2)))",
        params![next.0, now.0, &why.code, &why.args, domain, owner],
    )?;
    if held == 0 {
        return Ok(0);
    }
    let row = tx.query_opt("SELECT COUNT(*) FROM queue_entries WHERE destination = $1", params![domain])?;
    let waiting = row.map_or(Ok(0), |r| r.int(0))?;
    if waiting == 0 {
        tx.execute("DELETE FROM queue_destinations WHERE domain = $1 AND held_at IS NULL", params![domain])?;
    }
    Ok(waiting)
}

/// Frees the leases and the claims of dead processes of a node: every owner that starts with `node_prefix` and is not `alive`.
pub fn free_dead_leases(tx: &mut dyn Tx, node_prefix: &str, alive: &str, now: Timestamp) -> Result<u64, StoreError> {
    let held = tx.query(
        "SELECT domain, leased_by FROM queue_destinations WHERE leased_by IS NOT NULL AND leased_by <> $1",
        params![alive],
    )?;
    let mut freed = super::free_claims(tx, now, |owner| owner != alive && owner.starts_with(node_prefix))?;
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
    // Claims on what was returned or deleted meanwhile; and what was tried where nothing waits any more.
    tx.execute("DELETE FROM queue_claims WHERE until <= $1", params![now.0])?;
    tx.execute(
        "DELETE FROM queue_tries WHERE entry_id IS NULL
         AND NOT EXISTS (SELECT 1 FROM queue_destinations d WHERE d.domain = queue_tries.destination)",
        &[],
    )?;
    let rows = tx.query(
        "SELECT domain FROM queue_destinations d WHERE (lease_until IS NULL OR lease_until <= $1) AND held_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM queue_entries e WHERE e.destination = d.domain) ORDER BY domain LIMIT $2",
        params![now.0, i64::from(limit)],
    )?;
    let mut gone = 0;
    for row in rows {
        let domain = row.text(0)?;
        // Lock, then look at the entries again: a submission may have come in between.
        tx.execute("UPDATE queue_destinations SET leased_by = NULL WHERE domain = $1", params![&domain])?;
        gone += tx.execute(
            "DELETE FROM queue_destinations WHERE domain = $1 AND held_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM queue_entries WHERE destination = $1)",
            params![&domain],
        )?;
    }
    Ok(gone)
}
