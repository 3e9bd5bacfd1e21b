//! Sign-ins and enrolments under way, each of one browser. What one of them holds is sealed; no rule is here.
//!
//! Promises: what an attempt holds is replaced from version to version ([`replace`]), and it is spent once ([`spend`]), whichever nodes ask at once.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `attempts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Id.
    pub id: Id,
    /// Keyed digest of the browser's cookie.
    pub digest: Vec<u8>,
    /// What is under way.
    pub kind: String,
    /// Who it is, as far as a first factor said so, or whoever is signed in.
    pub person_id: Option<Id>,
    /// What it holds, sealed under the identity key (see [`crate::identity_key`]).
    pub sealed: Vec<u8>,
    /// Begun, milliseconds since 1970.
    pub at: i64,
    /// Good until.
    pub expires: i64,
    /// Spent at.
    pub used: Option<i64>,
    /// Failures so far.
    pub tries: i64,
    /// Grows with each [`replace`]; the first is 1.
    pub version: i64,
}

const ATTEMPT: &str = "id, digest, kind, person_id, sealed, at, expires, used, tries, version";

fn attempt(r: &Row) -> Result<Attempt, StoreError> {
    Ok(Attempt {
        id: r.int(0)?,
        digest: r.bytes(1)?,
        kind: r.text(2)?,
        person_id: r.opt_int(3)?,
        sealed: r.bytes(4)?,
        at: r.int(5)?,
        expires: r.int(6)?,
        used: r.opt_int(7)?,
        tries: r.int(8)?,
        version: r.int(9)?,
    })
}

/// Begins one.
pub fn insert(tx: &mut dyn Tx, a: &Attempt) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO attempts ({ATTEMPT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    let (digest, sealed) = (a.digest.clone(), a.sealed.clone());
    let values = params![a.id, digest, &a.kind, a.person_id, sealed, a.at, a.expires, a.used, a.tries, a.version];
    tx.execute(&sql, values).map(drop)
}

/// The one of a browser, while it is good at `now` and not spent.
pub fn of_browser(tx: &mut dyn Tx, digest: &[u8], now: i64) -> Result<Option<Attempt>, StoreError> {
    let sql = format!("SELECT {ATTEMPT} FROM attempts WHERE digest = $1 AND used IS NULL AND expires > $2");
    tx.query_opt(&sql, params![digest, now])?.as_ref().map(attempt).transpose()
}

/// One by id, while it is good at `now` and not spent: for what comes without the browser's cookie (the card's door).
pub fn by_id(tx: &mut dyn Tx, id: Id, now: i64) -> Result<Option<Attempt>, StoreError> {
    let sql = format!("SELECT {ATTEMPT} FROM attempts WHERE id = $1 AND used IS NULL AND expires > $2");
    tx.query_opt(&sql, params![id, now])?.as_ref().map(attempt).transpose()
}

/// Writes what an attempt holds now and who it is, if it is still of the version of `a` and not spent. False when another was first: nothing that was
/// read of it counts.
pub fn replace(tx: &mut dyn Tx, a: &Attempt) -> Result<bool, StoreError> {
    let sql = "UPDATE attempts SET person_id = $3, sealed = $4, version = version + 1 \
               WHERE id = $1 AND version = $2 AND used IS NULL";
    Ok(tx.execute(sql, params![a.id, a.version, a.person_id, a.sealed.clone()])? > 0)
}

/// Spends one, if it is still of this version and good at `now`. False when another was first: whoever hears that has proven nothing.
pub fn spend(tx: &mut dyn Tx, id: Id, version: i64, now: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE attempts SET used = $3 WHERE id = $1 AND version = $2 AND used IS NULL AND expires > $3";
    Ok(tx.execute(sql, params![id, version, now])? > 0)
}

/// Counts a failure; how many there are now. To be committed although the sign-in failed.
pub fn failed(tx: &mut dyn Tx, id: Id) -> Result<i64, StoreError> {
    let sql = "UPDATE attempts SET tries = tries + 1 WHERE id = $1 RETURNING tries";
    tx.query_opt(sql, params![id])?.map_or(Ok(0), |r| r.int(0))
}

/// Ends every attempt of a person.
pub fn end_of_person(tx: &mut dyn Tx, person: Id, at: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE attempts SET used = $2 WHERE person_id = $1 AND used IS NULL";
    tx.execute(sql, params![person, at])
}

/// Forgets whatever a browser had under way: another one is about to begin.
pub fn forget(tx: &mut dyn Tx, digest: &[u8]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM attempts WHERE digest = $1", params![digest]).map(drop)
}
