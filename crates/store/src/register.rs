//! What the national register says of each person with a national identifier: rows that follow from the register in force. No rule is here.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `register_findings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whom it is about.
    pub person_id: Id,
    /// The identifier that was looked up.
    pub national_id: String,
    /// `there`, `other_name`, `absent`, `struck`, `mismatch`.
    pub state: String,
    /// The name that the register has, or had; of a mismatch the name that was shown.
    pub label: String,
    /// The register that was looked in; 0: none had the identifier when something else was shown.
    pub generation: Id,
    /// Since when it says so, milliseconds since 1970.
    pub since: i64,
}

/// Somebody to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Who.
    pub person_id: Id,
    /// National identifier.
    pub national_id: String,
    /// Family name, when it is known.
    pub family_name: Option<String>,
    /// What was found before.
    pub before: Option<Finding>,
    /// Labels of the register's entries under this identifier, by line.
    pub labels: Vec<String>,
}

const FINDING: &str = "person_id, national_id, state, label, generation, since";

fn finding(r: &Row, from: usize) -> Result<Finding, StoreError> {
    Ok(Finding {
        person_id: r.int(from)?,
        national_id: r.text(from + 1)?,
        state: r.text(from + 2)?,
        label: r.text(from + 3)?,
        generation: r.int(from + 4)?,
        since: r.int(from + 5)?,
    })
}

/// People with a national identifier, by id from after one, with what a generation of the register says of them.
pub fn looked_up(tx: &mut dyn Tx, generation: Id, after: Id, limit: i64) -> Result<Vec<Looked>, StoreError> {
    let sql = "SELECT p.id, p.national_id, p.family_name, f.person_id, f.national_id, f.state, f.label, f.generation, f.since FROM people p \
               LEFT JOIN register_findings f ON f.person_id = p.id WHERE p.id > $1 AND p.national_id IS NOT NULL ORDER BY p.id LIMIT $2";
    let mut out = Vec::new();
    for row in tx.query(sql, params![after, limit])? {
        let id = row.text(1)?;
        let before = if row.opt_int(3)?.is_some() { Some(finding(&row, 3)?) } else { None };
        let labels = labels(tx, generation, &id)?;
        out.push(Looked { person_id: row.int(0)?, national_id: id, family_name: row.opt_text(2)?, before, labels });
    }
    Ok(out)
}

/// The names that a generation of the register has under an identifier.
pub fn labels(tx: &mut dyn Tx, generation: Id, national_id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT label FROM reference_entries WHERE generation = $1 AND code = $2 ORDER BY line LIMIT 20";
    tx.query(sql, params![generation, national_id])?.iter().map(|r| r.text(0)).collect()
}

/// What was found of a person when it was last looked.
pub fn of_person(tx: &mut dyn Tx, person: Id) -> Result<Option<Finding>, StoreError> {
    let sql = format!("SELECT {FINDING} FROM register_findings WHERE person_id = $1");
    tx.query_opt(&sql, params![person])?.as_ref().map(|r| finding(r, 0)).transpose()
}

/// Writes what was found.
pub fn put(tx: &mut dyn Tx, f: &Finding) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO register_findings ({FINDING}) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (person_id) DO UPDATE SET \
         national_id = excluded.national_id, state = excluded.state, label = excluded.label, generation = excluded.generation, \
         since = excluded.since"
    );
    tx.execute(&sql, params![f.person_id, &f.national_id, &f.state, &f.label, f.generation, f.since]).map(drop)
}

/// What was shown under another name does not count against a person any more, who has another name or showed who it is: the register alone has its
/// word again.
pub fn settle_mismatch(tx: &mut dyn Tx, person: Id) -> Result<(), StoreError> {
    let gone = "DELETE FROM register_findings WHERE person_id = $1 AND state = 'mismatch' AND generation = 0";
    tx.execute(gone, params![person])?;
    let there = "UPDATE register_findings SET state = 'there' WHERE person_id = $1 AND state = 'mismatch'";
    tx.execute(there, params![person]).map(drop)
}

/// A finding with the person's login and name, whether the person is blocked, and the identifier as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What was found.
    pub finding: Finding,
    /// Login.
    pub login: String,
    /// Name.
    pub name: String,
    /// Is the person blocked?
    pub blocked: bool,
}

/// Findings of one state about the identifiers that people have now, by person from after one; of people who work in these structures when they are
/// given.
pub fn list(
    tx: &mut dyn Tx,
    state: &str,
    within: Option<&[Id]>,
    after: Id,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let within = within.map_or(String::new(), |s| {
        let list = crate::structures::among(s);
        format!(" AND p.id IN (SELECT person_id FROM memberships WHERE ended IS NULL AND structure_id IN ({list}))")
    });
    let sql = format!(
        "SELECT f.person_id, f.national_id, f.state, f.label, f.generation, f.since, p.login, p.name, p.disabled FROM register_findings f \
         JOIN people p ON p.id = f.person_id AND p.national_id = f.national_id \
         WHERE f.state = $1 AND f.person_id > $2{within} ORDER BY f.person_id LIMIT $3"
    );
    let read = |r: &Row| {
        Ok(Listed { finding: finding(r, 0)?, login: r.text(6)?, name: r.text(7)?, blocked: r.opt_int(8)?.is_some() })
    };
    tx.query(&sql, params![state, after, limit])?.iter().map(read).collect()
}

/// How many people are in this state.
pub fn count(tx: &mut dyn Tx, state: &str) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM register_findings f JOIN people p ON p.id = f.person_id AND p.national_id = f.national_id \
               WHERE f.state = $1 AND p.disabled IS NULL";
    tx.query_opt(sql, params![state])?.map_or(Ok(0), |r| r.int(0))
}
