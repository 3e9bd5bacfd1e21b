//! Rows of administrative roles, and what places they reach. No rule is here.
use crate::{Id, Row, StoreError, Tx, Value, many, params};
use std::collections::BTreeSet;

/// A row of `roles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Id.
    pub id: Id,
    /// To whom.
    pub person_id: Id,
    /// `Role::as_str`.
    pub role: String,
    /// Within this structure.
    pub structure_id: Option<Id>,
    /// Within this regional body.
    pub body_id: Option<Id>,
    /// Since, milliseconds since 1970.
    pub granted: i64,
    /// By whom: a login, or `configuration`.
    pub granted_by: String,
    /// Why.
    pub reason: Option<String>,
    /// Until, when over.
    pub ended: Option<i64>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// What the person does (F157).
    pub function: Option<String>,
}

const GIVEN: &str =
    "id, person_id, role, structure_id, body_id, granted, granted_by, reason, ended, ended_by, function";

fn given(r: &Row) -> Result<Given, StoreError> {
    Ok(Given {
        id: r.int(0)?,
        person_id: r.int(1)?,
        role: r.text(2)?,
        structure_id: r.opt_int(3)?,
        body_id: r.opt_int(4)?,
        granted: r.int(5)?,
        granted_by: r.text(6)?,
        reason: r.opt_text(7)?,
        ended: r.opt_int(8)?,
        ended_by: r.opt_text(9)?,
        function: r.opt_text(10)?,
    })
}

/// Roles in force of a person.
pub fn in_force(tx: &mut dyn Tx, person: Id) -> Result<Vec<Given>, StoreError> {
    let sql = format!("SELECT {GIVEN} FROM roles WHERE person_id = $1 AND ended IS NULL ORDER BY id");
    tx.query(&sql, params![person])?.iter().map(given).collect()
}

/// Which of these people have a role of this name in force.
pub fn who_has(tx: &mut dyn Tx, role: &str, people: &[Id]) -> Result<BTreeSet<Id>, StoreError> {
    let sql =
        |list: &str| format!("SELECT person_id FROM roles WHERE person_id IN ({list}) AND ended IS NULL AND role = $1");
    Ok(many::rows(tx, people, params![role], sql, |r| r.int(0))?.into_iter().collect())
}

/// Roles in force of this name, whoever has them.
pub fn holders(tx: &mut dyn Tx, role: &str) -> Result<Vec<Given>, StoreError> {
    let sql = format!("SELECT {GIVEN} FROM roles WHERE role = $1 AND ended IS NULL ORDER BY id");
    tx.query(&sql, params![role])?.iter().map(given).collect()
}

/// A role by id, in force or over.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Given>, StoreError> {
    tx.query_opt(&format!("SELECT {GIVEN} FROM roles WHERE id = $1"), params![id])?.as_ref().map(given).transpose()
}

/// Which roles to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this person.
    pub person: Option<Id>,
    /// Of this name.
    pub role: Option<String>,
    /// For this structure.
    pub structure: Option<Id>,
    /// For this regional body.
    pub body: Option<Id>,
    /// Of somebody with this in the login or the name.
    pub text: Option<String>,
    /// Those that are over, too.
    pub ended: bool,
}

/// Roles by id, after this one, at most so many.
pub fn page(tx: &mut dyn Tx, filter: &Filter, after: Id, limit: i64) -> Result<Vec<Given>, StoreError> {
    let mut sql = format!("SELECT {GIVEN} FROM roles WHERE id > $1");
    let mut values: Vec<Value> = vec![after.into()];
    let mut equal = |column: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    };
    equal("person_id", filter.person.map(Value::from));
    equal("role", filter.role.as_deref().map(Value::from));
    equal("structure_id", filter.structure.map(Value::from));
    equal("body_id", filter.body.map(Value::from));
    if !filter.ended {
        sql.push_str(" AND ended IS NULL");
    }
    if let Some(text) = &filter.text {
        let at = values.len();
        values.push(crate::bals::pattern(&text.to_lowercase(), true).into());
        values.push(crate::bals::pattern(text, true).into());
        sql.push_str(&format!(
            " AND person_id IN (SELECT p.id FROM people p WHERE p.login LIKE ${0} ESCAPE '!' OR LOWER(p.name) LIKE ${0} ESCAPE '!' \
             OR p.name LIKE ${1} ESCAPE '!')",
            at + 1,
            at + 2
        ));
    }
    values.push(limit.into());
    sql.push_str(&format!(" ORDER BY id LIMIT ${}", values.len()));
    tx.query(&sql, &values)?.iter().map(given).collect()
}

/// Locks the roles of this name that are in force until the transaction is over: who counts them counts them alone.
pub fn lock(tx: &mut dyn Tx, role: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE roles SET ended = NULL WHERE role = $1 AND ended IS NULL", params![role]).map(drop)
}

