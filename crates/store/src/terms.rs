//! Rows of the terms of use and of who accepted them. No rule is here.
use crate::access::NATURAL;
use crate::{Id, Row, StoreError, Tx, many, params};
use std::collections::BTreeSet;

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
    /// When it was taken back, before it came into force.
    pub withdrawn: Option<i64>,
}

/// A version without its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Id.
    pub id: Id,
    /// Its name.
    pub version: String,
    /// From when it is in force.
    pub from_at: i64,
}

/// An acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// What the person had accepted before: a version's id.
    pub previous: Option<Id>,
    /// In which language it was shown: `fr`, `en`.
    pub lang: String,
    /// Login of who had made the token that proved who accepts, when that was somebody else.
    pub token_by: Option<String>,
}

const TERMS: &str =
    "id, version, text_fr, text_en, digest, changes_fr, changes_en, from_at, published, published_by, withdrawn";

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
        withdrawn: r.opt_int(10)?,
    })
}

/// Adds a version. `Exists` when its name was used.
pub fn insert(tx: &mut dyn Tx, t: &Terms) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO terms ({TERMS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
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
        &t.published_by,
        t.withdrawn
    ];
    tx.execute(&sql, values).map(drop)
}

/// The id of the version in force at this moment.
pub fn in_force(tx: &mut dyn Tx, now: i64) -> Result<Option<Id>, StoreError> {
    let sql = "SELECT id FROM terms WHERE from_at <= $1 AND withdrawn IS NULL ORDER BY from_at DESC, id DESC LIMIT 1";
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
    let sql = "INSERT INTO acceptances (person_id, terms_id, at, door, factors, digest, previous, lang, token_by) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (person_id, terms_id) DO NOTHING";
    let lang = if a.lang.is_empty() { "fr" } else { &a.lang };
    let values = params![
        a.person_id,
        a.terms_id,
        a.at,
        &a.door,
        &a.factors,
        a.digest.clone(),
        a.previous,
        lang,
        a.token_by.clone()
    ];
    tx.execute(sql, values).map(drop)
}

/// Which of these people accepted this version.
pub fn accepted_of(tx: &mut dyn Tx, people: &[Id], terms: Id) -> Result<BTreeSet<Id>, StoreError> {
    let sql = |list: &str| format!("SELECT person_id FROM acceptances WHERE person_id IN ({list}) AND terms_id = $1");
    Ok(many::rows(tx, people, params![terms], sql, |r| r.int(0))?.into_iter().collect())
}

/// The version in force, when the person has not accepted it. Asked at every act: one look at an index.
pub fn missing(tx: &mut dyn Tx, person: Id, now: i64) -> Result<Option<Id>, StoreError> {
    let sql = "SELECT t.id FROM terms t \
               WHERE t.id = (SELECT id FROM terms WHERE from_at <= $2 AND withdrawn IS NULL ORDER BY from_at DESC, id DESC LIMIT 1) \
               AND NOT EXISTS (SELECT 1 FROM acceptances a WHERE a.person_id = $1 AND a.terms_id = t.id)";
    tx.query_opt(sql, params![person, now])?.map(|r| r.int(0)).transpose()
}

/// Is the person a machine at this BAL, and did somebody who is responsible for it at this moment, and not blocked, accept this version?
pub fn accepted_for_machine(tx: &mut dyn Tx, person: Id, bal: Id, terms: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM access m JOIN access r ON r.bal_id = m.bal_id JOIN people p ON p.id = r.person_id \
               JOIN acceptances a ON a.person_id = r.person_id \
               WHERE m.person_id = $1 AND m.bal_id = $2 AND m.role = 'machine' AND m.ended IS NULL AND p.disabled IS NULL \
               AND r.role = 'responsible' AND r.ended IS NULL AND r.starts <= $4 AND (r.ends IS NULL OR r.ends > $4) \
               AND a.terms_id = $3 LIMIT 1";
    let now = tx.now();
    Ok(tx.query_opt(sql, params![person, bal, terms, now])?.is_some())
}

