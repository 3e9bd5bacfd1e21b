//! The index.
use crate::{Files, Query, QueryError, TextRecord};
use std::sync::Arc;

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

/// An index of one BAL, open.
#[derive(Debug)]
pub struct Index {
    files: Arc<dyn Files>,
}

impl Index {
    /// Opens, or makes, the index of these files.
    pub fn open(files: Arc<dyn Files>) -> Result<Self, SearchError> {
        Ok(Self { files })
    }
    /// Adds messages (again: they are replaced) and removes others, in one commit. One writer at a time: the caller holds the lease.
    /// `memory`: bytes of the writer's buffers, 15 MB at least.
    pub fn update(&self, add: &[TextRecord], remove: &[i64], memory: usize) -> Result<(), SearchError> {
        let _ = (&self.files, add, remove, memory);
        Ok(())
    }
    /// Messages that match, newest first, at most `limit`, older than `before` (date, message) when it is given: the next page.
    pub fn search(&self, query: &Query, before: Option<(i64, i64)>, limit: usize) -> Result<Vec<Hit>, SearchError> {
        let _ = (query, before, limit);
        Ok(Vec::new())
    }
    /// Messages that it holds.
    pub fn len(&self) -> Result<u64, SearchError> {
        Ok(0)
    }
    /// True when it holds none.
    pub fn is_empty(&self) -> Result<bool, SearchError> {
        self.len().map(|n| n == 0)
    }
}
