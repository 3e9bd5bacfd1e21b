//! Windows over a folder's entries, as lists show them: by date, a few at a time, whatever the folder holds.
//!
//! Promises: a window is read by an index of its own (`entries_date`, `entries_unseen`…), never by walking the folder; what is flagged `\Deleted` is not
//! shown (it waits for its removal). That is asked as `(flags & 8) <> 8`: of `= 0` PostgreSQL believes that one entry in two hundred is so, and sorts the
//! whole folder rather than walk its index.
use crate::keywords::Slots;
use crate::messages::{self, EntryRow, Mark, SLICE, bind};
use crate::{Id, StoreError, Tx, many, params};
use std::collections::{HashMap, HashSet};

/// Where a window begins: the entry after (or before) this one, by date, then by UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// INTERNALDATE, milliseconds.
    pub date: i64,
    /// UID.
    pub uid: i64,
}

/// Which entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those without `\Seen`.
    Unseen,
    /// Those with `\Flagged`.
    Flagged,
    /// Those with attachments.
    Attached,
    /// Those exchanged with a patient.
    Patient,
    /// Those with keywords.
    Labelled,
    /// Those of conversations that this person takes care of.
    Of(Id),
}

impl Which {
    /// As a condition on entries under this name. Written as the partial indexes have it.
    fn condition(self, e: &str) -> String {
        match self {
            Self::All => String::new(),
            Self::Unseen => format!(" AND ({e}.flags & 1) = 0"),
            Self::Flagged => format!(" AND ({e}.flags & 4) <> 0"),
            Self::Attached => format!(" AND ({e}.traits & 1) <> 0"),
            Self::Patient => format!(" AND ({e}.traits & 2) <> 0"),
            Self::Labelled => format!(" AND {e}.keywords IS NOT NULL"),
            Self::Of(person) => format!(
                " AND EXISTS (SELECT 1 FROM assignments a WHERE a.bal_id = {e}.bal_id AND a.thread = {e}.thread \
                 AND a.person_id = {person})"
            ),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The folder.
    pub folder: Id,
    /// Which of its entries.
    pub which: Which,
    /// Conversations, each by its newest entry.
    pub threads: bool,
    /// From the oldest.
    pub oldest_first: bool,
    /// After which entry; none: from the beginning.
    pub from: Option<Place>,
    /// At most so many.
    pub limit: i64,
}

/// An entry of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The entry.
    pub entry: EntryRow,
    /// What lists know of it.
    pub mark: Mark,
}

impl Listed {
    /// Where it stands.
    pub fn place(&self) -> Place {
        Place { date: self.entry.internal_date, uid: self.entry.uid }
    }
}

/// A window, in its order.
pub fn window(tx: &mut dyn Tx, asked: &Window) -> Result<Vec<Listed>, StoreError> {
    let (order, after) = if asked.oldest_first { ("ASC", ">") } else { ("DESC", "<") };
    let mut sql = format!(
        "SELECT e.uid, e.message_id, e.modseq, e.flags, e.keywords, e.internal_date, e.size, e.thread, e.traits \
         FROM entries e WHERE e.folder_id = $1 AND (e.flags & 8) <> 8{}",
        asked.which.condition("e")
    );
    let mut values = params![asked.folder, asked.limit].to_vec();
    if let Some(place) = asked.from {
        values.extend_from_slice(params![place.date, place.uid]);
        sql.push_str(&format!(" AND (e.internal_date, e.uid) {after} ($3, $4)"));
    }
    if asked.threads {
        // The newest of its conversation that this window would show.
        sql.push_str(&format!(
            " AND (e.thread = 0 OR NOT EXISTS (SELECT 1 FROM entries n WHERE n.bal_id = e.bal_id AND n.thread = e.thread \
             AND n.thread <> 0 AND n.folder_id = e.folder_id AND (n.flags & 8) <> 8{} \
             AND (n.internal_date, n.uid) > (e.internal_date, e.uid)))",
            asked.which.condition("n")
        ));
    }
    sql.push_str(&format!(" ORDER BY e.internal_date {order}, e.uid {order} LIMIT $2"));
    let mut found = Vec::new();
    tx.visit(&sql, &values, &mut |row| {
        let mark = Mark { thread: row.int(7)?, traits: row.int(8)? };
        found.push(Listed { entry: messages::read(row)?, mark });
        Ok(())
    })?;
    Ok(found)
}

/// The sets of keywords that entries of a folder have, with how many have each.
pub fn keyword_sets(tx: &mut dyn Tx, folder: Id) -> Result<Vec<(Slots, i64)>, StoreError> {
    // A date leads SQLite to the index of what has keywords; it would walk the folder.
    let sql = "SELECT keywords, CAST(COUNT(*) AS BIGINT) FROM entries \
               WHERE folder_id = $1 AND internal_date >= $2 AND keywords IS NOT NULL AND (flags & 8) <> 8 GROUP BY keywords";
    let rows = tx.query(sql, params![folder, i64::MIN])?;
    rows.iter().map(|row| Ok((Slots::from_bytes(row.bytes(0)?), row.int(1)?))).collect()
}

/// How many entries of a folder these conversations have, and how many of them nobody read.
pub fn in_threads(
    tx: &mut dyn Tx,
    bal: Id,
    folder: Id,
    threads: &[i64],
) -> Result<HashMap<i64, (i64, i64)>, StoreError> {
    let mut found = HashMap::new();
    for slice in threads.chunks(SLICE) {
        let (list, values) = bind(params![bal, folder], slice);
        let sql = format!(
            "SELECT thread, CAST(COUNT(*) AS BIGINT), CAST(SUM(CASE WHEN (flags & 1) = 0 THEN 1 ELSE 0 END) AS BIGINT) FROM entries \
             WHERE bal_id = $1 AND thread IN ({list}) AND thread <> 0 AND folder_id = $2 AND (flags & 8) <> 8 GROUP BY thread"
        );
        for row in tx.query(&sql, &values)? {
            found.insert(row.int(0)?, (row.int(1)?, row.int(2)?));
        }
    }
    Ok(found)
}

/// Who takes care of these conversations: the name to show.
pub fn assigned(tx: &mut dyn Tx, bal: Id, threads: &[i64]) -> Result<HashMap<i64, String>, StoreError> {
    let mut found = HashMap::new();
    for slice in threads.chunks(SLICE) {
        let (list, values) = bind(params![bal], slice);
        let sql = format!(
            "SELECT a.thread, p.name FROM assignments a JOIN people p ON p.id = a.person_id WHERE a.bal_id = $1 AND a.thread IN ({list})"
        );
        for row in tx.query(&sql, &values)? {
            found.insert(row.int(0)?, row.text(1)?);
        }
    }
    Ok(found)
}

/// Which of these messages have notes for colleagues.
pub fn noted(tx: &mut dyn Tx, bal: Id, messages: &[Id]) -> Result<HashSet<Id>, StoreError> {
    let sql =
        |list: &str| format!("SELECT DISTINCT message_id FROM notes WHERE bal_id = $1 AND message_id IN ({list})");
    Ok(many::rows(tx, messages, params![bal], sql, |r| r.int(0))?.into_iter().collect())
}

/// Which of these conversations have some beside what a folder shows of them.
pub fn noted_threads(tx: &mut dyn Tx, bal: Id, folder: Id, threads: &[i64]) -> Result<HashSet<i64>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT DISTINCT e.thread FROM entries e JOIN notes n ON n.bal_id = e.bal_id AND n.message_id = e.message_id \
             WHERE e.bal_id = $1 AND e.thread IN ({list}) AND e.thread <> 0 AND e.folder_id = $2 AND (e.flags & 8) <> 8"
        )
    };
    Ok(many::rows(tx, threads, params![bal, folder], sql, |r| r.int(0))?.into_iter().collect())
}

