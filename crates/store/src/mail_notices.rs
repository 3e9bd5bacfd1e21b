//! Rows of what people want to hear by ordinary mail about new mail (F062), of their language, and of ordinary addresses that are wrong (F032).
//! No rule is here.
//!
//! Promises: a row is bounded by person and BAL, whatever comes: a hundred thousand messages set one `due`.
use crate::{Id, Row, StoreError, Tx, absences, params};

/// What a person wants to hear of a BAL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The BAL.
    pub bal: Id,
    /// The person.
    pub person: Id,
    /// `off`, `at_once`, `hourly`, `daily`.
    pub mode: String,
    /// Hour of a daily one.
    pub hour: i64,
    /// Quiet from this minute of the day.
    pub quiet_from: Option<i64>,
    /// Until this one.
    pub quiet_until: Option<i64>,
    /// When the first mail came of which nothing was said, milliseconds since 1970.
    pub since: Option<i64>,
    /// When it is said.
    pub due: Option<i64>,
    /// When something was said last.
    pub told: Option<i64>,
}

const COLUMNS: &str = "bal_id, person_id, mode, hour, quiet_from, quiet_until, since, due, told";

fn read(r: &Row) -> Result<Wish, StoreError> {
    Ok(Wish {
        bal: r.int(0)?,
        person: r.int(1)?,
        mode: r.text(2)?,
        hour: r.int(3)?,
        quiet_from: r.opt_int(4)?,
        quiet_until: r.opt_int(5)?,
        since: r.opt_int(6)?,
        due: r.opt_int(7)?,
        told: r.opt_int(8)?,
    })
}

fn list(tx: &mut dyn Tx, rest: &str, values: &[crate::Value]) -> Result<Vec<Wish>, StoreError> {
    tx.query(&format!("SELECT {COLUMNS} FROM mail_notices WHERE {rest}"), values)?.iter().map(read).collect()
}

/// What people want to hear of a BAL.
pub fn of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Vec<Wish>, StoreError> {
    list(tx, "bal_id = $1 ORDER BY person_id", params![bal])
}

/// What a person wants to hear.
pub fn of_person(tx: &mut dyn Tx, person: Id) -> Result<Vec<Wish>, StoreError> {
    list(tx, "person_id = $1 ORDER BY bal_id", params![person])
}

/// What is due, by person; at most `limit`.
pub fn due(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<Vec<Wish>, StoreError> {
    list(tx, "due <= $1 ORDER BY person_id, bal_id LIMIT $2", params![now, limit])
}

/// When something is due next.
pub fn next_due(tx: &mut dyn Tx) -> Result<Option<i64>, StoreError> {
    tx.query_opt("SELECT MIN(due) FROM mail_notices", &[])?.map_or(Ok(None), |r| r.opt_int(0))
}

/// Keeps a wish; what was to be said of earlier mail is not said any more.
pub fn put(tx: &mut dyn Tx, w: &Wish) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO mail_notices ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, NULL, NULL, NULL) ON CONFLICT (bal_id, person_id) DO UPDATE SET \
         mode = excluded.mode, hour = excluded.hour, quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, since = NULL, due = NULL"
    );
    tx.execute(&sql, params![w.bal, w.person, &w.mode, w.hour, w.quiet_from, w.quiet_until])?;
    absences::follow(tx, w.bal)
}

/// A person who has no access any more wants nothing.
pub fn remove(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<(), StoreError> {
    tx.execute("DELETE FROM mail_notices WHERE bal_id = $1 AND person_id = $2", params![bal, person])?;
    absences::follow(tx, bal)
}

/// Mail came at `since`; it is said at `due`. Nothing when something waits to be said already.
pub fn plan(tx: &mut dyn Tx, bal: Id, person: Id, since: i64, due: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE mail_notices SET since = $3, due = $4 WHERE bal_id = $1 AND person_id = $2 AND due IS NULL";
    Ok(tx.execute(sql, params![bal, person, since, due])? > 0)
}

/// What was due at `due` is settled: said (`told`), or not worth it. False when somebody else settled it.
pub fn settle(tx: &mut dyn Tx, w: &Wish, told: Option<i64>) -> Result<bool, StoreError> {
    let sql = "UPDATE mail_notices SET since = NULL, due = NULL, told = CASE WHEN $4 >= 0 THEN $4 ELSE told END \
               WHERE bal_id = $1 AND person_id = $2 AND due = $3";
    Ok(tx.execute(sql, params![w.bal, w.person, w.due.unwrap_or(-1), told.unwrap_or(-1)])? > 0)
}

/// Did this person do something with this BAL after an instant?
pub fn was_there(tx: &mut dyn Tx, person: Id, (bal, shown): (Id, &str), since: i64) -> Result<bool, StoreError> {
    // Ids grow with time: they bound what is looked at.
    let from = crate::id::first_at(sceau_domain::Timestamp(since.saturating_sub(3_600_000).max(0)));
    let sql = "SELECT 1 FROM traces WHERE bal = $1 AND id >= $2 AND at > $3 AND bal_id = $4 AND person_id = $5 AND outcome = 'ok' LIMIT 1";
    Ok(tx.query_opt(sql, params![shown, from, since, bal, person])?.is_some())
}

/// The last share of a BAL's quota that was told, percent; none for an unknown BAL.
pub fn fill_told(tx: &mut dyn Tx, bal: Id) -> Result<Option<i64>, StoreError> {
    tx.query_opt("SELECT fill_told FROM bals WHERE id = $1", params![bal])?.map(|r| r.int(0)).transpose()
}

/// Remembers it; false when it was so already.
pub fn note_fill(tx: &mut dyn Tx, bal: Id, percent: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("UPDATE bals SET fill_told = $2 WHERE id = $1 AND fill_told <> $2", params![bal, percent])? > 0)
}

