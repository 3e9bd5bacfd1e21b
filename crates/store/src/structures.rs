//! Rows of structures, regional bodies and memberships. No rule is here: `operator` decides, this module keeps.
use crate::{Id, Row, StoreError, Tx, Value, many, params};
use std::collections::HashMap;

/// A row of `regional_bodies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Id.
    pub id: Id,
    /// Code, never changed.
    pub code: String,
    /// Name.
    pub name: String,
    /// JSON of its contact.
    pub contact: String,
    /// Since when blocked, milliseconds since 1970.
    pub blocked: Option<i64>,
    /// Grows with each change.
    pub version: i64,
    /// Created, milliseconds since 1970.
    pub created: i64,
}

/// A row of `structures`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// Id.
    pub id: Id,
    /// Code, never changed.
    pub code: String,
    /// Name.
    pub name: String,
    /// Category: code of a reference table, or empty.
    pub category: String,
    /// FINESS of the legal entity.
    pub finess_ej: Option<String>,
    /// FINESS of the establishment.
    pub finess_eg: Option<String>,
    /// SIRET.
    pub siret: Option<String>,
    /// JSON of its postal address.
    pub address: String,
    /// JSON of its contact (référent métier).
    pub contact: String,
    /// The regional body that follows it.
    pub body_id: Option<Id>,
    /// `Opening::as_str`.
    pub opening: String,
    /// `ConventionState::as_str`.
    pub convention: String,
    /// Reference of the convention.
    pub convention_reference: Option<String>,
    /// In force from.
    pub convention_from: Option<i64>,
    /// In force until.
    pub convention_until: Option<i64>,
    /// Territory: code, or empty.
    pub territory: String,
    /// Since when blocked.
    pub blocked: Option<i64>,
    /// Grows with each change.
    pub version: i64,
    /// Created, milliseconds since 1970.
    pub created: i64,
}

impl Structure {
    /// A structure of which nothing but this is known yet.
    pub fn new(id: Id, code: &str, name: &str, created: i64) -> Self {
        Self {
            id,
            code: code.to_owned(),
            name: name.to_owned(),
            category: String::new(),
            finess_ej: None,
            finess_eg: None,
            siret: None,
            address: "{}".into(),
            contact: "{}".into(),
            body_id: None,
            opening: "operator".into(),
            convention: "none".into(),
            convention_reference: None,
            convention_from: None,
            convention_until: None,
            territory: String::new(),
            blocked: None,
            version: 1,
            created,
        }
    }
}

/// A row of `memberships`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub person_id: Id,
    /// Where.
    pub structure_id: Id,
    /// As what.
    pub function: String,
    /// Since, milliseconds since 1970.
    pub since: i64,
    /// Until, when over.
    pub ended: Option<i64>,
}

const BODY: &str = "id, code, name, contact, blocked, version, created";
const STRUCTURE: &str = "id, code, name, category, finess_ej, finess_eg, siret, address, contact, body_id, opening, convention, \
                         convention_reference, convention_from, convention_until, territory, blocked, version, created";

fn body(r: &Row) -> Result<Body, StoreError> {
    Ok(Body {
        id: r.int(0)?,
        code: r.text(1)?,
        name: r.text(2)?,
        contact: r.text(3)?,
        blocked: r.opt_int(4)?,
        version: r.int(5)?,
        created: r.int(6)?,
    })
}
fn structure(r: &Row) -> Result<Structure, StoreError> {
    Ok(Structure {
        id: r.int(0)?,
        code: r.text(1)?,
        name: r.text(2)?,
        category: r.text(3)?,
        finess_ej: r.opt_text(4)?,
        finess_eg: r.opt_text(5)?,
        siret: r.opt_text(6)?,
        address: r.text(7)?,
        contact: r.text(8)?,
        body_id: r.opt_int(9)?,
        opening: r.text(10)?,
        convention: r.text(11)?,
        convention_reference: r.opt_text(12)?,
        convention_from: r.opt_int(13)?,
        convention_until: r.opt_int(14)?,
        territory: r.text(15)?,
        blocked: r.opt_int(16)?,
        version: r.int(17)?,
        created: r.int(18)?,
    })
}
fn membership(r: &Row) -> Result<Membership, StoreError> {
    Ok(Membership {
        person_id: r.int(0)?,
        structure_id: r.int(1)?,
        function: r.text(2)?,
        since: r.int(3)?,
        ended: r.opt_int(4)?,
    })
}
fn one<T>(row: Option<Row>, read: fn(&Row) -> Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    row.as_ref().map(read).transpose()
}

