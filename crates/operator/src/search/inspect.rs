//! An index looked at from outside, for checks of the store: nothing is written, nothing is kept open.
use super::cache::Cache;
use super::files::{SealedFiles, Trouble};
use crate::mailbox::seal::BalSeal;
use sceau_search::{Index, SearchError, VERSION};
use sceau_store::care::CareError;
use sceau_store::indexes::{self, IndexRow};
use sceau_store::{Store, StoreError};
use std::sync::Arc;

/// Decoded bytes kept while an index is read once from end to end.
const CACHE: usize = 1 << 20;

/// What an index is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inspected {
    /// As it should be; or there is none, or one of another version: it is made when it is asked for.
    Whole,
    /// It cannot serve. Names of the files that are at fault, as far as they are known.
    Broken(Vec<String>),
}

/// Opens the index in force; `content`: and compares every file with its checksum. An error when the store is away.
pub(crate) async fn inspect(
    store: &Store,
    seal: BalSeal,
    row: IndexRow,
    content: bool,
) -> Result<Inspected, CareError> {
    if row.generation == 0 || row.version != VERSION {
        return Ok(Inspected::Whole);
    }
    let bal = seal.bal;
    let files = Arc::new(SealedFiles::new(store.clone(), seal, row.generation, None, Arc::new(Cache::new(CACHE))));
    let given = Arc::clone(&files);
    let read = move || -> Result<(Vec<String>, u64), SearchError> {
        let index = Index::open(given)?;
        let bad = if content { index.verify()? } else { Vec::new() };
        Ok((bad, index.len()?))
    };
    let read = tokio::task::spawn_blocking(read).await;
    match read.unwrap_or_else(|_| Err(SearchError::Index("it could not be read".into()))) {
        _ if files.trouble() == Trouble::Passing => {
            Err(StoreError::Transient("a search index could not be read".into()).into())
        }
        Err(_) => Ok(Inspected::Broken(Vec::new())),
        Ok((bad, _)) if !bad.is_empty() => Ok(Inspected::Broken(bad)),
        // Files that are all gone look like those of an index that is new.
        Ok((_, holds)) => {
            let count = store.read::<_, StoreError, _>(move |tx| indexes::count_held(tx, bal, &row)).await?;
            Ok(if holds < count.unsigned_abs() { Inspected::Broken(Vec::new()) } else { Inspected::Whole })
        }
    }
}
