//! What became of each recipient of a message that was sent, found by the keyed digest of its Message-ID: whoever's copy stands in Sent.
use crate::{Id, Row, StoreError, Tx, many, params};

/// One recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Id: of the queue entry, for a recipient elsewhere; else a new one. What the rest is sealed with (`delivery`).
    pub id: Id,
    /// The BAL that sent.
    pub bal: Id,
    /// Keyed digest of the Message-ID, as in traces.
    pub mid: Vec<u8>,
    /// The recipient's tag, as in [`crate::rates`].
    pub tag: String,
    /// The recipient as traces show it.
    pub recipient: String,
    /// `queued`, `delayed`, `delivered`, `relayed`, `failed`, `expired`, `returned`, `deleted`.
    pub state: String,
    /// Code of the refusal, where there is one.
    pub code: Option<String>,
    /// Address, server, reply: JSON, sealed.
    pub sealed: Vec<u8>,
    /// When it was sent, milliseconds.
    pub sent: i64,
    /// When the state was reached, milliseconds.
    pub at: i64,
}

/// What became of one recipient since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Id of the delivery.
    pub id: Id,
    /// Its new state.
    pub state: &'static str,
    /// Code of the refusal, where there is one.
    pub code: Option<String>,
    /// Address, server, reply: JSON, sealed.
    pub sealed: Vec<u8>,
    /// When, milliseconds.
    pub at: i64,
}

const COLUMNS: &str = "id, bal_id, mid, tag, recipient, state, code, sealed, sent, at";

fn read(r: &Row) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: r.int(0)?,
        bal: r.int(1)?,
        mid: r.bytes(2)?,
        tag: r.text(3)?,
        recipient: r.text(4)?,
        state: r.text(5)?,
        code: r.opt_text(6)?,
        sealed: r.bytes(7)?,
        sent: r.int(8)?,
        at: r.int(9)?,
    })
}

/// Notes a recipient, in the transaction in which the message leaves.
pub fn insert(tx: &mut dyn Tx, d: &Delivery) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO deliveries ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    let (mid, sealed, code) = (d.mid.as_slice(), d.sealed.as_slice(), d.code.as_deref());
    tx.execute(&sql, params![d.id, d.bal, mid, &d.tag, &d.recipient, &d.state, code, sealed, d.sent, d.at]).map(drop)
}

/// Changes what waits; what is settled stays as it is, and what is not known here (a report, a notice) is passed over.
pub fn change(tx: &mut dyn Tx, c: &Change) -> Result<bool, StoreError> {
    let sql = "UPDATE deliveries SET state = $2, code = $3, sealed = $4, at = $5 WHERE id = $1 AND state IN ('queued', 'delayed')";
    Ok(tx.execute(sql, params![c.id, c.state, c.code.as_deref(), c.sealed.as_slice(), c.at])? > 0)
}

/// The recipients of what a BAL sent under these Message-IDs, in the order in which they were written; at most `limit`.
pub fn of_messages(tx: &mut dyn Tx, bal: Id, mids: &[Vec<u8>], limit: usize) -> Result<Vec<Delivery>, StoreError> {
    let sql = |list: &str| format!("SELECT {COLUMNS} FROM deliveries WHERE bal_id = $1 AND mid IN ({list})");
    let mut found = many::rows(tx, mids, params![bal], sql, read)?;
    found.sort_by_key(|d| (d.sent, d.id));
    found.truncate(limit);
    Ok(found)
}

/// Recipients of a message that are in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Keyed digest of the Message-ID.
    pub mid: Vec<u8>,
    /// Their state.
    pub state: String,
    /// How many.
    pub recipients: i64,
    /// When the last one reached it, milliseconds.
    pub at: i64,
}

/// How many recipients of what a BAL sent under these Message-IDs are in which state.
pub fn counts(tx: &mut dyn Tx, bal: Id, mids: &[Vec<u8>]) -> Result<Vec<Count>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT mid, state, CAST(COUNT(*) AS BIGINT), CAST(MAX(at) AS BIGINT) FROM deliveries \
             WHERE bal_id = $1 AND mid IN ({list}) GROUP BY mid, state"
        )
    };
    let read = |r: &Row| Ok(Count { mid: r.bytes(0)?, state: r.text(1)?, recipients: r.int(2)?, at: r.int(3)? });
    many::rows(tx, mids, params![bal], sql, read)
}

/// Forgets what was sent before an instant; at most `limit`. How many.
pub fn forget(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE sent < $1 ORDER BY sent LIMIT $2)";
    tx.execute(sql, params![before, limit])
}
