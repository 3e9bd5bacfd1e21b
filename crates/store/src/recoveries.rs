//! Factors that were lost and are to be replaced. No rule is here.
//!
//! Promises: one at a time is under way for a person; each step is taken once, from the version that was seen.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `recoveries`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Id.
    pub id: Id,
    /// Whose factors.
    pub person_id: Id,
    /// `asked`, `confirmed`, `open` (the link was sent), `done`, `objected`, `withdrawn` or `expired`.
    pub state: String,
    /// How the identity was verified, in words.
    pub checked: String,
    /// Why.
    pub reason: String,
    /// When, milliseconds since 1970.
    pub asked: i64,
    /// By whom.
    pub asked_by: Id,
    /// Confirmed at.
    pub confirmed: Option<i64>,
    /// By whom.
    pub confirmed_by: Option<Id>,
    /// Not before.
    pub opens: Option<i64>,
    /// Over since.
    pub ended: Option<i64>,
    /// Grows with each change; the first is 1.
    pub version: i64,
}

const RECOVERY: &str =
    "id, person_id, state, checked, reason, asked, asked_by, confirmed, confirmed_by, opens, ended, version";
const UNDER_WAY: &str = "state IN ('asked', 'confirmed', 'open')";

fn recovery(r: &Row) -> Result<Recovery, StoreError> {
    Ok(Recovery {
        id: r.int(0)?,
        person_id: r.int(1)?,
        state: r.text(2)?,
        checked: r.text(3)?,
        reason: r.text(4)?,
        asked: r.int(5)?,
        asked_by: r.int(6)?,
        confirmed: r.opt_int(7)?,
        confirmed_by: r.opt_int(8)?,
        opens: r.opt_int(9)?,
        ended: r.opt_int(10)?,
        version: r.int(11)?,
    })
}

/// Keeps one that is asked for. False when one is under way for this person.
pub fn insert(tx: &mut dyn Tx, r: &Recovery) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO recoveries ({RECOVERY}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (person_id) WHERE {UNDER_WAY} DO NOTHING"
    );
    let values = params![
        r.id,
        r.person_id,
        &r.state,
        &r.checked,
        &r.reason,
        r.asked,
        r.asked_by,
        r.confirmed,
        r.confirmed_by,
        r.opens,
        r.ended,
        r.version
    ];
    Ok(tx.execute(&sql, values)? > 0)
}

/// One by id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Recovery>, StoreError> {
    let sql = format!("SELECT {RECOVERY} FROM recoveries WHERE id = $1");
    tx.query_opt(&sql, params![id])?.as_ref().map(recovery).transpose()
}

/// The one under way for a person.
pub fn under_way(tx: &mut dyn Tx, person: Id) -> Result<Option<Recovery>, StoreError> {
    let sql = format!("SELECT {RECOVERY} FROM recoveries WHERE person_id = $1 AND {UNDER_WAY}");
    tx.query_opt(&sql, params![person])?.as_ref().map(recovery).transpose()
}

/// Writes state, confirmation, opening and end of `r`, if it is still of its version. False when another was first.
pub fn replace(tx: &mut dyn Tx, r: &Recovery) -> Result<bool, StoreError> {
    let sql = "UPDATE recoveries SET state = $3, confirmed = $4, confirmed_by = $5, opens = $6, ended = $7, version = version + 1 \
               WHERE id = $1 AND version = $2";
    let values = params![r.id, r.version, &r.state, r.confirmed, r.confirmed_by, r.opens, r.ended];
    Ok(tx.execute(sql, values)? > 0)
}

/// Those that are confirmed and whose delay is over at `now`, the longest waiting first.
pub fn due(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<Vec<Recovery>, StoreError> {
    let sql = format!(
        "SELECT {RECOVERY} FROM recoveries WHERE state = 'confirmed' AND opens <= $1 ORDER BY opens, id LIMIT $2"
    );
    tx.query(&sql, params![now, limit])?.iter().map(recovery).collect()
}

/// Those under way since before, which nobody carried on: the oldest first.
pub fn stale(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<Vec<Recovery>, StoreError> {
    let sql = format!("SELECT {RECOVERY} FROM recoveries WHERE {UNDER_WAY} AND asked < $1 ORDER BY id LIMIT $2");
    tx.query(&sql, params![before, limit])?.iter().map(recovery).collect()
}

/// Those whose link was sent and is good no longer, unused, at `now`; `purpose`: of such links. The oldest first.
pub fn lapsed(tx: &mut dyn Tx, purpose: &str, now: i64, limit: i64) -> Result<Vec<Recovery>, StoreError> {
    let sql = format!(
        "SELECT {RECOVERY} FROM recoveries WHERE state = 'open' AND NOT EXISTS (SELECT 1 FROM links l WHERE l.person_id = recoveries.person_id \
         AND l.purpose = $1 AND l.used IS NULL AND l.expires > $2) ORDER BY id LIMIT $3"
    );
    tx.query(&sql, params![purpose, now, limit])?.iter().map(recovery).collect()
}

/// Newest first, from before `before` (an id), of a person or of everybody.
pub fn list(tx: &mut dyn Tx, person: Option<Id>, before: Id, limit: i64) -> Result<Vec<Recovery>, StoreError> {
    let of = if person.is_some() { "person_id = $2" } else { "$2 = 0" };
    let sql = format!("SELECT {RECOVERY} FROM recoveries WHERE id < $1 AND {of} ORDER BY id DESC LIMIT $3");
    tx.query(&sql, params![before, person.unwrap_or(0), limit])?.iter().map(recovery).collect()
}

/// Of people who work in one of these structures, and of `own`; newest first, from before `before`.
pub fn list_within(
    tx: &mut dyn Tx,
    (structures, own): (&[Id], Id),
    before: Id,
    limit: i64,
) -> Result<Vec<Recovery>, StoreError> {
    let sql = format!(
        "SELECT {RECOVERY} FROM recoveries WHERE id < $1 AND person_id IN (SELECT p.id FROM people p WHERE p.id = $2 \
         UNION SELECT m.person_id FROM memberships m WHERE m.ended IS NULL AND m.structure_id IN ({})) ORDER BY id DESC LIMIT $3",
        crate::structures::among(structures)
    );
    tx.query(&sql, params![before, own, limit])?.iter().map(recovery).collect()
}
