//! Rows of access: who may use which BAL, as what, with which rights, from when to when. Nothing is ever deleted: the past has an answer. No rule
//! is here.
use crate::accounts::{self, Bal};
use crate::{Id, Row, StoreError, Tx, many, params};
use std::collections::BTreeSet;

/// A row of `access`, with the person's login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Person.
    pub person_id: Id,
    /// Its login.
    pub login: String,
    /// BAL.
    pub bal_id: Id,
    /// `holder`, `responsible`, `member`, `delegate`, `machine`.
    pub role: String,
    /// When it was given, milliseconds since 1970.
    pub granted: i64,
    /// When it was over in fact.
    pub ended: Option<i64>,
    /// `BalRights::bits`.
    pub rights: i64,
    /// From when it counts.
    pub starts: i64,
    /// Until when it counts, when that was planned.
    pub ends: Option<i64>,
    /// Who gave it.
    pub granted_by: String,
    /// Why.
    pub reason: Option<String>,
    /// Who ended it.
    pub ended_by: Option<String>,
}

/// An access to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccess {
    /// Person.
    pub person_id: Id,
    /// BAL.
    pub bal_id: Id,
    /// As [`Access::role`].
    pub role: String,
    /// `BalRights::bits`.
    pub rights: i64,
    /// Now, milliseconds since 1970.
    pub granted: i64,
    /// From when it counts.
    pub starts: i64,
    /// Until when.
    pub ends: Option<i64>,
    /// Who gives it.
    pub granted_by: String,
    /// Why.
    pub reason: Option<String>,
}

impl NewAccess {
    /// From now on, without a planned end.
    pub fn now(person_id: Id, bal_id: Id, role: &str, rights: i64, at: i64, by: &str) -> Self {
        let (role, granted_by) = (role.to_owned(), by.to_owned());
        Self { person_id, bal_id, role, rights, granted: at, starts: at, ends: None, granted_by, reason: None }
    }
}

const ACCESS: &str = "SELECT a.person_id, p.login, a.bal_id, a.role, a.granted, a.ended, a.rights, a.starts, a.ends, a.granted_by, a.reason, \
                      a.ended_by FROM access a JOIN people p ON p.id = a.person_id";

fn access(r: &Row) -> Result<Access, StoreError> {
    Ok(Access {
        person_id: r.int(0)?,
        login: r.text(1)?,
        bal_id: r.int(2)?,
        role: r.text(3)?,
        granted: r.int(4)?,
        ended: r.opt_int(5)?,
        rights: r.int(6)?,
        starts: r.int(7)?,
        ends: r.opt_int(8)?,
        granted_by: r.text(9)?,
        reason: r.opt_text(10)?,
        ended_by: r.opt_text(11)?,
    })
}

/// Gives an access. `Exists` when the person has one that is not ended on this BAL; one that came to its planned end is ended by this.
pub fn grant(tx: &mut dyn Tx, a: &NewAccess) -> Result<(), StoreError> {
    let over = "UPDATE access SET ended = ends, ended_by = granted_by \
                WHERE person_id = $1 AND bal_id = $2 AND ended IS NULL AND ends IS NOT NULL AND ends <= $3";
    tx.execute(over, params![a.person_id, a.bal_id, a.granted])?;
    let sql = "INSERT INTO access (person_id, bal_id, role, granted, rights, starts, ends, granted_by, reason) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values =
        params![a.person_id, a.bal_id, &a.role, a.granted, a.rights, a.starts, a.ends, &a.granted_by, a.reason.clone()];
    tx.execute(sql, values).map(drop)
}

/// Ends the access that is not ended; false when there was none.
pub fn end(tx: &mut dyn Tx, person: Id, bal: Id, at: i64, by: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE access SET ended = $3, ended_by = $4 WHERE person_id = $1 AND bal_id = $2 AND ended IS NULL";
    Ok(tx.execute(sql, params![person, bal, at, by])? > 0)
}

/// What counts as present: not ended, and not past its planned end ($2: now).
const PRESENT: &str = "a.ended IS NULL AND (a.ends IS NULL OR a.ends > $2)";

