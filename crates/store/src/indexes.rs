//! Search indexes: one a BAL, sealed files in generations, how far each goes, what is to be removed from it.
//!
//! Promises: files and how far they go change in transactions that only the last writer may commit ([`fence`]), so that a worker that
//! was taken for dead changes nothing when it wakes up; an index that is being made does not disturb the one in force; which messages
//! an index may lack is known exactly ([`unindexed`]), whatever the order in which ids were made and committed: every act takes the
//! BAL's next modseq under its lock.
use crate::blob::{self, BlobId};
use crate::messages::{SLICE, bind};
use crate::{Id, Row, StoreError, Tx, params};
use sceau_domain::Timestamp;

/// How far a BAL is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexRow {
    /// Version of the index in force; another one than the program's, and 0, ask for a new index.
    pub version: i64,
    /// The index in force; 0 for none.
    pub generation: Id,
    /// It holds every message that stood in the BAL at this modseq.
    pub modseq: i64,
    /// Rounds of indexing that are over: records with a pass up to this one are in the index in force.
    pub pass: i64,
    /// The index being made; 0 for none.
    pub building: Id,
    /// Messages up to this id are in it.
    pub building_upto: Id,
    /// What its modseq will be.
    pub building_modseq: i64,
    /// Records made earlier are made again by the index being made.
    pub texts_since: Id,
    /// Last change, milliseconds.
    pub updated: i64,
}

const COLUMNS: &str =
    "version, generation, modseq, pass, building, building_upto, building_modseq, texts_since, updated";

fn read(r: &Row) -> Result<IndexRow, StoreError> {
    Ok(IndexRow {
        version: r.int(0)?,
        generation: r.int(1)?,
        modseq: r.int(2)?,
        pass: r.int(3)?,
        building: r.int(4)?,
        building_upto: r.int(5)?,
        building_modseq: r.int(6)?,
        texts_since: r.int(7)?,
        updated: r.int(8)?,
    })
}

/// How far a BAL is indexed; nothing, when it never was.
pub fn state(tx: &mut dyn Tx, bal: Id) -> Result<IndexRow, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM search_indexes WHERE bal_id = $1");
    tx.query_opt(&sql, params![bal])?.map_or(Ok(IndexRow::default()), |r| read(&r))
}

/// Locks the BAL's row without changing it: its modseq, if it is active. Nothing arrives or goes before the transaction ends.
pub fn hold_bal(tx: &mut dyn Tx, bal: Id) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT modseq FROM bals WHERE id = $1 AND state = 'active' FOR UPDATE";
    tx.query_opt(sql, params![bal])?.map(|r| r.int(0)).transpose()
}

/// The BAL's present modseq, if it is active.
pub fn modseq(tx: &mut dyn Tx, bal: Id) -> Result<Option<i64>, StoreError> {
    tx.query_opt("SELECT modseq FROM bals WHERE id = $1 AND state = 'active'", params![bal])?
        .map(|r| r.int(0))
        .transpose()
}

/// From here on only this writer may change the BAL's index. Gives its state.
pub fn take(tx: &mut dyn Tx, bal: Id, writer: Id, now: i64) -> Result<IndexRow, StoreError> {
    let sql = format!(
        "INSERT INTO search_indexes (bal_id, version, generation, modseq, pass, building, building_upto, building_modseq, \
         texts_since, writer, updated) VALUES ($1, 0, 0, 0, 0, 0, 0, 0, 0, $2, $3) \
         ON CONFLICT (bal_id) DO UPDATE SET writer = excluded.writer RETURNING {COLUMNS}"
    );
    let row = tx.query_opt(&sql, params![bal, writer, now])?;
    row.map_or_else(|| Err(StoreError::Other("no row of an index".into())), |r| read(&r))
}

/// True while this writer is the last that took the index; its row is locked then.
pub fn fence(tx: &mut dyn Tx, bal: Id, writer: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM search_indexes WHERE bal_id = $1 AND writer = $2 FOR UPDATE";
    Ok(tx.query_opt(sql, params![bal, writer])?.is_some())
}

/// Writes how far the BAL is indexed. Fenced.
pub fn set_state(tx: &mut dyn Tx, bal: Id, s: &IndexRow) -> Result<(), StoreError> {
    let sql = "UPDATE search_indexes SET version = $2, generation = $3, modseq = $4, pass = $5, building = $6, \
               building_upto = $7, building_modseq = $8, texts_since = $9, updated = $10 WHERE bal_id = $1";
    let values = params![
        bal,
        s.version,
        s.generation,
        s.modseq,
        s.pass,
        s.building,
        s.building_upto,
        s.building_modseq,
        s.texts_since,
        s.updated
    ];
    tx.execute(sql, values).map(drop)
}

