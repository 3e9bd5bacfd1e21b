//! Cases of what looks like abuse, with their signals (F267): who, how often, since when; what a person decided. Counts, ids and labels; no address of a
//! correspondent, no content.
//!
//! Promises: one open case a subject, whoever opens it; a case that was decided is never changed again.
use crate::{Id, Row, StoreError, Tx, Value, params};

/// A row of `abuse_cases`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Id.
    pub id: Id,
    /// `token`, `connector`, `peer`.
    pub kind: String,
    /// Id of the token or connector; of a peer, the digest of its name.
    pub subject: String,
    /// What is shown for it: a token's label, a connector's name, a peer's DN.
    pub shown: String,
    /// Whose token.
    pub person: Option<Id>,
    /// The BAL at which it was noticed.
    pub bal: Option<Id>,
    /// Whose BAL that is.
    pub structure: Option<Id>,
    /// `open`, `decided`.
    pub state: String,
    /// Until when it is slowed, milliseconds.
    pub slowed_until: Option<i64>,
    /// When the person was told.
    pub told: Option<i64>,
    /// What was decided.
    pub decision: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// By whom: login.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<i64>,
    /// When it was opened.
    pub opened: i64,
    /// When it last changed.
    pub changed: i64,
    /// Version.
    pub version: i64,
}

/// A row of `abuse_signals`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The case.
    pub case: Id,
    /// Name of the signal.
    pub name: String,
    /// First time, milliseconds.
    pub first: i64,
    /// Last time.
    pub last: i64,
    /// How often it was given.
    pub times: i64,
    /// The largest count.
    pub seen: i64,
    /// The threshold that it passed.
    pub threshold: i64,
    /// What else is known: places.
    pub detail: String,
}

/// A subject that is slowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slowed {
    /// Kind of subject.
    pub kind: String,
    /// Subject.
    pub subject: String,
    /// Until when, milliseconds.
    pub until: i64,
}

const CASE: &str = "id, kind, subject, shown, person_id, bal_id, structure_id, state, slowed_until, told, decision, reason, decided_by, decided_at, opened, changed, version";

fn case_of(r: &Row) -> Result<Case, StoreError> {
    Ok(Case {
        id: r.int(0)?,
        kind: r.text(1)?,
        subject: r.text(2)?,
        shown: r.text(3)?,
        person: r.opt_int(4)?,
        bal: r.opt_int(5)?,
        structure: r.opt_int(6)?,
        state: r.text(7)?,
        slowed_until: r.opt_int(8)?,
        told: r.opt_int(9)?,
        decision: r.opt_text(10)?,
        reason: r.opt_text(11)?,
        decided_by: r.opt_text(12)?,
        decided_at: r.opt_int(13)?,
        opened: r.int(14)?,
        changed: r.int(15)?,
        version: r.int(16)?,
    })
}

/// The open case of a subject, held until the transaction ends: the one that is there, or this one. True when it is this one.
pub fn open(tx: &mut dyn Tx, c: &Case) -> Result<(Case, bool), StoreError> {
    let sql = "INSERT INTO abuse_cases (id, kind, subject, shown, person_id, bal_id, structure_id, state, opened, changed, version) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $8, 1) ON CONFLICT (kind, subject) WHERE state = 'open' DO NOTHING";
    let values =
        params![c.id, c.kind.as_str(), c.subject.as_str(), c.shown.as_str(), c.person, c.bal, c.structure, c.opened];
    let new = tx.execute(sql, values)? > 0;
    let sql = format!("SELECT {CASE} FROM abuse_cases WHERE kind = $1 AND subject = $2 AND state = 'open' FOR UPDATE");
    let row = tx.query_opt(&sql, params![c.kind.as_str(), c.subject.as_str()])?;
    // It was decided between the two statements: whoever asks again opens a new one.
    let row = row.ok_or_else(|| StoreError::Invalid("an open case".into()))?;
    Ok((case_of(&row)?, new))
}

/// A case by its id, held until the transaction ends.
pub fn hold(tx: &mut dyn Tx, id: Id) -> Result<Option<Case>, StoreError> {
    let sql = format!("SELECT {CASE} FROM abuse_cases WHERE id = $1 FOR UPDATE");
    tx.query_opt(&sql, params![id])?.as_ref().map(case_of).transpose()
}

