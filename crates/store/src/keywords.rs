//! Keywords of a BAL: each a sealed name in a numbered slot; entries hold slots as bits.
//!
//! So thousands of entries open or change without an unsealing each, and the words themselves are only ever on disk
//! sealed. A slot whose keyword no entry holds any more is given to a new keyword when all are taken: which those are, a [`Survey`] finds out by pages,
//! beside everybody's work, before the act that needs room; the transaction that forgets reads only what changed since.
use crate::{Id, StoreError, Tx, Value, params};
use std::collections::HashSet;

/// No BAL may hold more different keywords than this, whatever its limit says.
pub const MOST: usize = 4096;
/// Entries that a survey looks at in one transaction.
const PAGE: i64 = 5_000;

/// A set of keyword slots.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Slots(Vec<u8>);

impl Slots {
    /// From the bytes of a column.
    pub fn from_bytes(mut bytes: Vec<u8>) -> Self {
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        Self(bytes)
    }
    /// As a column's value.
    pub fn value(&self) -> Value {
        if self.0.is_empty() { Value::Null } else { Value::Bytes(self.0.clone()) }
    }
    /// True when the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// True when the slot is in the set.
    pub fn has(&self, slot: usize) -> bool {
        self.0.get(slot / 8).is_some_and(|b| b & (1 << (slot % 8)) != 0)
    }
    /// True when the sets have a slot in common.
    pub fn has_any(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, theirs)| mine & theirs != 0)
    }
    /// Adds a slot.
    pub fn add(&mut self, slot: usize) {
        if self.0.len() <= slot / 8 {
            self.0.resize(slot / 8 + 1, 0);
        }
        self.0[slot / 8] |= 1 << (slot % 8);
    }
    /// Adds every slot of another set.
    pub fn add_all(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }
    /// Removes every slot of another set.
    pub fn remove_all(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= !theirs;
        }
        *self = Self::from_bytes(std::mem::take(&mut self.0));
    }
    /// The slots, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 8).filter(|slot| self.has(*slot))
    }
}

/// A keyword of a BAL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeywordRow {
    /// Its slot.
    pub slot: usize,
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
    let slot = |n: i64| usize::try_from(n).map_err(|_| StoreError::Invalid("slot of a keyword".into()));
    rows.iter()
        .map(|r| Ok(KeywordRow { slot: slot(r.int(0)?)?, id: r.int(1)?, tag: r.bytes(2)?, sealed: r.bytes(3)? }))
        .collect()
}

/// The slots of those of these keywords that the BAL knows.
pub fn find(tx: &mut dyn Tx, bal: Id, wanted: &[NewKeyword]) -> Result<Slots, StoreError> {
    if wanted.is_empty() {
        return Ok(Slots::default());
    }
    with_tags(tx, bal, |tag| wanted.iter().any(|w| w.tag == tag))
}

/// The slots of the BAL's keywords that have such a digest.
pub fn with_tags(tx: &mut dyn Tx, bal: Id, is: impl Fn(&[u8]) -> bool) -> Result<Slots, StoreError> {
    let mut slots = Slots::default();
    list(tx, bal)?.iter().filter(|row| is(&row.tag)).for_each(|row| slots.add(row.slot));
    Ok(slots)
}

/// The slots of these keywords; those that the BAL does not know yet are added. `None` when there would be more than
/// `most`. The BAL is locked.
pub fn find_or_add(tx: &mut dyn Tx, bal: Id, wanted: &[NewKeyword], most: usize) -> Result<Option<Slots>, StoreError> {
    let mut slots = Slots::default();
    if wanted.is_empty() {
        return Ok(Some(slots));
    }
    let mut known = list(tx, bal)?;
    let (there, missing): (Vec<_>, Vec<_>) = wanted.iter().partition(|w| known.iter().any(|k| k.tag == w.tag));
    for row in known.iter().filter(|k| there.iter().any(|w| w.tag == k.tag)) {
        slots.add(row.slot);
    }
    let most = most.min(MOST);
    for keyword in missing {
        if let Some(twice) = known.iter().find(|k| k.tag == keyword.tag) {
            slots.add(twice.slot);
            continue;
        }
        let free = (0..most).find(|s| known.iter().all(|k| k.slot != *s));
        let Some(slot) = free.filter(|_| known.len() < most) else { return Ok(None) };
        let column = i64::try_from(slot).unwrap_or(i64::MAX);
        let sql = "INSERT INTO keywords (bal_id, slot, id, name_tag, name_sealed) VALUES ($1, $2, $3, $4, $5)";
        tx.execute(sql, params![bal, column, keyword.id, keyword.tag.as_slice(), keyword.sealed.as_slice()])?;
        known.push(KeywordRow { slot, id: keyword.id, tag: keyword.tag.clone(), sealed: Vec::new() });
        slots.add(slot);
    }
    Ok(Some(slots))
}

/// Gives a keyword whose name does not open another one. False when the BAL has that one already.
pub fn heal_name(tx: &mut dyn Tx, bal: Id, id: Id, sealed: &[u8], tag: &[u8]) -> Result<bool, StoreError> {
    let sql = "UPDATE keywords SET name_sealed = $3, name_tag = $4 WHERE bal_id = $1 AND id = $2 \
               AND NOT EXISTS (SELECT 1 FROM keywords k WHERE k.bal_id = $1 AND k.name_tag = $4 AND k.id <> $2)";
    Ok(tx.execute(sql, params![bal, id, sealed, tag])? > 0)
}