/// Accesses of a BAL that are not over (some may not have begun), by login.
pub fn of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Vec<Access>, StoreError> {
    let sql = format!("{ACCESS} WHERE a.bal_id = $1 AND {PRESENT} ORDER BY p.login");
    let now = tx.now();
    tx.query(&sql, params![bal, now])?.iter().map(access).collect()
}

/// Accesses of a person that are not over (some may not have begun).
pub fn of_person(tx: &mut dyn Tx, person: Id) -> Result<Vec<Access>, StoreError> {
    let sql = format!("{ACCESS} WHERE a.person_id = $1 AND {PRESENT} ORDER BY a.bal_id");
    let now = tx.now();
    tx.query(&sql, params![person, now])?.iter().map(access).collect()
}

/// Accesses that are not over (some may not have begun) where this column is one of these.
fn of_many(tx: &mut dyn Tx, column: &str, ids: &[Id]) -> Result<Vec<Access>, StoreError> {
    let sql = |list: &str| {
        format!("{ACCESS} WHERE {column} IN ({list}) AND a.ended IS NULL AND (a.ends IS NULL OR a.ends > $1)")
    };
    let now = tx.now();
    many::rows(tx, ids, params![now], sql, access)
}

/// As [`of_bal`], of several BALs: by login.
pub fn of_bals(tx: &mut dyn Tx, bals: &[Id]) -> Result<Vec<Access>, StoreError> {
    let mut found = of_many(tx, "a.bal_id", bals)?;
    found.sort_unstable_by(|a, b| a.login.cmp(&b.login));
    Ok(found)
}

/// As [`of_person`], of several people: by BAL.
pub fn of_people(tx: &mut dyn Tx, people: &[Id]) -> Result<Vec<Access>, StoreError> {
    let mut found = of_many(tx, "a.person_id", people)?;
    found.sort_unstable_by_key(|a| a.bal_id);
    Ok(found)
}

/// The access of a person on a BAL that is not over; it may not have begun.
pub fn present(tx: &mut dyn Tx, person: Id, bal: Id) -> Result<Option<Access>, StoreError> {
    let sql = format!("{ACCESS} WHERE a.person_id = $1 AND {PRESENT} AND a.bal_id = $3");
    let now = tx.now();
    tx.query_opt(&sql, params![person, now, bal])?.as_ref().map(access).transpose()
}

/// The access of a person on a BAL that is in force at this moment, by its dates alone. [`seat`] judges the rest too.
pub fn in_force(tx: &mut dyn Tx, person: Id, bal: Id) -> Result<Option<Access>, StoreError> {
    let now = tx.now();
    Ok(present(tx, person, bal)?.filter(|a| a.starts <= now))
}

/// Says of `p` (people) that it is a natural person, whatever an access is called: somebody with a trait of identity or a profession, who has or had another
/// access than a machine's, who has a role, accepted terms of use, enrolled something or is known elsewhere, or has a token that is for no one BAL. A
/// machine has nothing of the kind, and its tokens are for its BAL.
pub(crate) const NATURAL: &str = "(p.national_id IS NOT NULL OR p.local_id IS NOT NULL OR p.family_name IS NOT NULL \
    OR p.given_name IS NOT NULL OR p.profession IS NOT NULL OR p.speciality IS NOT NULL OR p.identity <> 'none' OR p.habilitated <> 0 \
    OR EXISTS (SELECT 1 FROM access n WHERE n.person_id = p.id AND n.role <> 'machine') \
    OR EXISTS (SELECT 1 FROM acceptances n WHERE n.person_id = p.id) \
    OR EXISTS (SELECT 1 FROM roles n WHERE n.person_id = p.id AND n.ended IS NULL) \
    OR EXISTS (SELECT 1 FROM factors n WHERE n.person_id = p.id) OR EXISTS (SELECT 1 FROM bindings n WHERE n.person_id = p.id) \
    OR EXISTS (SELECT 1 FROM tokens n WHERE n.person_id = p.id AND n.purpose = 'device' AND n.bal_id IS NULL AND n.revoked IS NULL))";

