//! What people enrolled: passkeys, authenticators, passwords; and their names towards authenticators. No rule is here.
//!
//! Promises: a code or an answer of a factor counts once, whichever node it is shown to ([`step`], [`count`]); one authenticator and one password a
//! person; a factor that was removed keeps no secret.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `factors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Id.
    pub id: Id,
    /// Whose.
    pub person_id: Id,
    /// `passkey`, `totp` or `password`.
    pub kind: String,
    /// What the person calls it.
    pub label: String,
    /// A passkey's credential id.
    pub credential: Option<Vec<u8>>,
    /// JSON: what is not secret of it.
    pub public: String,
    /// What is secret of it, sealed; a password's hash.
    pub sealed: Option<Vec<u8>>,
    /// A passkey's sign count, an authenticator's last time step.
    pub counter: i64,
    /// Since, milliseconds since 1970.
    pub enrolled: i64,
    /// What proved the person then (`Proof::names`), or `link`.
    pub enrolled_with: String,
    /// Last sign-in with it.
    pub last_used: Option<i64>,
    /// From where: a configured place or a network.
    pub last_place: Option<String>,
    /// Removed at.
    pub removed: Option<i64>,
    /// Grows with each change of its label or of what is public; the first is 1. Uses do not count.
    pub version: i64,
}

const FACTOR: &str = "id, person_id, kind, label, credential, public, sealed, counter, enrolled, enrolled_with, last_used, last_place, removed, version";

fn factor(r: &Row) -> Result<Factor, StoreError> {
    Ok(Factor {
        id: r.int(0)?,
        person_id: r.int(1)?,
        kind: r.text(2)?,
        label: r.text(3)?,
        credential: r.opt_bytes(4)?,
        public: r.text(5)?,
        sealed: r.opt_bytes(6)?,
        counter: r.int(7)?,
        enrolled: r.int(8)?,
        enrolled_with: r.text(9)?,
        last_used: r.opt_int(10)?,
        last_place: r.opt_text(11)?,
        removed: r.opt_int(12)?,
        version: r.int(13)?,
    })
}

/// Keeps one. `Exists` when the credential is somebody's, or the person has an authenticator or a password already.
pub fn insert(tx: &mut dyn Tx, f: &Factor) -> Result<(), StoreError> {
    let sql =
        format!("INSERT INTO factors ({FACTOR}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
    let values = params![
        f.id,
        f.person_id,
        &f.kind,
        &f.label,
        f.credential.clone(),
        &f.public,
        f.sealed.clone(),
        f.counter,
        f.enrolled,
        &f.enrolled_with,
        f.last_used,
        f.last_place.clone(),
        f.removed,
        f.version
    ];
    tx.execute(&sql, values).map(drop)
}

/// One by id, removed ones too.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Factor>, StoreError> {
    tx.query_opt(&format!("SELECT {FACTOR} FROM factors WHERE id = $1"), params![id])?.as_ref().map(factor).transpose()
}

/// The passkey of a credential id; none when it was removed.
pub fn by_credential(tx: &mut dyn Tx, credential: &[u8]) -> Result<Option<Factor>, StoreError> {
    let sql = format!("SELECT {FACTOR} FROM factors WHERE credential = $1 AND removed IS NULL");
    tx.query_opt(&sql, params![credential])?.as_ref().map(factor).transpose()
}

/// Those of a person that were not removed, oldest first.
pub fn of_person(tx: &mut dyn Tx, person: Id) -> Result<Vec<Factor>, StoreError> {
    let sql = format!("SELECT {FACTOR} FROM factors WHERE person_id = $1 AND removed IS NULL ORDER BY id");
    tx.query(&sql, params![person])?.iter().map(factor).collect()
}

/// The person's authenticator or password.
pub fn of_kind(tx: &mut dyn Tx, person: Id, kind: &str) -> Result<Option<Factor>, StoreError> {
    let sql =
        format!("SELECT {FACTOR} FROM factors WHERE person_id = $1 AND kind = $2 AND removed IS NULL ORDER BY id");
    tx.query_opt(&sql, params![person, kind])?.as_ref().map(factor).transpose()
}

/// Spends a time step of an authenticator, and every one before it. False when it was spent, or the factor is gone: the code counts for nothing.
pub fn step(tx: &mut dyn Tx, id: Id, step: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE factors SET counter = $2 WHERE id = $1 AND counter < $2 AND removed IS NULL";
    Ok(tx.execute(sql, params![id, step])? > 0)
}

/// Notes the sign count that a passkey showed. False when it did not grow (authenticators that do not count always show 0), or the passkey is gone.
pub fn count(tx: &mut dyn Tx, id: Id, count: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE factors SET counter = $2 WHERE id = $1 AND removed IS NULL AND (counter < $2 OR (counter = 0 AND $2 = 0))";
    Ok(tx.execute(sql, params![id, count])? > 0)
}

/// Notes a sign-in with one.
pub fn used(tx: &mut dyn Tx, id: Id, at: i64, place: Option<&str>) -> Result<(), StoreError> {
    let sql = "UPDATE factors SET last_used = $2, last_place = $3 WHERE id = $1";
    tx.execute(sql, params![id, at, place]).map(drop)
}

/// Changes label, what is public and what is sealed (a password hashed anew at a higher cost). False when it is gone or of another version.
pub fn update(tx: &mut dyn Tx, f: &Factor) -> Result<bool, StoreError> {
    let sql = "UPDATE factors SET label = $3, public = $4, sealed = $5, version = version + 1 \
               WHERE id = $1 AND version = $2 AND removed IS NULL";
    Ok(tx.execute(sql, params![f.id, f.version, &f.label, &f.public, f.sealed.clone()])? > 0)
}

/// Removes one of a person; its secret goes at once. False when it is unknown, another's, or was removed before.
pub fn remove(tx: &mut dyn Tx, person: Id, id: Id, at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE factors SET removed = $3, sealed = NULL WHERE id = $1 AND person_id = $2 AND removed IS NULL";
    Ok(tx.execute(sql, params![id, person, at])? > 0)
}

/// Removes every one of a person; how many.
pub fn remove_all(tx: &mut dyn Tx, person: Id, at: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE factors SET removed = $2, sealed = NULL WHERE person_id = $1 AND removed IS NULL";
    tx.execute(sql, params![person, at])
}

/// Keeps others from changing what a person enrolled until the transaction ends: who counts what is left counts alone.
pub fn lock(tx: &mut dyn Tx, person: Id) -> Result<(), StoreError> {
    crate::roles::lock_person(tx, person)
}

/// The person's name towards authenticators: `new` when there was none. Two nodes at once get the same.
pub fn handle(tx: &mut dyn Tx, person: Id, new: &[u8]) -> Result<Vec<u8>, StoreError> {
    let sql = "INSERT INTO handles (person_id, handle) VALUES ($1, $2) ON CONFLICT (person_id) DO NOTHING";
    tx.execute(sql, params![person, new])?;
    match tx.query_opt("SELECT handle FROM handles WHERE person_id = $1", params![person])? {
        Some(row) => row.bytes(0),
        None => Err(StoreError::Other("a handle is not there".into())),
    }
}
