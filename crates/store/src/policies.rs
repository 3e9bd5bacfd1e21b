//! Rows of limits that were set for a place. No rule is here.
use crate::accounts::Bal;
use crate::{Id, Row, StoreError, Tx, Value, many, params};
use std::collections::HashMap;

/// A row of `policy_values`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyValue {
    /// `Scope::as_str`.
    pub scope: String,
    /// Which one: the id of a domain, structure or BAL; the name of a kind.
    pub subject: String,
    /// Limit.
    pub name: String,
    /// Value, in digits.
    pub value: String,
    /// By whom: a login.
    pub set_by: String,
    /// When, milliseconds since 1970.
    pub at: i64,
}

const VALUE: &str = "scope, subject, name, value, set_by, at";

fn value(r: &Row) -> Result<PolicyValue, StoreError> {
    Ok(PolicyValue {
        scope: r.text(0)?,
        subject: r.text(1)?,
        name: r.text(2)?,
        value: r.text(3)?,
        set_by: r.text(4)?,
        at: r.int(5)?,
    })
}

/// Sets a value, whatever it was.
pub fn put(tx: &mut dyn Tx, v: &PolicyValue) -> Result<(), StoreError> {
    let sql = "INSERT INTO policy_values (scope, subject, name, value, set_by, at) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (scope, subject, name) DO UPDATE SET value = excluded.value, set_by = excluded.set_by, at = excluded.at";
    tx.execute(sql, params![&v.scope, &v.subject, &v.name, &v.value, &v.set_by, v.at]).map(drop)
}

/// Takes a value away; false when there was none.
pub fn remove(tx: &mut dyn Tx, scope: &str, subject: &str, name: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM policy_values WHERE scope = $1 AND subject = $2 AND name = $3";
    Ok(tx.execute(sql, params![scope, subject, name])? > 0)
}

/// One value.
pub fn get(tx: &mut dyn Tx, scope: &str, subject: &str, name: &str) -> Result<Option<PolicyValue>, StoreError> {
    let sql = format!("SELECT {VALUE} FROM policy_values WHERE scope = $1 AND subject = $2 AND name = $3");
    tx.query_opt(&sql, params![scope, subject, name])?.as_ref().map(value).transpose()
}

/// Values in the order of their keys, from after one: of these structures, their BALs, and of nobody in particular, when structures are given; of one limit
/// alone when it is named.
pub fn list(
    tx: &mut dyn Tx,
    name: Option<&str>,
    within: Option<&[Id]>,
    after: (&str, &str, &str),
    limit: i64,
) -> Result<Vec<PolicyValue>, StoreError> {
    let within = within.map_or(String::new(), |s| {
        let list = crate::structures::among(s);
        format!(
            " AND (scope IN ('domain', 'kind') OR (scope = 'structure' AND subject IN (SELECT CAST(id AS TEXT) FROM structures WHERE id IN ({list}))) \
             OR (scope = 'bal' AND subject IN (SELECT CAST(id AS TEXT) FROM bals WHERE structure_id IN ({list}))))"
        )
    });
    let sql = format!(
        "SELECT {VALUE} FROM policy_values WHERE (scope, subject, name) > ($1, $2, $3) AND ($5 = '' OR name = $5){within} \
         ORDER BY scope, subject, name LIMIT $4"
    );
    tx.query(&sql, params![after.0, after.1, after.2, limit, name.unwrap_or_default()])?.iter().map(value).collect()
}

/// Values set for the places that a BAL is in; none when there is no such BAL.
pub fn of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Option<Vec<PolicyValue>>, StoreError> {
    let Some(row) = tx.query_opt("SELECT domain_id, kind, structure_id FROM bals WHERE id = $1", params![bal])? else {
        return Ok(None);
    };
    of_places(tx, row.int(0)?, &row.text(1)?, row.opt_int(2)?, bal).map(Some)
}

/// Values set for a domain, a kind, a structure and a BAL.
pub fn of_places(
    tx: &mut dyn Tx,
    domain: Id,
    kind: &str,
    structure: Option<Id>,
    bal: Id,
) -> Result<Vec<PolicyValue>, StoreError> {
    let sql = format!(
        "SELECT {VALUE} FROM policy_values WHERE (scope = 'domain' AND subject = $1) OR (scope = 'kind' AND subject = $2) \
         OR (scope = 'structure' AND subject = $3) OR (scope = 'bal' AND subject = $4)"
    );
    let structure = structure.map(|s| s.to_string()).unwrap_or_default();
    tx.query(&sql, params![domain.to_string(), kind, structure, bal.to_string()])?.iter().map(value).collect()
}

