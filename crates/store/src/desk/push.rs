//! Browsers that want to be woken when mail comes, and of which BALs. No rule is here.
//!
//! Promises: `bals.follows` is written in the transaction that changes what somebody wants of a BAL, so that a delivery knows from the BAL's row alone
//! whether anybody waits; one row a browser, however much comes.
use crate::{Id, Row, StoreError, Tx, absences, params};
use std::collections::BTreeSet;

/// A browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Id: what its address is sealed with.
    pub id: Id,
    /// Whose.
    pub person: Id,
    /// Keyed digest of its address.
    pub tag: Vec<u8>,
    /// The address at which its service is asked, sealed under the identity key.
    pub sealed: Vec<u8>,
    /// Host of the service.
    pub host: String,
    /// Since when, milliseconds.
    pub created: i64,
    /// When the first mail came of which nothing was said, milliseconds.
    pub since: Option<i64>,
    /// When it is said.
    pub due: Option<i64>,
    /// When it was last woken.
    pub last: Option<i64>,
    /// How often that failed since it last did not.
    pub failures: i64,
}

const COLUMNS: &str = "id, person_id, tag, sealed, host, created, since, due, last, failures";

fn read(r: &Row) -> Result<Subscription, StoreError> {
    Ok(Subscription {
        id: r.int(0)?,
        person: r.int(1)?,
        tag: r.bytes(2)?,
        sealed: r.bytes(3)?,
        host: r.text(4)?,
        created: r.int(5)?,
        since: r.opt_int(6)?,
        due: r.opt_int(7)?,
        last: r.opt_int(8)?,
        failures: r.int(9)?,
    })
}

/// The browsers of a person, the oldest first.
pub fn of_person(tx: &mut dyn Tx, person: Id) -> Result<Vec<Subscription>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM push_subscriptions WHERE person_id = $1 ORDER BY id");
    tx.query(&sql, params![person])?.iter().map(read).collect()
}

/// One.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Subscription>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM push_subscriptions WHERE id = $1");
    tx.query_opt(&sql, params![id])?.as_ref().map(read).transpose()
}

/// The BALs of which a browser is told.
pub fn bals(tx: &mut dyn Tx, id: Id) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT bal_id FROM push_bals WHERE subscription_id = $1 ORDER BY bal_id";
    tx.query(sql, params![id])?.iter().map(|r| r.int(0)).collect()
}

/// Keeps a browser, in the place of what was kept under its address: a browser is of one person, the last who asked.
pub fn put(tx: &mut dyn Tx, s: &Subscription, of: &[Id]) -> Result<(), StoreError> {
    let sql = "SELECT id FROM push_subscriptions WHERE tag = $1 FOR UPDATE";
    if let Some(before) = tx.query_opt(sql, params![s.tag.as_slice()])? {
        let before = before.int(0)?;
        remove(tx, before)?;
    }
    let sql = format!(
        "INSERT INTO push_subscriptions ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING"
    );
    let (tag, sealed) = (s.tag.as_slice(), s.sealed.as_slice());
    tx.execute(&sql, params![s.id, s.person, tag, sealed, &s.host, s.created, s.since, s.due, s.last, s.failures])?;
    choose(tx, s.id, of)
}

/// Of these BALs a browser is told, and of no other.
pub fn choose(tx: &mut dyn Tx, id: Id, of: &[Id]) -> Result<(), StoreError> {
    let mut touched: BTreeSet<Id> = bals(tx, id)?.into_iter().collect();
    tx.execute("DELETE FROM push_bals WHERE subscription_id = $1", params![id])?;
    for bal in of {
        let sql = "INSERT INTO push_bals (bal_id, subscription_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        tx.execute(sql, params![*bal, id])?;
    }
    touched.extend(of);
    touched.into_iter().try_for_each(|bal| absences::follow(tx, bal))
}

/// Forgets a browser; false when it was not there.
pub fn remove(tx: &mut dyn Tx, id: Id) -> Result<bool, StoreError> {
    choose(tx, id, &[])?;
    Ok(tx.execute("DELETE FROM push_subscriptions WHERE id = $1", params![id])? > 0)
}

/// Forgets every browser of a person.
pub fn forget_of(tx: &mut dyn Tx, person: Id) -> Result<(), StoreError> {
    for s in of_person(tx, person)? {
        remove(tx, s.id)?;
    }
    Ok(())
}

/// Mail came to a BAL at `now`: when each browser that wants to hear of it is woken, not before `pause` milliseconds after it last was. Nothing changes
/// for one that waits already. How many wait since now.
pub fn plan(tx: &mut dyn Tx, bal: Id, now: i64, pause: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE push_subscriptions SET since = $2, due = CASE WHEN last > $3 THEN last + $4 ELSE $2 END \
               WHERE due IS NULL AND id IN (SELECT subscription_id FROM push_bals WHERE bal_id = $1)";
    tx.execute(sql, params![bal, now, now.saturating_sub(pause), pause])
}

/// What is due, the longest waiting first; at most `limit`.
pub fn due(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<Vec<Subscription>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM push_subscriptions WHERE due <= $1 ORDER BY due, id LIMIT $2");
    tx.query(&sql, params![now, limit])?.iter().map(read).collect()
}

/// When something is due next.
pub fn next_due(tx: &mut dyn Tx) -> Result<Option<i64>, StoreError> {
    tx.query_opt("SELECT MIN(due) FROM push_subscriptions", &[])?.map_or(Ok(None), |r| r.opt_int(0))
}

/// What was due at `was` is settled as `s` says it; false when somebody else settled it.
pub fn settle(tx: &mut dyn Tx, was: i64, s: &Subscription) -> Result<bool, StoreError> {
    let sql = "UPDATE push_subscriptions SET since = $3, due = $4, last = $5, failures = $6 WHERE id = $1 AND due = $2";
    Ok(tx.execute(sql, params![s.id, was, s.since, s.due, s.last, s.failures])? > 0)
}

/// It was woken at `at`, on demand.
pub fn woken(tx: &mut dyn Tx, id: Id, at: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE push_subscriptions SET last = $2, failures = 0 WHERE id = $1", params![id, at]).map(drop)
}
