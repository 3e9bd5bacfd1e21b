//! What is kept beside the entries so that it need not be counted: here it is counted.
use crate::folders::{self, Counts};
use crate::keywords::Slots;
use crate::{Id, StoreError, Tx, params};

/// A folder with what its row says and what its entries say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderCount {
    /// Folder.
    pub id: Id,
    /// Its BAL.
    pub bal: Id,
    /// Counts of the row.
    pub kept: Counts,
    /// Counts of the entries.
    pub real: Counts,
    /// Next UID, as the row says.
    pub uidnext: i64,
    /// Greatest UID of entries and tombstones, 0 without any: it was given.
    pub last_uid: i64,
    /// Greatest modseq of entries and tombstones.
    pub modseq: i64,
    /// Highest modseq, as the row says.
    pub kept_modseq: i64,
    /// UIDVALIDITY.
    pub uidvalidity: i64,
    /// Keyword slots that its entries hold.
    pub slots: Slots,
}

/// A BAL with what its row says and what its folders say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalCount {
    /// BAL.
    pub id: Id,
    /// Its address as shown (a patient's is a pseudonym).
    pub address: String,
    /// `active` or `closed`.
    pub state: String,
    /// Highest modseq given, as the row says.
    pub modseq: i64,
    /// Bytes and entries, as the row says.
    pub used: (i64, i64),
    /// Floor of its journal.
    pub floor: i64,
    /// Greatest modseq of tombstones of messages and folders.
    pub departed: i64,
    /// The next UIDVALIDITY.
    pub uidvalidity_next: i64,
}

const REAL: &str = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN (flags & 1) = 0 THEN 1 ELSE 0 END), 0), \
                    COALESCE(SUM(CASE WHEN (flags & 8) <> 0 THEN 1 ELSE 0 END), 0), COALESCE(SUM(size), 0), \
                    COALESCE(MAX(uid), 0), COALESCE(MAX(modseq), 0) FROM entries WHERE folder_id = $1";

/// BALs after an id, by id.
pub fn bals(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<BalCount>, StoreError> {
    let sql = "SELECT id, address_key, state, modseq, used_bytes, message_count, journal_floor, uidvalidity_next, \
               COALESCE((SELECT MAX(modseq) FROM departed d WHERE d.bal_id = bals.id), 0), \
               COALESCE((SELECT MAX(modseq) FROM departed_folders d WHERE d.bal_id = bals.id), 0) \
               FROM bals WHERE id > $1 ORDER BY id LIMIT $2";
    tx.query(sql, params![after, limit])?
        .iter()
        .map(|r| {
            Ok(BalCount {
                id: r.int(0)?,
                address: r.text(1)?,
                state: r.text(2)?,
                modseq: r.int(3)?,
                used: (r.int(4)?, r.int(5)?),
                floor: r.int(6)?,
                uidvalidity_next: r.int(7)?,
                departed: r.int(8)?.max(r.int(9)?),
            })
        })
        .collect()
}

/// The folders of a BAL, counted.
pub fn folders(tx: &mut dyn Tx, bal: Id) -> Result<Vec<FolderCount>, StoreError> {
    let mut counted = Vec::new();
    for folder in folders::list(tx, bal)? {
        let row = tx.query_opt(REAL, params![folder.id])?.ok_or_else(|| StoreError::Other("no count".into()))?;
        let sql = "SELECT COALESCE(MAX(modseq), 0), COALESCE(MAX(uid_last), 0) FROM vanished WHERE folder_id = $1";
        let (vanished, gone) = match tx.query_opt(sql, params![folder.id])? {
            Some(r) => (r.int(0)?, r.int(1)?),
            None => (0, 0),
        };
        let mut slots = Slots::default();
        let sql = "SELECT DISTINCT keywords FROM entries WHERE folder_id = $1 AND keywords IS NOT NULL";
        for row in tx.query(sql, params![folder.id])? {
            slots.add_all(&Slots::from_bytes(row.bytes(0)?));
        }
        counted.push(FolderCount {
            id: folder.id,
            bal,
            kept: folder.counts,
            real: Counts { messages: row.int(0)?, unseen: row.int(1)?, deleted: row.int(2)?, bytes: row.int(3)? },
            uidnext: folder.uidnext,
            last_uid: row.int(4)?.max(gone),
            modseq: row.int(5)?.max(vanished),
            kept_modseq: folder.modseq,
            uidvalidity: folder.uidvalidity,
            slots,
        });
    }
    Ok(counted)
}

/// Writes what was counted into the rows of a BAL and its folders. The counting is done again here, under the BAL's lock. False when
/// there is no such BAL.
pub fn heal(tx: &mut dyn Tx, bal: Id) -> Result<bool, StoreError> {
    let Some(state) = folders::lock_bal(tx, bal)? else { return Ok(false) };
    let own = bals(tx, bal - 1, 1)?.pop();
    let (mut bytes, mut count, mut modseq, mut uidvalidity) = (0, 0, state.modseq, 0);
    modseq = own.map_or(modseq, |own| modseq.max(own.floor).max(own.departed));
    for f in folders(tx, bal)? {
        (bytes, count) = (bytes + f.real.bytes, count + f.real.messages);
        (modseq, uidvalidity) = (modseq.max(f.modseq).max(f.kept_modseq), uidvalidity.max(f.uidvalidity));
        let sql = "UPDATE folders SET messages = $2, unseen = $3, deleted = $4, bytes = $5, \
                   uidnext = CASE WHEN uidnext > $6 THEN uidnext ELSE $6 + 1 END, \
                   modseq = CASE WHEN modseq > $7 THEN modseq ELSE $7 END WHERE id = $1";
        let r = f.real;
        tx.execute(sql, params![f.id, r.messages, r.unseen, r.deleted, r.bytes, f.last_uid, f.modseq])?;
    }
    let sql = "UPDATE bals SET used_bytes = $2, message_count = $3, modseq = $4, \
               uidvalidity_next = CASE WHEN uidvalidity_next > $5 THEN uidvalidity_next ELSE $5 + 1 END WHERE id = $1";
    tx.execute(sql, params![bal, bytes, count, modseq, uidvalidity])?;
    Ok(true)
}

/// Takes the keyword slots that the BAL does not know from its entries. How many entries changed.
pub fn heal_slots(tx: &mut dyn Tx, bal: Id) -> Result<u64, StoreError> {
    let Some(state) = folders::lock_bal(tx, bal)? else { return Ok(0) };
    let mut known = Slots::default();
    crate::keywords::list(tx, bal)?.iter().for_each(|k| known.add(k.slot));
    let mut changed = 0;
    for folder in folders::list(tx, bal)? {
        let sql = "SELECT DISTINCT keywords FROM entries WHERE folder_id = $1 AND keywords IS NOT NULL";
        let mut touched = 0;
        for row in tx.query(sql, params![folder.id])? {
            let bytes = row.bytes(0)?;
            let mut unknown = Slots::from_bytes(bytes.clone());
            unknown.remove_all(&known);
            if unknown.is_empty() {
                continue;
            }
            let mut kept = Slots::from_bytes(bytes.clone());
            kept.remove_all(&unknown);
            let sql = "UPDATE entries SET keywords = $3, modseq = $4 WHERE folder_id = $1 AND keywords = $2";
            touched += tx.execute(sql, params![folder.id, bytes, kept.value(), state.modseq])?;
        }
        if touched > 0 {
            tx.execute("UPDATE folders SET modseq = $2 WHERE id = $1", params![folder.id, state.modseq])?;
        }
        changed += touched;
    }
    Ok(changed)
}
