//! Claims: which messages of a destination are in whose hands. At least once: a claim that its process' death left behind is freed at once where
//! the death is known, and ends by time elsewhere; then the message is sent again.
use super::destination::{reschedule, wake};
use super::{Entry, Message};
use crate::{Id, StoreError, Tx, params};
use sceau_domain::Timestamp;

/// How much is claimed at once. The first message is taken however large it is, and a large one alone: it delays nobody.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Messages.
    pub messages: u32,
    /// Bytes of them together.
    pub bytes: i64,
}

/// What nobody has in hand, of an entry `e`, at the instant `$2`.
const FREE: &str = "NOT EXISTS (SELECT 1 FROM queue_claims c WHERE c.message_id = e.message_id AND c.destination = e.destination \
                    AND c.until > $2)";

/// Claims messages that are due at a destination until `until`, in order; their ids. None when the destination is put off (unless `owner` holds its
/// lease, to try it), held, or has nothing due that is free.
pub fn claim(
    tx: &mut dyn Tx,
    owner: &str,
    domain: &str,
    now: Timestamp,
    until: Timestamp,
    budget: Budget,
) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT failures, leased_by, lease_until, held_at FROM queue_destinations WHERE domain = $1";
    let Some(row) = tx.query_opt(sql, params![domain])? else { return Ok(Vec::new()) };
    let leased = row.opt_int(2)?.is_some_and(|end| end > now.0);
    let ours = leased && row.opt_text(1)?.as_deref() == Some(owner);
    let (failures, held) = (row.int(0)?, row.opt_int(3)?.is_some());
    if held || (leased && !ours) || (failures > 0 && !ours) {
        return Ok(Vec::new());
    }
    let (mut taken, mut bytes) = (Vec::new(), 0_i64);
    // Twice the number: another node may win some of them.
    for _ in 0..budget.messages.saturating_mul(2) {
        if taken.len() >= budget.messages as usize {
            break;
        }
        // Alternately what was never tried and what comes again, so that neither keeps the other waiting.
        let fresh_first = taken.len() % 2 == 0;
        let next = match pick(tx, domain, now, fresh_first)? {
            Some(id) => Some(id),
            None => pick(tx, domain, now, !fresh_first)?,
        };
        let Some(id) = next else { break };
        // Locked: who takes it off the queue at this moment ends first, or waits for this claim (`is_claimed`).
        let locked = tx.query_opt("SELECT size FROM queue_messages WHERE id = $1 FOR UPDATE", params![id])?;
        // Gone meanwhile.
        let Some(row) = locked else { continue };
        let size = row.int(0)?;
        if !taken.is_empty() && bytes.saturating_add(size) > budget.bytes {
            break;
        }
        let won = tx.query_opt(
            "INSERT INTO queue_claims (message_id, destination, owner, until) VALUES ($1, $2, $3, $4)
             ON CONFLICT (message_id, destination) DO UPDATE SET owner = excluded.owner, until = excluded.until
             WHERE queue_claims.until <= $5 RETURNING message_id",
            params![id, domain, owner, until.0, now.0],
        )?;
        if won.is_some() {
            taken.push(id);
            bytes = bytes.saturating_add(size);
        }
    }
    // What remains is due now, as the row says already; otherwise it says when to look again.
    if !ready(tx, domain, now, 1)?.any() {
        reschedule(tx, domain, now)?;
    }
    Ok(taken)
}

/// The next message of a destination that is free: one never tried, or one that comes again.
fn pick(tx: &mut dyn Tx, domain: &str, now: Timestamp, fresh: bool) -> Result<Option<Id>, StoreError> {
    let (due, order) =
        if fresh { ("e.turn > 0", "e.turn, e.next_at") } else { ("e.turn = 0 AND e.next_at <= $2", "e.next_at") };
    let sql = format!(
        "SELECT e.message_id FROM queue_entries e WHERE e.destination = $1 AND {due} AND {FREE} ORDER BY {order} LIMIT 1"
    );
    tx.query_opt(&sql, params![domain, now.0])?.map(|r| r.int(0)).transpose()
}

/// How much is due at a destination and free.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// Recipients, counted up to a bound.
    pub entries: i64,
}

impl Ready {
    /// Anything?
    pub fn any(self) -> bool {
        self.entries > 0
    }
}

