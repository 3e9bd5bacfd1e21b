//! From the store's errors to refusals: what is temporary stays temporary, what is ours is never blamed on the peer.
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::StoreError;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// The store said that it is full since [`take_full`] was last asked. One process has one store; an alarm cannot be written
/// while there is no room, so it is remembered here until housekeeping can.
static FULL: AtomicBool = AtomicBool::new(false);

/// Was the store full since the last call?
pub(crate) fn take_full() -> bool {
    FULL.swap(false, Ordering::SeqCst)
}

/// The refusal for a store error; logs it (without content).
pub fn store(e: &StoreError) -> Refusal {
    if let StoreError::Invalid(what) = e
        && what == sceau_store::NUL
    {
        return Refusal::new(RefusalCode::Invalid).with("cause", "NUL");
    }
    tracing::error!(error = %e, "store failed");
    match e {
        StoreError::Full => {
            FULL.store(true, Ordering::SeqCst);
            RefusalCode::StorageFull.into()
        }
        StoreError::Exists(what) if what == "idempotency.key" => RefusalCode::KeyDone.into(),
        StoreError::Exists(_) => RefusalCode::Exists.into(),
        _ => RefusalCode::Unavailable.into(),
    }
}

/// The refusal for work on another thread that did not end. What a panic says is not logged: it may quote content.
pub fn abnormal(what: &'static str, e: &tokio::task::JoinError) -> Refusal {
    tracing::error!(what, how = ended(e), "work ended abnormally");
    RefusalCode::Unavailable.into()
}

fn ended(e: &tokio::task::JoinError) -> &'static str {
    if e.is_panic() { "panic" } else { "cancelled" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_the_fault_of_whoever_sent_it() {
        let code = |what: &str| store(&StoreError::Invalid(what.into())).code;
        assert_eq!(
            (code(sceau_store::NUL), code("column 1 is null")),
            (RefusalCode::Invalid, RefusalCode::Unavailable)
        );
    }

    #[tokio::test]
    async fn how_work_ended_is_told_without_what_a_panic_said() {
        let panic = tokio::task::spawn_blocking(|| panic!("Objet: secret")).await.unwrap_err();
        assert!(panic.to_string().contains("secret"), "which is why it is not logged");
        assert_eq!(ended(&panic), "panic");
        assert_eq!(abnormal("test", &panic).code, RefusalCode::Unavailable);
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        assert_eq!(ended(&task.await.unwrap_err()), "cancelled");
    }
}
