//! What was destroyed stays destroyed, whatever copy is put back.
//!
//! The keyring keeps a row for each destroyed key. That row goes with the keyring's file; so each destruction is first appended to a list
//! beside the data and beside the keyring (`destructions.log`), before the key goes. The list holds ids and instants, nothing secret; it only
//! grows; a copy of the data or of the keyring does not replace it.
//!
//! Promises: a listed destruction is durable before its key goes; opening a store destroys again, before anything is served, the key of every
//! BAL that the list names or that the data know as closed; a torn or foreign line destroys nothing. What another node destroyed is listed here
//! too, once it is heard of and at each start: whichever node outlives the others knows.
use super::Vault;
use crate::{EngineUrl, Id, StoreConfig, StoreError, Tx, params};
use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Name of a list.
const NAME: &str = "destructions.log";
/// Ids looked at in one query.
const PAGE: i64 = 1_000;
/// Longest list that is read, bytes: a million destructions or so.
const LONGEST: u64 = 64 << 20;

/// Where destructions are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct List(Vec<PathBuf>);

impl List {
    /// The lists of a store: beside the folder of spools (in the data folder, local to the node), and beside the keyring's file.
    pub fn of(config: &StoreConfig) -> Self {
        let mut files = vec![config.spools.with_file_name(NAME)];
        if let EngineUrl::Sqlite(keyring) = &config.keyring {
            files.push(keyring.with_file_name(NAME));
        }
        files.dedup();
        Self(files)
    }
    /// Appends destructions to every list, durably. Blocking.
    pub fn add(&self, bals: &[Id], at: i64) -> Result<(), StoreError> {
        let lines = bals.iter().fold(String::new(), |all, bal| all + &format!("destroyed {bal} {at} .\n"));
        for file in &self.0 {
            let append = || -> std::io::Result<()> {
                if let Some(folder) = file.parent() {
                    crate::files::private_folder(folder)?;
                }
                let mut last = [b'\n'];
                match std::fs::File::open(file) {
                    Ok(mut list) => {
                        if list.seek(SeekFrom::End(0))? > 0 {
                            list.seek(SeekFrom::End(-1))?;
                            list.read_exact(&mut last)?;
                        }
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                    Err(e) => return Err(e),
                }
                // A line that a crash cut short stays alone.
                let gap = if last == *b"\n" { "" } else { "\n" };
                crate::files::append(file, 0o600, &format!("{gap}{lines}"))
            };
            append().map_err(|e| StoreError::io("list of destructions", &e))?;
        }
        Ok(())
    }
    /// Every BAL that a list names. Blocking.
    pub fn read(&self) -> Result<HashSet<Id>, StoreError> {
        self.0.iter().try_fold(HashSet::new(), |mut all, file| {
            all.extend(named(file)?);
            Ok(all)
        })
    }
    /// Those of these BALs that a list lacks. Blocking.
    fn lacking(&self, bals: &[Id]) -> Result<Vec<Id>, StoreError> {
        let lists = self.0.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        Ok(bals.iter().filter(|bal| !lists.iter().all(|list| list.contains(bal))).copied().collect())
    }
}

/// BALs that a list names. One that is not there names none.
fn named(file: &PathBuf) -> Result<HashSet<Id>, StoreError> {
    let failed = |e: std::io::Error| StoreError::io("list of destructions", &e);
    let mut text = Vec::new();
    match std::fs::File::open(file) {
        Ok(file) => file.take(LONGEST).read_to_end(&mut text).map_err(failed)?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(e) => return Err(failed(e)),
    };
    Ok(text.split(|b| *b == b'\n').filter_map(line).collect())
}

/// The BAL of a whole line; none for anything else.
fn line(bytes: &[u8]) -> Option<Id> {
    let mut words = std::str::from_utf8(bytes).ok()?.split(' ');
    let (word, bal, at, end) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let whole = word == "destroyed" && at.parse::<i64>().is_ok() && end == "." && words.next().is_none();
    bal.parse().ok().filter(|_| whole)
}

/// Destroys the key of a BAL in a keyring. One that this keyring never held is marked all the same, so that it is never made.
pub(super) fn strike(tx: &mut dyn Tx, bal: Id, at: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO bal_keys (bal, wrapped, created, destroyed) VALUES ($1, NULL, $2, $2) ON CONFLICT (bal) DO UPDATE SET \
               wrapped = NULL, next = NULL, destroyed = COALESCE(bal_keys.destroyed, excluded.destroyed)";
    tx.execute(sql, params![bal, at]).map(drop)
}

/// BALs that the data know as closed and whose key is to be no more: all but those that a legal hold keeps from being destroyed.
pub(crate) fn closed(tx: &mut dyn Tx) -> Result<Vec<Id>, StoreError> {
    let sql = format!(
        "SELECT b.id FROM bals b WHERE b.state = 'closed' AND (NOT {} OR EXISTS \
         (SELECT 1 FROM life l WHERE l.subject = 'bal' AND l.subject_id = b.id AND l.became = 'destroyed'))",
        crate::holds::names_bal("b.id")
    );
    tx.query(&sql, &[])?.iter().map(|r| r.int(0)).collect()
}

/// The same, of data of before there were holds on BALs (schema 7 and older).
pub(crate) fn closed_before_holds(tx: &mut dyn Tx) -> Result<Vec<Id>, StoreError> {
    tx.query("SELECT id FROM bals WHERE state = 'closed'", &[])?.iter().map(|r| r.int(0)).collect()
}

/// One page of a keyring's BALs by id: those whose key lives, or those whose key is destroyed.
pub(super) fn page(tx: &mut dyn Tx, live: bool, after: Id) -> Result<Vec<Id>, StoreError> {
    let state = if live { "IS NOT NULL" } else { "IS NULL" };
    let sql = format!("SELECT bal FROM bal_keys WHERE wrapped {state} AND bal > $1 ORDER BY bal LIMIT $2");
    tx.query(&sql, params![after, PAGE])?.iter().map(|r| r.int(0)).collect()
}

impl Vault {
    /// Destroys again what the lists name and these closed BALs. How many keys went.
    pub(crate) async fn replay(&self, closed: Vec<Id>) -> Result<usize, StoreError> {
        let list = self.list.clone();
        let mut doomed = crate::blocking(move || list.read()).await?;
        doomed.extend(closed);
        if doomed.is_empty() {
            return Ok(0);
        }
        let (mut after, mut gone) = (Id::MIN, 0);
        loop {
            let live = self.keyring.read(move |tx| page(tx, true, after)).await?;
            let Some(last) = live.last() else { return Ok(gone) };
            after = *last;
            let again: Vec<Id> = live.into_iter().filter(|bal| doomed.contains(bal)).collect();
            if !again.is_empty() {
                gone += again.len();
                self.destroy_bal_keys(again).await?;
            }
        }
    }
    /// Adds to this node's lists what they lack of these destructions, or of all that the keyring knows: another node carried them out, or
    /// a list was lost. A BAL whose key lives is not listed, whoever says so. How many were added.
    pub async fn learn_destructions(&self, of: Option<Vec<Id>>) -> Result<usize, StoreError> {
        let mut destroyed = Vec::new();
        if let Some(asked) = of {
            let read = move |tx: &mut dyn Tx| {
                let sql = "SELECT bal FROM bal_keys WHERE bal = $1 AND wrapped IS NULL";
                let found = asked.iter().map(|bal| tx.query_opt(sql, params![*bal])?.map(|r| r.int(0)).transpose());
                found.filter_map(Result::transpose).collect::<Result<Vec<Id>, StoreError>>()
            };
            destroyed = self.keyring.read(read).await?;
        } else {
            let mut after = Id::MIN;
            while let Some(last) = {
                let page = self.destroyed_bals(after).await?;
                destroyed.extend_from_slice(&page);
                page.last().copied()
            } {
                after = last;
            }
        }
        if destroyed.is_empty() {
            return Ok(0);
        }
        let (list, now) = (self.list.clone(), self.clock.now().0);
        crate::blocking(move || {
            let lacking = list.lacking(&destroyed)?;
            if !lacking.is_empty() {
                list.add(&lacking, now)?;
            }
            Ok(lacking.len())
        })
        .await
    }
    /// BALs whose key is destroyed, by id, from after `after`: a page, empty at the end.
    pub async fn destroyed_bals(&self, after: Id) -> Result<Vec<Id>, StoreError> {
        self.keyring.read(move |tx| page(tx, false, after)).await
    }
}

/// Destroys again, in an open store, what was destroyed after the copies were made from which it was restored: what the lists of
/// destructions name and what the data know as closed. How many keys went. [`crate::Store::open`] does it before it serves anything; a
/// restore that looks at the data afterwards may call it again.
pub async fn replay_destructions(store: &crate::Store) -> Result<usize, StoreError> {
    let closed = store.read(closed).await?;
    store.vault().replay(closed).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_grows_and_survives_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let list = List(vec![folder.path().join("a/l"), folder.path().join("b/l")]);
        assert!(list.read().unwrap().is_empty());
        list.add(&[1234, 7], 99).unwrap();
        let file = folder.path().join("a/l");
        let whole = std::fs::read(&file).unwrap();
        // Cut anywhere: a number that was cut is not another BAL's.
        for cut in 0..whole.len() {
            std::fs::write(&file, &whole[..cut]).unwrap();
            std::fs::remove_file(folder.path().join("b/l")).unwrap();
            let named = list.read().unwrap();
            assert!(named.is_subset(&HashSet::from([1234, 7])), "{cut}: {named:?}");
            list.add(&[5], 100).unwrap();
            assert!(list.read().unwrap().contains(&5), "{cut}");
        }
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(list.read().unwrap(), HashSet::from([1234, 7, 5]));
    }

    proptest! {
        #[test]
        fn only_whole_lines_destroy(text in ".{0,60}") {
            if let Some(bal) = line(text.as_bytes()) {
                let own = format!("destroyed {bal} ");
                prop_assert!(text.starts_with(&own) || text.starts_with("destroyed +"));
            }
        }
    }
}
