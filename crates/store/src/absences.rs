//! Rows of absences (F069) and of who was answered. No rule is here.
//!
//! Promises: what an absence says is sealed by the caller; of a correspondent only a keyed digest is kept, once a period; `bals.follows` is written in
//! the transaction that sets or ends an absence, so that a delivery knows from the BAL's row alone whether somebody waits for it.
use crate::{Id, Row, StoreError, Tx, params};

/// Bit of `bals.follows`: an absence is set.
pub const ABSENCE: i64 = 1;
/// Bit of `bals.follows`: somebody wants to hear of new mail.
pub const NOTICES: i64 = 2;
/// Bit of `bals.follows`: there are rules ([`crate::desk::rules`]).
pub const RULES: i64 = 4;
/// Bit of `bals.follows`: browsers want to be woken ([`crate::desk::push`]).
pub const PUSH: i64 = 8;

/// An absence of a BAL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// The BAL.
    pub bal: Id,
    /// Names this absence among those of the BAL.
    pub period: Id,
    /// From this instant, milliseconds since 1970.
    pub starts: i64,
    /// Until this one.
    pub ends: i64,
    /// What is answered, sealed.
    pub said: Vec<u8>,
    /// Modseq up to which what came was looked at.
    pub seen: i64,
    /// Login of who set it.
    pub set_by: String,
    /// When.
    pub set_at: i64,
    /// Version, from 1.
    pub version: i64,
}

const COLUMNS: &str = "bal_id, period, starts, ends, said, seen, set_by, set_at, version";

fn read(r: &Row) -> Result<Absence, StoreError> {
    Ok(Absence {
        bal: r.int(0)?,
        period: r.int(1)?,
        starts: r.int(2)?,
        ends: r.int(3)?,
        said: r.bytes(4)?,
        seen: r.int(5)?,
        set_by: r.text(6)?,
        set_at: r.int(7)?,
        version: r.int(8)?,
    })
}

/// The absence of a BAL, over or not.
pub fn of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Option<Absence>, StoreError> {
    tx.query_opt(&format!("SELECT {COLUMNS} FROM absences WHERE bal_id = $1"), params![bal])?
        .as_ref()
        .map(read)
        .transpose()
}

/// Those of these BALs whose absence is in force at an instant.
pub fn absent(tx: &mut dyn Tx, bals: &[Id], now: i64) -> Result<std::collections::BTreeSet<Id>, StoreError> {
    let sql =
        |list: &str| format!("SELECT bal_id FROM absences WHERE bal_id IN ({list}) AND starts <= $1 AND ends > $1");
    Ok(crate::many::rows(tx, bals, params![now], sql, |r| r.int(0))?.into_iter().collect())
}

/// Keeps an absence in the place of the one before. `seen` becomes the BAL's modseq of this moment.
pub fn put(tx: &mut dyn Tx, a: &Absence) -> Result<(), StoreError> {
    let modseq = tx.query_opt("SELECT modseq FROM bals WHERE id = $1 FOR UPDATE", params![a.bal])?;
    let seen = modseq.map_or(Ok(0), |r| r.int(0))?;
    let sql = format!(
        "INSERT INTO absences ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (bal_id) DO UPDATE SET \
         period = excluded.period, starts = excluded.starts, ends = excluded.ends, said = excluded.said, seen = excluded.seen, \
         set_by = excluded.set_by, set_at = excluded.set_at, version = excluded.version"
    );
    tx.execute(&sql, params![a.bal, a.period, a.starts, a.ends, a.said.clone(), seen, &a.set_by, a.set_at, a.version])?;
    follow(tx, a.bal)
}

/// Ends the absence of a BAL: nothing of it is kept. False when there is none.
pub fn remove(tx: &mut dyn Tx, bal: Id) -> Result<bool, StoreError> {
    let gone = tx.execute("DELETE FROM absences WHERE bal_id = $1", params![bal])? > 0;
    tx.execute("DELETE FROM absence_answers WHERE bal_id = $1", params![bal])?;
    follow(tx, bal)?;
    Ok(gone)
}

/// What came up to this modseq was looked at.
pub fn looked(tx: &mut dyn Tx, bal: Id, period: Id, seen: i64) -> Result<(), StoreError> {
    let sql = "UPDATE absences SET seen = $3 WHERE bal_id = $1 AND period = $2 AND seen < $3";
    tx.execute(sql, params![bal, period, seen]).map(drop)
}

/// This correspondent is answered now; false when that was done in this period, when the absence is another one by now, or when as many were answered
/// as are remembered.
pub fn answer(
    tx: &mut dyn Tx,
    (bal, period): (Id, Id),
    correspondent: &[u8],
    at: i64,
    most: i64,
) -> Result<bool, StoreError> {
    let stands = "SELECT 1 FROM absences WHERE bal_id = $1 AND period = $2";
    if tx.query_opt(stands, params![bal, period])?.is_none() {
        return Ok(false);
    }
    let count = "SELECT COUNT(*) FROM absence_answers WHERE bal_id = $1 AND period = $2";
    if tx.query_opt(count, params![bal, period])?.map_or(Ok(0), |r| r.int(0))? >= most {
        return Ok(false);
    }
    let sql = "INSERT INTO absence_answers (bal_id, period, correspondent, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![bal, period, correspondent, at])? > 0)
}

