//! What is being written, and what waits to leave.
//!
//! Promises: of two who change one draft the second waits for the first ([`lock`]) and sees its version; a draft goes with its files.
use crate::{Id, Row, StoreError, Tx, params};
use sceau_domain::Timestamp;

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Id: what its content is sealed with (`draft`).
    pub id: Id,
    /// The BAL it is written at.
    pub bal: Id,
    /// Who writes.
    pub person: Id,
    /// JSON, sealed.
    pub sealed: Vec<u8>,
    /// `open`, `leaving` (it can be held back), `going` (a worker has it), `failed`.
    pub state: String,
    /// When it leaves, milliseconds.
    pub send_at: Option<i64>,
    /// Why it did not leave: a refusal's code.
    pub why: Option<String>,
    /// The message that shows it in Drafts; 0: none yet.
    pub message: Id,
    /// Its folder; 0: none.
    pub folder: Id,
    /// Its UID there; 0: none.
    pub uid: i64,
    /// The version that stands there.
    pub filed: i64,
    /// Version: a change says from which one it starts.
    pub version: i64,
    /// Since when, milliseconds.
    pub created: i64,
    /// Changed last, milliseconds.
    pub changed: i64,
}

const COLUMNS: &str =
    "id, bal_id, person_id, sealed, state, send_at, why, message_id, folder_id, uid, filed, version, created, changed";

fn read(r: &Row) -> Result<Draft, StoreError> {
    Ok(Draft {
        id: r.int(0)?,
        bal: r.int(1)?,
        person: r.int(2)?,
        sealed: r.bytes(3)?,
        state: r.text(4)?,
        send_at: r.opt_int(5)?,
        why: r.opt_text(6)?,
        message: r.int(7)?,
        folder: r.int(8)?,
        uid: r.int(9)?,
        filed: r.int(10)?,
        version: r.int(11)?,
        created: r.int(12)?,
        changed: r.int(13)?,
    })
}

/// Keeps a new one.
pub fn insert(tx: &mut dyn Tx, d: &Draft) -> Result<(), StoreError> {
    let sql =
        format!("INSERT INTO drafts ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
    let values = params![
        d.id,
        d.bal,
        d.person,
        d.sealed.clone(),
        &d.state,
        d.send_at,
        d.why.as_deref(),
        d.message,
        d.folder,
        d.uid,
        d.filed,
        d.version,
        d.created,
        d.changed
    ];
    tx.execute(&sql, values).map(drop)
}

/// One of them.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Draft>, StoreError> {
    tx.query_opt(&format!("SELECT {COLUMNS} FROM drafts WHERE id = $1"), params![id])?.as_ref().map(read).transpose()
}

/// The same, held until the transaction ends.
pub fn lock(tx: &mut dyn Tx, id: Id) -> Result<Option<Draft>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM drafts WHERE id = $1 FOR UPDATE");
    tx.query_opt(&sql, params![id])?.as_ref().map(read).transpose()
}

/// Those that a person writes at a BAL, the one changed last first; at most `limit`.
pub fn of_person(tx: &mut dyn Tx, bal: Id, person: Id, limit: i64) -> Result<Vec<Draft>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM drafts WHERE bal_id = $1 AND person_id = $2 ORDER BY changed DESC, id DESC LIMIT $3"
    );
    tx.query(&sql, params![bal, person, limit])?.iter().map(read).collect()
}

/// Those at a BAL that somebody else wanted to send, and that did not leave; the one changed last first; at most `limit`.
pub fn failed_of_others(tx: &mut dyn Tx, bal: Id, person: Id, limit: i64) -> Result<Vec<Draft>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM drafts WHERE bal_id = $1 AND person_id <> $2 AND state = 'failed' ORDER BY changed DESC, id DESC LIMIT $3"
    );
    tx.query(&sql, params![bal, person, limit])?.iter().map(read).collect()
}

/// Whose copy in Drafts this message is.
pub fn by_message(tx: &mut dyn Tx, bal: Id, message: Id) -> Result<Option<Draft>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM drafts WHERE bal_id = $1 AND message_id = $2 AND message_id <> 0");
    tx.query_opt(&sql, params![bal, message])?.as_ref().map(read).transpose()
}

/// How many a person writes at a BAL.
pub fn count(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM drafts WHERE bal_id = $1 AND person_id = $2";
    tx.query_opt(sql, params![bal, person])?.map_or(Ok(0), |r| r.int(0))
}

/// Writes what changed of one that is held: content, state, times, version.
pub fn write(tx: &mut dyn Tx, d: &Draft) -> Result<(), StoreError> {
    let sql =
        "UPDATE drafts SET sealed = $2, state = $3, send_at = $4, why = $5, version = $6, changed = $7 WHERE id = $1";
    let values = params![d.id, d.sealed.clone(), &d.state, d.send_at, d.why.as_deref(), d.version, d.changed];
    tx.execute(sql, values).map(drop)
}

/// This message shows it in Drafts, as of a version; false where it is written no more, or something else shows it by now than the UID `was`.
pub fn filed(
    tx: &mut dyn Tx,
    id: Id,
    (message, folder, uid): (Id, Id, i64),
    version: i64,
    was: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE drafts SET message_id = $2, folder_id = $3, uid = $4, filed = $5 \
               WHERE id = $1 AND uid = $6 AND state IN ('open', 'failed')";
    Ok(tx.execute(sql, params![id, message, folder, uid, version, was])? > 0)
}

/// Removes one with the files that were to go with it.
pub fn remove(tx: &mut dyn Tx, id: Id, now: Timestamp) -> Result<(), StoreError> {
    for upload in super::uploads::of_draft(tx, id)? {
        super::uploads::remove(tx, upload.id, now)?;
    }
    tx.execute("DELETE FROM drafts WHERE id = $1", params![id]).map(drop)
}
