//! Rows of reports (what is wrong in a directory, abuses, requests for help) and of announcements. No rule is here.
use crate::structures::among;
use crate::{Id, Row, StoreError, Tx, Value, many, params};
use std::collections::HashMap;

/// A row of `reports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Id.
    pub id: Id,
    /// `report::ReportKind::as_str`.
    pub kind: String,
    /// The address that it is about.
    pub about: Option<String>,
    /// What is said.
    pub said: String,
    /// Who says it.
    pub person_id: Id,
    /// The structure in which the author worked the longest, then.
    pub structure_id: Option<Id>,
    /// `report::Desk::as_str`.
    pub desk: String,
    /// `report::ReportState::as_str`.
    pub state: String,
    /// What was answered.
    pub answer: Option<String>,
    /// Who answered: login.
    pub answered_by: Option<String>,
    /// When it was made, milliseconds since 1970.
    pub at: i64,
    /// When it last went on.
    pub changed: i64,
    /// Grows with each step.
    pub version: i64,
}

const REPORT: &str =
    "id, kind, about, said, person_id, structure_id, desk, state, answer, answered_by, at, changed, version";

fn report(r: &Row) -> Result<Report, StoreError> {
    Ok(Report {
        id: r.int(0)?,
        kind: r.text(1)?,
        about: r.opt_text(2)?,
        said: r.text(3)?,
        person_id: r.int(4)?,
        structure_id: r.opt_int(5)?,
        desk: r.text(6)?,
        state: r.text(7)?,
        answer: r.opt_text(8)?,
        answered_by: r.opt_text(9)?,
        at: r.int(10)?,
        changed: r.int(11)?,
        version: r.int(12)?,
    })
}

/// Keeps a new report.
pub fn insert(tx: &mut dyn Tx, r: &Report) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO reports ({REPORT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)");
    let values = params![
        r.id,
        &r.kind,
        r.about.clone(),
        &r.said,
        r.person_id,
        r.structure_id,
        &r.desk,
        &r.state,
        r.answer.clone(),
        r.answered_by.clone(),
        r.at,
        r.changed,
        r.version
    ];
    tx.execute(&sql, values).map(drop)
}

/// A report by id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Report>, StoreError> {
    tx.query_opt(&format!("SELECT {REPORT} FROM reports WHERE id = $1"), params![id])?.as_ref().map(report).transpose()
}

/// Goes on from a version: desk, state, answer; false when it went on meanwhile.
pub fn advance(tx: &mut dyn Tx, r: &Report) -> Result<bool, StoreError> {
    let sql = "UPDATE reports SET desk = $3, state = $4, answer = $5, answered_by = $6, changed = $7, version = version + 1 \
               WHERE id = $1 AND version = $2";
    let values = params![r.id, r.version, &r.desk, &r.state, r.answer.clone(), r.answered_by.clone(), r.changed];
    Ok(tx.execute(sql, values)? > 0)
}

/// How many reports of a person nobody has answered.
pub fn open_of(tx: &mut dyn Tx, person: Id) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM reports WHERE person_id = $1 AND state = 'open'";
    tx.query_opt(sql, params![person])?.map_or(Ok(0), |r| r.int(0))
}

/// Which reports to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub state: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// At this desk.
    pub desk: Option<String>,
    /// Only of these structures and kinds, or made by this person.
    pub within: Option<(Vec<Id>, Vec<String>, Id)>,
}

/// Reports, newest first, from before `before`.
pub fn list(tx: &mut dyn Tx, filter: &Filter, before: Id, limit: i64) -> Result<Vec<Report>, StoreError> {
    let mut values: Vec<Value> = vec![before.into(), limit.into()];
    let mut sql = format!("SELECT {REPORT} FROM reports WHERE id < $1");
    let mut mark = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    for (column, value) in [("state", &filter.state), ("kind", &filter.kind), ("desk", &filter.desk)] {
        if let Some(value) = value {
            sql.push_str(&format!(" AND {column} = {}", mark(value.as_str().into())));
        }
    }
    if let Some((structures, kinds, person)) = &filter.within {
        let kinds: Vec<String> = kinds.iter().map(|k| mark(k.as_str().into())).collect();
        let (own, kinds, structures) = (mark((*person).into()), kinds.join(", "), among(structures));
        sql.push_str(&format!(" AND (person_id = {own} OR (structure_id IN ({structures}) AND kind IN ({kinds})))"));
    }
    sql.push_str(" ORDER BY id DESC LIMIT $2");
    tx.query(&sql, &values)?.iter().map(report).collect()
}

/// How many reports of these kinds wait for an answer in each of these structures; none where none does.
pub fn open_in(tx: &mut dyn Tx, structures: &[Id]) -> Result<HashMap<Id, i64>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT structure_id, COUNT(*) FROM reports WHERE structure_id IN ({list}) AND state = 'open' \
             AND kind IN ('correction', 'help') GROUP BY structure_id"
        )
    };
    Ok(many::rows(tx, structures, &[], sql, |r| Ok((r.int(0)?, r.int(1)?)))?.into_iter().collect())
}

/// A row of `announcements`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Id.
    pub id: Id,
    /// Who announces: a regional body; none: the operator.
    pub body_id: Option<Id>,
    /// Title.
    pub title: String,
    /// What is announced.
    pub said: String,
    /// Login of who wrote it.
    pub by_whom: String,
    /// When, milliseconds since 1970.
    pub at: i64,
}

/// Keeps an announcement.
pub fn announce(tx: &mut dyn Tx, a: &Announcement) -> Result<(), StoreError> {
    let sql = "INSERT INTO announcements (id, body_id, title, said, by_whom, at) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![a.id, a.body_id, &a.title, &a.said, &a.by_whom, a.at]).map(drop)
}

/// Announcements, newest first, from before `before`: all, or the operator's and those of these bodies.
pub fn announcements(
    tx: &mut dyn Tx,
    bodies: Option<&[Id]>,
    before: Id,
    limit: i64,
) -> Result<Vec<Announcement>, StoreError> {
    let bound = bodies.map_or(String::new(), |ids| format!(" AND (body_id IS NULL OR body_id IN ({}))", among(ids)));
    let sql = format!(
        "SELECT id, body_id, title, said, by_whom, at FROM announcements WHERE id < $1{bound} ORDER BY id DESC LIMIT $2"
    );
    let read = |r: &Row| {
        Ok(Announcement {
            id: r.int(0)?,
            body_id: r.opt_int(1)?,
            title: r.text(2)?,
            said: r.text(3)?,
            by_whom: r.text(4)?,
            at: r.int(5)?,
        })
    };
    tx.query(&sql, params![before, limit])?.iter().map(read).collect()
}

/// Whom an announcement concerns: administrators, not blocked, of structures that a body follows (none: of all), with an ordinary address that is verified
/// and not known to be wrong.
/// Person and address, each person once, from after `after`.
pub fn audience(tx: &mut dyn Tx, body: Option<Id>, after: Id, limit: i64) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = "SELECT p.id, p.email FROM people p WHERE p.id > $2 AND p.disabled IS NULL AND p.email IS NOT NULL AND p.email_verified IS NOT NULL \
               AND p.email_wrong IS NULL AND EXISTS (SELECT 1 FROM roles r JOIN structures s ON s.id = r.structure_id WHERE r.person_id = p.id AND r.role = 'structure' \
               AND r.ended IS NULL AND ($1 = 0 OR s.body_id = $1)) ORDER BY p.id LIMIT $3";
    tx.query(sql, params![body.unwrap_or(0), after, limit])?.iter().map(|r| Ok((r.int(0)?, r.text(1)?))).collect()
}
