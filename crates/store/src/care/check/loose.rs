//! References that lead nowhere, and rows that nothing leads to.
use super::PAGE;
use crate::blob::{BlobId, GRACE_MS, id_from, unnamed};
use crate::folders::{self, Counts, Place};
use crate::journal::Act;
use crate::messages::{self, EntryRow, Mark};
use crate::{Id, Row, StoreError, Tx, params};
use sceau_domain::Timestamp;

/// An entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its folder.
    pub folder: Id,
    /// Its UID.
    pub uid: i64,
    /// Its BAL.
    pub bal: Id,
    /// The message it shows.
    pub message: Id,
}

/// A message (of a BAL, or of the queue) and its blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Message.
    pub id: Id,
    /// Its BAL.
    pub bal: Id,
    /// Its blob.
    pub blob: BlobId,
}

/// Where a walk over entries is: folder and UID of the last one told. It begins with the least ones.
pub type EntryPlace = (Id, i64);

fn entries_where(tx: &mut dyn Tx, after: &EntryPlace, condition: &str) -> Result<Vec<Entry>, StoreError> {
    let sql = format!(
        "SELECT e.folder_id, e.uid, e.bal_id, e.message_id FROM entries e \
         WHERE (e.folder_id, e.uid) > ($1, $2) AND {condition} ORDER BY e.folder_id, e.uid LIMIT {PAGE}"
    );
    tx.query(&sql, params![after.0, after.1])?.iter().map(read_entry).collect()
}

fn messages_where(tx: &mut dyn Tx, after: Id, table: &str, condition: &str) -> Result<Vec<Message>, StoreError> {
    let sql = format!(
        "SELECT m.id, m.bal_id, m.blob_id FROM {table} m WHERE m.id > $1 AND {condition} ORDER BY m.id LIMIT {PAGE}"
    );
    tx.query(&sql, params![after])?
        .iter()
        .map(|r| Ok(Message { id: r.int(0)?, bal: r.int(1)?, blob: id_from(&r.bytes(2)?)? }))
        .collect()
}

/// Entries whose folder is gone.
pub fn entries_without_folder(tx: &mut dyn Tx, after: &EntryPlace) -> Result<Vec<Entry>, StoreError> {
    entries_where(tx, after, "NOT EXISTS (SELECT 1 FROM folders f WHERE f.id = e.folder_id AND f.bal_id = e.bal_id)")
}

/// Entries that show no message of their BAL.
pub fn entries_without_message(tx: &mut dyn Tx, after: &EntryPlace) -> Result<Vec<Entry>, StoreError> {
    entries_where(tx, after, "NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = e.message_id AND m.bal_id = e.bal_id)")
}

/// Entries whose size is not their message's.
pub fn entries_of_another_size(tx: &mut dyn Tx, after: &EntryPlace) -> Result<Vec<Entry>, StoreError> {
    entries_where(tx, after, "EXISTS (SELECT 1 FROM messages m WHERE m.id = e.message_id AND m.size <> e.size)")
}

/// Messages that no entry shows, and that no legal hold keeps.
pub fn messages_without_entry(tx: &mut dyn Tx, after: &Id) -> Result<Vec<Message>, StoreError> {
    let hidden = "NOT EXISTS (SELECT 1 FROM entries e WHERE e.message_id = m.id) \
                  AND NOT EXISTS (SELECT 1 FROM kept_messages k WHERE k.bal_id = m.bal_id AND k.message_id = m.id)";
    messages_where(tx, *after, "messages", hidden)
}

const NO_BLOB: &str = "NOT EXISTS (SELECT 1 FROM blobs b WHERE b.id = m.blob_id)";

/// Messages whose blob has no row.
pub fn messages_without_blob(tx: &mut dyn Tx, after: &Id) -> Result<Vec<Message>, StoreError> {
    messages_where(tx, *after, "messages", NO_BLOB)
}

/// A piece of a file that is on its way into a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The file.
    pub upload: Id,
    /// Where it begins in the file.
    pub first: i64,
    /// Its BAL.
    pub bal: Id,
    /// Its blob.
    pub blob: BlobId,
}

