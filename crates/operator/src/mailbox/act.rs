//! One act on a BAL: a transaction, then the word to those who watch. Once begun it is not the session's any more: a client
//! that goes away in the middle leaves no change that nobody is told of.
use crate::Operator;
use crate::refuse::{self, Fail};
use sceau_store::{Id, StoreError, Tx};

impl Operator {
    /// Runs a writing transaction and wakes the watchers of the BAL after its commit.
    pub(crate) async fn act<T, E, F>(&self, bal: Id, f: F) -> Result<T, E>
    where
        F: FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + From<Fail> + Send + 'static,
    {
        let operator = self.clone();
        let task = tokio::spawn(async move {
            let done = operator.0.store.write(f).await;
            if done.is_ok() {
                operator.0.watch.notify(bal);
            }
            done
        });
        task.await.unwrap_or_else(|e| Err(Fail::from(refuse::abnormal("an act on a BAL", &e)).into()))
    }
}
