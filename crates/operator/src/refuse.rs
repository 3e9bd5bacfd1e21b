//! From the store's errors to refusals: what is temporary stays temporary, what is ours is never blamed on the peer.
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::StoreError;

/// The error type of use cases' transactions.
#[derive(Debug)]
pub enum Fail {
    /// A rule said no.
    No(Refusal),
    /// The store failed.
    Store(StoreError),
}
impl From<StoreError> for Fail {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}
impl From<Refusal> for Fail {
    fn from(r: Refusal) -> Self {
        Self::No(r)
    }
}
impl From<RefusalCode> for Fail {
    fn from(c: RefusalCode) -> Self {
        Self::No(c.into())
    }
}
impl From<Fail> for Refusal {
    fn from(f: Fail) -> Self {
        match f {
            Fail::No(r) => r,
            Fail::Store(e) => store(&e),
        }
    }
}

/// The refusal for a store error; logs it (without content).
pub fn store(e: &StoreError) -> Refusal {
    tracing::error!(error = %e, "store failed");
    match e {
        StoreError::Full => RefusalCode::StorageFull.into(),
        StoreError::Exists(_) => RefusalCode::Exists.into(),
        _ => RefusalCode::Unavailable.into(),
    }
}
