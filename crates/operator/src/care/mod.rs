//! Care of the whole store by administrators: backup beside a running server, and checks and repairs while none runs.
//!
//! Promises: what a check finds names objects, never content; each repair is one transaction with its trace.
pub mod backup;
pub mod finding;
pub mod fsck;
mod heal;
mod indexed;
mod look;
mod opened;
pub mod restore;
#[cfg(test)]
mod tests;

pub use backup::BackupStatus;
pub use finding::Finding;

use sceau_store::traces::{self, Trace};
use sceau_store::{Id, Store};

/// A trace of ourselves, on a store that no server uses.
fn system_trace(store: &Store, act: &str, bal: Option<(Id, Option<String>)>, data: &serde_json::Value) -> Trace {
    let (bal_id, bal) = bal.unzip();
    Trace {
        id: store.new_id(),
        kind: traces::Kind::Functional,
        act: act.into(),
        at: store.clock().now().0,
        person_id: None,
        actor: "system".into(),
        bal_id,
        bal: bal.flatten(),
        remote: None,
        session: None,
        outcome: "ok".into(),
        data: data.to_string(),
    }
}