/// Ids as they stand within `IN (…)`: numbers, which need no escaping and have no limit of parameters. Never empty: 0 is nobody's.
pub(crate) fn among(ids: &[Id]) -> String {
    let ids: Vec<String> = ids.iter().chain([&0]).map(Id::to_string).collect();
    ids.join(", ")
}

/// Inserts a regional body. `Exists` when the code is taken.
pub fn insert_body(tx: &mut dyn Tx, b: &Body) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO regional_bodies ({BODY}) VALUES ($1, $2, $3, $4, $5, $6, $7)");
    tx.execute(&sql, params![b.id, &b.code, &b.name, &b.contact, b.blocked, b.version, b.created]).map(drop)
}

/// Changes a regional body of this version; false when somebody else changed it meanwhile. The code never changes.
pub fn update_body(tx: &mut dyn Tx, b: &Body) -> Result<bool, StoreError> {
    let sql = "UPDATE regional_bodies SET name = $3, contact = $4, blocked = $5, version = version + 1 WHERE id = $1 AND version = $2";
    Ok(tx.execute(sql, params![b.id, b.version, &b.name, &b.contact, b.blocked])? > 0)
}

/// A regional body by code.
pub fn body_by_code(tx: &mut dyn Tx, code: &str) -> Result<Option<Body>, StoreError> {
    one(tx.query_opt(&format!("SELECT {BODY} FROM regional_bodies WHERE code = $1"), params![code])?, body)
}

/// A regional body by id.
pub fn body_by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Body>, StoreError> {
    one(tx.query_opt(&format!("SELECT {BODY} FROM regional_bodies WHERE id = $1"), params![id])?, body)
}

/// Every regional body, by code (there are some dozens).
pub fn bodies(tx: &mut dyn Tx) -> Result<Vec<Body>, StoreError> {
    tx.query(&format!("SELECT {BODY} FROM regional_bodies ORDER BY code"), &[])?.iter().map(body).collect()
}

/// Columns of a structure that may change; id, code and the day it was made stay.
const CHANGING: [&str; 15] = [
    "name",
    "category",
    "finess_ej",
    "finess_eg",
    "siret",
    "address",
    "contact",
    "body_id",
    "opening",
    "convention",
    "convention_reference",
    "convention_from",
    "convention_until",
    "territory",
    "blocked",
];

/// These values and those of [`CHANGING`], in its order.
fn with_changing<const N: usize>(first: [Value; N], s: &Structure) -> Vec<Value> {
    let mut values = first.to_vec();
    values.extend_from_slice(params![
        &s.name,
        &s.category,
        s.finess_ej.clone(),
        s.finess_eg.clone(),
        s.siret.clone(),
        &s.address,
        &s.contact,
        s.body_id,
        &s.opening,
        &s.convention,
        s.convention_reference.clone(),
        s.convention_from,
        s.convention_until,
        &s.territory,
        s.blocked
    ]);
    values
}

/// Inserts a structure. `Exists` when the code is taken.
pub fn insert(tx: &mut dyn Tx, s: &Structure) -> Result<(), StoreError> {
    let values = with_changing([s.id.into(), (&s.code).into(), s.version.into(), s.created.into()], s);
    let places: Vec<String> = (1..=values.len()).map(|i| format!("${i}")).collect();
    let (columns, places) = (CHANGING.join(", "), places.join(", "));
    let sql = format!("INSERT INTO structures (id, code, version, created, {columns}) VALUES ({places})");
    tx.execute(&sql, &values).map(drop)
}

