//! The journal of a BAL: what changed since any modseq (RFC 7162 §3.2, RFC 8620 §5.2), with tombstones that are pruned by age.
//!
//! What is there needs no journal: entries and folders carry the modseq of their last change, messages and folders that of the
//! act that made them. What is gone leaves a tombstone, written by the act that removed it: `vanished` (UIDs of a folder, in runs),
//! `departed` (messages that left a folder), `departed_folders`. `journal_hours` says how old they are.
//!
//! Promises: a question from the floor on (`bals.journal_floor`) is answered completely; below it the answer says that it cannot be
//! given ([`Answer::Unknown`]) or, for the UIDs of a folder, is made from what is there ([`gone_since`]). The floor rises in the
//! transaction that removes the first tombstone below it, never after. Pages end at any change, also within one act.
use crate::folders::FolderRow;
use crate::{Id, StoreError, Tx, messages, params};

/// An hour, milliseconds.
const HOUR: i64 = 3_600_000;

/// The act that a transaction is, for what it leaves in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    /// The BAL, whose row is locked.
    pub bal: Id,
    /// The modseq taken ([`crate::folders::lock_bal`]).
    pub modseq: i64,
    /// Now, milliseconds.
    pub at: i64,
}

/// How far somebody knows a BAL: every change up to this one. Changes are ordered by modseq, those of one act by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// Modseq of the last change that is known.
    pub modseq: i64,
    /// Id of the last message (or folder) of that modseq that is known.
    pub id: Id,
}

impl Cursor {
    /// Everything up to a modseq.
    pub fn at(modseq: i64) -> Self {
        Self { modseq, id: Id::MAX }
    }
    /// Is all of its act known?
    pub fn is_whole(&self) -> bool {
        self.id == Id::MAX
    }
}

/// An answer of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// Complete.
    Known(T),
    /// The question is older than what is still known (or newer than the BAL): the asker starts again.
    Unknown {
        /// The oldest modseq that can be asked from.
        floor: i64,
    },
}

/// Changes of messages or folders, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Made since. What was made and removed since is nowhere.
    pub created: Vec<Id>,
    /// Known before and changed since.
    pub updated: Vec<Id>,
    /// Known before and gone.
    pub destroyed: Vec<Id>,
    /// What is known after this page.
    pub state: Cursor,
    /// More changes follow, from `state` on.
    pub more: bool,
    /// Of folders: nothing of `updated` changed but what the folder holds (RFC 8621 §2.2, `updatedProperties`).
    pub only_content: bool,
}

/// (modseq, floor) of a BAL; none when there is no such BAL.
pub fn extent(tx: &mut dyn Tx, bal: Id) -> Result<Option<(i64, i64)>, StoreError> {
    let row = tx.query_opt("SELECT modseq, journal_floor FROM bals WHERE id = $1", params![bal])?;
    row.map(|r| Ok((r.int(0)?, r.int(1)?))).transpose()
}

/// Can changes since a cursor be told? Its modseq and the BAL's present one.
fn known(tx: &mut dyn Tx, bal: Id, since: Cursor) -> Result<Result<i64, i64>, StoreError> {
    let (modseq, floor) = extent(tx, bal)?.ok_or_else(|| StoreError::Other("no such BAL".into()))?;
    // A cursor within an act knows only a part of it.
    let whole = if since.is_whole() { since.modseq } else { since.modseq.saturating_sub(1) };
    Ok(if whole < floor || since.modseq > modseq { Err(floor) } else { Ok(modseq) })
}

/// What happened to a message or folder since a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Created,
    /// Of a folder: only in what it holds.
    Updated {
        only_content: bool,
    },
    Destroyed,
}

/// Where a change stands among others, and what it is; none when whoever knows `since` need not be told.
///
/// What is new stands where it was *made*, and where it was last changed once more if that is on a later page: so whoever knows everything up to
/// a cursor knows what was made up to there, wherever a page ended. (What is made, then removed between two pages may be told as
/// destroyed without having been told as created: RFC 8620 §5.2 allows it, and nothing else is possible without a memory of each client.)
fn judge(since: Cursor, id: Id, changed: i64, made: i64, gone: bool, shaped: i64) -> Option<(Cursor, Kind)> {
    let at = |modseq| Cursor { modseq, id };
    let fresh = at(made) > since;
    match gone {
        _ if at(changed) <= since => None,
        true if fresh => None,
        true => Some((at(changed), Kind::Destroyed)),
        false if fresh => Some((at(made), Kind::Created)),
        false => Some((at(changed), Kind::Updated { only_content: at(shaped) <= since })),
    }
}

