//! Care of the whole store by administrators: backup beside a running server, and checks and repairs while none runs.
//!
//! Promises: what a check finds names objects, never content; each repair is one transaction with its trace.
pub mod backup;
pub mod finding;
pub mod fsck;
mod heal;
mod look;
mod opened;

pub use backup::BackupStatus;
pub use finding::Finding;