/// A case by its id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Case>, StoreError> {
    let sql = format!("SELECT {CASE} FROM abuse_cases WHERE id = $1");
    tx.query_opt(&sql, params![id])?.as_ref().map(case_of).transpose()
}

/// Cases before an id, newest first, in a state, of some structures.
pub fn list(
    tx: &mut dyn Tx,
    state: Option<&str>,
    within: Option<&[Id]>,
    before: Id,
    limit: i64,
) -> Result<Vec<Case>, StoreError> {
    let mut values = vec![Value::Int(before), Value::Int(limit)];
    let mut clauses = String::new();
    if let Some(state) = state {
        values.push(state.into());
        clauses += " AND state = $3";
    }
    if let Some(structures) = within {
        clauses += &format!(" AND structure_id IN ({})", crate::structures::among(structures));
    }
    let sql = format!("SELECT {CASE} FROM abuse_cases WHERE id < $1{clauses} ORDER BY id DESC LIMIT $2");
    tx.query(&sql, &values)?.iter().map(case_of).collect()
}

/// Adds a signal to a case; `slowed_until` never comes nearer.
pub fn add(tx: &mut dyn Tx, s: &Seen, slowed_until: Option<i64>) -> Result<(), StoreError> {
    let sql = "INSERT INTO abuse_signals (case_id, name, first_at, last_at, times, seen, threshold, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
               ON CONFLICT (case_id, name) DO UPDATE SET last_at = excluded.last_at, times = abuse_signals.times + excluded.times, \
               seen = CASE WHEN abuse_signals.seen > excluded.seen THEN abuse_signals.seen ELSE excluded.seen END, \
               threshold = excluded.threshold, detail = excluded.detail";
    tx.execute(
        sql,
        params![s.case, s.name.as_str(), s.first, s.last, s.times, s.seen, s.threshold, s.detail.as_str()],
    )?;
    let sql = "UPDATE abuse_cases SET changed = $2, slowed_until = CASE WHEN $3 > COALESCE(slowed_until, 0) THEN $3 ELSE slowed_until END WHERE id = $1";
    tx.execute(sql, params![s.case, s.last, slowed_until.unwrap_or(0)]).map(drop)
}

/// Signals of some cases, by case and name.
pub fn signals(tx: &mut dyn Tx, cases: &[Id]) -> Result<Vec<Seen>, StoreError> {
    let read = |r: &Row| {
        Ok(Seen {
            case: r.int(0)?,
            name: r.text(1)?,
            first: r.int(2)?,
            last: r.int(3)?,
            times: r.int(4)?,
            seen: r.int(5)?,
            threshold: r.int(6)?,
            detail: r.text(7)?,
        })
    };
    let sql = |list: &str| {
        format!(
            "SELECT case_id, name, first_at, last_at, times, seen, threshold, detail FROM abuse_signals WHERE case_id IN ({list})"
        )
    };
    let mut found = crate::many::rows(tx, cases, &[], sql, read)?;
    found.sort_by(|a, b| (a.case, &a.name).cmp(&(b.case, &b.name)));
    Ok(found)
}

/// The person was told.
pub fn told(tx: &mut dyn Tx, id: Id, at: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE abuse_cases SET told = $2 WHERE id = $1", params![id, at]).map(drop)
}

/// What was decided of an open case; false when it is open no more.
pub fn decide(
    tx: &mut dyn Tx,
    id: Id,
    (decision, reason, by): (&str, &str, &str),
    at: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE abuse_cases SET state = 'decided', slowed_until = NULL, decision = $2, reason = $3, decided_by = $4, decided_at = $5, changed = $5, \
               version = version + 1 WHERE id = $1 AND state = 'open'";
    Ok(tx.execute(sql, params![id, decision, reason, by, at])? > 0)
}

/// Whoever is slowed at `now`.
pub fn slowed(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<Vec<Slowed>, StoreError> {
    let sql = "SELECT kind, subject, slowed_until FROM abuse_cases WHERE slowed_until IS NOT NULL AND slowed_until > $1 ORDER BY slowed_until DESC LIMIT $2";
    let read = |r: &Row| Ok(Slowed { kind: r.text(0)?, subject: r.text(1)?, until: r.int(2)? });
    tx.query(sql, params![now, limit])?.iter().map(read).collect()
}