/// Takes a version back that is not in force yet; false when it was taken back before, is in force, or was.
pub fn withdraw(tx: &mut dyn Tx, id: Id, now: i64, by: &str, reason: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE terms SET withdrawn = $2, withdrawn_by = $3, withdrawn_reason = $4 WHERE id = $1 AND withdrawn IS NULL AND from_at > $2";
    Ok(tx.execute(sql, params![id, now, by, reason])? > 0)
}

/// The versions that are in force or were, without their texts, newest first; at most `limit`.
pub fn effective(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<Vec<Name>, StoreError> {
    let sql = "SELECT id, version, from_at FROM terms WHERE from_at <= $1 AND withdrawn IS NULL ORDER BY from_at DESC, id DESC LIMIT $2";
    let name = |r: &Row| Ok(Name { id: r.int(0)?, version: r.text(1)?, from_at: r.int(2)? });
    tx.query(sql, params![now, limit])?.iter().map(name).collect()
}

/// When the person accepted this version.
pub fn accepted_at(tx: &mut dyn Tx, person: Id, terms: Id) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT at FROM acceptances WHERE person_id = $1 AND terms_id = $2";
    tx.query_opt(sql, params![person, terms])?.map(|r| r.int(0)).transpose()
}

/// A version by name.
pub fn by_version(tx: &mut dyn Tx, version: &str) -> Result<Option<Terms>, StoreError> {
    let sql = format!("SELECT {TERMS} FROM terms WHERE version = $1");
    tx.query_opt(&sql, params![version])?.as_ref().map(terms).transpose()
}

/// People to be told that this version waits for them: not blocked, with an access of their own and a verified ordinary address, who have not accepted
/// it; by id from after one: id and address.
pub fn to_tell(tx: &mut dyn Tx, terms: Id, after: Id, limit: i64) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = format!(
        "SELECT p.id, p.email FROM people p WHERE p.id > $2 AND p.disabled IS NULL AND p.email IS NOT NULL AND p.email_verified IS NOT NULL \
         AND EXISTS (SELECT 1 FROM access x WHERE x.person_id = p.id AND x.ended IS NULL AND (x.role <> 'machine' OR {NATURAL})) \
         AND NOT EXISTS (SELECT 1 FROM acceptances a WHERE a.person_id = p.id AND a.terms_id = $1) ORDER BY p.id LIMIT $3"
    );
    tx.query(&sql, params![terms, after, limit])?.iter().map(|r| Ok((r.int(0)?, r.text(1)?))).collect()
}

/// Is there any BAL?
pub fn any_bal(tx: &mut dyn Tx) -> Result<bool, StoreError> {
    Ok(tx.query_opt("SELECT 1 FROM bals LIMIT 1", &[])?.is_some())
}

/// What a person accepted, newest first: version's id, its name, when.
pub fn of_person(tx: &mut dyn Tx, person: Id) -> Result<Vec<(Id, String, i64)>, StoreError> {
    let sql = "SELECT t.id, t.version, a.at FROM acceptances a JOIN terms t ON t.id = a.terms_id \
               WHERE a.person_id = $1 ORDER BY a.at DESC, t.id DESC";
    tx.query(sql, params![person])?.iter().map(|r| Ok((r.int(0)?, r.text(1)?, r.int(2)?))).collect()
}

/// `AND` the person works in one of these structures; nothing when there is no bound.
fn within(structures: Option<&[Id]>, person: &str) -> String {
    let Some(list) = structures else { return String::new() };
    // Ids are numbers of ours: nothing in them needs quoting. None at all finds nobody.
    let ids: Vec<String> = list.iter().map(Id::to_string).chain(["0".to_owned()]).collect();
    format!(
        " AND EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = {person} AND m.ended IS NULL AND m.structure_id IN ({}))",
        ids.join(", ")
    )
}