/// Which conversations messages of a BAL belong to, and where they show, newest first: at most so many entries.
pub fn conversation(tx: &mut dyn Tx, bal: Id, thread: i64, limit: i64) -> Result<Vec<(Id, Listed)>, StoreError> {
    let sql = "SELECT uid, message_id, modseq, flags, keywords, internal_date, size, thread, traits, folder_id FROM entries \
               WHERE bal_id = $1 AND thread = $2 AND thread <> 0 AND (flags & 8) <> 8 ORDER BY internal_date DESC, uid DESC LIMIT $3";
    let mut found = Vec::new();
    tx.visit(sql, params![bal, thread, limit], &mut |row| {
        let mark = Mark { thread: row.int(7)?, traits: row.int(8)? };
        found.push((row.int(9)?, Listed { entry: messages::read(row)?, mark }));
        Ok(())
    })?;
    Ok(found)
}

/// Entries of which lists know nothing yet: folder, UID, message. At most so many.
pub fn unknown(tx: &mut dyn Tx, bal: Id, limit: i64) -> Result<Vec<(Id, i64, Id)>, StoreError> {
    let sql = "SELECT folder_id, uid, message_id FROM entries WHERE bal_id = $1 AND traits = 0 ORDER BY folder_id, uid LIMIT $2";
    let rows = tx.query(sql, params![bal, limit])?;
    rows.iter().map(|r| Ok((r.int(0)?, r.int(1)?, r.int(2)?))).collect()
}

/// Makes an entry known to lists. Mail programs are not told: nothing that they see changes.
pub fn make_known(tx: &mut dyn Tx, folder: Id, uid: i64, mark: Mark) -> Result<(), StoreError> {
    let sql = "UPDATE entries SET thread = $3, traits = $4 WHERE folder_id = $1 AND uid = $2";
    tx.execute(sql, params![folder, uid, mark.thread, mark.traits]).map(drop)
}
