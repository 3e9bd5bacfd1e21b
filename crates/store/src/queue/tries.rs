//! Attempts that did not succeed, each with what was said: the history of an entry and of a destination.
use crate::{Id, Row, StoreError, Tx, Value, params};
use sceau_domain::Timestamp;

/// Attempts kept of one entry and of one destination: more than five days of them.
const KEPT: i64 = 200;

/// An attempt that did not succeed.
#[derive(Debug, Clone)]
pub struct Try {
    /// Id.
    pub id: Id,
    /// The recipient; none when no server of the destination was reached.
    pub entry: Option<Id>,
    /// Destination.
    pub destination: String,
    /// When.
    pub at: Timestamp,
    /// Server, when one was reached.
    pub server: Option<String>,
    /// Code of the refusal.
    pub code: String,
    /// What was said, in full, sealed.
    pub reply: Option<Vec<u8>>,
    /// Placeholders of the refusal's sentence, JSON.
    pub args: Option<String>,
}

/// Keeps an attempt; the oldest go.
pub fn note_try(tx: &mut dyn Tx, t: &Try) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO queue_tries (id, entry_id, destination, at, server, code, reply, args) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)",
        params![t.id, t.entry, &t.destination, t.at.0, t.server.clone(), &t.code, t.reply.clone(), t.args.clone()],
    )?;
    let (of, value) = match t.entry {
        Some(entry) => ("entry_id = $1", Value::Int(entry)),
        None => ("entry_id IS NULL AND destination = $1", Value::Text(t.destination.clone())),
    };
    let sql = format!(
        "DELETE FROM queue_tries WHERE {of} AND id IN (SELECT id FROM queue_tries WHERE {of} ORDER BY at DESC, id DESC LIMIT 20 OFFSET $2)"
    );
    tx.execute(&sql, &[value, Value::Int(KEPT)])?;
    Ok(())
}

const COLUMNS: &str = "SELECT id, entry_id, destination, at, server, code, reply, args FROM queue_tries";

fn read(r: &Row) -> Result<Try, StoreError> {
    Ok(Try {
        id: r.int(0)?,
        entry: r.opt_int(1)?,
        destination: r.text(2)?,
        at: Timestamp(r.int(3)?),
        server: r.opt_text(4)?,
        code: r.text(5)?,
        reply: r.opt_bytes(6)?,
        args: r.opt_text(7)?,
    })
}

/// Attempts on an entry, oldest first.
pub fn tries(tx: &mut dyn Tx, entry: Id) -> Result<Vec<Try>, StoreError> {
    let sql = format!("{COLUMNS} WHERE entry_id = $1 ORDER BY at, id");
    tx.query(&sql, params![entry])?.iter().map(read).collect()
}

/// Attempts on a destination as a whole since an instant, oldest first.
pub fn tries_of(tx: &mut dyn Tx, destination: &str, since: Timestamp) -> Result<Vec<Try>, StoreError> {
    let sql = format!("{COLUMNS} WHERE destination = $1 AND at >= $2 AND entry_id IS NULL ORDER BY at, id");
    tx.query(&sql, params![destination, since.0])?.iter().map(read).collect()
}