/// Gives a role.
pub fn insert(tx: &mut dyn Tx, g: &Given) -> Result<(), StoreError> {
    let sql = "INSERT INTO roles (id, person_id, role, structure_id, body_id, granted, granted_by, reason, function) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = params![
        g.id,
        g.person_id,
        &g.role,
        g.structure_id,
        g.body_id,
        g.granted,
        &g.granted_by,
        g.reason.clone(),
        g.function.clone()
    ];
    tx.execute(sql, values).map(drop)
}

/// Says anew what whoever has this role does.
pub fn put_function(tx: &mut dyn Tx, id: Id, function: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE roles SET function = $2 WHERE id = $1", params![id, function]).map(drop)
}

/// Ends a role; false when it is unknown or over.
pub fn end(tx: &mut dyn Tx, id: Id, at: i64, by: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE roles SET ended = $2, ended_by = $3 WHERE id = $1 AND ended IS NULL";
    Ok(tx.execute(sql, params![id, at, by])? > 0)
}

fn ids(rows: Vec<Row>) -> Result<Vec<Id>, StoreError> {
    rows.iter().map(|r| r.int(0)).collect()
}

/// Structures that a regional body follows.
pub fn structures_of_body(tx: &mut dyn Tx, body: Id) -> Result<Vec<Id>, StoreError> {
    ids(tx.query("SELECT id FROM structures WHERE body_id = $1 ORDER BY id", params![body])?)
}

/// Is there such a structure, not blocked?
pub fn structure_is_open(tx: &mut dyn Tx, structure: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM structures WHERE id = $1 AND blocked IS NULL";
    Ok(tx.query_opt(sql, params![structure])?.is_some())
}

/// Is there such a regional body, not blocked?
pub fn body_is_open(tx: &mut dyn Tx, body: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM regional_bodies WHERE id = $1 AND blocked IS NULL";
    Ok(tx.query_opt(sql, params![body])?.is_some())
}

/// Structures in which a person works now; the one of longest standing first.
pub fn structures_of_person(tx: &mut dyn Tx, person: Id) -> Result<Vec<Id>, StoreError> {
    let sql =
        "SELECT structure_id FROM memberships WHERE person_id = $1 AND ended IS NULL ORDER BY since, structure_id";
    ids(tx.query(sql, params![person])?)
}

/// Who of these people works where now: person and structure.
pub fn working(tx: &mut dyn Tx, people: &[Id]) -> Result<BTreeSet<(Id, Id)>, StoreError> {
    let sql = |list: &str| {
        format!("SELECT person_id, structure_id FROM memberships WHERE person_id IN ({list}) AND ended IS NULL")
    };
    Ok(many::rows(tx, people, &[], sql, |r| Ok((r.int(0)?, r.int(1)?)))?.into_iter().collect())
}

/// The structure that answers for the whole of a person: of those to which somebody who answered for the person entrusted him or her, the one of
/// longest standing.
pub fn answers_for(tx: &mut dyn Tx, person: Id) -> Result<Option<Id>, StoreError> {
    let sql = "SELECT structure_id FROM memberships WHERE person_id = $1 AND ended IS NULL AND entrusted = 1 \
               ORDER BY since, structure_id LIMIT 1";
    tx.query_opt(sql, params![person])?.map(|r| r.int(0)).transpose()
}

/// Somebody was taken into a structure by the national identifier alone.
pub fn not_entrusted(tx: &mut dyn Tx, person: Id, structure: Id) -> Result<(), StoreError> {
    let sql = "UPDATE memberships SET entrusted = 0 WHERE person_id = $1 AND structure_id = $2 AND ended IS NULL";
    tx.execute(sql, params![person, structure]).map(drop)
}

/// The structure of a BAL, when it has one.
pub fn structure_of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Option<Id>, StoreError> {
    match tx.query_opt("SELECT structure_id FROM bals WHERE id = $1", params![bal])? {
        Some(row) => row.opt_int(0),
        None => Ok(None),
    }
}

/// Keeps others from changing what a person is until the transaction ends.
pub fn lock_person(tx: &mut dyn Tx, person: Id) -> Result<(), StoreError> {
    tx.query("SELECT id FROM people WHERE id = $1 FOR UPDATE", params![person]).map(drop)
}

/// What a person does in a structure now.
pub fn function(tx: &mut dyn Tx, person: Id, structure: Id) -> Result<Option<String>, StoreError> {
    let sql = "SELECT function FROM memberships WHERE person_id = $1 AND structure_id = $2 AND ended IS NULL";
    tx.query_opt(sql, params![person, structure])?.map(|r| r.text(0)).transpose()
}