/// Changes in their order (perhaps one more than `limit`) as a page.
fn page(changes: &[(Cursor, Kind)], present: i64, limit: usize) -> Page {
    let more = changes.len() > limit;
    let mut page = Page {
        created: Vec::new(),
        updated: Vec::new(),
        destroyed: Vec::new(),
        state: Cursor::at(present),
        more,
        only_content: true,
    };
    for (at, kind) in changes.iter().take(limit) {
        match kind {
            Kind::Created => page.created.push(at.id),
            Kind::Updated { only_content } => {
                page.updated.push(at.id);
                page.only_content &= only_content;
            }
            Kind::Destroyed => page.destroyed.push(at.id),
        }
        if more {
            page.state = *at;
        }
    }
    page
}

/// Messages of a BAL changed after `since`: made, changed in flags, keywords or folders, gone; at most `limit` (one at least).
/// The cost grows with all that changed since, not with the page.
pub fn messages(tx: &mut dyn Tx, bal: Id, since: Cursor, limit: usize) -> Result<Answer<Page>, StoreError> {
    let present = match known(tx, bal, since)? {
        Ok(present) => present,
        Err(floor) => return Ok(Answer::Unknown { floor }),
    };
    let limit = limit.max(1);
    // The order and the conditions of `judge`.
    let sql = "WITH touched AS ( \
                   SELECT e.message_id, e.modseq FROM folders f JOIN entries e ON e.folder_id = f.id \
                   WHERE f.bal_id = $1 AND f.modseq >= $2 AND e.modseq >= $2 \
                   UNION ALL SELECT message_id, modseq FROM departed WHERE bal_id = $1 AND modseq >= $2), \
               latest AS (SELECT message_id, MAX(modseq) AS changed FROM touched GROUP BY message_id), \
               dated AS ( \
                   SELECT l.message_id, l.changed, COALESCE(m.made, d.made, 0) AS made, \
                   CASE WHEN m.id IS NULL THEN 1 ELSE 0 END AS gone FROM latest l LEFT JOIN messages m ON m.id = l.message_id \
                   LEFT JOIN departed d ON d.bal_id = $1 AND d.message_id = l.message_id), \
               judged AS ( \
                   SELECT message_id, changed, made, gone, \
                   CASE WHEN made > $2 OR (made = $2 AND message_id > $3) THEN 1 ELSE 0 END AS fresh \
                   FROM dated WHERE changed > $2 OR (changed = $2 AND message_id > $3)) \
               SELECT message_id, changed, made, gone FROM judged WHERE gone = 0 OR fresh = 0 \
               ORDER BY CASE WHEN fresh = 1 THEN made ELSE changed END, message_id LIMIT $4";
    let most = i64::try_from(limit).unwrap_or(i64::MAX - 1).saturating_add(1);
    let mut changes = Vec::new();
    for r in tx.query(sql, params![bal, since.modseq, since.id, most])? {
        changes.extend(judge(since, r.int(0)?, r.int(1)?, r.int(2)?, r.bool(3)?, i64::MAX));
    }
    Ok(Answer::Known(page(&changes, present, limit)))
}

/// Folders of a BAL changed after `since`: made, renamed, subscribed, changed in what they hold, gone; at most `limit` (one at least).
pub fn folders(tx: &mut dyn Tx, bal: Id, since: Cursor, limit: usize) -> Result<Answer<Page>, StoreError> {
    let present = match known(tx, bal, since)? {
        Ok(present) => present,
        Err(floor) => return Ok(Answer::Unknown { floor }),
    };
    let limit = limit.max(1);
    let sql = "SELECT id, CASE WHEN shaped > modseq THEN shaped ELSE modseq END, made, 0, shaped FROM folders \
               WHERE bal_id = $1 AND (modseq >= $2 OR shaped >= $2) \
               UNION ALL SELECT folder_id, modseq, made, 1, modseq FROM departed_folders WHERE bal_id = $1 AND modseq >= $2";
    let mut changes = Vec::new();
    for r in tx.query(sql, params![bal, since.modseq])? {
        changes.extend(judge(since, r.int(0)?, r.int(1)?, r.int(2)?, r.bool(3)?, r.int(4)?));
    }
    // A BAL's folders are few: sorting them here costs less than having it done.
    changes.sort_unstable_by_key(|c| c.0);
    changes.truncate(limit.saturating_add(1));
    Ok(Answer::Known(page(&changes, present, limit)))
}

/// UIDs gone from a folder after a modseq, as ascending runs. Below the floor: every UID that is not there (RFC 7162 §3.2.5.2).
pub fn gone_since(tx: &mut dyn Tx, folder: &FolderRow, since: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    if folder.modseq <= since {
        return Ok(Vec::new());
    }
    let (_, floor) = extent(tx, folder.bal)?.unwrap_or((0, i64::MAX));
    if since >= floor { messages::vanished_since(tx, folder.id, since) } else { absent(tx, folder) }
}

/// Is every removal after this modseq still known one by one? Then [`gone_since`] lists exactly them.
pub fn remembers(tx: &mut dyn Tx, bal: Id, since: i64) -> Result<bool, StoreError> {
    Ok(extent(tx, bal)?.is_some_and(|(_, floor)| since >= floor))
}