/// Asks for a new index; `texts_since` (an id, 0 for none): text records made earlier are to be made again, too. What is being made
/// begins again. The index in force serves on until the new one is ready, unless it is `broken`.
pub fn ask_anew(tx: &mut dyn Tx, bal: Id, texts_since: Id, broken: bool, now: i64) -> Result<(), StoreError> {
    // Taken by nobody: who is at work finds itself fenced off.
    let row = take(tx, bal, texts_since, now)?;
    let asked = IndexRow {
        version: 0,
        generation: if broken { 0 } else { row.generation },
        building: 0,
        building_upto: 0,
        building_modseq: 0,
        texts_since: row.texts_since.max(texts_since),
        updated: now,
        ..row
    };
    set_state(tx, bal, &asked)
}

/// Messages of a BAL by id, from after `after`.
pub fn messages(tx: &mut dyn Tx, bal: Id, after: Id, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT id FROM messages WHERE bal_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    tx.query(sql, params![bal, after, limit])?.iter().map(|r| r.int(0)).collect()
}

/// The same by descending id, from before `below`.
pub fn messages_below(tx: &mut dyn Tx, bal: Id, below: Id, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT id FROM messages WHERE bal_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    tx.query(sql, params![bal, below, limit])?.iter().map(|r| r.int(0)).collect()
}

/// How many messages of a BAL have an id above `after`.
pub fn count_messages(tx: &mut dyn Tx, bal: Id, after: Id) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM messages WHERE bal_id = $1 AND id > $2";
    tx.query_opt(sql, params![bal, after])?.map_or(Ok(0), |r| r.int(0))
}

/// Messages that the index in force may lack: they have an entry that changed after its modseq, and no record of a round that is over.
/// By descending id, from before `below`. Every message that it lacks is among them; an entry that lost its message is not (there is nothing
/// to read, and nothing would ever take it in).
pub fn unindexed(tx: &mut dyn Tx, bal: Id, s: &IndexRow, below: Id, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT DISTINCT e.message_id FROM folders f JOIN entries e ON e.folder_id = f.id AND e.modseq > $2 \
               WHERE f.bal_id = $1 AND f.modseq > $2 AND e.message_id < $4 AND NOT EXISTS \
               (SELECT 1 FROM texts t WHERE t.message_id = e.message_id AND t.pass <= $3) \
               AND EXISTS (SELECT 1 FROM messages m WHERE m.id = e.message_id) ORDER BY 1 DESC LIMIT $5";
    tx.query(sql, params![bal, s.modseq, s.pass, below, limit])?.iter().map(|r| r.int(0)).collect()
}

/// Is there a message that the index in force surely holds?
pub fn holds_some(tx: &mut dyn Tx, bal: Id, s: &IndexRow) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM texts WHERE bal_id = $1 AND pass <= $2 LIMIT 1";
    Ok(tx.query_opt(sql, params![bal, s.pass])?.is_some())
}

/// How many messages the index in force surely holds.
pub fn count_held(tx: &mut dyn Tx, bal: Id, s: &IndexRow) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM texts WHERE bal_id = $1 AND pass <= $2";
    tx.query_opt(sql, params![bal, s.pass])?.map_or(Ok(0), |r| r.int(0))
}

/// Messages that are gone and that the index may still hold.
pub fn removals(tx: &mut dyn Tx, bal: Id, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT message_id FROM index_removals WHERE bal_id = $1 ORDER BY message_id LIMIT $2";
    tx.query(sql, params![bal, limit])?.iter().map(|r| r.int(0)).collect()
}

/// They are in no index any more.
pub fn removed(tx: &mut dyn Tx, bal: Id, messages: &[Id]) -> Result<(), StoreError> {
    for slice in messages.chunks(SLICE) {
        let (list, values) = bind(params![bal], slice);
        tx.execute(&format!("DELETE FROM index_removals WHERE bal_id = $1 AND message_id IN ({list})"), &values)?;
    }
    Ok(())
}

/// An entry of a message, where it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The message.
    pub message: Id,
    /// Folder.
    pub folder: Id,
    /// UID there.
    pub uid: i64,
}

