//! Rows of the outbound queue: messages, one entry a recipient, one row a destination.
//!
//! * A worker *claims* messages of a destination ([`claim`]): nobody else sends them until the claim ends, by settling, by release or by time.
//!   Several workers, of several nodes too, share a destination that takes mail. One that cannot be reached is put off by one row's change
//!   ([`put_off`]), however many entries wait for it; then one worker at a time tries it, under a lease ([`lease`]).
//! * Order: what was never tried has a *turn*, which is when it was queued, or a moment after the sender's last one that waits there: who sends a
//!   thousand messages does not stand before whoever sends one. What was put off comes by its time, alternately.
//! * An entry is deleted the moment its fate is known; with its last entry the message row goes ([`remove_done`]), then
//!   its blob is garbage and its transit epoch may end ([`epochs`]).
//!
//! Order of locks, so that transactions of several nodes do not deadlock: entries, their message, BALs, claims, destinations (ascending). A
//! statement that reads entries to decide about a destination runs after the destination's row is locked. A claim locks its message and no entry; who takes
//! entries off without a claim locks them, then the message, then looks for claims: one of the two sees what the other did.
mod claims;
mod destination;
mod hold;
mod tries;
mod view;
pub use claims::{Budget, claim, claimed, free_claims, is_claimed, ready, renew_claims, unclaim};
pub use destination::{
    Candidate, Health, NEVER, Unreached, candidates, free_dead_leases, health, lease, names, next_due, put_off,
    reached, release, remove_idle_destinations, renew, reschedule, wake,
};
pub use hold::{Held, Selection, exists, hold, let_go, release_held};
pub use tries::{Try, note_try, tries, tries_of};
pub use view::{
    Counts, DestinationView, EntryFilter, EntryView, State, counts, destinations, expired, late, list, show,
};

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
    /// How much of it reports bring back: 0 nothing was asked, 1 the header, 2 all.
    pub ret: i64,
    /// Envelope identifier of the sender, sealed.
    pub envid: Option<Vec<u8>>,
    /// Every hop must have verified TLS and say so (RFC 8689).
    pub requiretls: bool,
    /// The content is no sequence of lines (RFC 3030).
    pub binary: bool,
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
    /// When the sender wants reports (bits of `domain::dsn::Notify`); none when nothing was asked.
    pub notify: Option<i64>,
    /// The recipient as first written, sealed.
    pub orcpt: Option<Vec<u8>>,
}

/// What two messages of one sender to one destination stand apart in the order of turns, milliseconds.
const SPACE: i64 = 5_000;

const MESSAGE: &str = "id, blob_id, epoch, blob_key, bal_id, sender, sender_sealed, prefix, size, body_8bit, smtputf8, \
                       created, expires, tag, ret, envid, requiretls, binary_body";
const ENTRY: &str = "e.id, e.message_id, e.destination, e.recipient, e.recipient_sealed, e.attempts, \
                     COALESCE(d.unreached, e.unreached_base) - e.unreached_base, e.next_at, e.warn_at, e.expires, \
                     e.last_code, e.last_reply, e.notify, e.orcpt";
/// Columns of [`ENTRY`].
const ENTRY_COLUMNS: usize = 14;
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
        ret: r.int(14)?,
        envid: r.opt_bytes(15)?,
        requiretls: r.bool(16)?,
        binary: r.bool(17)?,
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
        notify: r.opt_int(12)?,
        orcpt: r.opt_bytes(13)?,
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
        &format!("INSERT INTO queue_messages ({MESSAGE}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)"),
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
            &m.tag,
            m.ret,
            m.envid.clone(),
            m.requiretls,
            m.binary
        ],
    )?;
    // Ascending order of destinations: the order of locks.
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| (&a.destination, a.id).cmp(&(&b.destination, b.id)));
    let mut base = (String::new(), 0);
    let mut turn = 0;
    for e in sorted {
        if base.0 != e.destination {
            turn = next_turn(tx, &e.destination, m.bal, m.created.0)?;
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
                 unreached_base, next_at, warn_at, expires, notify, orcpt, bal_id, turn)
             VALUES ($1,$2,$3,$4,$5,0,$6,$7,$8,$9,$10,$11,$12,$13)",
            params![
                e.id,
                m.id,
                &e.destination,
                &e.recipient,
                e.recipient_sealed.clone(),
                base.1,
                e.next_at.0,
                e.warn_at.map(|t| t.0),
                e.expires.0,
                e.notify,
                e.orcpt.clone(),
                m.bal,
                turn
            ],
        )?;
    }
    Ok(())
}

