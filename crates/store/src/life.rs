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