/// Changes a structure of this version; false when somebody else changed it meanwhile. The code never changes.
pub fn update(tx: &mut dyn Tx, s: &Structure) -> Result<bool, StoreError> {
    let set: Vec<String> = (3..).zip(CHANGING).map(|(i, column)| format!("{column} = ${i}")).collect();
    let sql = format!("UPDATE structures SET {}, version = version + 1 WHERE id = $1 AND version = $2", set.join(", "));
    Ok(tx.execute(&sql, &with_changing([s.id.into(), s.version.into()], s))? > 0)
}

/// A structure by code.
pub fn by_code(tx: &mut dyn Tx, code: &str) -> Result<Option<Structure>, StoreError> {
    one(tx.query_opt(&format!("SELECT {STRUCTURE} FROM structures WHERE code = $1"), params![code])?, structure)
}

/// A structure by id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Structure>, StoreError> {
    one(tx.query_opt(&format!("SELECT {STRUCTURE} FROM structures WHERE id = $1"), params![id])?, structure)
}

/// These structures, by id.
pub fn by_ids(tx: &mut dyn Tx, ids: &[Id]) -> Result<HashMap<Id, Structure>, StoreError> {
    let sql = |list: &str| format!("SELECT {STRUCTURE} FROM structures WHERE id IN ({list})");
    Ok(many::rows(tx, ids, &[], sql, structure)?.into_iter().map(|s| (s.id, s)).collect())
}

/// Structures by code, from after `after`: of a regional body or of all, and only `within` these when it says some.
pub fn list(
    tx: &mut dyn Tx,
    within: Option<&[Id]>,
    (body, text): (Option<Id>, Option<&str>),
    after: &str,
    limit: i64,
) -> Result<Vec<Structure>, StoreError> {
    let bound = within.map_or(String::new(), |ids| format!(" AND id IN ({})", among(ids)));
    // Lower case of accented letters is not the same on both engines: names are looked at as they stand, too.
    let said = "(code LIKE $4 ESCAPE '!' OR LOWER(name) LIKE $4 ESCAPE '!' OR name LIKE $5 ESCAPE '!' OR finess_ej = $6 OR finess_eg = $6 OR siret = $6)";
    let pattern = |text: &str| crate::bals::pattern(text, true);
    let text = text.unwrap_or_default();
    let sql = format!(
        "SELECT {STRUCTURE} FROM structures WHERE code > $1 AND ($2 = 0 OR body_id = $2){bound} AND {said} ORDER BY code LIMIT $3"
    );
    let values = params![after, body.unwrap_or(0), limit, pattern(&text.to_lowercase()), pattern(text), text];
    tx.query(&sql, values)?.iter().map(structure).collect()
}

/// Who followed a structure, from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// Code of the regional body.
    pub body: String,
    /// Since when, milliseconds since 1970.
    pub since: i64,
    /// Until when, when over.
    pub ended: Option<i64>,
}

/// A structure is followed by this regional body from now on, or by none. Nothing changes when it is already.
pub fn follow(tx: &mut dyn Tx, structure: Id, body: Option<Id>, at: i64) -> Result<(), StoreError> {
    let sql = "UPDATE followings SET ended = $3 WHERE structure_id = $1 AND ended IS NULL AND body_id <> $2";
    tx.execute(sql, params![structure, body.unwrap_or(0), at])?;
    let Some(body) = body else { return Ok(()) };
    let sql = "INSERT INTO followings (structure_id, body_id, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    tx.execute(sql, params![structure, body, at]).map(drop)
}

/// Who followed these structures, each with the structure, oldest first.
pub fn followings(tx: &mut dyn Tx, structures: &[Id]) -> Result<Vec<(Id, Following)>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT f.structure_id, b.code, f.since, f.ended FROM followings f JOIN regional_bodies b ON b.id = f.body_id \
             WHERE f.structure_id IN ({list}) ORDER BY f.since, f.body_id"
        )
    };
    let read = |r: &Row| Ok((r.int(0)?, Following { body: r.text(1)?, since: r.int(2)?, ended: r.opt_int(3)? }));
    many::rows(tx, structures, &[], sql, read)
}