/// Is there room in the BAL for those of these keywords that it does not know yet?
pub fn fit(tx: &mut dyn Tx, bal: Id, wanted: &[NewKeyword], most: usize) -> Result<bool, StoreError> {
    let known = tx.query("SELECT name_tag FROM keywords WHERE bal_id = $1", params![bal])?;
    let mut tags = known.iter().map(|row| row.bytes(0)).collect::<Result<HashSet<_>, _>>()?;
    let before = tags.len();
    tags.extend(wanted.iter().map(|w| w.tag.clone()));
    Ok(tags.len() == before || tags.len() <= most.min(MOST))
}

/// Which keywords of a BAL entries hold, looked at page by page while others write.
#[derive(Debug, Clone)]
pub struct Survey {
    bal: Id,
    /// The BAL's modseq as it began: what is changed later is looked at by [`Survey::forget`].
    since: i64,
    /// Slots and ids of those that were not met yet.
    unmet: Vec<(usize, Id)>,
    /// Folders that are not gone through to their end; the last one is the one that is looked at.
    folders: Vec<Id>,
    /// In that one, the last UID that was looked at.
    uid: i64,
}

impl Survey {
    /// Begins one. `None`: there is no such BAL.
    pub fn begin(tx: &mut dyn Tx, bal: Id) -> Result<Option<Self>, StoreError> {
        let Some(row) = tx.query_opt("SELECT modseq FROM bals WHERE id = $1", params![bal])? else { return Ok(None) };
        let unmet = list(tx, bal)?.iter().map(|k| (k.slot, k.id)).collect();
        let folders = tx.query("SELECT id FROM folders WHERE bal_id = $1 ORDER BY id", params![bal])?;
        let folders = folders.iter().map(|f| f.int(0)).collect::<Result<_, _>>()?;
        Ok(Some(Self { bal, since: row.int(0)?, unmet, folders, uid: 0 }))
    }
    /// Looks at the next page. False when there is nothing more to look at, or to find.
    pub fn go_on(&mut self, tx: &mut dyn Tx) -> Result<bool, StoreError> {
        let mut left = PAGE;
        while left > 0
            && !self.unmet.is_empty()
            && let Some(folder) = self.folders.last().copied()
        {
            let sql = "SELECT uid, keywords FROM entries WHERE folder_id = $1 AND uid > $2 ORDER BY uid LIMIT $3";
            let (mut used, mut looked, mut last) = (Slots::default(), 0, self.uid);
            tx.visit(sql, params![folder, self.uid, left], &mut |row| {
                (last, looked) = (row.int(0)?, looked + 1);
                if let Some(bytes) = row.opt_bytes(1)? {
                    used.add_all(&Slots::from_bytes(bytes.to_vec()));
                }
                Ok(())
            })?;
            self.meet(&used);
            if looked == left {
                self.uid = last;
            } else {
                self.folders.pop();
                self.uid = 0;
            }
            // A folder without an entry is a look too.
            left -= looked + 1;
        }
        Ok(!self.unmet.is_empty() && !self.folders.is_empty())
    }
    fn meet(&mut self, used: &Slots) {
        self.unmet.retain(|(slot, _)| !used.has(*slot));
    }
    /// Forgets the keywords that no entry holds, when all was looked at; how many. The BAL is locked: what its entries got since the survey began is
    /// looked at here.
    pub fn forget(&self, tx: &mut dyn Tx) -> Result<usize, StoreError> {
        let mut found = self.clone();
        if found.unmet.is_empty() || !found.folders.is_empty() {
            return Ok(0);
        }
        let sql = "SELECT DISTINCT e.keywords FROM folders f JOIN entries e ON e.folder_id = f.id AND e.modseq > $2 \
                   WHERE f.bal_id = $1 AND e.keywords IS NOT NULL";
        for row in tx.query(sql, params![self.bal, self.since])? {
            found.meet(&Slots::from_bytes(row.bytes(0)?));
        }
        for (_, id) in &found.unmet {
            tx.execute("DELETE FROM keywords WHERE bal_id = $1 AND id = $2", params![self.bal, *id])?;
        }
        Ok(found.unmet.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_a_set_with_one_writing() {
        let mut s = Slots::default();
        assert_eq!(s.value(), Value::Null);
        s.add(3);
        s.add(17);
        assert_eq!(s.iter().collect::<Vec<_>>(), [3, 17]);
        assert_eq!(s.value(), Value::Bytes(vec![8, 0, 2]));
        let mut other = Slots::default();
        other.add(17);
        s.remove_all(&other);
        assert_eq!(s.value(), Value::Bytes(vec![8]));
        s.add_all(&other);
        assert!(s.has(17) && s.has(3) && !s.has(4) && !s.has(4000));
        assert!(s.has_any(&other) && !s.has_any(&Slots::default()) && !other.has_any(&Slots::from_bytes(vec![8])));
        assert_eq!(Slots::from_bytes(vec![8, 0, 2, 0, 0]), s);
    }
}
