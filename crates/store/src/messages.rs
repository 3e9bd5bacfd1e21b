//! Messages of a BAL, their entries in folders, tombstones and keyword slots.
//!
//! Promises: whatever the number of rows, statements are bound in slices of at most [`SLICE`] values, padded to few
//! lengths so that few statements are prepared; a message without entry is removed in the act that removed its last entry
//! (its blob is collected later); removed UIDs stay known as tombstones, so that a view of any age can be brought to the
//! present. The caller holds the BAL's lock ([`crate::folders::lock_bal`]) in every act that changes something.
use crate::blob::{self, BlobId};
use crate::folders::Counts;
use crate::journal::{self, Act};
use crate::keywords::Slots;
use crate::{Columns, Id, StoreError, Tx, Value, params};
use bytes::{Bytes, BytesMut};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::ops::RangeInclusive;

mod beside;

pub use beside::{PreviewRow, keep_previews, places_of, previews, saved, uids_of, uids_saved};

/// Most values bound in one statement for a set of ids.
pub const SLICE: usize = 500;
/// What the summaries of a page may hold, bytes; one more is begun before that. A summary is no larger than what the scan of a message keeps.
const WEIGHT: usize = 4 << 20;
/// Tombstones written in one statement, from many to few.
const RUNS: [usize; 4] = [250, 64, 8, 1];

/// A message to be kept: everything sealed before the transaction.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Id.
    pub id: Id,
    /// BAL.
    pub bal: Id,
    /// Blob of its content.
    pub blob: BlobId,
    /// The blob's key wrapped by the BAL's (`message.blob_key`, object = id).
    pub blob_key: Vec<u8>,
    /// Sealed prefix (`message.prefix`), none when empty.
    pub prefix: Option<Vec<u8>>,
    /// Sealed summary (`message.summary`).
    pub summary: Vec<u8>,
    /// Prefix and content, bytes.
    pub size: i64,
    /// Now, milliseconds.
    pub created: i64,
}

/// Inserts a message's row, made by the act of this modseq.
pub fn insert(tx: &mut dyn Tx, m: &NewMessage, modseq: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO messages (id, bal_id, blob_id, blob_key, prefix, summary, size, created, made) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let blob = m.blob.as_slice();
    let (key, prefix, summary) = (m.blob_key.as_slice(), m.prefix.as_deref(), m.summary.as_slice());
    tx.execute(sql, params![m.id, m.bal, blob, key, prefix, summary, m.size, m.created, modseq]).map(drop)
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// UID.
    pub uid: i64,
    /// Message.
    pub message: Id,
    /// Modseq of the last change.
    pub modseq: i64,
    /// System flags as bits.
    pub flags: i64,
    /// Keywords.
    pub keywords: Slots,
    /// INTERNALDATE, milliseconds.
    pub internal_date: i64,
    /// Size, bytes.
    pub size: i64,
}

/// What lists ask of an entry, beside what mail programs see ([`EntryRow`] stays without it: their listings pay nothing for it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Its conversation in its BAL: a keyed number of 63 bits; 0: not known yet.
    pub thread: i64,
    /// [`Mark::ATTACHED`], [`Mark::PATIENT`], [`Mark::KNOWN`]; 0: not known yet.
    pub traits: i64,
}

impl Mark {
    /// It has attachments.
    pub const ATTACHED: i64 = 1;
    /// It was exchanged with a patient.
    pub const PATIENT: i64 = 2;
    /// It was looked at.
    pub const KNOWN: i64 = 4;
}

const COLUMNS: &str = "uid, message_id, modseq, flags, keywords, internal_date, size";

/// An entry, of these seven columns in their order: `COLUMNS`.
pub(crate) fn read(r: &dyn Columns) -> Result<EntryRow, StoreError> {
    Ok(EntryRow {
        uid: r.int(0)?,
        message: r.int(1)?,
        modseq: r.int(2)?,
        flags: r.int(3)?,
        keywords: r.opt_bytes(4)?.map(|bytes| Slots::from_bytes(bytes.to_vec())).unwrap_or_default(),
        internal_date: r.int(5)?,
        size: r.int(6)?,
    })
}

