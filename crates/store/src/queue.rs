//! Rows of the outbound queue: messages, one entry a recipient, one row a destination.
//!
//! * A worker leases a *destination* ([`lease`]); nobody else sends there until the lease ends, by release or by time. A
//!   destination that cannot be reached is put off by one row's change ([`put_off`]), however many entries wait for it.
//! * An entry is deleted the moment its fate is known; with its last entry the message row goes ([`remove_done`]), then
//!   its blob is garbage and its transit epoch may end ([`epochs`]).
//!
//! Order of locks, so that transactions of several nodes do not deadlock: entries, BALs, destinations (ascending). A
//! statement that reads entries to decide about a destination runs after the destination's row is locked.
mod view;
pub use view::{EntryFilter, EntryView, expired, late, list, show};

use crate::blob::{self, BlobId};
use crate::{Id, Row, StoreError, Tx, Value, params};
use sceau_domain::Timestamp;

impl crate::Store {
    /// Number of this node, which the owners of leases begin with.
    pub fn node(&self) -> u16 {
        self.0.config.node
    }
}

/// A message to queue. Everything sealed is prepared before the transaction.
#[derive(Debug, Clone)]
pub struct Message {
    /// Id.
    pub id: Id,
    /// Its content.
    pub blob: BlobId,
    /// Transit epoch of every sealed column.
    pub epoch: i64,
    /// Blob key, wrapped by the transit key.
    pub blob_key: Vec<u8>,
    /// Our BAL that sent it.
    pub bal: Id,
    /// Reverse path as shown, empty for `<>`.
    pub sender: String,
    /// Reverse path, sealed, when `sender` is a pseudonym.
    pub sender_sealed: Option<Vec<u8>>,
    /// Fields before the content, sealed.
    pub prefix: Vec<u8>,
    /// Clear bytes of prefix and content.
    pub size: i64,
    /// Needs 8BITMIME.
    pub body_8bit: bool,
    /// Needs SMTPUTF8.
    pub smtputf8: bool,
    /// When it was accepted.
    pub created: Timestamp,
    /// When we give up.
    pub expires: Timestamp,
    /// Id of the acceptance, as replied and traced.
    pub tag: String,
}

/// A recipient of a queued message.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Id.
    pub id: Id,
    /// Message.
    pub message: Id,
    /// Destination domain.
    pub destination: String,
    /// Recipient as shown.
    pub recipient: String,
    /// Recipient, sealed, when `recipient` is a pseudonym.
    pub recipient_sealed: Option<Vec<u8>>,
    /// Attempts that reached a server.
    pub attempts: i64,
    /// Attempts on the destination that reached none, since it was queued.
    pub unreached: i64,
    /// Next attempt.
    pub next_at: Timestamp,
    /// When to warn the sender; none once done.
    pub warn_at: Option<Timestamp>,
    /// When we give up.
    pub expires: Timestamp,
    /// Code of what last happened to it.
    pub last_code: Option<String>,
    /// What was last said to it, sealed.
    pub last_reply: Option<Vec<u8>>,
}

const MESSAGE: &str = "id, blob_id, epoch, blob_key, bal_id, sender, sender_sealed, prefix, size, body_8bit, smtputf8, \
                       created, expires, tag";
const ENTRY: &str = "e.id, e.message_id, e.destination, e.recipient, e.recipient_sealed, e.attempts, \
                     COALESCE(d.unreached, e.unreached_base) - e.unreached_base, e.next_at, e.warn_at, e.expires, \
                     e.last_code, e.last_reply";
const FROM: &str = "FROM queue_entries e LEFT JOIN queue_destinations d ON d.domain = e.destination";

fn message(r: &Row) -> Result<Message, StoreError> {
    Ok(Message {
        id: r.int(0)?,
        blob: blob::id_from(&r.bytes(1)?)?,
        epoch: r.int(2)?,
        blob_key: r.bytes(3)?,
        bal: r.int(4)?,
        sender: r.text(5)?,
        sender_sealed: r.opt_bytes(6)?,
        prefix: r.bytes(7)?,
        size: r.int(8)?,
        body_8bit: r.bool(9)?,
        smtputf8: r.bool(10)?,
        created: Timestamp(r.int(11)?),
        expires: Timestamp(r.int(12)?),
        tag: r.text(13)?,
    })
}

fn entry(r: &Row) -> Result<Entry, StoreError> {
    Ok(Entry {
        id: r.int(0)?,
        message: r.int(1)?,
        destination: r.text(2)?,
        recipient: r.text(3)?,
        recipient_sealed: r.opt_bytes(4)?,
        attempts: r.int(5)?,
        unreached: r.int(6)?,
        next_at: Timestamp(r.int(7)?),
        warn_at: r.opt_int(8)?.map(Timestamp),
        expires: Timestamp(r.int(9)?),
        last_code: r.opt_text(10)?,
        last_reply: r.opt_bytes(11)?,
    })
}