/// Counts what is due at a destination and free, up to `limit`.
pub fn ready(tx: &mut dyn Tx, domain: &str, now: Timestamp, limit: i64) -> Result<Ready, StoreError> {
    let count = |tx: &mut dyn Tx, due: &str| {
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM queue_entries e WHERE e.destination = $1 AND {due} AND {FREE} LIMIT $3) AS found"
        );
        tx.query_opt(&sql, params![domain, now.0, limit])?.map_or(Ok(0), |r| r.int(0))
    };
    let fresh = count(tx, "e.turn > 0")?;
    let again = if fresh >= limit { 0 } else { count(tx, "e.turn = 0 AND e.next_at <= $2")? };
    Ok(Ready { entries: fresh + again })
}

/// A message that `owner` has claimed, with its due entries at the destination (at most `limit`): none when the claim was lost, or nothing of it is
/// due any more (held or taken off meanwhile: the claim is of no more use, [`unclaim`]).
pub fn claimed(
    tx: &mut dyn Tx,
    owner: &str,
    domain: &str,
    message: Id,
    now: Timestamp,
    limit: u32,
) -> Result<Option<(Message, Vec<Entry>)>, StoreError> {
    let sql = "SELECT 1 FROM queue_claims WHERE message_id = $1 AND destination = $2 AND owner = $3";
    if tx.query_opt(sql, params![message, domain, owner])?.is_none() {
        return Ok(None);
    }
    let rows = tx.query(
        &format!(
            // By the message, of which there are few entries: `||` keeps the destination's index out, which has all that wait there.
            "SELECT {} {} WHERE e.message_id = $1 AND e.destination || '' = $2 AND (e.turn > 0 OR (e.turn = 0 AND e.next_at <= $3))
             ORDER BY e.id LIMIT $4",
            super::ENTRY,
            super::FROM
        ),
        params![message, domain, now.0, i64::from(limit)],
    )?;
    let entries = rows.iter().map(super::entry).collect::<Result<Vec<_>, _>>()?;
    if entries.is_empty() {
        return Ok(None);
    }
    Ok(super::message_by_id(tx, message)?.map(|m| (m, entries)))
}

/// Prolongs the claims that `owner` still has on these messages of a destination; how many.
pub fn renew_claims(
    tx: &mut dyn Tx,
    owner: &str,
    domain: &str,
    messages: &[Id],
    now: Timestamp,
    until: Timestamp,
) -> Result<u64, StoreError> {
    let mut renewed = 0;
    for message in messages {
        renewed += tx.execute(
            "UPDATE queue_claims SET until = $1 WHERE message_id = $2 AND destination = $3 AND owner = $4 AND until > $5",
            params![until.0, *message, domain, owner, now.0],
        )?;
    }
    Ok(renewed)
}

/// Gives messages back that `owner` has claimed: what of them is due may be claimed again.
pub fn unclaim(tx: &mut dyn Tx, owner: &str, domain: &str, messages: &[Id]) -> Result<(), StoreError> {
    for message in messages {
        tx.execute(
            "DELETE FROM queue_claims WHERE message_id = $1 AND destination = $2 AND owner = $3",
            params![*message, domain, owner],
        )?;
    }
    Ok(())
}

/// Frees the claims of every owner that `is_dead`, and makes their destinations look again.
pub fn free_claims(tx: &mut dyn Tx, now: Timestamp, is_dead: impl Fn(&str) -> bool) -> Result<u64, StoreError> {
    let rows = tx.query("SELECT DISTINCT destination, owner FROM queue_claims ORDER BY destination, owner", &[])?;
    let mut freed = 0;
    for row in rows {
        let (domain, owner) = (row.text(0)?, row.text(1)?);
        if is_dead(&owner) {
            freed +=
                tx.execute("DELETE FROM queue_claims WHERE destination = $1 AND owner = $2", params![&domain, &owner])?;
            wake(tx, &domain, now)?;
        }
    }
    Ok(freed)
}

/// Has a worker this message in hand for one of these destinations? A claim that is being made is waited for, and none is made until the end of this
/// transaction: whoever takes something off the queue under no claim of its own asks after it has, in the order of locks (entries, message).
pub fn is_claimed(tx: &mut dyn Tx, message: Id, destinations: &[String], now: Timestamp) -> Result<bool, StoreError> {
    tx.query_opt("SELECT id FROM queue_messages WHERE id = $1 FOR UPDATE", params![message])?;
    let sql = "SELECT destination FROM queue_claims WHERE message_id = $1 AND until > $2";
    let claimed = tx.query(sql, params![message, now.0])?;
    let claimed = claimed.iter().map(|r| r.text(0)).collect::<Result<Vec<_>, _>>()?;
    Ok(claimed.iter().any(|c| destinations.contains(c)))
}
