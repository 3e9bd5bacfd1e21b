//! Content first, rows second: the one way a received message becomes durable.
//!
//! Promises: the content is on disk before the transaction that names it; a transaction that surely did nothing leaves
//! nothing; when its fate is unknown (the engine failed at commit), the content stays for the collector to judge, because
//! a row may name it. A session that goes away in the middle changes nothing of this: the work is not the session's.
use crate::refuse::{self, Fail};
use sceau_domain::Refusal;
use sceau_store::blob::BlobRow;
use sceau_store::{Spool, Store, StoreError, Tx};

/// What a transaction did with the content.
pub(crate) enum Kept<T> {
    /// Rows name it.
    Yes(T),
    /// Nothing names it: it goes.
    No(T),
}

/// Makes the content durable, then runs the transaction. See [`keep_with`].
pub(crate) async fn keep<T, F>(store: &Store, spool: Spool, act: F) -> Result<T, Refusal>
where
    F: FnMut(&mut dyn Tx, &BlobRow) -> Result<Kept<T>, Fail> + Send + 'static,
    T: Send + 'static,
{
    keep_with(store, spool, act).await.map_err(Refusal::from)
}

/// [`keep`], for callers that look at the failure. The closure may run several times and prepares nothing.
pub(crate) async fn keep_with<T, F>(store: &Store, spool: Spool, mut act: F) -> Result<T, Fail>
where
    F: FnMut(&mut dyn Tx, &BlobRow) -> Result<Kept<T>, Fail> + Send + 'static,
    T: Send + 'static,
{
    keep_all(store, vec![spool], move |tx, rows| {
        let row = rows.first().ok_or_else(|| StoreError::Invalid("a message without content".into()))?;
        act(tx, row)
    })
    .await
}

/// [`keep_with`], for several contents that one transaction names, all or none: the rows come in the order of the contents.
pub(crate) async fn keep_all<T, F>(store: &Store, spools: Vec<Spool>, act: F) -> Result<T, Fail>
where
    F: FnMut(&mut dyn Tx, &[BlobRow]) -> Result<Kept<T>, Fail> + Send + 'static,
    T: Send + 'static,
{
    let store = store.clone();
    let task = tokio::spawn(run(store, spools, act));
    match task.await {
        Ok(done) => done,
        Err(e) => Err(Fail::No(refuse::abnormal("keeping a message", &e))),
    }
}

async fn run<T, F>(store: Store, mut spools: Vec<Spool>, mut act: F) -> Result<T, Fail>
where
    F: FnMut(&mut dyn Tx, &[BlobRow]) -> Result<Kept<T>, Fail> + Send + 'static,
    T: Send + 'static,
{
    for spool in &mut spools {
        spool.settle().await?;
    }
    let rows: Vec<BlobRow> = spools.iter().map(BlobRow::from).collect();
    match store.write(move |tx| act(tx, &rows)).await {
        Ok(Kept::Yes(value)) => {
            spools.into_iter().for_each(Spool::kept);
            Ok(value)
        }
        Ok(Kept::No(value)) => {
            spools.into_iter().for_each(Spool::discard);
            Ok(value)
        }
        Err(Fail::No(refusal)) => {
            spools.into_iter().for_each(Spool::discard);
            Err(Fail::No(refusal))
        }
        Err(Fail::Store(e)) => {
            spools.into_iter().for_each(Spool::kept);
            Err(Fail::No(refuse::store(&e)))
        }
    }
}
