//! Rows of the terms of use and of who accepted them. No rule is here.
use crate::{Id, Row, StoreError, Tx, params};

/// A version of the terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Id.
    pub id: Id,
    /// Name of the version, e.g. `2026-11`.
    pub version: String,
    /// The text that counts.
    pub text_fr: String,
    /// Its reading copy.
    pub text_en: String,
    /// SHA-256 of the French text.
    pub digest: Vec<u8>,
    /// What changed since the version before, in French.
    pub changes_fr: String,
    /// The same in English.
    pub changes_en: String,
    /// From when it is in force, milliseconds since 1970.
    pub from_at: i64,
    /// When it was published.
    pub published: i64,
    /// By whom.
    pub published_by: String,
}

/// An acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Who.
    pub person_id: Id,
    /// What.
    pub terms_id: Id,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Through which door.
    pub door: String,
    /// Proven by what.
    pub factors: String,
    /// SHA-256 of the text that was accepted.
    pub digest: Vec<u8>,
}

const TERMS: &str = "id, version, text_fr, text_en, digest, changes_fr, changes_en, from_at, published, published_by";

fn terms(r: &Row) -> Result<Terms, StoreError> {
    Ok(Terms {
        id: r.int(0)?,
        version: r.text(1)?,
        text_fr: r.text(2)?,
        text_en: r.text(3)?,
        digest: r.bytes(4)?,
        changes_fr: r.text(5)?,
        changes_en: r.text(6)?,
        from_at: r.int(7)?,
        published: r.int(8)?,
        published_by: r.text(9)?,
    })
}

/// Adds a version. `Exists` when its name was used.
pub fn insert(tx: &mut dyn Tx, t: &Terms) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO terms ({TERMS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    let values = params![
        t.id,
        &t.version,
        &t.text_fr,
        &t.text_en,
        t.digest.clone(),
        &t.changes_fr,
        &t.changes_en,
        t.from_at,
        t.published,
        &t.published_by
    ];
    tx.execute(&sql, values).map(drop)
}

/// The id of the version in force at this moment.
pub fn in_force(tx: &mut dyn Tx, now: i64) -> Result<Option<Id>, StoreError> {
    let sql = "SELECT id FROM terms WHERE from_at <= $1 ORDER BY from_at DESC, id DESC LIMIT 1";
    tx.query_opt(sql, params![now])?.map(|r| r.int(0)).transpose()
}

/// A version by id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Terms>, StoreError> {
    tx.query_opt(&format!("SELECT {TERMS} FROM terms WHERE id = $1"), params![id])?.as_ref().map(terms).transpose()
}

/// Every version, oldest first.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Terms>, StoreError> {
    tx.query(&format!("SELECT {TERMS} FROM terms ORDER BY from_at, id"), &[])?.iter().map(terms).collect()
}

/// Keeps an acceptance; the first one stays.
pub fn accept(tx: &mut dyn Tx, a: &Acceptance) -> Result<(), StoreError> {
    let sql = "INSERT INTO acceptances (person_id, terms_id, at, door, factors, digest) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (person_id, terms_id) DO NOTHING";
    tx.execute(sql, params![a.person_id, a.terms_id, a.at, &a.door, &a.factors, a.digest.clone()]).map(drop)
}

/// Did the person accept this version?
pub fn accepted(tx: &mut dyn Tx, person: Id, terms: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM acceptances WHERE person_id = $1 AND terms_id = $2";
    Ok(tx.query_opt(sql, params![person, terms])?.is_some())
}

/// The version in force, when the person has not accepted it. Asked at every act: one look at an index.
pub fn missing(tx: &mut dyn Tx, person: Id, now: i64) -> Result<Option<Id>, StoreError> {
    let sql = "SELECT t.id FROM terms t \
               WHERE t.id = (SELECT id FROM terms WHERE from_at <= $2 ORDER BY from_at DESC, id DESC LIMIT 1) \
               AND NOT EXISTS (SELECT 1 FROM acceptances a WHERE a.person_id = $1 AND a.terms_id = t.id)";
    tx.query_opt(sql, params![person, now])?.map(|r| r.int(0)).transpose()
}

/// Is the person a machine at this BAL, and did somebody responsible for it accept this version?
pub fn accepted_for_machine(tx: &mut dyn Tx, person: Id, bal: Id, terms: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM access m JOIN access r ON r.bal_id = m.bal_id JOIN acceptances a ON a.person_id = r.person_id \
               WHERE m.person_id = $1 AND m.bal_id = $2 AND m.role = 'machine' AND m.ended IS NULL \
               AND r.role = 'responsible' AND r.ended IS NULL AND a.terms_id = $3 LIMIT 1";
    Ok(tx.query_opt(sql, params![person, bal, terms])?.is_some())
}