/// `$from, $from+1, …` and the values, for `IN (…)`.
fn list_of(ids: &[Id], from: usize) -> (String, Vec<Value>) {
    let marks: Vec<String> = (0..ids.len()).map(|i| format!("${}", from + i)).collect();
    (marks.join(", "), ids.iter().map(|&id| Value::Int(id)).collect())
}

/// Queues a message for its recipients and wakes their destinations (one in backoff keeps its time).
pub fn enqueue(tx: &mut dyn Tx, m: &Message, entries: &[Entry]) -> Result<(), StoreError> {
    tx.execute(
        &format!("INSERT INTO queue_messages ({MESSAGE}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)"),
        params![
            m.id,
            m.blob.as_slice(),
            m.epoch,
            m.blob_key.as_slice(),
            m.bal,
            &m.sender,
            m.sender_sealed.clone(),
            m.prefix.as_slice(),
            m.size,
            m.body_8bit,
            m.smtputf8,
            m.created.0,
            m.expires.0,
            &m.tag
        ],
    )?;
    // Ascending order of destinations: the order of locks.
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| (&a.destination, a.id).cmp(&(&b.destination, b.id)));
    let mut base = (String::new(), 0);
    for e in sorted {
        if base.0 != e.destination {
            let row = tx.query_opt(
                "INSERT INTO queue_destinations (domain, next_at, failures, unreached) VALUES ($1, $2, 0, 0)
                 ON CONFLICT (domain) DO UPDATE SET next_at = CASE
                     WHEN queue_destinations.failures = 0 AND excluded.next_at < queue_destinations.next_at
                     THEN excluded.next_at ELSE queue_destinations.next_at END
                 RETURNING unreached",
                params![&e.destination, e.next_at.0],
            )?;
            base = (e.destination.clone(), row.map_or(Ok(0), |r| r.int(0))?);
        }
        tx.execute(
            "INSERT INTO queue_entries (id, message_id, destination, recipient, recipient_sealed, attempts,
                 unreached_base, next_at, warn_at, expires) VALUES ($1,$2,$3,$4,$5,0,$6,$7,$8,$9)",
            params![
                e.id,
                m.id,
                &e.destination,
                &e.recipient,
                e.recipient_sealed.clone(),
                base.1,
                e.next_at.0,
                e.warn_at.map(|t| t.0),
                e.expires.0
            ],
        )?;
    }
    Ok(())
}

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

/// Sets when a destination whose row is locked is due, from its entries.
fn reschedule(tx: &mut dyn Tx, domain: &str, now: Timestamp) -> Result<(), StoreError> {
    let next = tx.query_opt("SELECT MIN(next_at) FROM queue_entries WHERE destination = $1", params![domain])?;
    match next.map_or(Ok(None), |r| r.opt_int(0))? {
        Some(at) => tx.execute(
            "UPDATE queue_destinations SET next_at = $1 WHERE domain = $2 AND failures = 0",
            params![at.max(now.0), domain],
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

/// The message that waits longest at a destination among those due, with its due entries there (at most `limit`).
pub fn due(
    tx: &mut dyn Tx,
    domain: &str,
    now: Timestamp,
    limit: u32,
) -> Result<Option<(Message, Vec<Entry>)>, StoreError> {
    let first = tx.query_opt(
        "SELECT message_id FROM queue_entries WHERE destination = $1 AND next_at <= $2 ORDER BY next_at, id LIMIT 1",
        params![domain, now.0],
    )?;
    let Some(first) = first else { return Ok(None) };
    let id = first.int(0)?;
    let rows = tx.query(
        &format!(
            "SELECT {ENTRY} {FROM} WHERE e.message_id = $1 AND e.destination = $2 AND e.next_at <= $3
             ORDER BY e.id LIMIT $4"
        ),
        params![id, domain, now.0, i64::from(limit)],
    )?;
    let entries = rows.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(message_by_id(tx, id)?.map(|m| (m, entries)))
}

/// A queued message.
pub fn message_by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Message>, StoreError> {
    let row = tx.query_opt(&format!("SELECT {MESSAGE} FROM queue_messages WHERE id = $1"), params![id])?;
    row.as_ref().map(message).transpose()
}

/// Entries by id, those that still exist, by ascending id.
pub fn entries(tx: &mut dyn Tx, ids: &[Id]) -> Result<Vec<Entry>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (marks, values) = list_of(ids, 1);
    let rows = tx.query(&format!("SELECT {ENTRY} {FROM} WHERE e.id IN ({marks}) ORDER BY e.id"), &values)?;
    rows.iter().map(entry).collect()
}

/// Takes entries off the queue; the ids that were really there.
pub fn remove(tx: &mut dyn Tx, ids: &[Id]) -> Result<Vec<Id>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (marks, values) = list_of(ids, 1);
    let rows = tx.query(&format!("DELETE FROM queue_entries WHERE id IN ({marks}) RETURNING id"), &values)?;
    let mut gone = rows.iter().map(|r| r.int(0)).collect::<Result<Vec<_>, _>>()?;
    gone.sort_unstable();
    Ok(gone)
}

/// The senders of these entries are warned; the ids that were to be.
pub fn warned(tx: &mut dyn Tx, ids: &[Id]) -> Result<Vec<Id>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (marks, values) = list_of(ids, 1);
    let sql =
        format!("UPDATE queue_entries SET warn_at = NULL WHERE id IN ({marks}) AND warn_at IS NOT NULL RETURNING id");
    let rows = tx.query(&sql, &values)?;
    let mut done = rows.iter().map(|r| r.int(0)).collect::<Result<Vec<_>, _>>()?;
    done.sort_unstable();
    Ok(done)
}