/// Is that a natural person, not a machine?
pub fn is_natural(tx: &mut dyn Tx, person: Id) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM people p WHERE p.id = $1 AND {NATURAL}");
    Ok(tx.query_opt(&sql, params![person])?.is_some())
}

/// Which of these are natural persons, not machines.
pub fn natural(tx: &mut dyn Tx, people: &[Id]) -> Result<BTreeSet<Id>, StoreError> {
    let sql = |list: &str| format!("SELECT p.id FROM people p WHERE p.id IN ({list}) AND {NATURAL}");
    Ok(many::rows(tx, people, &[], sql, |r| r.int(0))?.into_iter().collect())
}

/// Is that a machine: somebody with the access of one, of whom nothing says that it is a natural person?
pub fn is_machine(tx: &mut dyn Tx, person: Id) -> Result<bool, StoreError> {
    Ok(machines(tx, &[person])?.contains(&person))
}

/// Which of these are machines.
pub fn machines(tx: &mut dyn Tx, people: &[Id]) -> Result<BTreeSet<Id>, StoreError> {
    let all = of_people(tx, people)?;
    let more: BTreeSet<Id> = all.iter().filter(|a| a.role != "machine").map(|a| a.person_id).collect();
    let alone: Vec<Id> = all.iter().map(|a| a.person_id).filter(|id| !more.contains(id)).collect();
    let natural = natural(tx, &alone)?;
    Ok(alone.into_iter().filter(|id| !natural.contains(id)).collect())
}

/// The holder of a personal BAL.
pub fn holder(tx: &mut dyn Tx, bal: Id) -> Result<Option<Access>, StoreError> {
    let sql = format!("{ACCESS} WHERE a.bal_id = $1 AND {PRESENT} AND a.role = 'holder'");
    let now = tx.now();
    tx.query_opt(&sql, params![bal, now])?.as_ref().map(access).transpose()
}

/// Every access that a BAL ever had, from after this place, in the order in which they were given.
pub fn history(tx: &mut dyn Tx, bal: Id, after: (i64, Id), limit: i64) -> Result<Vec<Access>, StoreError> {
    let sql = format!(
        "{ACCESS} WHERE a.bal_id = $1 AND (a.granted > $2 OR (a.granted = $2 AND a.person_id > $3)) \
         ORDER BY a.granted, a.person_id LIMIT $4"
    );
    tx.query(&sql, params![bal, after.0, after.1, limit])?.iter().map(access).collect()
}

/// Every access of a BAL that counted, by its own dates, at some instant from `from` until before `until`; by login, then as they were given.
pub fn during(tx: &mut dyn Tx, bal: Id, (from, until): (i64, i64)) -> Result<Vec<Access>, StoreError> {
    let sql = format!(
        "{ACCESS} WHERE a.bal_id = $1 AND a.granted < $3 AND a.starts < $3 AND (a.ends IS NULL OR a.ends > $2) \
         AND (a.ended IS NULL OR a.ended > $2) ORDER BY p.login, a.granted"
    );
    tx.query(&sql, params![bal, from, until])?.iter().map(access).collect()
}

/// When the newest access of a person on a BAL was given: the next one is given later.
pub fn newest(tx: &mut dyn Tx, person: Id, bal: Id) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT MAX(granted) FROM access WHERE person_id = $1 AND bal_id = $2";
    match tx.query_opt(sql, params![person, bal])? {
        Some(row) => row.opt_int(0),
        None => Ok(None),
    }
}

/// Keeps others from changing who has access to a BAL until the transaction ends.
pub fn lock(tx: &mut dyn Tx, bal: Id) -> Result<(), StoreError> {
    tx.query("SELECT id FROM bals WHERE id = $1 FOR UPDATE", params![bal]).map(drop)
}

/// Revokes the tokens that a person has for this BAL only.
pub fn revoke_tokens(tx: &mut dyn Tx, person: Id, bal: Id, at: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE tokens SET revoked = $3 WHERE person_id = $1 AND bal_id = $2 AND revoked IS NULL";
    tx.execute(sql, params![person, bal, at])
}

