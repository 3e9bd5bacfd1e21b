//! The index: tantivy's segments over our files, written and read without a thread of their own.
//!
//! `meta.json` names the segments in force; it is the only file ever replaced, last, as a whole. `.managed.json` names every file begun and
//! not yet removed: what a crash leaves behind is found there and removed by the next update.
mod directory;
mod read;
mod schema;
mod sets;
mod write;

use crate::{Files, Query, QueryError, TextRecord};
use read::Open;
use schema::Shape;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A message found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Message id.
    pub message: i64,
    /// Its date.
    pub date: i64,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The files failed, or are not those of an index: it is to be made again.
    #[error("search index: {0}")]
    Index(String),
    /// The question.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl From<tantivy::TantivyError> for SearchError {
    fn from(e: tantivy::TantivyError) -> Self {
        Self::Index(e.to_string())
    }
}

impl From<std::io::Error> for SearchError {
    fn from(e: std::io::Error) -> Self {
        Self::Index(e.to_string())
    }
}

/// An index of one BAL, open.
pub struct Index {
    files: Arc<dyn Files>,
    shape: Shape,
    open: RwLock<Arc<Open>>,
    writer: Mutex<()>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Index {
    /// Opens, or makes, the index of these files. Nothing is written before the first update.
    pub fn open(files: Arc<dyn Files>) -> Result<Self, SearchError> {
        let shape = Shape::new();
        let open = guarded(|| Open::read(&files, &shape, None))?;
        Ok(Self { files, shape, open: RwLock::new(Arc::new(open)), writer: Mutex::new(()) })
    }

    /// Adds messages (again: they are replaced) and removes others, in one commit. One writer at a time: the caller holds the lease.
    /// `memory`: bytes of the writer's buffers, 15 MB at least. A message in both lists is added. Merges are done when it returns.
    pub fn update(&self, add: &[TextRecord], remove: &[i64], memory: usize) -> Result<(), SearchError> {
        let _one = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let open = guarded(|| {
            // Another node may have written since.
            let now = Arc::new(Open::read(&self.files, &self.shape, Some(&self.current()))?);
            self.set(now.clone());
            write::update(&self.files, &self.shape, &now, add, remove, memory)
        })?;
        if let Some((open, garbage)) = open {
            self.set(Arc::new(open));
            // Only now: a search that began before may still read the files that go.
            guarded(|| garbage.collect(&self.files))?;
        }
        Ok(())
    }

    /// Messages that match, newest first, at most `limit`, older than `before` (date, message) when it is given: the next page.
    pub fn search(&self, query: &Query, before: Option<(i64, i64)>, limit: usize) -> Result<Vec<Hit>, SearchError> {
        let open = self.current();
        let found = guarded(|| open.search(&self.shape, &query.node, before, limit));
        match found {
            // Another node may have merged the segments away under us.
            Err(SearchError::Index(_)) if self.reload()? => {
                let open = self.current();
                guarded(|| open.search(&self.shape, &query.node, before, limit))
            }
            found => found,
        }
    }

    /// Reads what another node has written. True when there was something new.
    pub fn reload(&self) -> Result<bool, SearchError> {
        let before = self.current();
        let open = guarded(|| Open::read(&self.files, &self.shape, Some(&before)))?;
        let new = !open.same(&before);
        if new {
            self.set(Arc::new(open));
        }
        Ok(new)
    }

    /// Reads every file and compares it with its checksum. Names of those that are missing or altered.
    pub fn verify(&self) -> Result<Vec<String>, SearchError> {
        guarded(|| self.current().verify())
    }

    /// Messages that it holds.
    pub fn len(&self) -> Result<u64, SearchError> {
        Ok(self.current().len())
    }

    /// True when it holds none.
    pub fn is_empty(&self) -> Result<bool, SearchError> {
        self.len().map(|n| n == 0)
    }

    /// Segments that it is made of.
    pub fn segments(&self) -> usize {
        self.current().segments.len()
    }

    fn current(&self) -> Arc<Open> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, open: Arc<Open>) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = open;
    }
}

/// tantivy trusts its files: what it makes of damaged ones may be a panic. It is an error here.
fn guarded<T>(act: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
    catch_unwind(AssertUnwindSafe(act))
        .unwrap_or_else(|_| Err(SearchError::Index("its files make no sense".to_owned())))
}