/// Inserts an entry, which comes into its folder now.
pub fn insert_entry(tx: &mut dyn Tx, folder: Id, bal: Id, e: &EntryRow, mark: Mark) -> Result<(), StoreError> {
    let now = tx.now();
    let sql = "INSERT INTO entries (folder_id, bal_id, uid, message_id, modseq, flags, keywords, internal_date, size, saved, thread, traits) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let (keywords, Mark { thread, traits }) = (e.keywords.value(), mark);
    let values = params![
        folder,
        bal,
        e.uid,
        e.message,
        e.modseq,
        e.flags,
        keywords,
        e.internal_date,
        e.size,
        now,
        thread,
        traits
    ];
    tx.execute(sql, values).map(drop)
}

fn listed(tx: &mut dyn Tx, sql: &str, params: &[Value]) -> Result<Vec<EntryRow>, StoreError> {
    let mut found = Vec::new();
    tx.visit(sql, params, &mut |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Every entry of a folder, by UID.
pub fn entries(tx: &mut dyn Tx, folder: Id) -> Result<Vec<EntryRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM entries WHERE folder_id = $1 ORDER BY uid");
    listed(tx, &sql, params![folder])
}

/// Entries of a folder from after a UID, at most so many.
pub fn entries_page(tx: &mut dyn Tx, folder: Id, after: i64, limit: i64) -> Result<Vec<EntryRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM entries WHERE folder_id = $1 AND uid > $2 ORDER BY uid LIMIT $3");
    listed(tx, &sql, params![folder, after, limit])
}

/// Shows the entries of a folder whose UIDs are in a range, by UID, one by one: for long listings.
pub fn each_entry(
    tx: &mut dyn Tx,
    folder: Id,
    uids: RangeInclusive<i64>,
    see: &mut dyn FnMut(EntryRow),
) -> Result<(), StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM entries WHERE folder_id = $1 AND uid >= $2 AND uid <= $3 ORDER BY uid");
    tx.visit(&sql, params![folder, *uids.start(), *uids.end()], &mut |row| {
        see(read(row)?);
        Ok(())
    })
}

/// Entries changed after a modseq, by UID.
pub fn entries_since(tx: &mut dyn Tx, folder: Id, since: i64) -> Result<Vec<EntryRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM entries WHERE folder_id = $1 AND modseq > $2 ORDER BY uid");
    listed(tx, &sql, params![folder, since])
}

/// Entries of a folder that have keywords, changed after a modseq, by UID.
pub fn entries_with_keywords(tx: &mut dyn Tx, folder: Id, since: i64) -> Result<Vec<EntryRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entries WHERE folder_id = $1 AND modseq > $2 AND keywords IS NOT NULL ORDER BY uid"
    );
    listed(tx, &sql, params![folder, since])
}

/// Those of these UIDs (ascending) that exist, by UID.
pub fn entries_of(tx: &mut dyn Tx, folder: Id, uids: &[i64]) -> Result<Vec<EntryRow>, StoreError> {
    let mut found = Vec::new();
    for segment in segments(uids) {
        let (uid_is, values) = segment.bind(params![folder]);
        let sql = format!("SELECT {COLUMNS} FROM entries WHERE folder_id = $1 AND {uid_is} ORDER BY uid");
        for row in tx.query(&sql, &values)? {
            found.push(read(&row)?);
        }
    }
    Ok(found)
}

/// Entries with a system flag (bit), by UID.
pub fn entries_flagged(tx: &mut dyn Tx, folder: Id, bit: i64) -> Result<Vec<EntryRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM entries WHERE folder_id = $1 AND (flags & $2) <> 0 ORDER BY uid");
    listed(tx, &sql, params![folder, bit])
}

/// Bytes of a folder's entries with a system flag (bit).
pub fn flagged_bytes(tx: &mut dyn Tx, folder: Id, bit: i64) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM entries WHERE folder_id = $1 AND (flags & $2) <> 0";
    match tx.query_opt(sql, params![folder, bit])? {
        Some(row) => row.int(0),
        None => Ok(0),
    }
}

