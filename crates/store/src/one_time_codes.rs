//! Codes sent by ordinary mail: each of one attempt, good once, for a few tries. No rule is here.
//!
//! Promises: a code is spent by one statement that decides, whichever nodes ask at once.
use crate::{Id, StoreError, Tx, params};

/// Wrong answers that a code takes.
pub const TRIES: i64 = 5;

/// A code that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Id.
    pub id: Id,
    /// To whom.
    pub person_id: Id,
    /// For which attempt.
    pub attempt_id: Id,
    /// Keyed digest of it and of the attempt.
    pub digest: Vec<u8>,
    /// Sent, milliseconds since 1970.
    pub at: i64,
    /// Good until.
    pub expires: i64,
}

/// Keeps one; those sent for this attempt before are good no longer.
pub fn insert(tx: &mut dyn Tx, c: &Code) -> Result<(), StoreError> {
    let sql = "UPDATE one_time_codes SET used = $2 WHERE attempt_id = $1 AND used IS NULL";
    tx.execute(sql, params![c.attempt_id, c.at])?;
    let sql = "INSERT INTO one_time_codes (id, person_id, attempt_id, digest, at, expires, tries, used) VALUES ($1, $2, $3, $4, $5, $6, 0, NULL)";
    tx.execute(sql, params![c.id, c.person_id, c.attempt_id, c.digest.clone(), c.at, c.expires]).map(drop)
}

/// Spends the code of an attempt. None: it is another, was spent, is over, or took too many wrong answers.
pub fn spend(tx: &mut dyn Tx, attempt: Id, digest: &[u8], now: i64) -> Result<Option<Id>, StoreError> {
    let sql = "UPDATE one_time_codes SET used = $3 WHERE attempt_id = $1 AND digest = $2 AND used IS NULL AND tries < $4 AND expires > $3 \
               RETURNING person_id";
    tx.query_opt(sql, params![attempt, digest, now, TRIES])?.map(|r| r.int(0)).transpose()
}

/// Counts a wrong answer; how many more the attempt's code takes (0: another one has to be asked for). To be committed although the sign-in failed.
pub fn wrong(tx: &mut dyn Tx, attempt: Id, now: i64) -> Result<i64, StoreError> {
    let sql = "UPDATE one_time_codes SET tries = tries + 1 WHERE attempt_id = $1 AND used IS NULL AND expires > $2 RETURNING tries";
    let tries = tx.query_opt(sql, params![attempt, now])?.map_or(Ok(TRIES), |r| r.int(0))?;
    Ok((TRIES - tries).max(0))
}

/// How many were sent to a person since then; and how many of all are still good at `now`.
pub fn sent(tx: &mut dyn Tx, person: Id, since: i64, now: i64) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT COALESCE(SUM(CASE WHEN at >= $2 THEN 1 ELSE 0 END), 0), \
               COALESCE(SUM(CASE WHEN used IS NULL AND tries < $4 AND expires > $3 THEN 1 ELSE 0 END), 0) FROM one_time_codes WHERE person_id = $1";
    let row = tx.query_opt(sql, params![person, since, now, TRIES])?;
    row.map_or(Ok((0, 0)), |r| Ok((r.int(0)?, r.int(1)?)))
}
