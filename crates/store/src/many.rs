//! What stands beside the rows of a page: read for all of them by one statement a relation (one for every [`SLICE`] rows), never row by row.
use crate::messages::{SLICE, bind};
use crate::{Row, StoreError, Tx, Value};

/// Rows that a statement finds among these keys, in no order. `sql` is given what stands within `IN (…)`, after the fixed parameters. Each key is
/// asked for once; without any nothing is asked.
pub(crate) fn rows<K, T>(
    tx: &mut dyn Tx,
    keys: &[K],
    fixed: &[Value],
    sql: impl Fn(&str) -> String,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError>
where
    K: Clone + Ord + Into<Value>,
{
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    let mut found = Vec::new();
    for slice in keys.chunks(SLICE) {
        let (list, values) = bind(fixed, slice);
        for row in tx.query(&sql(&list), &values)? {
            found.push(read(&row)?);
        }
    }
    Ok(found)
}