/// An acceptance with what its ids stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The row.
    pub acceptance: Acceptance,
    /// Login of the person.
    pub login: String,
    /// Name of the person.
    pub name: String,
    /// Name of the version.
    pub version: String,
    /// Name of the version that had been accepted before.
    pub previous: Option<String>,
}

/// Acceptances, newest version first: of a version, of a person (login), of people of these structures, from after
/// (version's id, person's id).
pub fn acceptances(
    tx: &mut dyn Tx,
    version: Option<&str>,
    login: Option<&str>,
    structures: Option<&[Id]>,
    after: Option<(Id, Id)>,
    limit: i64,
) -> Result<Vec<Accepted>, StoreError> {
    let (terms, person) = after.unwrap_or((i64::MAX, 0));
    let sql = format!(
        "SELECT a.person_id, a.terms_id, a.at, a.door, a.factors, a.digest, p.login, p.name, t.version, a.previous, a.lang, a.token_by, b.version \
         FROM acceptances a JOIN people p ON p.id = a.person_id JOIN terms t ON t.id = a.terms_id LEFT JOIN terms b ON b.id = a.previous \
         WHERE (a.terms_id < $1 OR (a.terms_id = $1 AND a.person_id > $2)) AND ($3 = '' OR t.version = $3) \
         AND ($4 = '' OR p.login = $4){} ORDER BY a.terms_id DESC, a.person_id LIMIT $5",
        within(structures, "a.person_id")
    );
    let values = params![terms, person, version.unwrap_or_default(), login.unwrap_or_default(), limit];
    tx.query(&sql, values)?
        .iter()
        .map(|r| {
            let acceptance = Acceptance {
                person_id: r.int(0)?,
                terms_id: r.int(1)?,
                at: r.int(2)?,
                door: r.text(3)?,
                factors: r.text(4)?,
                digest: r.bytes(5)?,
                previous: r.opt_int(9)?,
                lang: r.text(10)?,
                token_by: r.opt_text(11)?,
            };
            Ok(Accepted {
                acceptance,
                login: r.text(6)?,
                name: r.text(7)?,
                version: r.text(8)?,
                previous: r.opt_text(12)?,
            })
        })
        .collect()
}

/// Somebody who has not accepted a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unaccepted {
    /// Person.
    pub person_id: Id,
    /// Login.
    pub login: String,
    /// Name.
    pub name: String,
    /// Accesses in force.
    pub bals: i64,
    /// The last version that was accepted.
    pub last: Option<String>,
}

/// People, not blocked, with an access in force, machines left out, who have not accepted this version; by id, from after one.
pub fn unaccepted(
    tx: &mut dyn Tx,
    terms: Id,
    structures: Option<&[Id]>,
    after: Id,
    limit: i64,
) -> Result<Vec<Unaccepted>, StoreError> {
    let sql = format!(
        "SELECT p.id, p.login, p.name, \
         (SELECT COUNT(*) FROM access x WHERE x.person_id = p.id AND x.ended IS NULL AND (x.role <> 'machine' OR {NATURAL})), \
         (SELECT t.version FROM acceptances a JOIN terms t ON t.id = a.terms_id WHERE a.person_id = p.id \
          ORDER BY a.at DESC, t.id DESC LIMIT 1) \
         FROM people p WHERE p.disabled IS NULL AND p.id > $2 \
         AND EXISTS (SELECT 1 FROM access x WHERE x.person_id = p.id AND x.ended IS NULL AND (x.role <> 'machine' OR {NATURAL})) \
         AND NOT EXISTS (SELECT 1 FROM acceptances a WHERE a.person_id = p.id AND a.terms_id = $1){} \
         ORDER BY p.id LIMIT $3",
        within(structures, "p.id")
    );
    tx.query(&sql, params![terms, after, limit])?
        .iter()
        .map(|r| {
            Ok(Unaccepted {
                person_id: r.int(0)?,
                login: r.text(1)?,
                name: r.text(2)?,
                bals: r.int(3)?,
                last: r.opt_text(4)?,
            })
        })
        .collect()
}
