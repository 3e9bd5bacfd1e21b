//! Rows of the probative log. A trace is recorded in the act's own transaction and never changed; it stands by itself (login,
//! address) because it outlives what it speaks of.
use crate::messages::bind;
use crate::{Id, Row, StoreError, Tx, Value, params};

pub use sceau_domain::TraceKind as Kind;

/// A row of `traces`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Id, time-ordered.
    pub id: Id,
    /// Retention.
    pub kind: Kind,
    /// Stable act code, e.g. `mail.accepted`.
    pub act: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The natural person, when there is one.
    pub person_id: Option<Id>,
    /// Login, peer's DN, or `system`.
    pub actor: String,
    /// BAL.
    pub bal_id: Option<Id>,
    /// Its address (a patient's as a pseudonym).
    pub bal: Option<String>,
    /// Remote address.
    pub remote: Option<String>,
    /// Session.
    pub session: Option<String>,
    /// `ok` or a refusal's code.
    pub outcome: String,
    /// JSON object of other facts; never content.
    pub data: String,
}

/// How often a person did an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Login, as it was then.
    pub actor: String,
    /// Act.
    pub act: String,
    /// How often.
    pub count: i64,
    /// The last time, milliseconds since 1970.
    pub last: i64,
}

/// What people did with a BAL (its id, and its address as traces write it, which another BAL may have had before) from one instant to another:
/// successful acts that are traced with it, counted.
pub fn counts_of_bal(
    tx: &mut dyn Tx,
    (id, bal): (Id, &str),
    since: i64,
    until: i64,
) -> Result<Vec<Counted>, StoreError> {
    // Ids grow with time, give or take the clocks of the nodes: they bound what is looked at, `at` decides.
    let bound = |at: i64| crate::id::first_at(sceau_domain::Timestamp(at.clamp(0, LAST)));
    let (from, to) = (bound(since.saturating_sub(SKEW)), bound(until.saturating_add(SKEW)));
    let sql = "SELECT actor, act, COUNT(*), MAX(at) FROM traces WHERE bal = $1 AND id >= $2 AND id < $3 AND at >= $4 AND at <= $5 \
               AND bal_id = $6 AND person_id IS NOT NULL AND outcome = 'ok' GROUP BY actor, act ORDER BY actor, act";
    let rows = tx.query(sql, params![bal, from, to, since, until, id])?;
    rows.iter().map(|r| Ok(Counted { actor: r.text(0)?, act: r.text(1)?, count: r.int(2)?, last: r.int(3)? })).collect()
}

/// In 2087: ids reach a little further.
const LAST: i64 = 3_700_000_000_000;
/// How far an id and the instant of its row may be apart, milliseconds.
const SKEW: i64 = 3_600_000;

/// What to list. `act` matches itself and what is below it (`mail` matches `mail.accepted`).
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Act.
    pub act: Option<String>,
    /// BAL address.
    pub bal: Option<String>,
    /// Actor.
    pub actor: Option<String>,
    /// Not before, milliseconds since 1970.
    pub since: Option<i64>,
    /// Before, milliseconds since 1970.
    pub until: Option<i64>,
    /// Only greater ids, oldest first; otherwise newest first.
    pub after: Option<Id>,
    /// Only lesser ids.
    pub before: Option<Id>,
    /// At most.
    pub limit: i64,
}

/// Columns in the order of [`read`].
pub(crate) const COLUMNS: &str = "id, kind, act, at, person_id, actor, bal_id, bal, remote, session, outcome, data";

/// A trace whose first column is column `i` of the row.
pub(crate) fn read(r: &Row, i: usize) -> Result<Trace, StoreError> {
    Ok(Trace {
        id: r.int(i)?,
        // Another word is no kind that we wrote: it must not read as one.
        kind: Kind::parse(&r.text(i + 1)?)
            .ok_or_else(|| StoreError::Corrupt(format!("kind of trace {}", r.int(i).unwrap_or_default())))?,
        act: r.text(i + 2)?,
        at: r.int(i + 3)?,
        person_id: r.opt_int(i + 4)?,
        actor: r.text(i + 5)?,
        bal_id: r.opt_int(i + 6)?,
        bal: r.opt_text(i + 7)?,
        remote: r.opt_text(i + 8)?,
        session: r.opt_text(i + 9)?,
        outcome: r.text(i + 10)?,
        data: r.text(i + 11)?,
    })
}