/// Where messages of a BAL show, by message and folder; one that is gone shows nowhere.
pub fn shown(tx: &mut dyn Tx, bal: Id, messages: &[Id]) -> Result<Vec<Shown>, StoreError> {
    let mut found = Vec::new();
    for slice in messages.chunks(SLICE) {
        let (list, values) = bind(params![bal], slice);
        let sql = format!(
            "SELECT message_id, folder_id, uid FROM entries WHERE message_id IN ({list}) AND bal_id = $1 ORDER BY message_id, folder_id, uid"
        );
        for r in tx.query(&sql, &values)? {
            found.push(Shown { message: r.int(0)?, folder: r.int(1)?, uid: r.int(2)? });
        }
    }
    Ok(found)
}

/// A file of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexFile {
    /// Small, replaced as a whole (sealed under the BAL's key).
    Small(Vec<u8>),
    /// A blob, and its wrapped key.
    Blob(BlobId, Vec<u8>),
}

/// A file of a generation.
pub fn file(tx: &mut dyn Tx, bal: Id, generation: Id, name: &str) -> Result<Option<IndexFile>, StoreError> {
    let sql = "SELECT sealed, blob_id, blob_key FROM index_files WHERE bal_id = $1 AND generation = $2 AND name = $3";
    let Some(r) = tx.query_opt(sql, params![bal, generation, name])? else { return Ok(None) };
    Ok(Some(match (r.opt_bytes(0)?, r.opt_bytes(1)?, r.opt_bytes(2)?) {
        (Some(sealed), None, None) => IndexFile::Small(sealed),
        (None, Some(id), Some(key)) => IndexFile::Blob(blob::id_from(&id)?, key),
        _ => return Err(StoreError::Corrupt(format!("file of the index of {bal}"))),
    }))
}

/// Puts a file in place of an earlier one of that name. Fenced. A blob's own row is inserted by the caller.
pub fn put_file(
    tx: &mut dyn Tx,
    bal: Id,
    generation: Id,
    name: &str,
    file: &IndexFile,
    now: Timestamp,
) -> Result<(), StoreError> {
    remove_file(tx, bal, generation, name, now)?;
    let (sealed, id, key) = match file {
        IndexFile::Small(sealed) => (Some(sealed.as_slice()), None, None),
        IndexFile::Blob(id, key) => (None, Some(id.as_slice()), Some(key.as_slice())),
    };
    let sql =
        "INSERT INTO index_files (bal_id, generation, name, sealed, blob_id, blob_key) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![bal, generation, name, sealed, id, key]).map(drop)
}

/// Removes a file; its blob is collected later. Fenced.
pub fn remove_file(tx: &mut dyn Tx, bal: Id, generation: Id, name: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM index_files WHERE bal_id = $1 AND generation = $2 AND name = $3 RETURNING blob_id";
    release(tx, sql, params![bal, generation, name], now).map(drop)
}

/// Removes the files of every generation of a BAL but these two; how many there were.
pub fn drop_others(tx: &mut dyn Tx, bal: Id, keep: [Id; 2], now: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM index_files WHERE bal_id = $1 AND generation <> $2 AND generation <> $3 RETURNING blob_id";
    release(tx, sql, params![bal, keep[0], keep[1]], now)
}

fn release(tx: &mut dyn Tx, sql: &str, values: &[crate::Value], now: Timestamp) -> Result<u64, StoreError> {
    let rows = tx.query(sql, values)?;
    for row in &rows {
        if let Some(id) = row.opt_bytes(0)? {
            blob::release(tx, &blob::id_from(&id)?, now)?;
        }
    }
    Ok(rows.len() as u64)
}

/// An active BAL whose index is to be made, or made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToDo {
    /// The BAL.
    pub bal: Id,
    /// How far it is.
    pub row: IndexRow,
}

/// Active BALs with an index of another version than this, by id from after `after`.
pub fn outdated(tx: &mut dyn Tx, version: i64, after: Id, limit: i64) -> Result<Vec<ToDo>, StoreError> {
    let sql = "SELECT s.bal_id, s.version, s.generation, s.modseq, s.pass, s.building, s.building_upto, s.building_modseq, \
               s.texts_since, s.updated FROM search_indexes s JOIN bals b ON b.id = s.bal_id \
               WHERE b.state = 'active' AND s.version <> $1 AND s.bal_id > $2 ORDER BY s.bal_id LIMIT $3";
    let rows = tx.query(sql, params![version, after, limit])?;
    rows.iter().map(|r| Ok(ToDo { bal: r.int(0)?, row: read(&Row(r.0[1..].to_vec()))? })).collect()
}

/// Active BALs by id from after `after`.
pub fn active_bals(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT id FROM bals WHERE state = 'active' AND id > $1 ORDER BY id LIMIT $2";
    tx.query(sql, params![after, limit])?.iter().map(|r| r.int(0)).collect()
}