/// Puts one entry off. False when it is gone.
pub fn defer(
    tx: &mut dyn Tx,
    id: Id,
    next: Timestamp,
    now: Timestamp,
    code: &str,
    reply: Option<&[u8]>,
) -> Result<bool, StoreError> {
    let touched = tx.execute(
        "UPDATE queue_entries SET attempts = attempts + 1, next_at = $1, last_at = $2, last_code = $3, last_reply = $4
         WHERE id = $5",
        params![next.0, now.0, code, reply, id],
    )?;
    Ok(touched > 0)
}

/// Removes a message whose last entry has left. Its blob is garbage from then on, unless a BAL of ours has a copy.
pub fn remove_done(tx: &mut dyn Tx, message: Id, now: Timestamp) -> Result<bool, StoreError> {
    let gone = tx.query_opt(
        "DELETE FROM queue_messages WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM queue_entries WHERE message_id = $1)
         RETURNING blob_id",
        params![message],
    )?;
    match gone {
        Some(row) => blob::release(tx, &blob::id_from(&row.bytes(0)?)?, now).map(|()| true),
        None => Ok(false),
    }
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

/// Which entries an administrator asks to try now.
#[derive(Debug, Clone)]
pub enum Retry {
    /// One.
    Entry(Id),
    /// Those of a destination.
    Destination(String),
    /// All.
    All,
}

/// Makes entries due now, backoffs forgotten; how many.
pub fn retry(tx: &mut dyn Tx, what: &Retry, now: Timestamp) -> Result<u64, StoreError> {
    let (filter, value) = match what {
        Retry::Entry(id) => ("id = $2", Value::Int(*id)),
        Retry::Destination(domain) => ("destination = $2", Value::Text(domain.clone())),
        Retry::All => ("id >= $2", Value::Int(0)),
    };
    let touched = tx.execute(
        &format!("UPDATE queue_entries SET next_at = CASE WHEN next_at > $1 THEN $1 ELSE next_at END WHERE {filter}"),
        &[Value::Int(now.0), value.clone()],
    )?;
    let destinations = match what {
        Retry::Entry(_) => "domain IN (SELECT destination FROM queue_entries WHERE id = $2)",
        Retry::Destination(_) => "domain = $2",
        Retry::All => "failures >= $2",
    };
    tx.execute(
        &format!("UPDATE queue_destinations SET next_at = $1, failures = 0 WHERE {destinations}"),
        &[Value::Int(now.0), value],
    )?;
    Ok(touched)
}

/// Epochs that queued messages still need.
pub fn epochs(tx: &mut dyn Tx) -> Result<Vec<i64>, StoreError> {
    tx.query("SELECT DISTINCT epoch FROM queue_messages", &[])?.iter().map(|r| r.int(0)).collect()
}

/// How many entries wait, and since when the oldest does: for `/metrics`.
pub fn depth(tx: &mut dyn Tx) -> Result<(i64, Option<Timestamp>), StoreError> {
    let row =
        tx.query_opt("SELECT (SELECT COUNT(*) FROM queue_entries), (SELECT MIN(created) FROM queue_messages)", &[])?;
    match row {
        Some(r) => Ok((r.int(0)?, r.opt_int(1)?.map(Timestamp))),
        None => Ok((0, None)),
    }
}