/// Is this identifier, which a structure gave, that of somebody else in one of the structures where the person works, or in `also`?
pub fn local_id_taken(tx: &mut dyn Tx, person: Id, local_id: &str, also: Option<Id>) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM people p JOIN memberships m ON m.person_id = p.id AND m.ended IS NULL WHERE p.local_id = $2 AND p.id <> $1 \
               AND (m.structure_id = $3 OR m.structure_id IN (SELECT structure_id FROM memberships WHERE person_id = $1 AND ended IS NULL)) LIMIT 1";
    Ok(tx.query_opt(sql, params![person, local_id, also.unwrap_or(0)])?.is_some())
}

/// What is counted, the word by which, and how many.
pub type Counted = (String, String, i64);

/// What these structures have, by a word: people by certification, BALs by kind and by state, requests under way. Each with the structure. No content.
pub fn tally(tx: &mut dyn Tx, structures: &[Id]) -> Result<Vec<(Id, Counted)>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT m.structure_id, 'identity', p.identity, COUNT(*) FROM memberships m JOIN people p ON p.id = m.person_id \
             WHERE m.structure_id IN ({list}) AND m.ended IS NULL GROUP BY m.structure_id, p.identity \
             UNION ALL SELECT structure_id, 'kind', kind, COUNT(*) FROM bals WHERE structure_id IN ({list}) AND state <> 'closed' \
             GROUP BY structure_id, kind \
             UNION ALL SELECT structure_id, 'state', state, COUNT(*) FROM bals WHERE structure_id IN ({list}) GROUP BY structure_id, state \
             UNION ALL SELECT structure_id, 'opening', state, COUNT(*) FROM openings WHERE structure_id IN ({list}) \
             AND state IN ('requested', 'verified') GROUP BY structure_id, state"
        )
    };
    many::rows(tx, structures, &[], sql, |r| Ok((r.int(0)?, (r.text(1)?, r.text(2)?, r.int(3)?))))
}

/// BALs of no structure that are not closed, by kind: their professionals answer for themselves.
pub fn tally_of_none(tx: &mut dyn Tx) -> Result<Vec<(String, i64)>, StoreError> {
    let sql =
        "SELECT kind, COUNT(*) FROM bals WHERE structure_id IS NULL AND state <> 'closed' GROUP BY kind ORDER BY kind";
    tx.query(sql, &[])?.iter().map(|r| Ok((r.text(0)?, r.int(1)?))).collect()
}

/// Names of a structure's domains, by name.
pub fn domains(tx: &mut dyn Tx, id: Id) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT d.name FROM structure_domains s JOIN domains d ON d.id = s.domain_id WHERE s.structure_id = $1 ORDER BY d.name";
    tx.query(sql, params![id])?.iter().map(|r| r.text(0)).collect()
}

/// Names of the domains in which mail of health professionals goes and that are no structure's, by name; of test domains too.
pub fn domains_of_none(tx: &mut dyn Tx) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT d.name FROM domains d WHERE d.kind IN ('Production', 'Test') \
               AND NOT EXISTS (SELECT 1 FROM structure_domains s WHERE s.domain_id = d.id) ORDER BY d.name";
    tx.query(sql, &[])?.iter().map(|r| r.text(0)).collect()
}

/// Names of the domains of these structures, each with the structure, by name.
pub fn domains_of(tx: &mut dyn Tx, structures: &[Id]) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT s.structure_id, d.name FROM structure_domains s JOIN domains d ON d.id = s.domain_id \
             WHERE s.structure_id IN ({list}) ORDER BY d.name"
        )
    };
    many::rows(tx, structures, &[], sql, |r| Ok((r.int(0)?, r.text(1)?)))
}

/// Gives a structure these domains, and no others.
pub fn set_domains(tx: &mut dyn Tx, id: Id, domains: &[Id]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM structure_domains WHERE structure_id = $1", params![id])?;
    for domain in domains {
        let sql = "INSERT INTO structure_domains (structure_id, domain_id) VALUES ($1, $2)";
        tx.execute(sql, params![id, *domain])?;
    }
    Ok(())
}

/// Logins of the people who administer these structures now, each with the structure, by login; those who are blocked do not count.
pub fn administrators(tx: &mut dyn Tx, structures: &[Id]) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT DISTINCT r.structure_id, p.login FROM roles r JOIN people p ON p.id = r.person_id WHERE r.structure_id IN ({list}) \
             AND r.role = 'structure' AND r.ended IS NULL AND p.disabled IS NULL ORDER BY p.login"
        )
    };
    many::rows(tx, structures, &[], sql, |r| Ok((r.int(0)?, r.text(1)?)))
}

