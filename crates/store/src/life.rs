//! Rows of lives: each step of a BAL, a person, a structure, a regional body, an opening; who, when, why. Nothing is ever deleted. No rule is here.
use crate::{Id, Row, StoreError, Tx, params};

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Id.
    pub id: Id,
    /// `bal`, `person`, `structure`, `body`, `opening`.
    pub subject: String,
    /// Which one.
    pub subject_id: Id,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// State before.
    pub was: String,
    /// State after.
    pub became: String,
    /// Login, or `system`.
    pub by_whom: String,
    /// Why.
    pub reason: Option<String>,
}

/// Writes a step.
pub fn step(tx: &mut dyn Tx, s: &Step) -> Result<(), StoreError> {
    let sql = "INSERT INTO life (id, subject, subject_id, at, was, became, by_whom, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = params![s.id, &s.subject, s.subject_id, s.at, &s.was, &s.became, &s.by_whom, s.reason.clone()];
    tx.execute(sql, values).map(drop)
}

fn read(r: &Row) -> Result<Step, StoreError> {
    Ok(Step {
        id: r.int(0)?,
        subject: r.text(1)?,
        subject_id: r.int(2)?,
        at: r.int(3)?,
        was: r.text(4)?,
        became: r.text(5)?,
        by_whom: r.text(6)?,
        reason: r.opt_text(7)?,
    })
}

/// The steps of one, oldest first.
pub fn steps(tx: &mut dyn Tx, subject: &str, subject_id: Id) -> Result<Vec<Step>, StoreError> {
    let sql = "SELECT id, subject, subject_id, at, was, became, by_whom, reason FROM life WHERE subject = $1 AND subject_id = $2 ORDER BY id";
    tx.query(sql, params![subject, subject_id])?.iter().map(read).collect()
}

/// Writes a step, with the role by which it was done (`Role::as_str`; none: ourselves).
pub fn record(tx: &mut dyn Tx, s: &Step, authority: Option<&str>) -> Result<(), StoreError> {
    step(tx, s)?;
    tx.execute(
        "UPDATE life SET authority = CAST($2 AS TEXT) WHERE id = $1",
        params![s.id, authority.map(str::to_owned)],
    )
    .map(drop)
}

/// The steps of one, oldest first, each with the role by which it was done.
pub fn authorised(tx: &mut dyn Tx, subject: &str, subject_id: Id) -> Result<Vec<(Step, Option<String>)>, StoreError> {
    let sql = "SELECT id, subject, subject_id, at, was, became, by_whom, reason, authority FROM life \
               WHERE subject = $1 AND subject_id = $2 ORDER BY id";
    tx.query(sql, params![subject, subject_id])?.iter().map(|r| Ok((read(r)?, r.opt_text(8)?))).collect()
}

/// The newest steps of one, from before an id, newest first: each with the role by which it was done.
pub fn newest(
    tx: &mut dyn Tx,
    subject: &str,
    subject_id: Id,
    before: Id,
    limit: i64,
) -> Result<Vec<(Step, Option<String>)>, StoreError> {
    let sql = "SELECT id, subject, subject_id, at, was, became, by_whom, reason, authority FROM life \
               WHERE subject = $1 AND subject_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4";
    let rows = tx.query(sql, params![subject, subject_id, before, limit])?;
    rows.iter().map(|r| Ok((read(r)?, r.opt_text(8)?))).collect()
}

/// Puts a BAL into a state of its life. Lock it first.
pub fn put_bal(tx: &mut dyn Tx, bal: Id, state: &str, closing_at: Option<i64>) -> Result<(), StoreError> {
    let sql = "UPDATE bals SET state = $2, closing_at = $3, version = version + 1 WHERE id = $1";
    tx.execute(sql, params![bal, state, closing_at]).map(drop)
}

/// Until when the address of a closed BAL is given to nobody else; none: never again.
pub fn put_tombstone(tx: &mut dyn Tx, bal: Id, until: Option<i64>) -> Result<(), StoreError> {
    tx.execute("UPDATE bals SET tombstone_until = $2 WHERE id = $1", params![bal, until]).map(drop)
}

/// Blocks a person (since when) or releases one.
pub fn put_person(tx: &mut dyn Tx, person: Id, disabled: Option<i64>) -> Result<(), StoreError> {
    let sql = "UPDATE people SET disabled = $2, version = version + 1 WHERE id = $1";
    tx.execute(sql, params![person, disabled]).map(drop)
}

/// Blocks a structure (since when) or releases one.
pub fn put_structure(tx: &mut dyn Tx, structure: Id, blocked: Option<i64>) -> Result<(), StoreError> {
    let sql = "UPDATE structures SET blocked = $2, version = version + 1 WHERE id = $1";
    tx.execute(sql, params![structure, blocked]).map(drop)
}

/// Locks a row until the end of the transaction, so that two acts on it follow each other. `table`: `bals`, `people` or `structures`.
pub fn lock(tx: &mut dyn Tx, table: &'static str, id: Id) -> Result<(), StoreError> {
    tx.query_opt(&format!("SELECT id FROM {table} WHERE id = $1 FOR UPDATE"), params![id]).map(drop)
}

/// BALs whose closing has come to its time, longest due first.
pub fn due(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT id FROM bals WHERE closing_at IS NOT NULL AND closing_at <= $1 AND state = 'closing' ORDER BY closing_at, id LIMIT $2";
    tx.query(sql, params![now, limit])?.iter().map(|r| r.int(0)).collect()
}

/// Closed BALs that are not buried and for which no job is waiting.
pub fn unburied(tx: &mut dyn Tx) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT b.id FROM bals b WHERE b.state = 'closed' \
               AND NOT EXISTS (SELECT 1 FROM life l WHERE l.subject = 'bal' AND l.subject_id = b.id AND l.became = 'tombstone') \
               AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'purge' AND j.unique_key = CAST(b.id AS TEXT)) ORDER BY b.id LIMIT 10000";
    tx.query(sql, &[])?.iter().map(|r| r.int(0)).collect()
}