/// As [`of_bal`], of many BALs: by their ids.
pub fn of_bals(tx: &mut dyn Tx, bals: &[Bal]) -> Result<HashMap<Id, Vec<PolicyValue>>, StoreError> {
    let places = |b: &Bal| {
        let structure = b.structure_id.map(|s| s.to_string());
        [Some(b.domain_id.to_string()), Some(b.kind.clone()), structure, Some(b.id.to_string())]
    };
    let mut set: HashMap<(usize, String), Vec<PolicyValue>> = HashMap::new();
    for (n, scope) in ["domain", "kind", "structure", "bal"].into_iter().enumerate() {
        let subjects: Vec<String> = bals.iter().filter_map(|b| places(b)[n].clone()).collect();
        let sql = |list: &str| format!("SELECT {VALUE} FROM policy_values WHERE scope = $1 AND subject IN ({list})");
        for v in many::rows(tx, &subjects, params![scope], sql, value)? {
            set.entry((n, v.subject.clone())).or_default().push(v);
        }
    }
    let of = |b: &Bal| {
        let values = places(b).into_iter().enumerate().filter_map(|(n, subject)| set.get(&(n, subject?)));
        (b.id, values.flatten().cloned().collect::<Vec<_>>())
    };
    Ok(bals.iter().map(of).collect())
}

/// One more message of a BAL, in this hour (hours since 1970): how many there were in the hour before and are in this one, itself included.
pub fn count_submission(tx: &mut dyn Tx, bal: Id, hour: i64) -> Result<(i64, i64), StoreError> {
    tx.execute("DELETE FROM submission_counts WHERE bal_id = $1 AND hour < $2", params![bal, hour - 1])?;
    let sql = "INSERT INTO submission_counts (bal_id, hour, messages) VALUES ($1, $2, 1) \
               ON CONFLICT (bal_id, hour) DO UPDATE SET messages = submission_counts.messages + 1 RETURNING messages";
    let present = tx.query_opt(sql, params![bal, hour])?.map_or(Ok(0), |r| r.int(0))?;
    let sql = "SELECT messages FROM submission_counts WHERE bal_id = $1 AND hour = $2";
    let before = tx.query_opt(sql, params![bal, hour - 1])?.map_or(Ok(0), |r| r.int(0))?;
    Ok((before, present))
}

/// A BAL with what its quota follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaRow {
    /// BAL.
    pub bal: Id,
    /// Its domain.
    pub domain: Id,
    /// Its kind.
    pub kind: String,
    /// Its structure.
    pub structure: Option<Id>,
    /// The quota in its row.
    pub quota: i64,
    /// What was set for itself, in digits.
    pub own: Option<String>,
}

/// Quotas set for domains, kinds and structures.
pub fn quotas(tx: &mut dyn Tx) -> Result<Vec<PolicyValue>, StoreError> {
    let sql = format!(
        "SELECT {VALUE} FROM policy_values WHERE name = 'quota_bytes' AND scope IN ('domain', 'kind', 'structure') \
         ORDER BY scope, subject"
    );
    tx.query(&sql, &[])?.iter().map(value).collect()
}

/// Some BALs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Of a domain.
    Domain(Id),
    /// Of a kind.
    Kind(String),
    /// Of a structure.
    Structure(Id),
    /// One.
    Bal(Id),
}

impl Which {
    /// The clause about `b`, and its parameter `$1`.
    fn clause(&self) -> (&'static str, Value) {
        match self {
            Self::All => ("b.id > $1", i64::MIN.into()),
            Self::Domain(id) => ("b.domain_id = $1", (*id).into()),
            Self::Kind(kind) => ("b.kind = $1", kind.into()),
            Self::Structure(id) => ("b.structure_id = $1", (*id).into()),
            Self::Bal(id) => ("b.id = $1", (*id).into()),
        }
    }
}

/// Some BALs by id, from after one.
pub fn quota_rows(tx: &mut dyn Tx, which: &Which, after: Id, limit: i64) -> Result<Vec<QuotaRow>, StoreError> {
    let (clause, value) = which.clause();
    let sql = format!(
        "SELECT b.id, b.domain_id, b.kind, b.structure_id, b.quota_bytes, p.value FROM bals b \
         LEFT JOIN policy_values p ON p.scope = 'bal' AND p.subject = CAST(b.id AS TEXT) AND p.name = 'quota_bytes' \
         WHERE {clause} AND b.id > $2 ORDER BY b.id LIMIT $3"
    );
    let read = |r: &Row| {
        Ok(QuotaRow {
            bal: r.int(0)?,
            domain: r.int(1)?,
            kind: r.text(2)?,
            structure: r.opt_int(3)?,
            quota: r.int(4)?,
            own: r.opt_text(5)?,
        })
    };
    tx.query(&sql, &[value, after.into(), limit.into()])?.iter().map(read).collect()
}

/// How many of some BALs that are there hold more than their quota.
pub fn over_quota(tx: &mut dyn Tx, which: &Which) -> Result<i64, StoreError> {
    let (clause, value) = which.clause();
    let sql =
        format!("SELECT COUNT(*) FROM bals b WHERE {clause} AND b.used_bytes > b.quota_bytes AND b.state <> 'closed'");
    tx.query_opt(&sql, &[value])?.map_or(Ok(0), |r| r.int(0))
}

/// Writes the quota in force of these BALs.
pub fn set_quota(tx: &mut dyn Tx, bals: &[Id], quota: i64) -> Result<(), StoreError> {
    let sql = format!("UPDATE bals SET quota_bytes = $1 WHERE id IN ({})", crate::structures::among(bals));
    tx.execute(&sql, params![quota]).map(drop)
}