/// Every UID that was given in a folder and is not there.
fn absent(tx: &mut dyn Tx, folder: &FolderRow) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut runs = Vec::new();
    let mut next = 1;
    for row in tx.query("SELECT uid FROM entries WHERE folder_id = $1 ORDER BY uid", params![folder.id])? {
        let uid = row.int(0)?;
        if next < uid {
            runs.push((next, uid - 1));
        }
        next = uid + 1;
    }
    if next < folder.uidnext {
        runs.push((next, folder.uidnext - 1));
    }
    Ok(runs)
}

/// This act leaves tombstones: says when.
pub(crate) fn stamp(tx: &mut dyn Tx, act: Act) -> Result<(), StoreError> {
    let sql = "INSERT INTO journal_hours (bal_id, hour, modseq) VALUES ($1, $2, $3) \
               ON CONFLICT (bal_id, hour) DO UPDATE SET modseq = excluded.modseq WHERE excluded.modseq > journal_hours.modseq";
    tx.execute(sql, params![act.bal, act.at.div_euclid(HOUR), act.modseq]).map(drop)
}

/// Tombstones of the messages shown by entries that this act is about to remove. `which` selects them, with `values`.
pub(crate) fn depart(tx: &mut dyn Tx, act: Act, which: &str, mut values: Vec<crate::Value>) -> Result<(), StoreError> {
    values.extend_from_slice(params![act.modseq]);
    let sql = format!(
        "INSERT INTO departed (bal_id, message_id, modseq, made) \
         SELECT DISTINCT e.bal_id, e.message_id, CAST(${} AS BIGINT), COALESCE(m.made, 0) FROM entries e LEFT JOIN messages m ON m.id = e.message_id \
         WHERE {which} ON CONFLICT (bal_id, message_id) DO UPDATE SET modseq = excluded.modseq",
        values.len()
    );
    tx.execute(&sql, &values).map(drop)
}

/// The tombstone of a folder that this act is about to delete.
pub(crate) fn depart_folder(tx: &mut dyn Tx, act: Act, folder: Id) -> Result<(), StoreError> {
    stamp(tx, act)?;
    let sql = "INSERT INTO departed_folders (bal_id, folder_id, modseq, made) \
               SELECT bal_id, id, CAST($2 AS BIGINT), made FROM folders WHERE id = $1 ON CONFLICT (bal_id, folder_id) DO NOTHING";
    tx.execute(sql, params![folder, act.modseq]).map(drop)
}

/// What a slice of pruning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Tombstones removed.
    pub rows: u64,
    /// There is more to remove.
    pub more: bool,
}

/// Removes up to `limit` tombstones of each sort of one BAL whose oldest are of before `before` (milliseconds), and raises its floor.
/// Tombstones go by the hour, so some are kept up to an hour longer.
pub fn prune(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<Pruned, StoreError> {
    let before = before.div_euclid(HOUR);
    let oldest = "SELECT bal_id FROM journal_hours WHERE hour < $1 ORDER BY hour, bal_id LIMIT 1";
    let Some(row) = tx.query_opt(oldest, params![before])? else { return Ok(Pruned::default()) };
    let bal = row.int(0)?;
    // The BAL's row first, as in every act: whoever asks meanwhile sees tombstones and floor together.
    tx.query("SELECT id FROM bals WHERE id = $1 FOR UPDATE", params![bal])?;
    let upto = "SELECT COALESCE(MAX(modseq), 0) FROM journal_hours WHERE bal_id = $1 AND hour < $2";
    let upto = tx.query_opt(upto, params![bal, before])?.map_or(Ok(0), |r| r.int(0))?;
    tx.execute("UPDATE bals SET journal_floor = $2 WHERE id = $1 AND journal_floor < $2", params![bal, upto])?;
    let (mut rows, mut more) = (0, false);
    for sql in [
        "DELETE FROM vanished WHERE (folder_id, uid) IN (SELECT v.folder_id, v.uid FROM folders f \
         JOIN vanished v ON v.folder_id = f.id WHERE f.bal_id = $1 AND v.modseq <= $2 LIMIT $3)",
        "DELETE FROM departed WHERE bal_id = $1 AND message_id IN \
         (SELECT message_id FROM departed WHERE bal_id = $1 AND modseq <= $2 LIMIT $3)",
        "DELETE FROM departed_folders WHERE bal_id = $1 AND folder_id IN \
         (SELECT folder_id FROM departed_folders WHERE bal_id = $1 AND modseq <= $2 LIMIT $3)",
    ] {
        let gone = tx.execute(sql, params![bal, upto, limit])?;
        rows += gone;
        more |= i64::try_from(gone).is_ok_and(|gone| gone >= limit);
    }
    if !more {
        tx.execute("DELETE FROM journal_hours WHERE bal_id = $1 AND hour < $2", params![bal, before])?;
        more = tx.query_opt(oldest, params![before])?.is_some();
    }
    Ok(Pruned { rows, more })
}
