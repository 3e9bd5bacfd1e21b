//! Rows of alarms: one a (code, subject), counted, durable (F269).
use crate::{Row, StoreError, Tx, params};

/// A row of `alarms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Stable code.
    pub code: String,
    /// What it is about; may be empty.
    pub subject: String,
    /// `warning` or `critical`.
    pub severity: String,
    /// JSON object of the facts that its sentence names.
    pub data: String,
    /// First time, milliseconds since 1970.
    pub first_at: i64,
    /// Last time.
    pub last_at: i64,
    /// How many times since it was last cleared.
    pub count: i64,
    /// Login of who acknowledged it.
    pub acked_by: Option<String>,
    /// When.
    pub acked_at: Option<i64>,
    /// When the cause went away.
    pub cleared: Option<i64>,
}

const COLUMNS: &str = "code, subject, severity, data, first_at, last_at, count, acked_by, acked_at, cleared";

fn read(r: &Row) -> Result<Alarm, StoreError> {
    Ok(Alarm {
        code: r.text(0)?,
        subject: r.text(1)?,
        severity: r.text(2)?,
        data: r.text(3)?,
        first_at: r.int(4)?,
        last_at: r.int(5)?,
        count: r.int(6)?,
        acked_by: r.opt_text(7)?,
        acked_at: r.opt_int(8)?,
        cleared: r.opt_int(9)?,
    })
}

/// Raises an alarm at `at`: a new one, one more count of an open one, or a cleared one that begins anew (unacknowledged).
/// True when it was not open before: somebody is to be told.
pub fn raise(
    tx: &mut dyn Tx,
    code: &str,
    subject: &str,
    severity: &str,
    data: &str,
    at: i64,
) -> Result<bool, StoreError> {
    if begin(tx, code, subject, severity, data, at)? {
        return Ok(true);
    }
    let sql =
        "UPDATE alarms SET severity = $3, data = $4, last_at = $5, count = count + 1 WHERE code = $1 AND subject = $2";
    tx.execute(sql, params![code, subject, severity, data, at])?;
    Ok(false)
}

/// [`raise`], for what counts once: an open one stays as it is, and it is false. Of two at once one begins it.
pub fn begin(
    tx: &mut dyn Tx,
    code: &str,
    subject: &str,
    severity: &str,
    data: &str,
    at: i64,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO alarms (code, subject, severity, data, first_at, last_at, count) VALUES ($1, $2, $3, $4, $5, $5, 1) \
               ON CONFLICT (code, subject) DO UPDATE SET severity = excluded.severity, data = excluded.data, \
               first_at = excluded.first_at, last_at = excluded.last_at, count = 1, acked_by = NULL, acked_at = NULL, cleared = NULL \
               WHERE alarms.cleared IS NOT NULL";
    Ok(tx.execute(sql, params![code, subject, severity, data, at])? > 0)
}

/// Which of these two subjects have an open alarm of this code.
pub fn open_about(tx: &mut dyn Tx, code: &str, subjects: [&str; 2]) -> Result<[bool; 2], StoreError> {
    let sql = "SELECT subject FROM alarms WHERE code = $1 AND subject IN ($2, $3) AND cleared IS NULL";
    let mut open = [false; 2];
    for row in tx.query(sql, params![code, subjects[0], subjects[1]])? {
        let found = row.text(0)?;
        for (subject, open) in subjects.iter().zip(&mut open) {
            *open |= *subject == found;
        }
    }
    Ok(open)
}

/// Open alarms of these codes.
pub fn open(tx: &mut dyn Tx, codes: &[&str]) -> Result<Vec<Alarm>, StoreError> {
    let mut out = Vec::new();
    for code in codes {
        let sql = format!("SELECT {COLUMNS} FROM alarms WHERE code = $1 AND cleared IS NULL ORDER BY subject");
        for row in tx.query(&sql, params![*code])? {
            out.push(read(&row)?);
        }
    }
    Ok(out)
}

/// The cause is gone; true when the alarm was open.
pub fn clear(tx: &mut dyn Tx, code: &str, subject: &str, at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE alarms SET cleared = $3 WHERE code = $1 AND subject = $2 AND cleared IS NULL";
    Ok(tx.execute(sql, params![code, subject, at])? > 0)
}

/// Acknowledges an alarm; false when there is none.
pub fn acknowledge(tx: &mut dyn Tx, code: &str, subject: &str, by: &str, at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE alarms SET acked_by = $3, acked_at = $4 WHERE code = $1 AND subject = $2";
    Ok(tx.execute(sql, params![code, subject, by, at])? > 0)
}

/// Open alarms that nobody acknowledged, or all; newest first.
pub fn list(tx: &mut dyn Tx, all: bool, limit: i64) -> Result<Vec<Alarm>, StoreError> {
    let filter = if all { "" } else { "WHERE cleared IS NULL AND acked_at IS NULL" };
    let sql = format!("SELECT {COLUMNS} FROM alarms {filter} ORDER BY last_at DESC, code, subject LIMIT $1");
    tx.query(&sql, params![limit])?.iter().map(read).collect()
}
