//! A part of a transaction that can be taken back alone.
use crate::{StoreError, Tx};

/// Carries out a part: when it says no, what it wrote is taken back, and the transaction goes on. A statement that fails ends the whole transaction
/// all the same. Parts may stand within parts.
pub fn part<T, E: From<StoreError>>(tx: &mut dyn Tx, act: impl FnOnce(&mut dyn Tx) -> Result<T, E>) -> Result<T, E> {
    tx.execute("SAVEPOINT part", &[])?;
    let outcome = act(tx);
    if outcome.is_err() {
        tx.execute("ROLLBACK TO SAVEPOINT part", &[])?;
    }
    tx.execute("RELEASE SAVEPOINT part", &[])?;
    outcome
}
