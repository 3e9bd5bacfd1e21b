//! Folders of a BAL: rows with sealed names, counters of UIDs, modseq and counts; the BAL row's lock that comes first.
//!
//! Promises: an act that changes a BAL's mail calls [`lock_bal`] (or [`charge_bal`]) before anything else, so acts on one
//! BAL run one after the other on both engines; UIDs and UIDVALIDITY only grow; a folder's counts always match its entries
//! (every function of [`crate::messages`] that changes entries returns or takes what [`adjust`] needs).
use crate::journal::{self, Act};
use crate::{Id, Row, StoreError, Tx, Value, params};

/// What the BAL's row says, once it is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalState {
    /// The modseq of this act.
    pub modseq: i64,
    /// Bytes of all entries.
    pub used_bytes: i64,
    /// Number of entries.
    pub message_count: i64,
    /// Room, bytes.
    pub quota_bytes: i64,
    /// State as the accounts write it (`active` takes mail).
    pub state: String,
    /// Who waits for what comes: bits of [`crate::absences`].
    pub follows: i64,
}

/// Locks the BAL's row for this transaction and takes the next modseq; `None` when there is no such BAL.
pub fn lock_bal(tx: &mut dyn Tx, bal: Id) -> Result<Option<BalState>, StoreError> {
    charge_bal(tx, bal, 0, 0)
}

/// [`lock_bal`], and adds to what the BAL holds. The caller judges the result against the quota and rolls back if need be.
pub fn charge_bal(tx: &mut dyn Tx, bal: Id, bytes: i64, count: i64) -> Result<Option<BalState>, StoreError> {
    let sql = "UPDATE bals SET modseq = modseq + 1, used_bytes = used_bytes + $2, message_count = message_count + $3 \
               WHERE id = $1 RETURNING modseq, used_bytes, message_count, quota_bytes, state, follows";
    let row = tx.query_opt(sql, params![bal, bytes, count])?;
    row.map(|r| {
        Ok(BalState {
            modseq: r.int(0)?,
            used_bytes: r.int(1)?,
            message_count: r.int(2)?,
            quota_bytes: r.int(3)?,
            state: r.text(4)?,
            follows: r.int(5)?,
        })
    })
    .transpose()
}

/// Adds to what a BAL that is locked already holds.
pub fn recharge_bal(tx: &mut dyn Tx, bal: Id, bytes: i64, count: i64) -> Result<(), StoreError> {
    let sql = "UPDATE bals SET used_bytes = used_bytes + $2, message_count = message_count + $3 WHERE id = $1";
    tx.execute(sql, params![bal, bytes, count]).map(drop)
}

/// A UIDVALIDITY that this BAL never used: at least `floor` (seconds since 1970: unique even after an old copy was restored).
pub fn next_uidvalidity(tx: &mut dyn Tx, bal: Id, floor: i64) -> Result<i64, StoreError> {
    let sql = "UPDATE bals SET uidvalidity_next = \
               CASE WHEN uidvalidity_next > $2 THEN uidvalidity_next ELSE $2 END + 1 \
               WHERE id = $1 RETURNING uidvalidity_next - 1";
    let row = tx.query_opt(sql, params![bal, floor])?.ok_or_else(|| StoreError::Other("no such BAL".into()))?;
    row.int(0)
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderRow {
    /// Id.
    pub id: Id,
    /// BAL.
    pub bal: Id,
    /// Sealed full path (`folder.name`, object = id).
    pub name_sealed: Vec<u8>,
    /// Keyed digest of the path, unique in the BAL.
    pub name_tag: Vec<u8>,
    /// Special use, lower case.
    pub special_use: Option<String>,
    /// Subscribed.
    pub subscribed: bool,
    /// UIDVALIDITY.
    pub uidvalidity: i64,
    /// Next UID.
    pub uidnext: i64,
    /// Highest modseq of what the folder holds or held.
    pub modseq: i64,
    /// Counts.
    pub counts: Counts,
}

/// Counts of a folder, or a change of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Entries.
    pub messages: i64,
    /// Entries without `\Seen`.
    pub unseen: i64,
    /// Entries with `\Deleted`.
    pub deleted: i64,
    /// Bytes of all entries.
    pub bytes: i64,
}

