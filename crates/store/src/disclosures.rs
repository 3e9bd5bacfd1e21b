//! Rows of disclosures: content for somebody who has no access, asked for by one and decided by another. No rule is here.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `disclosures`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Id.
    pub id: Id,
    /// Of which BAL.
    pub bal_id: Id,
    /// `authority`, `restitution` or `after_death`.
    pub cause: String,
    /// Why, in words.
    pub reason: String,
    /// Who gets the content in the end.
    pub beneficiary: String,
    /// `asked`, `agreed`, `refused` or `withdrawn`.
    pub state: String,
    /// When it was asked for, milliseconds since 1970.
    pub asked: i64,
    /// By whom.
    pub asked_by: Id,
    /// The token of the asker's session, when there was one.
    pub asked_with: Option<Id>,
    /// When it was decided.
    pub decided: Option<i64>,
    /// By whom.
    pub decided_by: Option<Id>,
    /// Why it was decided so.
    pub decision: Option<String>,
    /// Until when it lasts.
    pub until: i64,
    /// When it was withdrawn.
    pub ended: Option<i64>,
    /// By whom.
    pub ended_by: Option<Id>,
    /// When content was last read under it.
    pub used: Option<i64>,
}

const COLUMNS: &str = "id, bal_id, cause, reason, beneficiary, state, asked, asked_by, asked_with, decided, decided_by, \
                       decision, until, ended, ended_by, used";

fn read(r: &Row) -> Result<Disclosure, StoreError> {
    Ok(Disclosure {
        id: r.int(0)?,
        bal_id: r.int(1)?,
        cause: r.text(2)?,
        reason: r.text(3)?,
        beneficiary: r.text(4)?,
        state: r.text(5)?,
        asked: r.int(6)?,
        asked_by: r.int(7)?,
        asked_with: r.opt_int(8)?,
        decided: r.opt_int(9)?,
        decided_by: r.opt_int(10)?,
        decision: r.opt_text(11)?,
        until: r.int(12)?,
        ended: r.opt_int(13)?,
        ended_by: r.opt_int(14)?,
        used: r.opt_int(15)?,
    })
}

/// Adds a request.
pub fn insert(tx: &mut dyn Tx, d: &Disclosure) -> Result<(), StoreError> {
    let sql = "INSERT INTO disclosures (id, bal_id, cause, reason, beneficiary, state, asked, asked_by, asked_with, until) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = params![
        d.id,
        d.bal_id,
        &d.cause,
        &d.reason,
        &d.beneficiary,
        &d.state,
        d.asked,
        d.asked_by,
        d.asked_with,
        d.until
    ];
    tx.execute(sql, values).map(drop)
}

/// Those under which a BAL could be read at some instant from `from` until before `until`, oldest first.
pub fn during(tx: &mut dyn Tx, bal: Id, (from, until): (i64, i64)) -> Result<Vec<Disclosure>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM disclosures WHERE bal_id = $1 AND decided < $3 AND state IN ('agreed', 'withdrawn') AND until > $2 \
         AND (ended IS NULL OR ended > $2) ORDER BY id"
    );
    tx.query(&sql, params![bal, from, until])?.iter().map(read).collect()
}

/// One by id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Disclosure>, StoreError> {
    tx.query_opt(&format!("SELECT {COLUMNS} FROM disclosures WHERE id = $1"), params![id])?
        .as_ref()
        .map(read)
        .transpose()
}

/// By id, after this one, at most so many.
pub fn page(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<Disclosure>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM disclosures WHERE id > $1 ORDER BY id LIMIT $2");
    tx.query(&sql, params![after, limit])?.iter().map(read).collect()
}

/// Decides one that is asked for; false when it no longer is.
pub fn decide(tx: &mut dyn Tx, id: Id, state: &str, at: i64, (by, decision): (Id, &str)) -> Result<bool, StoreError> {
    let sql = "UPDATE disclosures SET state = $2, decided = $3, decided_by = $4, decision = $5 \
               WHERE id = $1 AND state = 'asked'";
    Ok(tx.execute(sql, params![id, state, at, by, decision])? > 0)
}

/// Withdraws one that is asked for or agreed to; false when it is neither.
pub fn withdraw(tx: &mut dyn Tx, id: Id, at: i64, by: Id) -> Result<bool, StoreError> {
    let sql = "UPDATE disclosures SET state = 'withdrawn', ended = $2, ended_by = $3 \
               WHERE id = $1 AND state IN ('asked', 'agreed')";
    Ok(tx.execute(sql, params![id, at, by])? > 0)
}

/// Content was read under it.
pub fn touch(tx: &mut dyn Tx, id: Id, at: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE disclosures SET used = $2 WHERE id = $1", params![id, at]).map(drop)
}

/// Notes who made a token.
pub fn note_maker(tx: &mut dyn Tx, token: Id, person: Id) -> Result<(), StoreError> {
    tx.execute("UPDATE tokens SET made_by = $2 WHERE id = $1", params![token, person]).map(drop)
}

/// Who made a token, when that is known.
pub fn maker(tx: &mut dyn Tx, token: Id) -> Result<Option<Id>, StoreError> {
    match tx.query_opt("SELECT made_by FROM tokens WHERE id = $1", params![token])? {
        Some(row) => row.opt_int(0),
        None => Ok(None),
    }
}
