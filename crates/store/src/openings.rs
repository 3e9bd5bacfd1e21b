//! Rows of openings: BALs on their way to being opened, changes and ends that are asked for. No rule is here.
use crate::{Id, Row, StoreError, Tx, Value, params};

/// A row of `openings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Id.
    pub id: Id,
    /// `opening::Task::as_str`.
    pub kind: String,
    /// The address it is about, as addresses are compared.
    pub address_key: String,
    /// The structure it is asked for.
    pub structure_id: Option<Id>,
    /// The BAL: for an opening the one that it will be, from the first moment on.
    pub bal_id: Option<Id>,
    /// `opening::State::as_str`.
    pub state: String,
    /// What was asked, JSON.
    pub request: String,
    /// Who asked: login, or `system`.
    pub asked_by: String,
    /// The same, as a person.
    pub asked_person: Option<Id>,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// When it last went on.
    pub changed: i64,
    /// Grows with each step.
    pub version: i64,
}

const OPENING: &str = "o.id, o.kind, o.address_key, o.structure_id, o.bal_id, o.state, o.request, o.asked_by, o.asked_person, o.at, \
                       o.changed, o.version";

fn opening(r: &Row) -> Result<Opening, StoreError> {
    Ok(Opening {
        id: r.int(0)?,
        kind: r.text(1)?,
        address_key: r.text(2)?,
        structure_id: r.opt_int(3)?,
        bal_id: r.opt_int(4)?,
        state: r.text(5)?,
        request: r.text(6)?,
        asked_by: r.text(7)?,
        asked_person: r.opt_int(8)?,
        at: r.int(9)?,
        changed: r.int(10)?,
        version: r.int(11)?,
    })
}

/// Inserts a request and whom it waits for; false when another one is under way for the address.
pub fn insert(tx: &mut dyn Tx, o: &Opening, people: &[Id]) -> Result<bool, StoreError> {
    let sql = "INSERT INTO openings (id, kind, address_key, structure_id, bal_id, state, request, asked_by, asked_person, at, changed, version) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
               ON CONFLICT (address_key) WHERE state IN ('requested', 'verified') DO NOTHING";
    let values = params![
        o.id,
        &o.kind,
        &o.address_key,
        o.structure_id,
        o.bal_id,
        &o.state,
        &o.request,
        &o.asked_by,
        o.asked_person,
        o.at,
        o.changed,
        o.version
    ];
    if tx.execute(sql, values)? == 0 {
        return Ok(false);
    }
    for person in people {
        tx.execute("INSERT INTO opening_people (opening_id, person_id) VALUES ($1, $2)", params![o.id, *person])?;
    }
    Ok(true)
}

/// A request by id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Opening>, StoreError> {
    tx.query_opt(&format!("SELECT {OPENING} FROM openings o WHERE o.id = $1"), params![id])?
        .as_ref()
        .map(opening)
        .transpose()
}

/// The request under way for an address.
pub fn under_way(tx: &mut dyn Tx, key: &str) -> Result<Option<Opening>, StoreError> {
    let sql =
        format!("SELECT {OPENING} FROM openings o WHERE o.address_key = $1 AND o.state IN ('requested', 'verified')");
    tx.query_opt(&sql, params![key])?.as_ref().map(opening).transpose()
}

/// Requests of a structure that are under way.
pub fn under_way_in(tx: &mut dyn Tx, structure: Id) -> Result<Vec<Opening>, StoreError> {
    let sql = format!(
        "SELECT {OPENING} FROM openings o WHERE o.structure_id = $1 AND o.state IN ('requested', 'verified') ORDER BY o.id"
    );
    tx.query(&sql, params![structure])?.iter().map(opening).collect()
}

/// Goes on from a version; false when it went on meanwhile.
pub fn advance(tx: &mut dyn Tx, id: Id, version: i64, state: &str, at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE openings SET state = $3, changed = $4, version = version + 1 WHERE id = $1 AND version = $2";
    Ok(tx.execute(sql, params![id, version, state, at])? > 0)
}

/// Writes anew what is asked; [`advance`] follows in the same transaction and says whether it was still of that version.
pub fn rewrite(tx: &mut dyn Tx, id: Id, request: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE openings SET request = $2 WHERE id = $1", params![id, request]).map(drop)
}

/// What is under way about a BAL goes with it to another structure. How many.
pub fn move_with(tx: &mut dyn Tx, bal: Id, structure: Option<Id>) -> Result<u64, StoreError> {
    let sql = "UPDATE openings SET structure_id = CAST($2 AS BIGINT), version = version + 1 WHERE bal_id = $1 AND state IN ('requested', 'verified')";
    tx.execute(sql, params![bal, structure])
}