/// Records a trace, in the transaction of the act.
pub fn record(tx: &mut dyn Tx, t: &Trace) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO traces ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
    let values = params![
        t.id,
        t.kind.as_str(),
        &t.act,
        t.at,
        t.person_id,
        &t.actor,
        t.bal_id,
        t.bal.clone(),
        t.remote.clone(),
        t.session.clone(),
        &t.outcome,
        &t.data
    ];
    tx.execute(&sql, values).map(drop)
}

/// The newest traces of exactly this act.
pub fn of_act(tx: &mut dyn Tx, act: &str, limit: i64) -> Result<Vec<Trace>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM traces WHERE act = $1 ORDER BY id DESC LIMIT $2");
    tx.query(&sql, params![act, limit])?.iter().map(|r| read(r, 0)).collect()
}

/// What a person did, newest first: ids from the first of these to before the second.
pub fn of_person(
    tx: &mut dyn Tx,
    (id, login): (Id, &str),
    (from, before): (Id, Id),
    limit: i64,
) -> Result<Vec<Trace>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM traces WHERE actor = $1 AND id >= $2 AND id < $3 AND person_id = $4 ORDER BY id DESC LIMIT $5"
    );
    tx.query(&sql, params![login, from, before, id, limit])?.iter().map(|r| read(r, 0)).collect()
}

/// What people did with a BAL (its id, and its address as traces write it), these acts alone, newest first: ids from the first to before the second.
pub fn at_bal(
    tx: &mut dyn Tx,
    (id, bal): (Id, &str),
    acts: &[&str],
    (from, before): (Id, Id),
    limit: i64,
) -> Result<Vec<Trace>, StoreError> {
    let (list, values) = bind(params![bal, from, before, id, limit], acts);
    let sql = format!(
        "SELECT {COLUMNS} FROM traces WHERE bal = $1 AND id >= $2 AND id < $3 AND bal_id = $4 AND person_id IS NOT NULL \
         AND act IN ({list}) ORDER BY id DESC LIMIT $5"
    );
    tx.query(&sql, &values)?.iter().map(|r| read(r, 0)).collect()
}

/// Lists traces.
pub fn list(tx: &mut dyn Tx, f: &Filter) -> Result<Vec<Trace>, StoreError> {
    let mut conditions = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut bind = |condition: &str, value: Value| {
        values.push(value);
        conditions.push(condition.replace('#', &format!("${}", values.len())));
    };
    if let Some(act) = &f.act {
        // '/' is the byte after '.': everything below `act.` sorts before it.
        bind("(act = # OR (act > # || '.' AND act < # || '/'))", Value::from(act));
    }
    if let Some(bal) = &f.bal {
        bind("bal = #", Value::from(bal));
    }
    if let Some(actor) = &f.actor {
        bind("actor = #", Value::from(actor));
    }
    if let Some(since) = f.since {
        bind("at >= #", Value::from(since));
    }
    if let Some(until) = f.until {
        bind("at < #", Value::from(until));
    }
    if let Some(after) = f.after {
        bind("id > #", Value::from(after));
    }
    if let Some(before) = f.before {
        bind("id < #", Value::from(before));
    }
    bind("#", Value::from(f.limit));
    let limit = conditions.pop().unwrap_or_default();
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let order = if f.after.is_some() { "ASC" } else { "DESC" };
    tx.query(&format!("SELECT {COLUMNS} FROM traces{filter} ORDER BY id {order} LIMIT {limit}"), &values)?
        .iter()
        .map(|r| read(r, 0))
        .collect()
}
