//! What the desk keeps, one module a table family. Everything that says something is sealed by the caller, under its BAL's key.
//!
//! Promises: what is kept of a message goes with it ([`drop_gone`]); what is kept of a BAL goes when the BAL is purged ([`crate::purge`]).
pub mod beside;
pub mod choices;
pub mod correspondents;
pub mod deliveries;
pub mod directory;
pub mod drafts;
pub mod lists;
pub mod push;
pub mod rules;
pub mod undos;
pub mod uploads;
pub mod writings;

use crate::messages::{SLICE, bind};
use crate::{Id, StoreError, Tx, params};

/// Removes what was kept of messages that are gone: notes, who opened and answered. Called where messages are dropped.
pub(crate) fn drop_gone(tx: &mut dyn Tx, bal: Id, messages: &[Id]) -> Result<(), StoreError> {
    for slice in messages.chunks(SLICE) {
        for table in ["notes", "message_people", "presences"] {
            let (list, values) = bind(params![bal], slice);
            let sql = format!(
                "DELETE FROM {table} WHERE bal_id = $1 AND message_id IN ({list}) \
                 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = {table}.message_id)"
            );
            tx.execute(&sql, &values)?;
        }
    }
    Ok(())
}
