//! Rows of retention policies and of who follows which. No rule is here.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `retention_policies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// Name.
    pub name: String,
    /// JSON of `sceau_domain::retention::Policy`.
    pub definition: String,
    /// Grows with each change.
    pub version: i64,
    /// Last change, milliseconds since 1970.
    pub changed: i64,
    /// By whom.
    pub changed_by: String,
}

const POLICY: &str = "SELECT name, definition, version, changed, changed_by FROM retention_policies";

fn policy(r: &Row) -> Result<PolicyRow, StoreError> {
    Ok(PolicyRow {
        name: r.text(0)?,
        definition: r.text(1)?,
        version: r.int(2)?,
        changed: r.int(3)?,
        changed_by: r.text(4)?,
    })
}

/// Every policy of the operator's own, by name.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<PolicyRow>, StoreError> {
    tx.query(&format!("{POLICY} ORDER BY name"), &[])?.iter().map(policy).collect()
}

/// A policy by name.
pub fn by_name(tx: &mut dyn Tx, name: &str) -> Result<Option<PolicyRow>, StoreError> {
    tx.query_opt(&format!("{POLICY} WHERE name = $1"), params![name])?.as_ref().map(policy).transpose()
}

/// Adds a policy (version 1) or changes the one of this version; false when it is not of this version.
pub fn put(tx: &mut dyn Tx, p: &PolicyRow) -> Result<bool, StoreError> {
    let values = params![&p.name, &p.definition, p.changed, &p.changed_by, p.version];
    let sql = if p.version == 0 {
        "INSERT INTO retention_policies (name, definition, version, changed, changed_by) VALUES ($1, $2, $5 + 1, $3, $4) ON CONFLICT (name) DO NOTHING"
    } else {
        "UPDATE retention_policies SET definition = $2, version = version + 1, changed = $3, changed_by = $4 WHERE name = $1 AND version = $5"
    };
    Ok(tx.execute(sql, values)? > 0)
}

/// Who follows which policy: structure (0: the operator) and name.
pub fn choices(tx: &mut dyn Tx) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = "SELECT structure_id, policy FROM retention_choices ORDER BY structure_id";
    tx.query(sql, &[])?.iter().map(|r| Ok((r.int(0)?, r.text(1)?))).collect()
}

/// The policy that a structure (0: the operator) follows by its own choice.
pub fn choice(tx: &mut dyn Tx, structure: Id) -> Result<Option<String>, StoreError> {
    let sql = "SELECT policy FROM retention_choices WHERE structure_id = $1";
    tx.query_opt(sql, params![structure])?.map(|r| r.text(0)).transpose()
}

/// A structure (0: the operator) follows this policy from now on; none: the operator's.
pub fn choose(tx: &mut dyn Tx, structure: Id, policy: Option<&str>, at: i64, by: &str) -> Result<(), StoreError> {
    match policy {
        None => tx.execute("DELETE FROM retention_choices WHERE structure_id = $1", params![structure]).map(drop),
        Some(name) => {
            let sql = "INSERT INTO retention_choices (structure_id, policy, changed, changed_by) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT (structure_id) DO UPDATE SET policy = excluded.policy, changed = excluded.changed, changed_by = excluded.changed_by";
            tx.execute(sql, params![structure, name, at, by]).map(drop)
        }
    }
}
