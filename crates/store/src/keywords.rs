//! Keywords of a BAL: at most [`SLOTS`] different ones, each a sealed name in a slot; entries hold slots as bits.
//!
//! So thousands of entries change or open without a single unsealing, and the words themselves are only ever on disk
//! sealed. A slot whose keyword no entry holds any more is given to the next new keyword when all are taken.
use crate::{Id, StoreError, Tx, params};

/// How many different keywords a BAL may hold at a time.
pub const SLOTS: i64 = 63;

/// A keyword of a BAL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeywordRow {
    /// Bit in `entries.keywords`.
    pub slot: i64,
    /// Id, to which the sealed name is bound.
    pub id: Id,
    /// Keyed digest of the name without case.
    pub tag: Vec<u8>,
    /// Sealed name (`keyword.name`, object = id).
    pub sealed: Vec<u8>,
}

/// A keyword that may have to be added.
#[derive(Debug, Clone)]
pub struct NewKeyword {
    /// Id.
    pub id: Id,
    /// Keyed digest of the name without case.
    pub tag: Vec<u8>,
    /// Sealed name.
    pub sealed: Vec<u8>,
}

/// Every keyword of a BAL, by slot.
pub fn list(tx: &mut dyn Tx, bal: Id) -> Result<Vec<KeywordRow>, StoreError> {
    let sql = "SELECT slot, id, name_tag, name_sealed FROM keywords WHERE bal_id = $1 ORDER BY slot";
    let rows = tx.query(sql, params![bal])?;
    rows.iter()
        .map(|r| Ok(KeywordRow { slot: r.int(0)?, id: r.int(1)?, tag: r.bytes(2)?, sealed: r.bytes(3)? }))
        .collect()
}

/// The bits of these keywords; with `add`, those that the BAL does not know yet are added. `None` when there is no room.
/// The BAL is locked when `add` is set.
pub fn bits(tx: &mut dyn Tx, bal: Id, wanted: &[NewKeyword], add: bool) -> Result<Option<i64>, StoreError> {
    if wanted.is_empty() {
        return Ok(Some(0));
    }
    let mut known: Vec<(i64, Vec<u8>)> = list(tx, bal)?.into_iter().map(|k| (k.slot, k.tag)).collect();
    let mut bits = 0;
    let mut missing = Vec::new();
    for keyword in wanted {
        match known.iter().find(|(_, tag)| *tag == keyword.tag) {
            Some((slot, _)) => bits |= 1 << slot,
            None if add => missing.push(keyword),
            None => {}
        }
    }
    for keyword in missing {
        if let Some((slot, _)) = known.iter().find(|(_, tag)| *tag == keyword.tag) {
            bits |= 1 << slot;
            continue;
        }
        let free = |known: &[(i64, Vec<u8>)]| (0..SLOTS).find(|s| !known.iter().any(|(k, _)| k == s));
        let slot = match free(&known) {
            Some(slot) => slot,
            None => {
                let used = used(tx, bal)? | bits;
                known.retain(|(slot, _)| used & (1 << slot) != 0);
                forget(tx, bal, used)?;
                match free(&known) {
                    Some(slot) => slot,
                    None => return Ok(None),
                }
            }
        };
        let sql = "INSERT INTO keywords (bal_id, slot, id, name_tag, name_sealed) VALUES ($1, $2, $3, $4, $5)";
        tx.execute(sql, params![bal, slot, keyword.id, keyword.tag.as_slice(), keyword.sealed.as_slice()])?;
        known.push((slot, keyword.tag.clone()));
        bits |= 1 << slot;
    }
    Ok(Some(bits))
}

/// Slots that entries hold.
fn used(tx: &mut dyn Tx, bal: Id) -> Result<i64, StoreError> {
    let sql = "SELECT DISTINCT e.keywords FROM folders f JOIN entries e ON e.folder_id = f.id WHERE f.bal_id = $1";
    let mut used = 0;
    for row in tx.query(sql, params![bal])? {
        used |= row.int(0)?;
    }
    Ok(used)
}

/// Removes the keywords whose slot is not in `used`.
fn forget(tx: &mut dyn Tx, bal: Id, used: i64) -> Result<(), StoreError> {
    for slot in (0..SLOTS).filter(|slot| used & (1 << slot) == 0) {
        tx.execute("DELETE FROM keywords WHERE bal_id = $1 AND slot = $2", params![bal, slot])?;
    }
    Ok(())
}