/// How many people work in each of these structures now, and how many BALs it has that are not closed.
pub fn counts(tx: &mut dyn Tx, structures: &[Id]) -> Result<HashMap<Id, (i64, i64)>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT id, (SELECT COUNT(*) FROM memberships m WHERE m.structure_id = structures.id AND m.ended IS NULL), \
             (SELECT COUNT(*) FROM bals b WHERE b.structure_id = structures.id AND b.state <> 'closed') FROM structures WHERE id IN ({list})"
        )
    };
    let read = |r: &Row| Ok((r.int(0)?, (r.int(1)?, r.int(2)?)));
    Ok(many::rows(tx, structures, &[], sql, read)?.into_iter().collect())
}

/// How many structures a regional body follows, how many people work in them now, how many BALs they have that are not closed. No content.
pub fn body_counts(tx: &mut dyn Tx, body: Id) -> Result<(i64, i64, i64), StoreError> {
    let sql = "SELECT (SELECT COUNT(*) FROM structures WHERE body_id = $1), \
               (SELECT COUNT(DISTINCT m.person_id) FROM memberships m JOIN structures s ON s.id = m.structure_id WHERE s.body_id = $1 AND m.ended IS NULL), \
               (SELECT COUNT(*) FROM bals b JOIN structures s ON s.id = b.structure_id WHERE s.body_id = $1 AND b.state <> 'closed')";
    match tx.query_opt(sql, params![body])? {
        Some(r) => Ok((r.int(0)?, r.int(1)?, r.int(2)?)),
        None => Ok((0, 0, 0)),
    }
}

/// Somebody begins to work in a structure. `Exists` when the person does already.
pub fn join(tx: &mut dyn Tx, m: &Membership) -> Result<(), StoreError> {
    let sql = "INSERT INTO memberships (person_id, structure_id, function, since) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, params![m.person_id, m.structure_id, &m.function, m.since]).map(drop)
}

/// A membership in force takes another function; false when there is none.
pub fn set_function(tx: &mut dyn Tx, person: Id, structure: Id, function: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE memberships SET function = $3 WHERE person_id = $1 AND structure_id = $2 AND ended IS NULL";
    Ok(tx.execute(sql, params![person, structure, function])? > 0)
}

/// Somebody no longer works in a structure; false when the person did not.
pub fn leave(tx: &mut dyn Tx, person: Id, structure: Id, at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE memberships SET ended = $3 WHERE person_id = $1 AND structure_id = $2 AND ended IS NULL";
    Ok(tx.execute(sql, params![person, structure, at])? > 0)
}

/// As [`memberships`], of several people.
pub fn memberships_of(tx: &mut dyn Tx, people: &[Id]) -> Result<Vec<Membership>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT person_id, structure_id, function, since, ended FROM memberships WHERE person_id IN ({list}) ORDER BY since, structure_id"
        )
    };
    many::rows(tx, people, &[], sql, membership)
}

/// Every membership of a person, past ones too, oldest first.
pub fn memberships(tx: &mut dyn Tx, person: Id) -> Result<Vec<Membership>, StoreError> {
    let sql = "SELECT person_id, structure_id, function, since, ended FROM memberships WHERE person_id = $1 ORDER BY since, structure_id";
    tx.query(sql, params![person])?.iter().map(membership).collect()
}

/// The label of a code in an imported reference table. `Ok(None)`: no such code; the table may be empty ([`reference_is_there`]).
pub fn reference_label(tx: &mut dyn Tx, list: &str, code: &str) -> Result<Option<String>, StoreError> {
    crate::reference::label(tx, list, code)
}

/// Was this reference table imported? What came with the program is an excerpt, and refuses nothing.
pub fn reference_is_there(tx: &mut dyn Tx, list: &str) -> Result<bool, StoreError> {
    Ok(crate::reference::by_name(tx, list)?.is_some_and(|l| l.imported_by != crate::reference::SHIPPED_BY))
}
