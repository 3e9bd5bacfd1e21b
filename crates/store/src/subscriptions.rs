//! What people beside a BAL's holder subscribe to in it: each for himself (SUBSCRIBE, RFC 9051 §6.3.7).
use crate::{Id, StoreError, Tx, params};
use std::collections::HashMap;

/// Says that a person subscribes to a folder, or does not.
pub fn set(tx: &mut dyn Tx, bal: Id, folder: Id, person: Id, on: bool) -> Result<(), StoreError> {
    let sql = "INSERT INTO subscriptions (folder_id, person_id, bal_id, subscribed) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (folder_id, person_id) DO UPDATE SET subscribed = excluded.subscribed";
    tx.execute(sql, params![folder, person, bal, on]).map(drop)
}

/// What a person said of the folders of a BAL; for the others the folder's own word counts.
pub fn of(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<HashMap<Id, bool>, StoreError> {
    let sql = "SELECT folder_id, subscribed FROM subscriptions WHERE bal_id = $1 AND person_id = $2";
    tx.query(sql, params![bal, person])?.iter().map(|r| Ok((r.int(0)?, r.bool(1)?))).collect()
}

/// Forgets what was said of a folder that goes.
pub(crate) fn forget(tx: &mut dyn Tx, folder: Id) -> Result<(), StoreError> {
    tx.execute("DELETE FROM subscriptions WHERE folder_id = $1", params![folder]).map(drop)
}
