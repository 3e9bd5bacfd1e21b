//! Rows that end when somebody leaves a structure. No rule is here.
use crate::{Id, StoreError, Tx, params};

/// BALs of a structure, but for the person's own (of which the person stays the holder).
const SHARED: &str = "SELECT b.id FROM bals b WHERE b.structure_id = $2";

/// Ends accesses of a person to a structure's BALs, but for those of a holder; how many.
pub fn end_accesses(tx: &mut dyn Tx, of: (Id, Id), at: i64, by: &str) -> Result<u64, StoreError> {
    let sql = format!(
        "UPDATE access SET ended = $3, ended_by = $4 WHERE person_id = $1 AND ended IS NULL AND role <> 'holder' AND bal_id IN ({SHARED})"
    );
    tx.execute(&sql, params![of.0, of.1, at, by])
}

/// Revokes a person's tokens that open only BALs of a structure to which no access is left; how many.
pub fn revoke_tokens_of(tx: &mut dyn Tx, of: (Id, Id), at: i64) -> Result<u64, StoreError> {
    let sql = format!(
        "UPDATE tokens SET revoked = $3 WHERE person_id = $1 AND revoked IS NULL AND bal_id IN ({SHARED}) \
         AND NOT EXISTS (SELECT 1 FROM access a WHERE a.person_id = $1 AND a.bal_id = tokens.bal_id AND a.ended IS NULL \
         AND (a.ends IS NULL OR a.ends > $3))"
    );
    tx.execute(&sql, params![of.0, of.1, at])
}

/// Revokes every token of a person; how many.
pub fn revoke_tokens(tx: &mut dyn Tx, person: Id, at: i64) -> Result<u64, StoreError> {
    tx.execute("UPDATE tokens SET revoked = $2 WHERE person_id = $1 AND revoked IS NULL", params![person, at])
}

/// Has a person neither membership, nor role, nor access any more?
pub fn is_nowhere(tx: &mut dyn Tx, person: Id) -> Result<bool, StoreError> {
    let now = tx.now();
    for (table, also) in [("memberships", ""), ("roles", ""), ("access", "AND (ends IS NULL OR ends > $2)")] {
        let sql = format!("SELECT 1 FROM {table} WHERE person_id = $1 AND ended IS NULL AND $2 > 0 {also} LIMIT 1");
        if tx.query_opt(&sql, params![person, now])?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Addresses of a structure's BALs for which this person was responsible and nobody is any more.
pub fn without_responsible(tx: &mut dyn Tx, person: Id, structure: Id) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT b.address FROM bals b WHERE b.structure_id = $2 AND b.state <> 'closed' AND b.kind IN ('Org', 'App', 'Cab') \
               AND EXISTS (SELECT 1 FROM access a WHERE a.bal_id = b.id AND a.person_id = $1 AND a.role = 'responsible') \
               AND NOT EXISTS (SELECT 1 FROM access a WHERE a.bal_id = b.id AND a.role = 'responsible' AND a.ended IS NULL \
               AND (a.ends IS NULL OR a.ends > $3)) ORDER BY b.address_key LIMIT 1000";
    let now = tx.now();
    tx.query(sql, params![person, structure, now])?.iter().map(|r| r.text(0)).collect()
}
