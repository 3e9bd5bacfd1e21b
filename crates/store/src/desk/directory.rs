//! The BALs of which a directory may tell, page by page.
use crate::accounts::{BAL, Bal, bal};
use crate::{Id, StoreError, Tx, params};

/// Open BALs by id, from after `after`; at most `limit`.
pub fn open_bals(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<Bal>, StoreError> {
    let sql = format!("SELECT {BAL} FROM bals WHERE id > $1 AND state = 'active' ORDER BY id LIMIT $2");
    tx.query(&sql, params![after, limit])?.iter().map(bal).collect()
}