/// Where a walk over pieces is: file and place in it.
pub type PiecePlace = (Id, i64);

/// Pieces of files whose blob has no row.
pub fn pieces_without_blob(tx: &mut dyn Tx, after: &PiecePlace) -> Result<Vec<Piece>, StoreError> {
    let sql = format!(
        "SELECT m.upload_id, m.first, m.bal_id, m.blob_id FROM upload_pieces m \
         WHERE (m.upload_id, m.first) > ($1, $2) AND {NO_BLOB} ORDER BY m.upload_id, m.first LIMIT {PAGE}"
    );
    let read =
        |r: &Row| Ok(Piece { upload: r.int(0)?, first: r.int(1)?, bal: r.int(2)?, blob: id_from(&r.bytes(3)?)? });
    tx.query(&sql, params![after.0, after.1])?.iter().map(read).collect()
}

/// Files of drafts that do not hold what they say, with their BAL: a piece is missing, or one is there twice.
pub fn uploads_with_holes(tx: &mut dyn Tx, after: &Id) -> Result<Vec<(Id, Id)>, StoreError> {
    let sql = format!(
        "SELECT u.id, u.bal_id FROM uploads u WHERE u.id > $1 AND u.held <> \
         (SELECT CAST(COALESCE(SUM(p.size), 0) AS BIGINT) FROM upload_pieces p WHERE p.upload_id = u.id) ORDER BY u.id LIMIT {PAGE}"
    );
    tx.query(&sql, params![*after])?.iter().map(|r| Ok((r.int(0)?, r.int(1)?))).collect()
}

/// Queued messages whose blob has no row.
pub fn queued_without_blob(tx: &mut dyn Tx, after: &Id) -> Result<Vec<Message>, StoreError> {
    messages_where(tx, *after, "queue_messages", NO_BLOB)
}

/// Queued messages without a recipient.
pub fn queued_without_entry(tx: &mut dyn Tx, after: &Id) -> Result<Vec<Message>, StoreError> {
    messages_where(tx, *after, "queue_messages", "NOT EXISTS (SELECT 1 FROM queue_entries e WHERE e.message_id = m.id)")
}

/// Destinations of queued recipients that have no row: nobody would ever try them.
pub fn destinations_missing(tx: &mut dyn Tx, after: &str) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "SELECT DISTINCT destination FROM queue_entries e \
         WHERE destination > $1 AND NOT EXISTS (SELECT 1 FROM queue_destinations d WHERE d.domain = e.destination) ORDER BY 1 LIMIT {PAGE}"
    );
    tx.query(&sql, params![after])?.iter().map(|r| r.text(0)).collect()
}

/// Blobs older than an hour that nothing names and that the collector does not know of.
pub fn blobs_unnamed(tx: &mut dyn Tx, (after, now): &(BlobId, Timestamp)) -> Result<Vec<BlobId>, StoreError> {
    let sql = format!(
        "SELECT id FROM blobs WHERE created < $1 AND id > $2 AND {} AND NOT EXISTS (SELECT 1 FROM blobs_released r WHERE r.id = blobs.id) \
         ORDER BY id LIMIT {PAGE}",
        unnamed("blobs")
    );
    tx.query(&sql, params![now.0 - GRACE_MS, after.as_slice()])?.iter().map(|r| id_from(&r.bytes(0)?)).collect()
}

/// BALs whose search index lost a file or holds records of messages that are gone.
pub fn search_broken(tx: &mut dyn Tx, after: &Id) -> Result<Vec<Id>, StoreError> {
    let sql = format!(
        "SELECT bal_id FROM (SELECT bal_id FROM index_files m WHERE blob_id IS NOT NULL AND {NO_BLOB} \
         UNION SELECT bal_id FROM texts m WHERE blob_id IS NOT NULL AND {NO_BLOB} \
         UNION SELECT bal_id FROM texts t WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = t.message_id)) broken \
         WHERE bal_id > $1 ORDER BY 1 LIMIT {PAGE}"
    );
    tx.query(&sql, params![*after])?.iter().map(|r| r.int(0)).collect()
}