impl Counts {
    /// What one entry with these system flags counts for.
    pub fn of(flags: i64, size: i64) -> Self {
        Self {
            messages: 1,
            unseen: i64::from(flags & SEEN == 0),
            deleted: i64::from(flags & DELETED != 0),
            bytes: size,
        }
    }
    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { messages: -self.messages, unseen: -self.unseen, deleted: -self.deleted, bytes: -self.bytes }
    }
}
impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, o: Self) {
        self.messages += o.messages;
        self.unseen += o.unseen;
        self.deleted += o.deleted;
        self.bytes += o.bytes;
    }
}

/// Bit of `\Seen` in `entries.flags`.
pub const SEEN: i64 = 1;
/// Bit of `\Deleted` in `entries.flags`.
pub const DELETED: i64 = 8;

const COLUMNS: &str = "id, bal_id, name_sealed, name_tag, special_use, subscribed, uidvalidity, uidnext, modseq, \
                       messages, unseen, deleted, bytes";

fn read(r: &Row) -> Result<FolderRow, StoreError> {
    Ok(FolderRow {
        id: r.int(0)?,
        bal: r.int(1)?,
        name_sealed: r.bytes(2)?,
        name_tag: r.bytes(3)?,
        special_use: r.opt_text(4)?,
        subscribed: r.bool(5)?,
        uidvalidity: r.int(6)?,
        uidnext: r.int(7)?,
        modseq: r.int(8)?,
        counts: Counts { messages: r.int(9)?, unseen: r.int(10)?, deleted: r.int(11)?, bytes: r.int(12)? },
    })
}

/// Folders of a BAL, by id.
pub fn list(tx: &mut dyn Tx, bal: Id) -> Result<Vec<FolderRow>, StoreError> {
    tx.query(&format!("SELECT {COLUMNS} FROM folders WHERE bal_id = $1 ORDER BY id"), params![bal])?
        .iter()
        .map(read)
        .collect()
}

/// A folder by the digest of its path.
pub fn by_tag(tx: &mut dyn Tx, bal: Id, tag: &[u8]) -> Result<Option<FolderRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM folders WHERE bal_id = $1 AND name_tag = $2");
    tx.query_opt(&sql, params![bal, tag])?.as_ref().map(read).transpose()
}

/// A folder by id, in this BAL only.
pub fn by_id(tx: &mut dyn Tx, bal: Id, id: Id) -> Result<Option<FolderRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM folders WHERE id = $1 AND bal_id = $2");
    tx.query_opt(&sql, params![id, bal])?.as_ref().map(read).transpose()
}

/// A folder to be made: everything sealed and numbered before the transaction.
#[derive(Debug, Clone)]
pub struct NewFolder {
    /// Id.
    pub id: Id,
    /// BAL.
    pub bal: Id,
    /// Sealed full path.
    pub name_sealed: Vec<u8>,
    /// Keyed digest of the path.
    pub name_tag: Vec<u8>,
    /// Special use, lower case.
    pub special_use: Option<String>,
    /// Subscribed from the start.
    pub subscribed: bool,
    /// Now, milliseconds.
    pub created: i64,
}

/// Makes a folder. The BAL is locked. [`StoreError::Exists`] when the path is taken.
pub fn insert(tx: &mut dyn Tx, new: &NewFolder, modseq: i64) -> Result<FolderRow, StoreError> {
    let uidvalidity =
        next_uidvalidity(tx, new.bal, new.created.div_euclid(1000).clamp(1, i64::from(u32::MAX) - (1 << 24)))?;
    let sql = "INSERT INTO folders (id, bal_id, name_sealed, name_tag, special_use, subscribed, uidvalidity, uidnext, \
               modseq, created, messages, unseen, deleted, bytes, made, shaped) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, 0, 0, 0, 0, $8, $8)";
    let sealed = new.name_sealed.as_slice();
    let tag = new.name_tag.as_slice();
    let values = params![
        new.id,
        new.bal,
        sealed,
        tag,
        new.special_use.as_deref(),
        new.subscribed,
        uidvalidity,
        modseq,
        new.created
    ];
    tx.execute(sql, values)?;
    Ok(FolderRow {
        id: new.id,
        bal: new.bal,
        name_sealed: new.name_sealed.clone(),
        name_tag: new.name_tag.clone(),
        special_use: new.special_use.clone(),
        subscribed: new.subscribed,
        uidvalidity,
        uidnext: 1,
        modseq,
        counts: Counts::default(),
    })
}