/// BALs that were told to be filling up and have room again (less than 70 %) are told anew the next time. How many.
pub fn forget_fill(tx: &mut dyn Tx) -> Result<u64, StoreError> {
    tx.execute("UPDATE bals SET fill_told = 0 WHERE fill_told > 0 AND used_bytes < quota_bytes / 10 * 7", &[])
}

/// A person's language for notices, when one was chosen.
pub fn language(tx: &mut dyn Tx, person: Id) -> Result<Option<String>, StoreError> {
    tx.query_opt("SELECT lang FROM people WHERE id = $1", params![person])?.map_or(Ok(None), |r| r.opt_text(0))
}

/// Chooses it.
pub fn set_language(tx: &mut dyn Tx, person: Id, lang: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE people SET lang = $2 WHERE id = $1", params![person, lang]).map(drop)
}

/// Since when a person's ordinary address is known to be wrong, and by which status.
pub fn wrong_address(tx: &mut dyn Tx, person: Id) -> Result<Option<(i64, String)>, StoreError> {
    let row = tx.query_opt("SELECT email_wrong, email_wrong_code FROM people WHERE id = $1", params![person])?;
    let Some(row) = row else { return Ok(None) };
    Ok(row.opt_int(0)?.zip(Some(row.opt_text(1)?.unwrap_or_default())))
}

/// The address that was verified is wrong; false when that was known, or when the person has another address.
pub fn mark_wrong(tx: &mut dyn Tx, person: Id, address: &str, at: i64, code: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE people SET email_wrong = $3, email_wrong_code = $4 WHERE id = $1 AND email = $2 AND email_verified IS NOT NULL \
               AND email_wrong IS NULL";
    Ok(tx.execute(sql, params![person, address, at, code])? > 0)
}

/// An address of the person was verified: the mark goes. True when there was one.
pub fn clear_wrong(tx: &mut dyn Tx, person: Id) -> Result<bool, StoreError> {
    let sql = "UPDATE people SET email_wrong = NULL, email_wrong_code = NULL WHERE id = $1 AND email_wrong IS NOT NULL";
    Ok(tx.execute(sql, params![person])? > 0)
}

/// People whose address is wrong since before an instant: id, login, since when; by id, from after `after`.
pub fn wrong_since(tx: &mut dyn Tx, before: i64, after: Id, limit: i64) -> Result<Vec<(Id, String, i64)>, StoreError> {
    let sql = "SELECT id, login, email_wrong FROM people WHERE email_wrong <= $1 AND id > $2 AND disabled IS NULL ORDER BY id LIMIT $3";
    tx.query(sql, params![before, after, limit])?.iter().map(|r| Ok((r.int(0)?, r.text(1)?, r.int(2)?))).collect()
}

/// Verified ordinary addresses of people who are not blocked, of one structure or of all (0), by id, from after `after`.
pub fn reachable(tx: &mut dyn Tx, structure: Id, after: Id, limit: i64) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = "SELECT p.id, p.email FROM people p WHERE p.id > $2 AND p.disabled IS NULL AND p.email IS NOT NULL AND p.email_verified IS NOT NULL \
               AND p.email_wrong IS NULL AND ($1 = 0 OR EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = p.id AND m.structure_id = $1 \
               AND m.ended IS NULL)) ORDER BY p.id LIMIT $3";
    tx.query(sql, params![structure, after, limit])?.iter().map(|r| Ok((r.int(0)?, r.text(1)?))).collect()
}

/// Administrators of the structures that a person works in, who can be written to.
pub fn administrators_of(tx: &mut dyn Tx, person: Id, limit: i64) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = "SELECT p.id, p.email FROM people p WHERE p.disabled IS NULL AND p.email IS NOT NULL AND p.email_verified IS NOT NULL \
               AND p.email_wrong IS NULL AND p.id <> $1 AND EXISTS (SELECT 1 FROM roles r JOIN memberships m ON m.structure_id = r.structure_id \
               WHERE r.person_id = p.id AND r.role = 'structure' AND r.ended IS NULL AND m.person_id = $1 AND m.ended IS NULL) \
               ORDER BY p.id LIMIT $2";
    tx.query(sql, params![person, limit])?.iter().map(|r| Ok((r.int(0)?, r.text(1)?))).collect()
}
