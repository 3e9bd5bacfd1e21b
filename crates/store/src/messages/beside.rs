//! What is kept of messages and entries beside what every reader asks for: first words, when an entry came, which entries show a message.
use super::{SLICE, bind, segments};
use crate::{Id, StoreError, Tx, params};

/// First words of a message.
#[derive(Debug, Clone)]
pub struct PreviewRow {
    /// Message.
    pub id: Id,
    /// Sealed (`message.preview`); none when they were never asked for.
    pub preview: Option<Vec<u8>>,
}

/// Previews of messages of a BAL; those of messages that are gone are absent.
pub fn previews(tx: &mut dyn Tx, bal: Id, ids: &[Id]) -> Result<Vec<PreviewRow>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for slice in ids.chunks(SLICE) {
        let (list, values) = bind(params![bal], slice);
        // By the ids alone, as in [`summaries`].
        let sql = format!("SELECT id, preview FROM messages WHERE id IN ({list}) AND +bal_id = $1");
        for r in tx.query(&sql, &values)? {
            found.push(PreviewRow { id: r.int(0)?, preview: r.opt_bytes(1)? });
        }
    }
    Ok(found)
}

/// Keeps previews of messages of a BAL; of messages that are gone, nothing. What a client sees of a message does not change: no modseq.
pub fn keep_previews(tx: &mut dyn Tx, bal: Id, previews: &[PreviewRow]) -> Result<(), StoreError> {
    let sql = "UPDATE messages SET preview = $3 WHERE id = $1 AND bal_id = $2";
    for p in previews {
        tx.execute(sql, params![p.id, bal, p.preview.as_deref()])?;
    }
    Ok(())
}

/// When entries came into a folder (UID, milliseconds), of those of these UIDs (ascending) of which it is known.
pub fn saved(tx: &mut dyn Tx, folder: Id, uids: &[i64]) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut found = Vec::new();
    for segment in segments(uids) {
        let (uid_is, values) = segment.bind(params![folder]);
        let sql = format!("SELECT uid, saved FROM entries WHERE folder_id = $1 AND saved IS NOT NULL AND {uid_is}");
        tx.visit(&sql, &values, &mut |r| {
            found.push((r.int(0)?, r.int(1)?));
            Ok(())
        })?;
    }
    Ok(found)
}

/// UIDs of a folder that show a message, ascending.
pub fn uids_of(tx: &mut dyn Tx, folder: Id, message: Id) -> Result<Vec<i64>, StoreError> {
    // A message has few entries: they are found by it, not by the folder.
    let sql = "SELECT uid FROM entries WHERE message_id = $1 AND +folder_id = $2 ORDER BY uid";
    tx.query(sql, params![message, folder])?.iter().map(|r| r.int(0)).collect()
}

/// Where a message of a BAL shows: folders and UIDs.
pub fn places_of(tx: &mut dyn Tx, bal: Id, message: Id) -> Result<Vec<(Id, i64)>, StoreError> {
    let sql = "SELECT folder_id, uid FROM entries WHERE message_id = $1 AND +bal_id = $2 ORDER BY folder_id, uid";
    tx.query(sql, params![message, bal])?.iter().map(|r| Ok((r.int(0)?, r.int(1)?))).collect()
}

/// UIDs of what came into a folder in a time (from the first instant on, before the second), ascending; what was there before it was noted counts by its
/// INTERNALDATE (RFC 8514 §4.3).
pub fn uids_saved(tx: &mut dyn Tx, folder: Id, since: i64, before: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT uid FROM entries WHERE folder_id = $1 AND COALESCE(saved, internal_date) >= $2 \
               AND COALESCE(saved, internal_date) < $3 ORDER BY uid";
    let mut found = Vec::new();
    tx.visit(sql, params![folder, since, before], &mut |r| {
        found.push(r.int(0)?);
        Ok(())
    })?;
    Ok(found)
}
