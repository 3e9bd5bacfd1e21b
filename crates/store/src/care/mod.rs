//! Care of what is kept: backup and restore, moves between engines, checks and repairs.
//!
//! * [`backup`] writes generations into a folder while the server runs; [`restore`] puts one into an empty store;
//!   [`verify`] looks at one without a store ([`judge`]), and [`left_out`] says whose contents were damaged in it.
//! * [`check`]: what `fsck` looks at, and how rows that can be derived are healed.
//! * [`moving`] carries everything from one engine or place to another.
//! * [`hold`] keeps blobs from being collected meanwhile; [`tables`] knows which tables there are, and stops when there is one more.
#[cfg(test)]
mod ages;
pub mod backup;
pub mod check;
pub mod error;
#[cfg(test)]
mod from_seven;
mod generations;
pub(crate) mod hold;
pub mod judge;
pub mod left_out;
mod load;
pub mod manifest;
pub mod moving;
pub mod progress;
pub mod restore;
mod rows;
pub(crate) mod tables;
pub mod verify;

pub use error::CareError;
pub use progress::{Phase, Progress};

use crate::StoreError;
use crate::engine::Pending;

/// Refuses data that a restore or a move is filling, or was when it was killed.
pub(crate) fn check_finished(data: &mut Pending) -> Result<(), StoreError> {
    let kind = data.kind();
    if data.version() > 0 && data.read(|tx| tables::unfinished(tx, kind))? {
        Err(StoreError::Unfinished)
    } else {
        Ok(())
    }
}

/// Refuses to begin an empty store where the keyring says that there were mailboxes: a volume that is not mounted, a file that was cut to
/// nothing or a wrong address would otherwise be taken for a new operator, who knows none of his recipients.
pub(crate) fn check_not_lost(keyring: &mut Pending, data: &Pending) -> Result<(), StoreError> {
    if data.version() > 0 || keyring.version() == 0 {
        return Ok(());
    }
    let sql = "SELECT 1 FROM bal_keys WHERE wrapped IS NOT NULL LIMIT 1";
    if keyring.read(|tx| tx.query_opt(sql, &[]))?.is_some() { Err(StoreError::DataMissing) } else { Ok(()) }
}
