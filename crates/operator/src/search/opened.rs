//! Indexes kept open, few: opening one reads a dozen files. An index that was changed, by this node or another, is opened anew: how far
//! it goes is part of what it is asked for by.
use super::files::{SealedFiles, Trouble};
use super::{State, blocking};
use crate::mailbox::seal::BalSeal;
use crate::{Operator, refuse};
use sceau_domain::Refusal;
use sceau_search::{Index, SearchError};
use sceau_store::indexes::{self, IndexRow};
use sceau_store::{Id, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An index open for searching.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub index: Arc<Index>,
    pub files: Arc<SealedFiles>,
}

/// Indexes kept open.
#[derive(Debug)]
pub(super) struct Opened {
    most: usize,
    kept: Mutex<HashMap<Id, Kept>>,
}

#[derive(Debug)]
struct Kept {
    open: Open,
    generation: Id,
    pass: i64,
    used: std::time::Instant,
}

impl Opened {
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), kept: Mutex::default() }
    }
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn get(&self, bal: Id, row: &IndexRow) -> Option<Open> {
        let mut kept = self.lock();
        let found = kept.get_mut(&bal).filter(|k| (k.generation, k.pass) == (row.generation, row.pass))?;
        found.used = std::time::Instant::now();
        Some(found.open.clone())
    }
    fn put(&self, bal: Id, row: &IndexRow, open: Open) {
        let mut kept = self.lock();
        if kept.len() >= self.most && !kept.contains_key(&bal) {
            let oldest = kept.iter().min_by_key(|(_, k)| k.used).map(|(bal, _)| *bal);
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        let used = std::time::Instant::now();
        kept.insert(bal, Kept { open, generation: row.generation, pass: row.pass, used });
    }
    /// Closes it.
    pub fn forget(&self, bal: Id) {
        self.lock().remove(&bal);
    }
    /// Closes all of them.
    pub fn forget_all(&self) {
        self.lock().clear();
    }
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.lock().len()
    }
}

impl Operator {
    /// The index in force, open.
    pub(super) async fn open_index(&self, seal: &BalSeal, row: &IndexRow) -> Result<Result<Open, Broken>, Refusal> {
        let state: &State = &self.0.search;
        if let Some(open) = state.opened.get(seal.bal, row) {
            return Ok(Ok(open));
        }
        let files = SealedFiles::new(self.0.store.clone(), seal.clone(), row.generation, None, state.cache.clone());
        let files = Arc::new(files);
        let given = Arc::clone(&files);
        match blocking(move || Index::open(given)).await? {
            Ok(index) if self.is_hollow(seal.bal, row, &index).await? => {
                tracing::error!("a search index has lost its files");
                Ok(Err(Broken::Index))
            }
            Ok(index) => {
                let open = Open { index: Arc::new(index), files };
                state.opened.put(seal.bal, row, open.clone());
                if state.cache.is_closed(seal.bal) {
                    // Closed while it was opened: this search may end, the next one finds nothing here.
                    state.opened.forget(seal.bal);
                }
                Ok(Ok(open))
            }
            Err(e) => Ok(Err(Broken::of(&files, &e))),
        }
    }
}

impl Operator {
    /// Does an index hold nothing though it should? Files that are all gone look like those of an index that is new.
    pub(super) async fn is_hollow(&self, bal: Id, row: &IndexRow, index: &Index) -> Result<bool, Refusal> {
        if !index.is_empty().unwrap_or(true) {
            return Ok(false);
        }
        let row = *row;
        let holds = self.0.store.read::<_, StoreError, _>(move |tx| indexes::holds_some(tx, bal, &row)).await;
        holds.map_err(|e| refuse::store(&e))
    }
}

/// An index failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// It is to be made again.
    Index,
    /// The store is away: later.
    Passing,
    /// Somebody else writes it.
    Fenced,
}

impl Broken {
    /// What an index that failed over these files is.
    pub fn of(files: &SealedFiles, e: &SearchError) -> Self {
        match files.trouble() {
            Trouble::Passing => Self::Passing,
            Trouble::Fenced => Self::Fenced,
            Trouble::None => {
                // What tantivy says names files and sizes, never words.
                tracing::error!(error = %e, "a search index is broken");
                Self::Index
            }
        }
    }
}
