//! Who is who elsewhere: what a card, Pro Santé Connect or a structure's sign-in calls a person. No rule is here.
//!
//! Promises: one name elsewhere (kind, issuer, subject) is one person, whichever node is first.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `bindings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// `card`, `psc` or `sso`.
    pub kind: String,
    /// Who says so: an authority, an issuer's address.
    pub issuer: String,
    /// Keyed digest of what the issuer calls the person.
    pub subject: Vec<u8>,
    /// Whom that is.
    pub person_id: Id,
    /// Since, milliseconds since 1970.
    pub bound: i64,
    /// How that was found out.
    pub how: String,
    /// Last sign-in by it.
    pub seen: i64,
}

const BINDING: &str = "kind, issuer, subject, person_id, bound, how, seen";

fn binding(r: &Row) -> Result<Binding, StoreError> {
    Ok(Binding {
        kind: r.text(0)?,
        issuer: r.text(1)?,
        subject: r.bytes(2)?,
        person_id: r.int(3)?,
        bound: r.int(4)?,
        how: r.text(5)?,
        seen: r.int(6)?,
    })
}

/// The person of a name elsewhere.
pub fn find(tx: &mut dyn Tx, kind: &str, issuer: &str, subject: &[u8]) -> Result<Option<Binding>, StoreError> {
    let sql = format!("SELECT {BINDING} FROM bindings WHERE kind = $1 AND issuer = $2 AND subject = $3");
    tx.query_opt(&sql, params![kind, issuer, subject])?.as_ref().map(binding).transpose()
}

/// Keeps one. False when the name is somebody's already (perhaps this person's): ask [`find`].
pub fn insert(tx: &mut dyn Tx, b: &Binding) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO bindings ({BINDING}) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, issuer, subject) DO NOTHING"
    );
    let values = params![&b.kind, &b.issuer, b.subject.clone(), b.person_id, b.bound, &b.how, b.seen];
    Ok(tx.execute(&sql, values)? > 0)
}

/// Keeps one, or gives the name to another person when it was somebody's: the newest word counts.
pub fn put(tx: &mut dyn Tx, b: &Binding) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO bindings ({BINDING}) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, issuer, subject) DO UPDATE SET \
         bound = CASE WHEN bindings.person_id = excluded.person_id THEN bindings.bound ELSE excluded.bound END, \
         person_id = excluded.person_id, how = excluded.how, seen = excluded.seen"
    );
    let values = params![&b.kind, &b.issuer, b.subject.clone(), b.person_id, b.bound, &b.how, b.seen];
    tx.execute(&sql, values).map(drop)
}

/// Notes a sign-in by it.
pub fn seen(tx: &mut dyn Tx, kind: &str, issuer: &str, subject: &[u8], at: i64) -> Result<(), StoreError> {
    let sql = "UPDATE bindings SET seen = $4 WHERE kind = $1 AND issuer = $2 AND subject = $3 AND seen < $4";
    tx.execute(sql, params![kind, issuer, subject, at]).map(drop)
}

/// Those of a person.
pub fn of_person(tx: &mut dyn Tx, person: Id) -> Result<Vec<Binding>, StoreError> {
    let sql = format!("SELECT {BINDING} FROM bindings WHERE person_id = $1 ORDER BY kind, issuer, bound");
    tx.query(&sql, params![person])?.iter().map(binding).collect()
}

/// Says how a name is somebody's now, since `at`; false when it is not this person's, or not any more.
pub fn set_how(tx: &mut dyn Tx, b: &Binding, how: &str, at: i64) -> Result<bool, StoreError> {
    let sql =
        "UPDATE bindings SET how = $5, bound = $6 WHERE kind = $1 AND issuer = $2 AND subject = $3 AND person_id = $4";
    Ok(tx.execute(sql, params![&b.kind, &b.issuer, b.subject.clone(), b.person_id, how, at])? > 0)
}

/// Removes one of a person; false when it is not this person's, or not any more.
pub fn remove_one(tx: &mut dyn Tx, b: &Binding) -> Result<bool, StoreError> {
    let sql = "DELETE FROM bindings WHERE kind = $1 AND issuer = $2 AND subject = $3 AND person_id = $4";
    Ok(tx.execute(sql, params![&b.kind, &b.issuer, b.subject.clone(), b.person_id])? > 0)
}

/// Removes those of a person, of this kind or of every one; how many.
pub fn remove(tx: &mut dyn Tx, person: Id, kind: Option<&str>) -> Result<u64, StoreError> {
    match kind {
        Some(kind) => tx.execute("DELETE FROM bindings WHERE person_id = $1 AND kind = $2", params![person, kind]),
        None => tx.execute("DELETE FROM bindings WHERE person_id = $1", params![person]),
    }
}