/// Gives these UIDs these flags and keywords.
pub fn write_flags(
    tx: &mut dyn Tx,
    folder: Id,
    uids: &[i64],
    flags: i64,
    keywords: &Slots,
    modseq: i64,
) -> Result<(), StoreError> {
    for segment in segments(uids) {
        let (uid_is, values) = segment.bind(params![folder, modseq, flags, keywords.value()]);
        let sql =
            format!("UPDATE entries SET modseq = $2, flags = $3, keywords = $4 WHERE folder_id = $1 AND {uid_is}");
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

/// Copies entries (by ascending UID, all existing) into a folder of the same BAL under the UIDs from `first` on.
pub fn copy(tx: &mut dyn Tx, from: Id, uids: &[i64], to: Id, first: i64, modseq: i64) -> Result<(), StoreError> {
    let (mut next, now) = (first, tx.now());
    for segment in segments(uids) {
        let (uid_is, values) = segment.bind(params![from, to, next - 1, modseq, now]);
        let sql = format!(
            "INSERT INTO entries (folder_id, uid, bal_id, message_id, modseq, flags, keywords, internal_date, size, saved, thread, traits) \
             SELECT CAST($2 AS BIGINT), CAST($3 AS BIGINT) + ROW_NUMBER() OVER (ORDER BY uid), bal_id, message_id, \
             CAST($4 AS BIGINT), flags, keywords, internal_date, size, CAST($5 AS BIGINT), thread, traits \
             FROM entries WHERE folder_id = $1 AND {uid_is}"
        );
        let copied = tx.execute(&sql, &values)?;
        if usize::try_from(copied) != Ok(segment.len()) {
            return Err(StoreError::Other("entries to copy are missing".into()));
        }
        next += i64::try_from(segment.len()).unwrap_or(i64::MAX);
    }
    Ok(())
}

/// Removes entries and leaves tombstones. `gone` is by ascending UID. Messages stay: see [`drop_orphans`].
pub fn remove(tx: &mut dyn Tx, act: Act, folder: Id, gone: &[EntryRow]) -> Result<(), StoreError> {
    let Act { bal, modseq, .. } = act;
    let uids: Vec<i64> = gone.iter().map(|e| e.uid).collect();
    if !uids.is_empty() {
        journal::stamp(tx, act)?;
    }
    for segment in segments(&uids) {
        let (uid_is, values) = segment.bind(params![folder]);
        journal::depart(tx, act, &format!("folder_id = $1 AND {uid_is}"), values.clone())?;
        tx.execute(&format!("DELETE FROM entries WHERE folder_id = $1 AND {uid_is}"), &values)?;
    }
    // Most runs are few; those of a scattered set are bound together, in few different lengths.
    let runs = runs(&uids);
    let mut rest = runs.as_slice();
    for together in RUNS {
        while let Some((group, others)) = rest.split_at_checked(together).filter(|(group, _)| !group.is_empty()) {
            rest = others;
            let mut values = params![folder, bal, modseq].to_vec();
            let mut sql = String::from("INSERT INTO vanished (folder_id, bal_id, modseq, uid, uid_last) VALUES ");
            for (i, (first, last)) in group.iter().enumerate() {
                let comma = if i == 0 { "" } else { "," };
                sql.push_str(&format!("{comma}($1,$2,$3,${},${})", 2 * i + 4, 2 * i + 5));
                values.extend_from_slice(params![*first, *last]);
            }
            tx.execute(&sql, &values)?;
        }
    }
    Ok(())
}

/// Removes every entry of a folder that is about to be deleted: no tombstones of UIDs. Returns the messages they showed.
pub fn remove_all(tx: &mut dyn Tx, act: Act, folder: Id) -> Result<Vec<Id>, StoreError> {
    journal::stamp(tx, act)?;
    journal::depart(tx, act, "folder_id = $1", params![folder].to_vec())?;
    let rows = tx.query("DELETE FROM entries WHERE folder_id = $1 RETURNING message_id", params![folder])?;
    rows.iter().map(|r| r.int(0)).collect()
}

/// Removes those of these messages that no entry shows any more, and tells the collector of blobs. While a legal hold names the BAL they stay,
/// out of everybody's sight (see [`crate::holds`]).
pub fn drop_orphans(tx: &mut dyn Tx, bal: Id, mut messages: Vec<Id>, now: i64) -> Result<(), StoreError> {
    messages.sort_unstable();
    messages.dedup();
    if crate::holds::keep(tx, bal, &messages, now)? {
        return Ok(());
    }
    for slice in messages.chunks(SLICE) {
        let orphans = |list: &str| {
            format!(
                "bal_id = $1 AND id IN ({list}) \
                 AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.message_id = messages.id)"
            )
        };
        let (list, values) = bind(params![bal, now], slice);
        let sql = format!(
            "INSERT INTO blobs_released (id, at) SELECT DISTINCT blob_id, CAST($2 AS BIGINT) FROM messages WHERE {} ORDER BY 1 \
             ON CONFLICT (id) DO NOTHING",
            orphans(&list)
        );
        tx.execute(&sql, &values)?;
        let (list, values) = bind(params![bal], slice);
        if tx.execute(&format!("DELETE FROM messages WHERE {}", orphans(&list)), &values)? > 0 {
            crate::texts::drop_gone(tx, bal, slice, now)?;
            crate::desk::drop_gone(tx, bal, slice)?;
        }
    }
    Ok(())
}

/// UIDs that vanished from a folder after a modseq, ascending.
pub fn vanished_since(tx: &mut dyn Tx, folder: Id, since: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    let sql = "SELECT uid, uid_last FROM vanished WHERE folder_id = $1 AND modseq > $2 ORDER BY uid";
    tx.query(sql, params![folder, since])?.iter().map(|r| Ok((r.int(0)?, r.int(1)?))).collect()
}

/// What reading a message needs.
#[derive(Debug, Clone)]
pub struct MessageRow {
    /// Id.
    pub id: Id,
    /// Sealed prefix.
    pub prefix: Option<Bytes>,
    /// Sealed summary.
    pub summary: Bytes,
    /// Its content, where that was asked for.
    pub content: Option<StoredContent>,
}

/// The content of a message as it is stored.
#[derive(Debug, Clone)]
pub struct StoredContent {
    /// Blob.
    pub blob: BlobId,
    /// Its wrapped key.
    pub blob_key: Vec<u8>,
    /// Its row; none when that is gone: the content is damaged.
    pub found: Option<blob::Found>,
}

/// Prefixes and summaries of messages, and their contents where those were asked for.
#[derive(Debug)]
pub struct Summaries {
    /// By id; those that are gone are absent.
    pub rows: HashMap<Id, MessageRow>,
    /// Of how many of the ids asked, from the first on, that says all there is.
    pub told: usize,
}

/// Prefixes and summaries of messages of a BAL: of the first one, and of those after it as long as they hold no more than [`WEIGHT`].
pub fn summaries(tx: &mut dyn Tx, bal: Id, ids: &[Id]) -> Result<Summaries, StoreError> {
    // By the ids alone: `+` keeps SQLite from seeking each of them in the index of the BAL first.
    let sql = |list: &str| format!("SELECT id, prefix, summary FROM messages WHERE id IN ({list}) AND +bal_id = $1");
    gathered(tx, bal, ids, sql, |_| Ok(None))
}

/// The same with the contents: inline ones whole, which count as what the page holds, the others by the names of their objects.
pub fn summaries_with_contents(tx: &mut dyn Tx, bal: Id, ids: &[Id]) -> Result<Summaries, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT m.id, m.prefix, m.summary, m.blob_id, m.blob_key, COALESCE(b.size, -1), b.inline \
             FROM messages m LEFT JOIN blobs b ON b.id = m.blob_id WHERE m.id IN ({list}) AND +m.bal_id = $1"
        )
    };
    gathered(tx, bal, ids, sql, |r| {
        let bytes = |i: usize| r.opt_bytes(i).map(Option::unwrap_or_default);
        let (blob, blob_key) = (blob::id_from(bytes(3)?)?, bytes(4)?.to_vec());
        let inline = r.opt_bytes(6)?.map(<[u8]>::to_vec);
        let found = u64::try_from(r.int(5)?).ok().map(|size| blob::Found { size, inline });
        Ok(Some(StoredContent { blob, blob_key, found }))
    })
}

