//! Rows of the operator's own days. No rule is here.
use crate::{StoreError, Tx, params};

/// A row of `calendar_days`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Is it worked?
    pub working: bool,
    /// Why.
    pub label: String,
}

/// The days of a territory, by date.
pub fn days(tx: &mut dyn Tx, territory: &str) -> Result<Vec<DayRow>, StoreError> {
    let sql = "SELECT day, working, label FROM calendar_days WHERE territory = $1 ORDER BY day";
    let rows = tx.query(sql, params![territory])?;
    rows.iter().map(|r| Ok(DayRow { day: r.text(0)?, working: r.bool(1)?, label: r.text(2)? })).collect()
}

/// How many days a territory has.
pub fn count(tx: &mut dyn Tx, territory: &str) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM calendar_days WHERE territory = $1";
    tx.query_opt(sql, params![territory])?.map_or(Ok(0), |r| r.int(0))
}

/// Says what a day is.
pub fn put(tx: &mut dyn Tx, territory: &str, d: &DayRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO calendar_days (territory, day, working, label) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (territory, day) DO UPDATE SET working = excluded.working, label = excluded.label";
    tx.execute(sql, params![territory, &d.day, d.working, &d.label]).map(drop)
}

/// Takes back what was said of a day; false when nothing was.
pub fn remove(tx: &mut dyn Tx, territory: &str, day: &str) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM calendar_days WHERE territory = $1 AND day = $2", params![territory, day])? > 0)
}