/// Gives a folder another path.
pub fn rename(tx: &mut dyn Tx, id: Id, name_sealed: &[u8], name_tag: &[u8], modseq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE folders SET name_sealed = $2, name_tag = $3, shaped = $4 WHERE id = $1";
    tx.execute(sql, params![id, name_sealed, name_tag, modseq]).map(drop)
}

/// Gives a folder whose name does not open a name again, as [`rename`] does.
pub fn heal_name(tx: &mut dyn Tx, id: Id, sealed: &[u8], tag: &[u8], modseq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE folders SET name_sealed = $2, name_tag = $3, shaped = $4 WHERE id = $1";
    tx.execute(sql, params![id, sealed, tag, modseq]).map(drop)
}

/// Subscribes or unsubscribes. False when there is no such folder.
pub fn subscribe(tx: &mut dyn Tx, bal: Id, tag: &[u8], on: bool, modseq: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE folders SET subscribed = $3, shaped = $4 WHERE bal_id = $1 AND name_tag = $2";
    Ok(tx.execute(sql, params![bal, tag, on, modseq])? > 0)
}

/// Removes the folder's row, annotations, subscriptions and tombstones of UIDs, and leaves its own. Its entries are gone before.
pub fn delete(tx: &mut dyn Tx, act: Act, id: Id) -> Result<(), StoreError> {
    journal::depart_folder(tx, act, id)?;
    tx.execute("DELETE FROM vanished WHERE folder_id = $1", params![id])?;
    crate::annotations::forget(tx, act.bal, id)?;
    crate::subscriptions::forget(tx, id)?;
    tx.execute("DELETE FROM folders WHERE id = $1", params![id]).map(drop)
}

/// Takes `count` UIDs: (first UID, UIDVALIDITY). [`StoreError::Invalid`] when the folder's UIDs are used up (32 bits).
pub fn take_uids(tx: &mut dyn Tx, id: Id, count: i64) -> Result<(i64, i64), StoreError> {
    let sql = "UPDATE folders SET uidnext = uidnext + $2 WHERE id = $1 RETURNING uidnext, uidvalidity";
    let row = tx.query_opt(sql, params![id, count])?.ok_or_else(|| StoreError::Other("no such folder".into()))?;
    let next = row.int(0)?;
    if next > i64::from(u32::MAX) {
        return Err(StoreError::Invalid("the folder's UIDs are used up".into()));
    }
    Ok((next - count, row.int(1)?))
}

/// Which folder a new entry goes to.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// By id.
    Id(Id),
    /// By the digest of its path.
    Tag(&'a [u8]),
    /// By special use (the first one that has it).
    SpecialUse(&'a str),
}

/// Takes one UID in a folder of a BAL and counts the entry in: (folder, UID, UIDVALIDITY). `None` when there is no such folder.
pub fn place(
    tx: &mut dyn Tx,
    bal: Id,
    place: Place<'_>,
    entry: Counts,
    modseq: i64,
) -> Result<Option<(Id, i64, i64)>, StoreError> {
    let (condition, value) = match place {
        Place::Id(id) => ("id = $7", Value::from(id)),
        Place::Tag(tag) => ("name_tag = $7", Value::from(tag)),
        Place::SpecialUse(special_use) => {
            ("id = (SELECT MIN(id) FROM folders WHERE bal_id = $1 AND special_use = $7)", Value::from(special_use))
        }
    };
    let sql = format!(
        "UPDATE folders SET uidnext = uidnext + 1, modseq = $2, messages = messages + $3, unseen = unseen + $4, \
         deleted = deleted + $5, bytes = bytes + $6 WHERE bal_id = $1 AND {condition} RETURNING id, uidnext - 1, uidvalidity"
    );
    let values = params![bal, modseq, entry.messages, entry.unseen, entry.deleted, entry.bytes, value];
    let Some(row) = tx.query_opt(&sql, values)? else { return Ok(None) };
    let uid = row.int(1)?;
    if uid >= i64::from(u32::MAX) {
        return Err(StoreError::Invalid("the folder's UIDs are used up".into()));
    }
    Ok(Some((row.int(0)?, uid, row.int(2)?)))
}

/// Puts a change of a folder's entries into its counts and modseq.
pub fn adjust(tx: &mut dyn Tx, id: Id, change: Counts, modseq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE folders SET messages = messages + $2, unseen = unseen + $3, deleted = deleted + $4, \
               bytes = bytes + $5, modseq = $6 WHERE id = $1";
    tx.execute(sql, params![id, change.messages, change.unseen, change.deleted, change.bytes, modseq]).map(drop)
}