fn gathered(
    tx: &mut dyn Tx,
    bal: Id,
    ids: &[Id],
    sql: impl Fn(&str) -> String,
    content: impl Fn(&dyn Columns) -> Result<Option<StoredContent>, StoreError>,
) -> Result<Summaries, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    let (mut weight, mut told) = (0, 0);
    for slice in ids.chunks(SLICE) {
        let (list, values) = bind(params![bal], slice);
        // One piece of memory for all of them.
        let (mut bytes, mut rows) = (BytesMut::new(), Vec::with_capacity(slice.len()));
        let mut left = HashSet::new();
        tx.visit(&sql(&list), &values, &mut |r| {
            let id = r.int(0)?;
            if weight > WEIGHT && ids.first() != Some(&id) {
                left.insert(id);
                return Ok(());
            }
            let (prefix, summary, content) = (r.opt_bytes(1)?, r.opt_bytes(2)?, content(r)?);
            let inline = content.as_ref().and_then(|c| c.found.as_ref()?.inline.as_ref());
            weight += prefix.map_or(0, <[u8]>::len) + summary.map_or(0, <[u8]>::len) + inline.map_or(0, Vec::len);
            bytes.extend_from_slice(prefix.unwrap_or_default());
            bytes.extend_from_slice(summary.unwrap_or_default());
            rows.push((id, prefix.map(<[u8]>::len), summary.unwrap_or_default().len(), content));
            Ok(())
        })?;
        let mut bytes = bytes.freeze();
        for (id, prefix, summary, content) in rows {
            let prefix = prefix.map(|len| bytes.split_to(len));
            found.insert(id, MessageRow { id, prefix, summary: bytes.split_to(summary), content });
        }
        match slice.iter().position(|id| left.contains(id)) {
            Some(at) => {
                told += at;
                break;
            }
            None => told += slice.len(),
        }
    }
    Ok(Summaries { rows: found, told })
}