/// Tombstones that say of an entry that is there that it is gone: mail programs would hide it. Told as the entry.
pub fn entries_said_gone(tx: &mut dyn Tx, after: &EntryPlace) -> Result<Vec<Entry>, StoreError> {
    // From the tombstones, which are few, to the entries: the other way would look at every tombstone for every entry.
    let sql = format!(
        "SELECT DISTINCT e.folder_id, e.uid, e.bal_id, e.message_id FROM vanished v CROSS JOIN entries e \
         WHERE e.folder_id = v.folder_id AND e.uid >= v.uid AND e.uid <= v.uid_last \
         AND (e.folder_id, e.uid) > ($1, $2) ORDER BY e.folder_id, e.uid LIMIT {PAGE}"
    );
    tx.query(&sql, params![after.0, after.1])?.iter().map(read_entry).collect()
}

fn read_entry(r: &Row) -> Result<Entry, StoreError> {
    Ok(Entry { folder: r.int(0)?, uid: r.int(1)?, bal: r.int(2)?, message: r.int(3)? })
}

/// Removes the tombstones that say of this entry that it is gone. The floor rises above them: what else they said is then told from what is
/// there.
pub fn unsay_gone(tx: &mut dyn Tx, entry: &Entry) -> Result<bool, StoreError> {
    let Some(state) = folders::lock_bal(tx, entry.bal)? else { return Ok(false) };
    let sql = "DELETE FROM vanished WHERE folder_id = $1 AND uid <= $2 AND uid_last >= $2";
    tx.execute(sql, params![entry.folder, entry.uid])?;
    tx.execute("UPDATE bals SET journal_floor = $2 WHERE id = $1", params![entry.bal, state.modseq])?;
    let sql = "UPDATE entries SET modseq = $3 WHERE folder_id = $1 AND uid = $2";
    tx.execute(sql, params![entry.folder, entry.uid, state.modseq])?;
    tx.execute("UPDATE folders SET modseq = $2 WHERE id = $1", params![entry.folder, state.modseq])?;
    Ok(true)
}

/// BALs whose address is not the one with which the log says that they were opened.
pub fn bals_readdressed(tx: &mut dyn Tx, after: &Id) -> Result<Vec<Id>, StoreError> {
    let sql = format!(
        "SELECT DISTINCT b.id FROM traces t JOIN bals b ON b.id = t.bal_id \
         WHERE t.act = 'bal.opened' AND t.outcome = 'ok' AND t.bal <> b.address_key AND b.id > $1 \
         AND NOT (b.state = 'closed' AND b.address_key = t.bal || ' ' || CAST(b.id AS TEXT)) ORDER BY 1 LIMIT {PAGE}"
    );
    tx.query(&sql, params![*after])?.iter().map(|r| r.int(0)).collect()
}

/// Puts entries whose folder is gone, or a message that nothing shows (`uid` 0), into the folder with this tag (the INBOX). False when
/// there is no such folder, no message, or nothing is lost any more.
pub fn show_again(tx: &mut dyn Tx, lost: &Entry, inbox: &[u8]) -> Result<bool, StoreError> {
    let Some(state) = folders::lock_bal(tx, lost.bal)? else { return Ok(false) };
    let sql = "SELECT size, created FROM messages WHERE id = $1 AND bal_id = $2";
    let Some(message) = tx.query_opt(sql, params![lost.message, lost.bal])? else { return Ok(false) };
    let (size, created) = (message.int(0)?, message.int(1)?);
    let shown = match lost.uid {
        0 => tx.query_opt("SELECT 1 FROM entries WHERE message_id = $1", params![lost.message])?,
        _ => tx.query_opt("SELECT 1 FROM folders WHERE id = $1 AND bal_id = $2", params![lost.folder, lost.bal])?,
    };
    if shown.is_some() {
        return Ok(false);
    }
    let sql = "SELECT flags, internal_date, keywords FROM entries WHERE folder_id = $1 AND uid = $2";
    let (mut flags, mut date, mut keywords) = (0, created, crate::keywords::Slots::default());
    if lost.uid > 0
        && let Some(row) = tx.query_opt(sql, params![lost.folder, lost.uid])?
    {
        (flags, date) = (row.int(0)?, row.int(1)?);
        keywords = crate::keywords::Slots::from_bytes(row.opt_bytes(2)?.unwrap_or_default());
        tx.execute("DELETE FROM entries WHERE folder_id = $1 AND uid = $2", params![lost.folder, lost.uid])?;
    }
    let placed = folders::place(tx, lost.bal, Place::Tag(inbox), Counts::of(flags, size), state.modseq)?;
    let Some((folder, uid, _)) = placed else { return Ok(false) };
    let entry =
        EntryRow { uid, message: lost.message, modseq: state.modseq, flags, keywords, internal_date: date, size };
    messages::insert_entry(tx, folder, lost.bal, &entry, Mark::default())?;
    Ok(true)
}

