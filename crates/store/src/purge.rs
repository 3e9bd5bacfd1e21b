//! What a closed BAL leaves: rows whose key is destroyed, blobs that no other BAL names.
//!
//! Promises: a slice is one short transaction; done half or twice it does no harm; only rows of a BAL that is closed go; traces, the BAL's own row
//! (its address is never given again), its accesses and the mail that it sent and that still waits stay.
use crate::{Id, StoreError, Tx, blob, params};
use sceau_domain::Timestamp;

/// Tables with rows of a BAL, and the rest of their key; true: with a column `blob_id`.
const ROWS: [(&str, &str, bool); 28] = [
    ("departed", "message_id", false),
    ("kept_messages", "message_id", false),
    ("departed_folders", "folder_id", false),
    ("journal_hours", "hour", false),
    ("keywords", "slot", false),
    ("annotations", "id", false),
    ("subscriptions", "folder_id, person_id", false),
    ("search_indexes", "bal_id", false),
    ("index_removals", "message_id", false),
    ("index_files", "generation, name", true),
    ("texts", "message_id", true),
    ("absences", "bal_id", false),
    ("absence_answers", "period, correspondent", false),
    ("correspondents", "tag", false),
    ("mail_notices", "person_id", false),
    ("deliveries", "id", false),
    ("message_people", "message_id, person_id", false),
    ("assignments", "thread", false),
    ("notes", "id", false),
    ("presences", "message_id, person_id", false),
    ("drafts", "id", false),
    ("uploads", "id", false),
    ("upload_pieces", "upload_id, first", true),
    ("writings", "id", false),
    ("rules", "id", false),
    ("rule_states", "bal_id", false),
    ("undos", "id", false),
    ("push_bals", "subscription_id", false),
];

/// Removes up to `limit` rows of a closed BAL and releases the blobs that they named. False when nothing is left; nothing is done to a
/// BAL that is not closed.
pub fn slice(tx: &mut dyn Tx, bal: Id, now: Timestamp, limit: i64) -> Result<bool, StoreError> {
    let closed = tx.query_opt("SELECT state FROM bals WHERE id = $1 FOR UPDATE", params![bal])?;
    if closed.map(|row| row.text(0)).transpose()?.as_deref() != Some("closed") {
        return Ok(false);
    }
    // By folder, as entries are kept; the folder last, so that what is left can be found again.
    if let Some(row) = tx.query_opt("SELECT id FROM folders WHERE bal_id = $1 ORDER BY id LIMIT 1", params![bal])? {
        let folder = row.int(0)?;
        for table in ["entries", "vanished"] {
            let uids = format!("SELECT uid FROM {table} WHERE folder_id = $1 LIMIT $2");
            let sql = format!("DELETE FROM {table} WHERE folder_id = $1 AND uid IN ({uids})");
            if tx.execute(&sql, params![folder, limit])? > 0 {
                return Ok(true);
            }
        }
        tx.execute("DELETE FROM folders WHERE id = $1", params![folder])?;
        return Ok(true);
    }
    for (table, key, names_blobs) in ROWS {
        let select = format!("SELECT {key} FROM {table} WHERE bal_id = $1 LIMIT $2");
        let sql = format!("DELETE FROM {table} WHERE bal_id = $1 AND ({key}) IN ({select})");
        let gone = if names_blobs {
            released(tx, &format!("{sql} RETURNING blob_id"), bal, now, limit)?
        } else {
            tx.execute(&sql, params![bal, limit])?
        };
        if gone > 0 {
            return Ok(true);
        }
    }
    // Messages last: as long as one is there, the BAL is not purged.
    let sql = "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE bal_id = $1 LIMIT $2) RETURNING blob_id";
    if released(tx, sql, bal, now, limit)? > 0 {
        return Ok(true);
    }
    tx.execute("UPDATE bals SET used_bytes = 0, message_count = 0 WHERE id = $1", params![bal])?;
    Ok(false)
}

/// Deletes rows and releases the blobs that they named; how many rows.
fn released(tx: &mut dyn Tx, sql: &str, bal: Id, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let rows = tx.query(sql, params![bal, limit])?;
    for row in &rows {
        if let Some(id) = row.opt_bytes(0)? {
            blob::release(tx, &blob::id_from(&id)?, now)?;
        }
    }
    Ok(rows.len() as u64)
}

/// Tables with rows of a BAL that closing leaves alone, and why they hold nothing of its content: who it was and who had access; what was
/// done, asked for and attested; how much it was used, day by day; what it sent and still waits, under transit keys.
#[cfg(test)]
const KEPT: [&str; 14] = [
    "access",
    "connector_senders",
    "tokens",
    "traces",
    "queue_messages",
    "queue_entries",
    "openings",
    "disclosures",
    "submission_counts",
    "usage_days",
    "usage_alerts",
    "attestations",
    "attestation_asks",
    "abuse_cases",
];

/// Closes a BAL: its state, and the tokens that open nothing else. False when it is unknown or was closed before.
pub fn close(tx: &mut dyn Tx, bal: Id, now: Timestamp) -> Result<bool, StoreError> {
    if tx.execute("UPDATE bals SET state = 'closed', closing_at = NULL, version = version + 1 WHERE id = $1 AND state <> 'closed'", params![bal])? == 0 {
        return Ok(false);
    }
    tx.execute("UPDATE tokens SET revoked = $2 WHERE bal_id = $1 AND revoked IS NULL", params![bal, now.0])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every table that says which BAL a row is of is either purged or kept on purpose.
    #[tokio::test]
    async fn no_table_of_a_bal_is_forgotten() {
        let store = crate::testing::sqlite().await;
        let sql = "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'bal_id'";
        let found: BTreeSet<String> = store
            .read(move |tx| tx.query(sql, &[])?.iter().map(|r| r.text(0)).collect::<Result<_, StoreError>>())
            .await
            .unwrap();
        let purged = ROWS.iter().map(|r| r.0).chain(["entries", "vanished", "folders", "messages"]);
        let known: BTreeSet<String> = purged.chain(KEPT).map(str::to_owned).collect();
        assert_eq!(found, known);
    }
}