/// What opening a message's content needs.
#[derive(Debug, Clone)]
pub struct ContentRow {
    /// Sealed prefix.
    pub prefix: Option<Vec<u8>>,
    /// Blob.
    pub blob: BlobId,
    /// Its wrapped key.
    pub blob_key: Vec<u8>,
    /// Prefix and content, bytes.
    pub size: i64,
}

/// A message's content, in this BAL only.
pub fn content(tx: &mut dyn Tx, bal: Id, id: Id) -> Result<Option<ContentRow>, StoreError> {
    let sql = "SELECT prefix, blob_id, blob_key, size FROM messages WHERE id = $1 AND bal_id = $2";
    let Some(r) = tx.query_opt(sql, params![id, bal])? else { return Ok(None) };
    let blob = blob::id_from(&r.bytes(1)?)?;
    Ok(Some(ContentRow { prefix: r.opt_bytes(0)?, blob, blob_key: r.bytes(2)?, size: r.int(3)? }))
}

/// Everything of a message that is sealed for its BAL.
#[derive(Debug, Clone)]
pub struct WholeRow {
    /// Id.
    pub id: Id,
    /// Blob.
    pub blob: BlobId,
    /// Its wrapped key.
    pub blob_key: Vec<u8>,
    /// Sealed prefix.
    pub prefix: Option<Vec<u8>>,
    /// Sealed summary.
    pub summary: Vec<u8>,
    /// Prefix and content, bytes.
    pub size: i64,
}

/// Messages of a BAL as they are to be sealed for another one; those that are gone are absent. Ask by pages.
pub fn whole(tx: &mut dyn Tx, bal: Id, ids: &[Id]) -> Result<Vec<WholeRow>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for slice in ids.chunks(SLICE) {
        let (list, values) = bind(params![bal], slice);
        let sql = format!(
            "SELECT id, blob_id, blob_key, prefix, summary, size FROM messages WHERE id IN ({list}) AND +bal_id = $1"
        );
        for r in tx.query(&sql, &values)? {
            let blob = blob::id_from(&r.bytes(1)?)?;
            let (blob_key, prefix, summary) = (r.bytes(2)?, r.opt_bytes(3)?, r.bytes(4)?);
            found.push(WholeRow { id: r.int(0)?, blob, blob_key, prefix, summary, size: r.int(5)? });
        }
    }
    Ok(found)
}

/// A part of an ascending list of UIDs that one statement takes.
#[derive(Debug, PartialEq, Eq)]
enum Segment<'a> {
    /// A long run of consecutive UIDs.
    Run(&'a [i64]),
    /// At most [`SLICE`] others.
    Set(&'a [i64]),
}

/// Shortest run that is worth a statement of its own.
const RUN: usize = 64;

/// The parts of an ascending list, in order.
fn segments(uids: &[i64]) -> Vec<Segment<'_>> {
    let (mut parts, mut rest, mut at) = (Vec::new(), uids, 0);
    while at < rest.len() {
        let run = 1 + rest[at..].windows(2).take_while(|w| w[0] + 1 == w[1]).count();
        if run >= RUN {
            parts.extend(rest[..at].chunks(SLICE).map(Segment::Set));
            parts.push(Segment::Run(&rest[at..at + run]));
            (rest, at) = (&rest[at + run..], 0);
        } else {
            at += run;
        }
    }
    parts.extend(rest.chunks(SLICE).map(Segment::Set));
    parts
}