/// The turn of a message that a sender queues now for a destination.
fn next_turn(tx: &mut dyn Tx, destination: &str, bal: Id, now: i64) -> Result<i64, StoreError> {
    let sql = "SELECT MAX(turn) FROM queue_entries WHERE destination = $1 AND bal_id = $2 AND turn > 0";
    let last = tx.query_opt(sql, params![destination, bal])?.map_or(Ok(None), |r| r.opt_int(0))?;
    Ok(last.map_or(now, |last| now.max(last.saturating_add(SPACE))).max(1))
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
    tx.execute(&format!("DELETE FROM queue_tries WHERE entry_id IN ({marks})"), &values)?;
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
        "UPDATE queue_entries SET attempts = attempts + 1, next_at = $1, last_at = $2, last_code = $3, last_reply = $4,
             turn = CASE WHEN turn < 0 THEN turn ELSE 0 END WHERE id = $5",
        params![next.0, now.0, code, reply, id],
    )?;
    Ok(touched > 0)
}

/// When something of a message is due at a destination: the past when it is now; none when nothing is left there, or all of it is held.
pub fn left(tx: &mut dyn Tx, message: Id, domain: &str) -> Result<Option<Timestamp>, StoreError> {
    // By the message, of which there are few entries: `||` keeps the destination's index out, which has all that wait there.
    let sql = "SELECT MIN(CASE WHEN turn > 0 THEN 0 ELSE next_at END) FROM queue_entries
               WHERE message_id = $1 AND destination || '' = $2 AND turn >= 0";
    Ok(tx.query_opt(sql, params![message, domain])?.map_or(Ok(None), |r| r.opt_int(0))?.map(Timestamp))
}

/// Removes a message whose last entry has left. Its blob is garbage from then on, unless a BAL of ours has a copy.
pub fn remove_done(tx: &mut dyn Tx, message: Id, now: Timestamp) -> Result<bool, StoreError> {
    // Two workers that take the last two entries at once do not see each other's: the second one waits here, then looks.
    tx.query_opt("SELECT id FROM queue_messages WHERE id = $1 FOR UPDATE", params![message])?;
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

/// Makes entries due now, backoffs forgotten; how many. What is held stays held.
pub fn retry(tx: &mut dyn Tx, what: &Selection, now: Timestamp) -> Result<u64, StoreError> {
    let (filter, value) = what.sql(2);
    // What is due already is counted, not written again: there may be a hundred thousand of them.
    let (same, of) = what.sql(1);
    let count = tx.query_opt(&format!("SELECT COUNT(*) FROM queue_entries WHERE {same} AND turn >= 0"), &[of])?;
    let count = count.map_or(Ok(0), |r| r.int(0))?;
    tx.execute(
        &format!("UPDATE queue_entries SET next_at = $1 WHERE {filter} AND turn >= 0 AND next_at > $1"),
        &[Value::Int(now.0), value.clone()],
    )?;
    tx.execute(
        &format!(
            "UPDATE queue_destinations SET next_at = $1, failures = 0 WHERE held_at IS NULL
             AND domain IN (SELECT destination FROM queue_entries WHERE {filter} AND turn >= 0)"
        ),
        &[Value::Int(now.0), value],
    )?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Epochs that queued messages still need.
pub fn epochs(tx: &mut dyn Tx) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT epoch FROM queue_messages UNION SELECT epoch FROM notices WHERE sealed IS NOT NULL";
    tx.query(sql, &[])?.iter().map(|r| r.int(0)).collect()
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