/// What a person may do at a BAL at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seated {
    /// The BAL's address as traces write it (a patient's is a pseudonym).
    pub shown: String,
    /// As [`Access::role`].
    pub role: String,
    /// `BalRights::bits`.
    pub rights: i64,
    /// Until when, when that was planned.
    pub ends: Option<i64>,
}

/// May this person use this BAL at this moment? The BAL is active, the access in force, neither the person nor the BAL's structure is blocked;
/// behind a delegate stands a holder who is not blocked. One look at indexes: asked at every act.
pub fn seat(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<Option<Seated>, StoreError> {
    let sql = "SELECT b.address_key, a.role, a.rights, a.ends FROM bals b JOIN access a ON a.bal_id = b.id \
               JOIN people p ON p.id = a.person_id LEFT JOIN structures s ON s.id = b.structure_id \
               WHERE b.id = $1 AND a.person_id = $2 AND b.state = 'active' AND a.ended IS NULL AND a.starts <= $3 \
               AND (a.ends IS NULL OR a.ends > $3) AND p.disabled IS NULL AND s.blocked IS NULL \
               AND (a.role <> 'delegate' OR EXISTS (SELECT 1 FROM access h JOIN people o ON o.id = h.person_id \
               WHERE h.bal_id = b.id AND h.role = 'holder' AND h.ended IS NULL AND (h.ends IS NULL OR h.ends > $3) AND o.disabled IS NULL))";
    let now = tx.now();
    let Some(row) = tx.query_opt(sql, params![bal, person, now])? else { return Ok(None) };
    Ok(Some(Seated { shown: row.text(0)?, role: row.text(1)?, rights: row.int(2)?, ends: row.opt_int(3)? }))
}

/// The BALs that a person may use at this moment, as [`seat`] judges each, by what their addresses are compared by; all of them (at most `most`), or
/// the one with this key. Whoever asks for one learns nothing of a BAL that is not among them: the look is the same.
pub fn seats(tx: &mut dyn Tx, person: Id, key: Option<&str>, most: i64) -> Result<Vec<(Bal, Seated)>, StoreError> {
    let bal: Vec<String> = accounts::BAL.split(", ").map(|c| format!("b.{}", c.trim())).collect();
    let (bal, columns) = (bal.join(", "), bal.len());
    let sql = format!(
        "SELECT {bal}, a.role, a.rights, a.ends FROM access a JOIN bals b ON b.id = a.bal_id \
         JOIN people p ON p.id = a.person_id LEFT JOIN structures s ON s.id = b.structure_id \
         WHERE a.person_id = $1 AND b.state = 'active' AND a.ended IS NULL AND a.starts <= $2 \
         AND (a.ends IS NULL OR a.ends > $2) AND p.disabled IS NULL AND s.blocked IS NULL \
         AND (a.role <> 'delegate' OR EXISTS (SELECT 1 FROM access h JOIN people o ON o.id = h.person_id \
         WHERE h.bal_id = b.id AND h.role = 'holder' AND h.ended IS NULL AND (h.ends IS NULL OR h.ends > $2) AND o.disabled IS NULL)) \
         AND ($3 = '' OR b.address_key = $3) ORDER BY b.address_key LIMIT $4"
    );
    let now = tx.now();
    let rows = tx.query(&sql, params![person, now, key.unwrap_or_default(), most])?;
    let seated = |r: &Row| {
        let bal = accounts::bal(r)?;
        let (role, rights, ends) = (r.text(columns)?, r.int(columns + 1)?, r.opt_int(columns + 2)?);
        let seated = Seated { shown: bal.address_key.clone(), role, rights, ends };
        Ok((bal, seated))
    };
    rows.iter().map(seated).collect()
}

/// The BAL's address as traces write it, when it is active: for ourselves.
pub fn active(tx: &mut dyn Tx, bal: Id) -> Result<Option<String>, StoreError> {
    let sql = "SELECT address_key FROM bals WHERE id = $1 AND state = 'active'";
    tx.query_opt(sql, params![bal])?.map(|r| r.text(0)).transpose()
}
