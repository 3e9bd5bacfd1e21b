//! Content first, rows second: the one way a received message becomes durable.
//!
//! Promises: the content is on disk before the transaction that names it; a transaction that surely did nothing leaves
//! nothing; when its fate is unknown (the engine failed at commit), the content stays for the collector to judge, because
//! a row may name it. A session that goes away in the middle changes nothing of this: the work is not the session's.
use crate::refuse::{self, Fail};
use sceau_domain::Refusal;
use sceau_store::blob::BlobRow;
use sceau_store::{Spool, Store, Tx};

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
pub(crate) async fn keep_with<T, F>(store: &Store, spool: Spool, act: F) -> Result<T, Fail>
where
    F: FnMut(&mut dyn Tx, &BlobRow) -> Result<Kept<T>, Fail> + Send + 'static,
    T: Send + 'static,
{
    let store = store.clone();
    let task = tokio::spawn(run(store, spool, act));
    match task.await {
        Ok(done) => done,
        Err(e) => Err(Fail::No(refuse::abnormal("keeping a message", &e))),
    }
}

async fn run<T, F>(store: Store, mut spool: Spool, mut act: F) -> Result<T, Fail>
where
    F: FnMut(&mut dyn Tx, &BlobRow) -> Result<Kept<T>, Fail> + Send + 'static,
    T: Send + 'static,
{
    spool.settle().await?;
    let row = BlobRow::from(&spool);
    match store.write(move |tx| act(tx, &row)).await {
        Ok(Kept::Yes(value)) => {
            spool.kept();
            Ok(value)
        }
        Ok(Kept::No(value)) => {
            spool.discard();
            Ok(value)
        }
        Err(Fail::No(refusal)) => {
            spool.discard();
            Err(Fail::No(refusal))
        }
        Err(Fail::Store(e)) => {
            spool.kept();
            Err(Fail::No(refuse::store(&e)))
        }
    }
}