/// Was this correspondent answered in this period?
pub fn answered(tx: &mut dyn Tx, bal: Id, period: Id, correspondent: &[u8]) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM absence_answers WHERE bal_id = $1 AND period = $2 AND correspondent = $3";
    Ok(tx.query_opt(sql, params![bal, period, correspondent])?.is_some())
}

/// How many were answered in this period.
pub fn count(tx: &mut dyn Tx, bal: Id, period: Id) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM absence_answers WHERE bal_id = $1 AND period = $2";
    tx.query_opt(sql, params![bal, period])?.map_or(Ok(0), |r| r.int(0))
}

/// BALs whose absence ended before; at most `limit`.
pub fn over(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT bal_id FROM absences WHERE ends < $1 ORDER BY bal_id LIMIT $2";
    tx.query(sql, params![before, limit])?.iter().map(|r| r.int(0)).collect()
}

/// Forgets who was answered before; at most `limit`. How many.
pub fn forget(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM absence_answers WHERE (bal_id, period, correspondent) IN \
               (SELECT bal_id, period, correspondent FROM absence_answers WHERE at < $1 LIMIT $2)";
    tx.execute(sql, params![before, limit])
}

/// Who waits for what comes to a BAL: [`ABSENCE`], [`NOTICES`], [`RULES`], [`PUSH`].
pub fn follows(tx: &mut dyn Tx, bal: Id) -> Result<i64, StoreError> {
    tx.query_opt("SELECT follows FROM bals WHERE id = $1", params![bal])?.map_or(Ok(0), |r| r.int(0))
}

/// Writes down whether somebody waits for what comes to a BAL.
pub(crate) fn follow(tx: &mut dyn Tx, bal: Id) -> Result<(), StoreError> {
    // Two who change what they want of one BAL take turns: the second sees what the first did.
    tx.query_opt("SELECT id FROM bals WHERE id = $1 FOR UPDATE", params![bal])?;
    let sql = "UPDATE bals SET follows = \
               (CASE WHEN EXISTS (SELECT 1 FROM absences WHERE bal_id = $1) THEN 1 ELSE 0 END) + \
               (CASE WHEN EXISTS (SELECT 1 FROM mail_notices WHERE bal_id = $1 AND mode <> 'off') THEN 2 ELSE 0 END) + \
               (CASE WHEN EXISTS (SELECT 1 FROM rules WHERE bal_id = $1 AND enabled <> 0) THEN 4 ELSE 0 END) + \
               (CASE WHEN EXISTS (SELECT 1 FROM push_bals WHERE bal_id = $1) THEN 8 ELSE 0 END) WHERE id = $1";
    tx.execute(sql, params![bal]).map(drop)
}

/// A message that came, as the answer to it needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Modseq of its entry.
    pub modseq: i64,
    /// UID of its entry.
    pub uid: i64,
    /// The message.
    pub message: Id,
    /// When it came, milliseconds since 1970.
    pub created: i64,
    /// What the way added, sealed; none of what was put there by a mail program.
    pub prefix: Option<Vec<u8>>,
    /// Summary, sealed.
    pub summary: Vec<u8>,
}

/// What came to a folder, or changed there, after a modseq and a UID, in that order; at most `limit`. One act gives one modseq to all that it changes: a
/// page may end in the middle of it.
pub fn arrivals(
    tx: &mut dyn Tx,
    folder: Id,
    (modseq, uid): (i64, i64),
    limit: i64,
) -> Result<Vec<Arrival>, StoreError> {
    let sql = "SELECT e.modseq, e.uid, m.id, m.created, m.prefix, m.summary FROM entries e JOIN messages m ON m.id = e.message_id \
               WHERE e.folder_id = $1 AND e.modseq >= $2 AND (e.modseq > $2 OR e.uid > $3) ORDER BY e.modseq, e.uid LIMIT $4";
    let read = |r: &Row| {
        Ok(Arrival {
            modseq: r.int(0)?,
            uid: r.int(1)?,
            message: r.int(2)?,
            created: r.int(3)?,
            prefix: r.opt_bytes(4)?,
            summary: r.bytes(5)?,
        })
    };
    tx.query(sql, params![folder, modseq, uid, limit])?.iter().map(read).collect()
}

/// Answers to tests that a sender had within an hour, this one counted.
pub fn count_test(tx: &mut dyn Tx, sender: &[u8], hour: i64) -> Result<i64, StoreError> {
    let sql = "INSERT INTO test_answers (sender, hour, count) VALUES ($1, $2, 1) \
               ON CONFLICT (sender, hour) DO UPDATE SET count = test_answers.count + 1 RETURNING count";
    tx.query_opt(sql, params![sender, hour])?.map_or(Ok(0), |r| r.int(0))
}

/// Forgets what was counted before an hour; at most `limit`.
pub fn forget_tests(tx: &mut dyn Tx, hour: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM test_answers WHERE (sender, hour) IN (SELECT sender, hour FROM test_answers WHERE hour < $1 LIMIT $2)";
    tx.execute(sql, params![hour, limit])
}