impl Segment<'_> {
    fn uids(&self) -> &[i64] {
        match self {
            Self::Run(uids) | Self::Set(uids) => uids,
        }
    }
    fn len(&self) -> usize {
        self.uids().len()
    }
    /// A condition on `uid`, and the values of the statement: the fixed ones first.
    fn bind(&self, fixed: &[Value]) -> (String, Vec<Value>) {
        let (Some(first), Some(last)) = (self.uids().first(), self.uids().last()) else {
            return ("1 = 0".into(), fixed.to_vec());
        };
        let mut values = fixed.to_vec();
        let range = format!("uid >= ${} AND uid <= ${}", fixed.len() + 1, fixed.len() + 2);
        match self {
            Self::Run(_) => {
                values.extend_from_slice(params![*first, *last]);
                (range, values)
            }
            Self::Set(uids) => {
                // The bounds keep a planner without statistics from walking the folder by another index; of a set that is
                // very scattered they would make SQLite walk too much.
                let dense = last - first <= 16 * uids.len() as i64;
                if dense {
                    values.extend_from_slice(params![*first, *last]);
                }
                let (list, values) = bind(&values, uids);
                (if dense { format!("{range} AND uid IN ({list})") } else { format!("uid IN ({list})") }, values)
            }
        }
    }
}

/// `$n…` for the values of a slice after fixed parameters, and all values. The slice is padded with its last value to one
/// of few lengths. An empty slice matches nothing.
pub(crate) fn bind<K: Clone + Into<Value>>(fixed: &[Value], slice: &[K]) -> (String, Vec<Value>) {
    let Some(last) = slice.last() else { return ("NULL".into(), fixed.to_vec()) };
    let length = [1, 4, 16, 64, 250, SLICE].into_iter().find(|n| *n >= slice.len()).unwrap_or(slice.len());
    let mut list = String::with_capacity(length * 5);
    let mut values = Vec::with_capacity(fixed.len() + length);
    values.extend_from_slice(fixed);
    for i in 0..length {
        if i > 0 {
            list.push(',');
        }
        // Into a text: it cannot fail.
        let _ = write!(list, "${}", fixed.len() + i + 1);
        values.push(slice.get(i).unwrap_or(last).clone().into());
    }
    (list, values)
}

/// Runs of consecutive values of an ascending list.
fn runs(uids: &[i64]) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for &uid in uids {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == uid => *last = uid,
            _ => runs.push((uid, uid)),
        }
    }
    runs
}

/// Counts of a set of entries.
pub fn counts_of<'a>(entries: impl IntoIterator<Item = &'a EntryRow>) -> Counts {
    let mut counts = Counts::default();
    for e in entries {
        counts += Counts::of(e.flags, e.size);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_join_neighbours_only() {
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[3]), [(3, 3)]);
        assert_eq!(runs(&[1, 2, 3, 5, 7, 8]), [(1, 3), (5, 5), (7, 8)]);
    }

    #[test]
    fn segments_are_the_list_again() {
        let run: Vec<i64> = (10..200).collect();
        let mut uids = vec![1, 2, 5];
        uids.extend(&run);
        uids.extend((300..2400).step_by(2));
        let parts = segments(&uids);
        assert_eq!(parts.iter().flat_map(|p| p.uids().to_vec()).collect::<Vec<_>>(), uids);
        assert_eq!((&parts[0], &parts[1]), (&Segment::Set(&[1, 2, 5]), &Segment::Run(&run)));
        assert!(parts[2..].iter().all(|p| matches!(p, Segment::Set(s) if s.len() <= SLICE)));
        assert_eq!(segments(&[]), []);
        assert_eq!(parts[1].bind(params![7]).1, params![7, 10, 199]);
        let (sql, values) = parts[0].bind(params![7]);
        assert_eq!((sql.as_str(), values.len()), ("uid >= $2 AND uid <= $3 AND uid IN ($4,$5,$6,$7)", 7));
        assert_eq!(Segment::Set(&[1, 1000]).bind(params![7]).0, "uid IN ($2,$3,$4,$5)");
    }

    #[test]
    fn binding_pads_with_the_last_value_and_numbers_after_the_fixed_ones() {
        let (list, values) = bind(params![9], &[1, 2]);
        assert_eq!(list, "$2,$3,$4,$5");
        assert_eq!(values, params![9, 1, 2, 2, 2]);
        assert_eq!(bind::<i64>(params![9], &[]), ("NULL".into(), vec![Value::Int(9)]));
        let many: Vec<i64> = (0..500).collect();
        assert_eq!(bind(&[], &many).1.len(), 500);
    }
}
