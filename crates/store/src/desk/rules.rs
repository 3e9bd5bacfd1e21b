//! Rules of a BAL, in order, and up to where they were applied.
use crate::absences::follow;
use crate::{Id, Row, StoreError, Tx, params};

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Id: what it is sealed with (`rule`).
    pub id: Id,
    /// The BAL.
    pub bal: Id,
    /// Its place in the order.
    pub place: i64,
    /// Is it applied?
    pub enabled: bool,
    /// Conditions and acts: JSON, sealed.
    pub sealed: Vec<u8>,
    /// Who wrote it last.
    pub by: Id,
    /// Why it last failed: a refusal's code.
    pub told: Option<String>,
    /// Version: a change says from which one it starts.
    pub version: i64,
    /// Changed last, milliseconds.
    pub changed: i64,
}

const COLUMNS: &str = "id, bal_id, place, enabled, sealed, by_person, told, version, changed";

fn read(r: &Row) -> Result<Rule, StoreError> {
    Ok(Rule {
        id: r.int(0)?,
        bal: r.int(1)?,
        place: r.int(2)?,
        enabled: r.int(3)? != 0,
        sealed: r.bytes(4)?,
        by: r.int(5)?,
        told: r.opt_text(6)?,
        version: r.int(7)?,
        changed: r.int(8)?,
    })
}

/// The rules of a BAL, in their order.
pub fn of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Vec<Rule>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM rules WHERE bal_id = $1 ORDER BY place, id");
    tx.query(&sql, params![bal])?.iter().map(read).collect()
}

/// Keeps a rule, new or in the place of what it was. The BAL is locked.
pub fn put(tx: &mut dyn Tx, r: &Rule) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO rules ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET \
         place = excluded.place, enabled = excluded.enabled, sealed = excluded.sealed, by_person = excluded.by_person, told = excluded.told, \
         version = excluded.version, changed = excluded.changed"
    );
    let (enabled, sealed, told) = (i64::from(r.enabled), r.sealed.as_slice(), r.told.as_deref());
    tx.execute(&sql, params![r.id, r.bal, r.place, enabled, sealed, r.by, told, r.version, r.changed])?;
    follow(tx, r.bal)
}

/// Removes a rule. The BAL is locked.
pub fn remove(tx: &mut dyn Tx, bal: Id, id: Id) -> Result<(), StoreError> {
    tx.execute("DELETE FROM rules WHERE id = $1 AND bal_id = $2", params![id, bal])?;
    follow(tx, bal)
}

/// Why a rule last failed (a refusal's code), or that it works again.
pub fn tell(tx: &mut dyn Tx, bal: Id, id: Id, told: Option<&str>) -> Result<(), StoreError> {
    tx.execute("UPDATE rules SET told = $3 WHERE id = $1 AND bal_id = $2", params![id, bal, told]).map(drop)
}

/// The UID of the INBOX up to which the rules of a BAL were applied; none before they ever were.
pub fn seen(tx: &mut dyn Tx, bal: Id) -> Result<Option<i64>, StoreError> {
    tx.query_opt("SELECT seen FROM rule_states WHERE bal_id = $1", params![bal])?.map(|r| r.int(0)).transpose()
}

/// The rules are applied up to a UID.
pub fn looked(tx: &mut dyn Tx, bal: Id, seen: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO rule_states (bal_id, seen) VALUES ($1, $2) ON CONFLICT (bal_id) DO UPDATE SET seen = excluded.seen";
    tx.execute(sql, params![bal, seen]).map(drop)
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// UID of its entry.
    pub uid: i64,
    /// The message.
    pub message: Id,
    /// Bytes.
    pub size: i64,
    /// INTERNALDATE of its entry.
    pub at: i64,
    /// Summary, sealed.
    pub summary: Vec<u8>,
    /// The way delivered it: no mail program put it there. And no rule was applied to it yet.
    pub due: bool,
}

fn read_came(r: &Row) -> Result<Came, StoreError> {
    let (uid, message, size, summary) = (r.int(0)?, r.int(1)?, r.int(2)?, r.bytes(3)?);
    Ok(Came { uid, message, size, summary, due: r.int(4)? != 0, at: r.int(5)? })
}

/// What came into a folder after a UID, in order; at most `limit`.
pub fn came(tx: &mut dyn Tx, folder: Id, after: i64, limit: i64) -> Result<Vec<Came>, StoreError> {
    let sql = "SELECT e.uid, m.id, e.size, m.summary, CASE WHEN m.prefix IS NULL OR EXISTS (SELECT 1 FROM message_people p \
               WHERE p.bal_id = e.bal_id AND p.message_id = m.id AND p.person_id = 0) THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END, e.internal_date \
               FROM entries e JOIN messages m ON m.id = e.message_id WHERE e.folder_id = $1 AND e.uid > $2 ORDER BY e.uid LIMIT $3";
    tx.query(sql, params![folder, after, limit])?.iter().map(read_came).collect()
}

/// The newest entries of a folder that the way delivered, whatever was done with them; at most `limit`.
pub fn newest(tx: &mut dyn Tx, folder: Id, limit: i64) -> Result<Vec<Came>, StoreError> {
    let sql = "SELECT e.uid, m.id, e.size, m.summary, CAST(1 AS BIGINT), e.internal_date FROM entries e JOIN messages m ON m.id = e.message_id \
               WHERE e.folder_id = $1 AND m.prefix IS NOT NULL ORDER BY e.uid DESC LIMIT $2";
    tx.query(sql, params![folder, limit])?.iter().map(read_came).collect()
}

/// What lies in a folder since before an instant and was read, is not followed and not flagged as removed, oldest first; after a date and a UID, at most
/// `limit`.
pub fn old(
    tx: &mut dyn Tx,
    folder: Id,
    before: i64,
    (date, uid): (i64, i64),
    limit: i64,
) -> Result<Vec<Came>, StoreError> {
    let sql = "SELECT e.uid, m.id, e.size, m.summary, CAST(1 AS BIGINT), e.internal_date FROM entries e JOIN messages m ON m.id = e.message_id \
               WHERE e.folder_id = $1 AND (e.flags & 13) = 1 AND e.internal_date <= $2 AND (e.internal_date, e.uid) > ($3, $4) \
               ORDER BY e.internal_date, e.uid LIMIT $5";
    tx.query(sql, params![folder, before, date, uid, limit])?.iter().map(read_came).collect()
}

/// Rules were applied to a message: never again, wherever somebody moves it. Kept beside who opened it, as nobody's row, and gone with the message.
pub fn applied(tx: &mut dyn Tx, bal: Id, message: Id, at: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO message_people (bal_id, message_id, person_id, opened, door) SELECT bal_id, id, 0, CAST($3 AS BIGINT), 'rule' \
               FROM messages WHERE id = $2 AND bal_id = $1 ON CONFLICT (bal_id, message_id, person_id) DO NOTHING";
    tx.execute(sql, params![bal, message, at]).map(drop)
}
