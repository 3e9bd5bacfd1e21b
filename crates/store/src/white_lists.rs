//! Rows of the white lists that were put in force, and of what each changed (F202). Rows stay: who wants to know since when a domain has been listed,
//! or when a certificate left it, finds it here.
use crate::messages::SLICE;
use crate::{Id, Row, StoreError, Tx, Value, params};
use std::fmt::Write;

/// A list that was put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// Id.
    pub id: Id,
    /// When the authority made it, milliseconds since 1970.
    pub generated: i64,
    /// When it was put in force here.
    pub at: i64,
    /// Digest of its bytes.
    pub sha256: Vec<u8>,
    /// `Domaine` elements.
    pub entries: i64,
    /// Distinct domains.
    pub domains: i64,
    /// Entries that could not be read.
    pub skipped: i64,
    /// Domains that came, went, changed certificates; all zero for the first list.
    pub added: i64,
    /// See [`ListRow::added`].
    pub removed: i64,
    /// See [`ListRow::added`].
    pub altered: i64,
    /// Node that put it in force first.
    pub node: i64,
}

/// What a list changed of one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Id: newer changes have higher ones.
    pub id: Id,
    /// The list.
    pub list: Id,
    /// When it was put in force, milliseconds since 1970.
    pub at: i64,
    /// `added`, `removed`, `altered`.
    pub kind: String,
    /// Domain.
    pub domain: String,
    /// JSON list of the names of its certificates before.
    pub old_names: String,
    /// After.
    pub new_names: String,
}

/// Which changes.
#[derive(Debug, Clone, Default)]
pub struct ChangeFilter {
    /// Of this domain.
    pub domain: Option<String>,
    /// Not before this instant, milliseconds since 1970.
    pub since: Option<i64>,
    /// Older than this id (newest first), for pages.
    pub before: Option<Id>,
    /// How many.
    pub limit: i64,
}

const LIST: &str = "id, generated, at, sha256, entries, domains, skipped, added, removed, altered, node";
const CHANGE: &str = "id, list_id, at, kind, domain, old_names, new_names";
/// Rows written by one statement: seven values each.
const TOGETHER: usize = SLICE / 7;

fn list_of(r: &Row) -> Result<ListRow, StoreError> {
    Ok(ListRow {
        id: r.int(0)?,
        generated: r.int(1)?,
        at: r.int(2)?,
        sha256: r.bytes(3)?,
        entries: r.int(4)?,
        domains: r.int(5)?,
        skipped: r.int(6)?,
        added: r.int(7)?,
        removed: r.int(8)?,
        altered: r.int(9)?,
        node: r.int(10)?,
    })
}

fn change_of(r: &Row) -> Result<ChangeRow, StoreError> {
    Ok(ChangeRow {
        id: r.int(0)?,
        list: r.int(1)?,
        at: r.int(2)?,
        kind: r.text(3)?,
        domain: r.text(4)?,
        old_names: r.text(5)?,
        new_names: r.text(6)?,
    })
}

/// Writes a list with its changes, in the transaction that puts it in force.
pub fn insert(tx: &mut dyn Tx, l: &ListRow, changes: &[ChangeRow]) -> Result<(), StoreError> {
    tx.execute(
        &format!("INSERT INTO white_lists ({LIST}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"),
        params![
            l.id,
            l.generated,
            l.at,
            l.sha256.as_slice(),
            l.entries,
            l.domains,
            l.skipped,
            l.added,
            l.removed,
            l.altered,
            l.node
        ],
    )?;
    for some in changes.chunks(TOGETHER) {
        let (mut sql, mut values) = (format!("INSERT INTO white_list_changes ({CHANGE}) VALUES "), Vec::new());
        for (i, c) in some.iter().enumerate() {
            let n = i * 7;
            let comma = if i == 0 { "" } else { ", " };
            // Into a text: it cannot fail.
            let _ = write!(
                sql,
                "{comma}(${}, ${}, ${}, ${}, ${}, ${}, ${})",
                n + 1,
                n + 2,
                n + 3,
                n + 4,
                n + 5,
                n + 6,
                n + 7
            );
            values.extend([Value::Int(c.id), Value::Int(c.list), Value::Int(c.at)]);
            values.extend([&c.kind, &c.domain, &c.old_names, &c.new_names].map(|t| Value::Text(t.clone())));
        }
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

/// The list put in force last.
pub fn newest(tx: &mut dyn Tx) -> Result<Option<ListRow>, StoreError> {
    tx.query_opt(&format!("SELECT {LIST} FROM white_lists ORDER BY id DESC LIMIT 1"), &[])?
        .map(|r| list_of(&r))
        .transpose()
}

/// The first list ever put in force here.
pub fn first(tx: &mut dyn Tx) -> Result<Option<ListRow>, StoreError> {
    tx.query_opt(&format!("SELECT {LIST} FROM white_lists ORDER BY id LIMIT 1"), &[])?.map(|r| list_of(&r)).transpose()
}

/// Changes, newest first.
pub fn changes(tx: &mut dyn Tx, f: &ChangeFilter) -> Result<Vec<ChangeRow>, StoreError> {
    let (mut places, mut values) = (vec!["id < $1".to_owned()], vec![Value::Int(f.before.unwrap_or(i64::MAX))]);
    if let Some(domain) = &f.domain {
        values.push(Value::Text(domain.clone()));
        places.push(format!("domain = ${}", values.len()));
    }
    if let Some(since) = f.since {
        values.push(Value::Int(since));
        places.push(format!("at >= ${}", values.len()));
    }
    values.push(Value::Int(f.limit));
    let sql = format!(
        "SELECT {CHANGE} FROM white_list_changes WHERE {} ORDER BY id DESC LIMIT ${}",
        places.join(" AND "),
        values.len()
    );
    tx.query(&sql, &values)?.iter().map(change_of).collect()
}

/// When each of these domains was last added: for a page of the list.
pub fn added_at(tx: &mut dyn Tx, domains: &[String]) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT domain, MAX(at) FROM white_list_changes WHERE kind = 'added' AND domain IN ({list}) GROUP BY domain"
        )
    };
    crate::many::rows(tx, domains, &[], sql, |r| Ok((r.text(0)?, r.int(1)?)))
}
