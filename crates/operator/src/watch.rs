//! Tells sessions that a BAL changed, after the commit.
use sceau_store::Id;

/// Registry of watchers, by BAL.
#[derive(Debug, Default)]
pub struct Hub {}

/// One session's view of a BAL's changes. Cheap while parked.
#[derive(Debug)]
pub struct Watch {}

impl Watch {
    /// Waits until the BAL changed since the last call returned (or since [`Hub::watch`]). Cancel-safe; many changes may fold into one.
    pub async fn changed(&mut self) {
        todo!()
    }
}

impl Hub {
    /// Watches a BAL.
    pub fn watch(&self, bal: Id) -> Watch {
        let _ = bal;
        todo!()
    }
    /// A transaction that changed the BAL was committed.
    pub fn notify(&self, bal: Id) {
        let _ = bal;
        todo!()
    }
}