/// Verified requests that wait for this person, oldest first.
pub fn waiting_for(tx: &mut dyn Tx, person: Id) -> Result<Vec<Id>, StoreError> {
    // From the person, who has few, to the requests: the other way would look at every request that waits for anybody.
    let sql = "SELECT o.id FROM opening_people w CROSS JOIN openings o \
               WHERE w.person_id = $1 AND o.id = w.opening_id AND o.state = 'verified' ORDER BY o.id";
    tx.query(sql, params![person])?.iter().map(|r| r.int(0)).collect()
}

/// Which requests to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub state: Option<String>,
    /// Of this task.
    pub kind: Option<String>,
    /// For this structure.
    pub structure: Option<Id>,
    /// With this in the address, or in the login of who asked.
    pub text: Option<String>,
    /// Only of these structures, or asked by or waiting for this person.
    pub within: Option<(Vec<Id>, Id)>,
}

/// Requests, newest first, from before `before`.
pub fn list(tx: &mut dyn Tx, filter: &Filter, before: Id, limit: i64) -> Result<Vec<Opening>, StoreError> {
    let mut values: Vec<Value> = vec![before.into(), limit.into()];
    let mut sql = format!("SELECT {OPENING} FROM openings o WHERE o.id < $1");
    let mut also = |clause: &str, value: Value| {
        values.push(value);
        sql.push_str(&clause.replace("{}", &format!("${}", values.len())));
    };
    if let Some(state) = &filter.state {
        also(" AND o.state = {}", state.into());
    }
    if let Some(kind) = &filter.kind {
        also(" AND o.kind = {}", kind.into());
    }
    if let Some(structure) = filter.structure {
        also(" AND o.structure_id = {}", structure.into());
    }
    if let Some(text) = &filter.text {
        let pattern = crate::bals::pattern(&text.to_lowercase(), true);
        also(" AND (o.address_key LIKE {} ESCAPE '!'", pattern.as_str().into());
        also(" OR o.asked_by LIKE {} ESCAPE '!')", pattern.into());
    }
    if let Some((structures, person)) = &filter.within {
        // A set that is made once: how many requests there are besides costs nothing.
        let own = " AND o.id IN (SELECT w.opening_id FROM opening_people w WHERE w.person_id = {} \
                   UNION SELECT m.id FROM openings m WHERE m.asked_person = {}";
        also(own, (*person).into());
        sql.push_str(&format!(
            " UNION SELECT m.id FROM openings m WHERE m.structure_id IN ({}))",
            crate::structures::among(structures)
        ));
    }
    sql.push_str(" ORDER BY o.id DESC LIMIT $2");
    tx.query(&sql, &values)?.iter().map(opening).collect()
}

/// Does the request wait for this person?
pub fn waits_for(tx: &mut dyn Tx, id: Id, person: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM opening_people WHERE opening_id = $1 AND person_id = $2";
    Ok(tx.query_opt(sql, params![id, person])?.is_some())
}

/// What is asked of ordinary addresses, for [`ready`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contacts {
    /// Nothing.
    Any = 0,
    /// That they are there.
    Given = 1,
    /// That they are confirmed.
    Confirmed = 2,
}

/// Verified requests that neither somebody's agreement with these terms nor somebody's ordinary address holds back: what a crash or a failure left to be
/// carried out.
pub fn ready(
    tx: &mut dyn Tx,
    terms: Option<Id>,
    contacts: Contacts,
    after: Id,
    limit: i64,
) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT o.id FROM openings o WHERE o.state = 'verified' AND o.id > $1 AND (o.kind <> 'open' OR EXISTS \
               (SELECT 1 FROM opening_people w JOIN acceptances a ON a.person_id = w.person_id WHERE w.opening_id = o.id AND a.terms_id = $2)) \
               AND ($4 = 0 OR o.kind <> 'open' OR NOT EXISTS (SELECT 1 FROM opening_people w JOIN people p ON p.id = w.person_id \
               WHERE w.opening_id = o.id AND (p.email IS NULL \
               OR (p.email_wrong IS NOT NULL AND p.email_verified IS NOT NULL) OR ($4 = 2 AND p.email_verified IS NULL)))) \
               ORDER BY o.id LIMIT $3";
    tx.query(sql, params![after, terms.unwrap_or(0), limit, contacts as i64])?.iter().map(|r| r.int(0)).collect()
}
