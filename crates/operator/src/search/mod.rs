//! Text search of a BAL: finding, indexing, making the index anew.
//!
//! A message's text is read once ([`record`]), kept sealed ([`texts`]), and indexed by a job ([`job`]) in an index whose files are sealed
//! blobs ([`files`]). Finding ([`find`]) asks the index in force and scans the records of whatever it may lack by the very same rules:
//! an answer is complete a second after a delivery, while the index is made anew, and when there is none. What is found is looked up
//! among the entries at that moment: what is gone is never shown.
mod cache;
mod date;
mod files;
mod find;
pub(crate) mod inspect;
mod job;
mod opened;
mod record;
mod reindex;
#[cfg(test)]
mod tests;
mod texts;
mod worker;

pub use find::{Found, FoundEntry, FoundMessage, Page};
pub use reindex::{ReindexAnswer, ReindexState};
pub use sceau_search::{Query, Snippet};

use crate::refuse;
use sceau_domain::{Refusal, RefusalCode};
use sceau_extract::Extractor;
use sceau_search::QueryError;
use std::sync::Arc;
use std::time::Duration;

/// Settings of search.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a new message waits for others before the index takes them together.
    pub delay: Duration,
    /// Bytes of the index writer's buffers, while it works.
    pub writer_bytes: usize,
    /// Bytes of decoded index files kept in memory.
    pub cache_bytes: usize,
    /// Indexes kept open.
    pub open: usize,
    /// Most text of a message that is kept, bytes, apart from its attachments'; and the same for all of these together.
    pub text_bytes: usize,
    /// How long one search may read what is not indexed yet before it says so.
    pub patience: Duration,
    /// Who reads documents (PDF, archives, CDA); none: only their names are searched.
    pub extractor: Option<Extractor>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            writer_bytes: 15 << 20,
            cache_bytes: 16 << 20,
            open: 16,
            text_bytes: 1 << 20,
            patience: Duration::from_secs(30),
            extractor: None,
        }
    }
}

/// What the process keeps for searching.
#[derive(Debug)]
pub(crate) struct State {
    cache: Arc<cache::Cache>,
    opened: opened::Opened,
    /// One index is written at a time.
    writing: tokio::sync::Mutex<()>,
    worker: worker::Worker,
}

impl State {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            cache: Arc::new(cache::Cache::new(settings.cache_bytes)),
            opened: opened::Opened::new(settings.open),
            writing: tokio::sync::Mutex::default(),
            worker: worker::Worker::default(),
        }
    }
    /// A BAL is closed: nothing of its index stays in memory.
    pub(crate) fn close(&self, bal: sceau_store::Id) {
        self.cache.close(bal);
        self.opened.forget(bal);
    }
    /// Any BAL may have been closed without our hearing of it.
    pub(crate) fn forget_all(&self) {
        self.opened.forget_all();
        self.cache.clear();
    }
}

/// A question that cannot be read. `syntax.error`, with its cause.
pub(crate) fn unreadable(e: &QueryError) -> Refusal {
    Refusal::new(RefusalCode::SyntaxError).with("cause", e)
}

/// Runs work that opens, decodes or reads files on a blocking thread: the one that indexes, for the job that does.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    if let Some(worker) = worker::Worker::here() {
        let abnormal = || {
            tracing::error!("indexing ended abnormally");
            RefusalCode::Unavailable.into()
        };
        return worker.run(work).await.ok_or_else(abnormal);
    }
    tokio::task::spawn_blocking(work).await.map_err(|e| refuse::abnormal("a search", &e))
}