/// Removes an entry that shows nothing; a tombstone tells mail programs. The counts are healed afterwards. False when it shows something
/// after all.
pub fn remove_entry(tx: &mut dyn Tx, lost: &Entry, now: Timestamp) -> Result<bool, StoreError> {
    let Some(state) = folders::lock_bal(tx, lost.bal)? else { return Ok(false) };
    let sql = "SELECT 1 FROM messages WHERE id = $1 AND bal_id = $2";
    if tx.query_opt(sql, params![lost.message, lost.bal])?.is_some() {
        return Ok(false);
    }
    let gone = messages::entries_of(tx, lost.folder, &[lost.uid])?;
    let act = Act { bal: lost.bal, modseq: state.modseq, at: now.0 };
    messages::remove(tx, act, lost.folder, &gone)?;
    tx.execute("UPDATE folders SET modseq = $2 WHERE id = $1", params![lost.folder, state.modseq])?;
    Ok(true)
}

/// Gives an entry its message's size. The counts are healed afterwards.
pub fn resize_entry(tx: &mut dyn Tx, entry: &Entry) -> Result<(), StoreError> {
    let sql =
        "UPDATE entries SET size = (SELECT m.size FROM messages m WHERE m.id = $3) WHERE folder_id = $1 AND uid = $2";
    tx.execute(sql, params![entry.folder, entry.uid, entry.message]).map(drop)
}

/// Removes a queued message that has no recipient.
pub fn remove_queued(tx: &mut dyn Tx, message: &Message, now: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM queue_messages WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM queue_entries e WHERE e.message_id = $1)";
    if tx.execute(sql, params![message.id])? > 0 {
        crate::blob::release(tx, &message.blob, now)?;
    }
    Ok(())
}

/// Gives a destination its row, to be tried at once.
pub fn add_destination(tx: &mut dyn Tx, domain: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO queue_destinations (domain, next_at, failures, unreached) VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING";
    tx.execute(sql, params![domain, now.0]).map(drop)
}

/// Tells the collector of blobs that nothing names.
pub fn release_unnamed(tx: &mut dyn Tx, id: &BlobId, now: Timestamp) -> Result<(), StoreError> {
    crate::blob::release(tx, id, now)
}

/// Removes what a BAL's search index holds of messages that are gone, and its files: it is made anew.
pub fn drop_search(tx: &mut dyn Tx, bal: Id, now: Timestamp) -> Result<(), StoreError> {
    for (table, condition) in [
        ("index_files", "1 = 1"),
        (
            "texts",
            "NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = texts.message_id) OR \
          (blob_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.id = texts.blob_id))",
        ),
    ] {
        let sql = format!("SELECT blob_id FROM {table} WHERE bal_id = $1 AND blob_id IS NOT NULL AND ({condition})");
        for row in tx.query(&sql, params![bal])? {
            crate::blob::release(tx, &id_from(&row.bytes(0)?)?, now)?;
        }
        tx.execute(&format!("DELETE FROM {table} WHERE bal_id = $1 AND ({condition})"), params![bal])?;
    }
    tx.execute("DELETE FROM index_removals WHERE bal_id = $1", params![bal])?;
    tx.execute("DELETE FROM search_indexes WHERE bal_id = $1", params![bal]).map(drop)
}
