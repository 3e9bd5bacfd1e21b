//! Holding: what somebody decided shall wait, whatever its time; and which entries an administrator speaks of.
use super::destination::NEVER;
use crate::{Id, StoreError, Tx, Value, params};
use sceau_domain::Timestamp;

/// Which entries an administrator speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// One.
    Entry(Id),
    /// Those of a message.
    Message(Id),
    /// Those of a destination.
    Destination(String),
    /// Those that a BAL sent.
    Sender(Id),
    /// All.
    All,
}

impl Selection {
    /// A condition on `queue_entries` and the value of its parameter `$n`.
    pub(super) fn sql(&self, n: usize) -> (String, Value) {
        match self {
            Self::Entry(id) => (format!("id = ${n}"), Value::Int(*id)),
            Self::Message(id) => (format!("message_id = ${n}"), Value::Int(*id)),
            Self::Destination(domain) => (format!("destination = ${n}"), Value::Text(domain.clone())),
            Self::Sender(bal) => {
                (format!("message_id IN (SELECT id FROM queue_messages WHERE bal_id = ${n})"), Value::Int(*bal))
            }
            Self::All => (format!("id >= ${n}"), Value::Int(0)),
        }
    }
}

/// Is there anything of what is selected?
pub fn exists(tx: &mut dyn Tx, what: &Selection) -> Result<bool, StoreError> {
    let (filter, value) = what.sql(1);
    let found = tx.query_opt(&format!("SELECT id FROM queue_entries WHERE {filter} LIMIT 1"), &[value])?;
    Ok(found.is_some())
}

/// Who holds, why, until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Since when.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// Released by itself then.
    pub until: Option<Timestamp>,
}

/// Holds what is selected and not held yet; how many entries. A destination is held as a whole: what comes later for it too.
pub fn hold(tx: &mut dyn Tx, what: &Selection, held: &Held) -> Result<u64, StoreError> {
    let (filter, value) = what.sql(5);
    let until = held.until.map(|t| t.0);
    let count = tx.execute(
        &format!(
            "UPDATE queue_entries SET turn = -1, held_at = $1, held_by = $2, held_why = $3, held_until = $4
             WHERE {filter} AND turn >= 0"
        ),
        &[held.at.0.into(), (&held.by).into(), (&held.why).into(), until.into(), value],
    )?;
    if let Selection::Destination(domain) = what {
        tx.execute(
            "INSERT INTO queue_destinations (domain, next_at, failures, unreached, held_at, held_by, held_why, held_until)
             VALUES ($1, $2, 0, 0, $3, $4, $5, $6) ON CONFLICT (domain) DO UPDATE SET held_at = excluded.held_at,
             held_by = excluded.held_by, held_why = excluded.held_why, held_until = excluded.held_until",
            params![domain, NEVER, held.at.0, &held.by, &held.why, until],
        )?;
    }
    Ok(count)
}

/// Releases what is selected and held: it is due at once. How many entries; and was the destination itself released?
pub fn release_held(tx: &mut dyn Tx, what: &Selection, now: Timestamp) -> Result<(u64, bool), StoreError> {
    let (filter, value) = what.sql(2);
    // Before the entries change: afterwards nothing tells which they were.
    let (same, of) = what.sql(1);
    let named = tx.query(
        &format!("SELECT DISTINCT destination FROM queue_entries WHERE {same} AND turn = -1 ORDER BY destination"),
        &[of],
    )?;
    let count = tx.execute(
        &format!(
            "UPDATE queue_entries SET turn = 0, next_at = $1, held_at = NULL, held_by = NULL, held_why = NULL, held_until = NULL
             WHERE {filter} AND turn = -1"
        ),
        &[Value::Int(now.0), value],
    )?;
    let mut whole = false;
    match what {
        Selection::Destination(domain) => whole = free_destination(tx, domain)?,
        Selection::All => {
            for row in
                tx.query("SELECT domain FROM queue_destinations WHERE held_at IS NOT NULL ORDER BY domain", &[])?
            {
                whole |= free_destination(tx, &row.text(0)?)?;
            }
        }
        _ => {}
    }
    for row in named {
        super::wake(tx, &row.text(0)?, now)?;
    }
    if let Selection::Destination(domain) = what {
        super::reschedule(tx, domain, now)?;
    }
    Ok((count, whole))
}

fn free_destination(tx: &mut dyn Tx, domain: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE queue_destinations SET held_at = NULL, held_by = NULL, held_why = NULL, held_until = NULL
               WHERE domain = $1 AND held_at IS NOT NULL";
    Ok(tx.execute(sql, params![domain])? > 0)
}

/// Releases what was held until an instant that has come; how many entries and destinations.
pub fn let_go(tx: &mut dyn Tx, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let mut count = 0;
    let sql =
        "SELECT id FROM queue_entries WHERE held_until IS NOT NULL AND held_until <= $1 ORDER BY held_until LIMIT $2";
    for row in tx.query(sql, params![now.0, i64::from(limit)])? {
        count += release_held(tx, &Selection::Entry(row.int(0)?), now)?.0;
    }
    let sql = "SELECT domain FROM queue_destinations WHERE held_until IS NOT NULL AND held_until <= $1 ORDER BY domain LIMIT $2";
    for row in tx.query(sql, params![now.0, i64::from(limit)])? {
        let domain = row.text(0)?;
        count += u64::from(free_destination(tx, &domain)?);
        super::reschedule(tx, &domain, now)?;
    }
    Ok(count)
}
