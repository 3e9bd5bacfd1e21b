//! Rows of access: who may use which BAL, as what, with which rights, from when to when. Nothing is ever deleted: the past has an answer. No rule
//! is here.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `access`, with the person's login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Person.
    pub person_id: Id,
    /// Its login.
    pub login: String,
    /// BAL.
    pub bal_id: Id,
    /// `holder`, `responsible`, `member`, `delegate`, `machine`.
    pub role: String,
    /// When it was given, milliseconds since 1970.
    pub granted: i64,
    /// When it was over in fact.
    pub ended: Option<i64>,
    /// `BalRights::bits`.
    pub rights: i64,
    /// From when it counts.
    pub starts: i64,
    /// Until when it counts, when that was planned.
    pub ends: Option<i64>,
    /// Who gave it.
    pub granted_by: String,
    /// Why.
    pub reason: Option<String>,
    /// Who ended it.
    pub ended_by: Option<String>,
}

/// An access to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccess {
    /// Person.
    pub person_id: Id,
    /// BAL.
    pub bal_id: Id,
    /// As [`Access::role`].
    pub role: String,
    /// `BalRights::bits`.
    pub rights: i64,
    /// Now, milliseconds since 1970.
    pub granted: i64,
    /// From when it counts.
    pub starts: i64,
    /// Until when.
    pub ends: Option<i64>,
    /// Who gives it.
    pub granted_by: String,
    /// Why.
    pub reason: Option<String>,
}

impl NewAccess {
    /// From now on, without a planned end.
    pub fn now(person_id: Id, bal_id: Id, role: &str, rights: i64, at: i64, by: &str) -> Self {
        let (role, granted_by) = (role.to_owned(), by.to_owned());
        Self { person_id, bal_id, role, rights, granted: at, starts: at, ends: None, granted_by, reason: None }
    }
}

const ACCESS: &str = "SELECT a.person_id, p.login, a.bal_id, a.role, a.granted, a.ended, a.rights, a.starts, a.ends, a.granted_by, a.reason, \
                      a.ended_by FROM access a JOIN people p ON p.id = a.person_id";

fn access(r: &Row) -> Result<Access, StoreError> {
    Ok(Access {
        person_id: r.int(0)?,
        login: r.text(1)?,
        bal_id: r.int(2)?,
        role: r.text(3)?,
        granted: r.int(4)?,
        ended: r.opt_int(5)?,
        rights: r.int(6)?,
        starts: r.int(7)?,
        ends: r.opt_int(8)?,
        granted_by: r.text(9)?,
        reason: r.opt_text(10)?,
        ended_by: r.opt_text(11)?,
    })
}

/// Gives an access. `Exists` when the person has one that is not ended on this BAL.
pub fn grant(tx: &mut dyn Tx, a: &NewAccess) -> Result<(), StoreError> {
    let sql = "INSERT INTO access (person_id, bal_id, role, granted, rights, starts, ends, granted_by, reason) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values =
        params![a.person_id, a.bal_id, &a.role, a.granted, a.rights, a.starts, a.ends, &a.granted_by, a.reason.clone()];
    tx.execute(sql, values).map(drop)
}

/// Ends the access that is not ended; false when there was none.
pub fn end(tx: &mut dyn Tx, person: Id, bal: Id, at: i64, by: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE access SET ended = $3, ended_by = $4 WHERE person_id = $1 AND bal_id = $2 AND ended IS NULL";
    Ok(tx.execute(sql, params![person, bal, at, by])? > 0)
}

/// Accesses of a BAL that are not ended, by login.
pub fn of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Vec<Access>, StoreError> {
    let sql = format!("{ACCESS} WHERE a.bal_id = $1 AND a.ended IS NULL ORDER BY p.login");
    tx.query(&sql, params![bal])?.iter().map(access).collect()
}

/// Accesses of a person that are not ended.
pub fn of_person(tx: &mut dyn Tx, person: Id) -> Result<Vec<Access>, StoreError> {
    let sql = format!("{ACCESS} WHERE a.person_id = $1 AND a.ended IS NULL ORDER BY a.bal_id");
    tx.query(&sql, params![person])?.iter().map(access).collect()
}

/// The access of a person on a BAL that is not ended.
pub fn in_force(tx: &mut dyn Tx, person: Id, bal: Id) -> Result<Option<Access>, StoreError> {
    let sql = format!("{ACCESS} WHERE a.person_id = $1 AND a.bal_id = $2 AND a.ended IS NULL");
    tx.query_opt(&sql, params![person, bal])?.as_ref().map(access).transpose()
}
