//! Rows that outlived their retention: found, counted, removed. No rule is here.
//!
//! Promises: finding and removing are bounded; rows of people and requests that a hold names are not found. (Of a BAL's messages ask
//! [`crate::holds::names`] first; and take [`crate::holds::lock`], so that a hold that comes meanwhile waits.)
use crate::messages::{EntryRow, bind};
use crate::{Id, StoreError, Tx, messages, params};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Ids asked about at a time.
const TOGETHER: usize = 200;

/// BALs that are not closed, by id from after one: each with its structure.
pub fn bals(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<(Id, Option<Id>)>, StoreError> {
    let sql = "SELECT id, structure_id FROM bals WHERE id > $1 AND state <> 'closed' ORDER BY id LIMIT $2";
    tx.query(sql, params![after, limit])?.iter().map(|r| Ok((r.int(0)?, r.opt_int(1)?))).collect()
}

/// Messages of a BAL with an id below this one that somebody can still see.
pub fn messages(tx: &mut dyn Tx, bal: Id, below: Id, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT m.id FROM messages m WHERE m.bal_id = $1 AND m.id < $2 \
               AND EXISTS (SELECT 1 FROM entries e WHERE e.message_id = m.id) ORDER BY m.id LIMIT $3";
    tx.query(sql, params![bal, below, limit])?.iter().map(|r| r.int(0)).collect()
}

/// How many messages of a BAL have an id below this one, and whether a hold keeps them.
pub fn count_messages(tx: &mut dyn Tx, bal: Id, below: Id) -> Result<(i64, bool), StoreError> {
    let sql = "SELECT COUNT(*) FROM messages m WHERE m.bal_id = $1 AND m.id < $2 \
               AND EXISTS (SELECT 1 FROM entries e WHERE e.message_id = m.id)";
    let count = tx.query_opt(sql, params![bal, below])?.map_or(Ok(0), |r| r.int(0))?;
    Ok((count, count > 0 && crate::holds::names(tx, bal)?))
}

/// The entries of a BAL that show these messages, by folder.
pub fn entries(tx: &mut dyn Tx, bal: Id, list: &[Id]) -> Result<BTreeMap<Id, Vec<EntryRow>>, StoreError> {
    let mut places: BTreeMap<Id, Vec<i64>> = BTreeMap::new();
    for slice in list.chunks(TOGETHER) {
        let (ids, values) = bind(params![bal], slice);
        let sql = format!("SELECT folder_id, uid FROM entries WHERE bal_id = $1 AND message_id IN ({ids})");
        for row in tx.query(&sql, &values)? {
            places.entry(row.int(0)?).or_default().push(row.int(1)?);
        }
    }
    let mut out = BTreeMap::new();
    for (folder, mut uids) in places {
        uids.sort_unstable();
        out.insert(folder, messages::entries_of(tx, folder, &uids)?);
    }
    Ok(out)
}

/// When each of these BALs was closed; those that are open, or were never there, are absent. `known`: those that are there.
pub fn closed(tx: &mut dyn Tx, bals: &HashSet<Id>) -> Result<(HashSet<Id>, HashMap<Id, i64>), StoreError> {
    let ids: Vec<Id> = bals.iter().copied().collect();
    let (mut known, mut closed) = (HashSet::new(), HashMap::new());
    for slice in ids.chunks(TOGETHER) {
        let (list, values) = bind(&[], slice);
        for row in tx.query(&format!("SELECT id FROM bals WHERE id IN ({list})"), &values)? {
            known.insert(row.int(0)?);
        }
        // What was closed before lives had steps begins with its destruction.
        let sql = format!(
            "SELECT subject_id, MIN(at) FROM life WHERE subject = 'bal' AND became IN ('closed', 'destroyed') AND subject_id IN ({list}) GROUP BY subject_id"
        );
        for row in tx.query(&sql, &values)? {
            closed.insert(row.int(0)?, row.int(1)?);
        }
    }
    Ok((known, closed))
}

/// No hold on the operator, nor on this structure, nor on this person.
fn free(structure: &str, person: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM legal_holds h WHERE h.lifted IS NULL AND (h.subject = 'operator' \
         OR (h.subject = 'structure' AND h.subject_id = {structure}) OR (h.subject = 'person' AND h.subject_id = {person})))"
    )
}

const REQUESTS: &str = "o.state IN ('refused', 'cancelled') AND o.changed < $1";

/// Removes requests that ended without a BAL before this instant; how many.
pub fn drop_requests(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let free = free("COALESCE(o.structure_id, 0)", "COALESCE(o.asked_person, 0)");
    let held = "EXISTS (SELECT 1 FROM opening_people q JOIN legal_holds h ON h.subject = 'person' AND h.subject_id = q.person_id \
                WHERE q.opening_id = o.id AND h.lifted IS NULL)";
    let sql = format!("SELECT o.id FROM openings o WHERE {REQUESTS} AND {free} AND NOT {held} ORDER BY o.id LIMIT $2");
    let ids: Vec<Id> = tx.query(&sql, params![before, limit])?.iter().map(|r| r.int(0)).collect::<Result<_, _>>()?;
    for slice in ids.chunks(TOGETHER) {
        let (list, values) = bind(&[], slice);
        tx.execute(&format!("DELETE FROM opening_people WHERE opening_id IN ({list})"), &values)?;
        tx.execute(&format!("DELETE FROM openings WHERE id IN ({list})"), &values)?;
    }
    Ok(ids.len() as u64)
}

const NOTICES: &str = "n.settled IS NOT NULL AND n.sealed IS NULL AND n.settled < $1";

/// Forgets notices that were settled before this instant; how many.
pub fn drop_notices(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let free = free("0", "n.person_id");
    let sql =
        format!("DELETE FROM notices WHERE id IN (SELECT n.id FROM notices n WHERE {NOTICES} AND {free} LIMIT $2)");
    tx.execute(&sql, params![before, limit])
}

/// People of whom something is kept that only a BAL needs, and whose last BAL was closed, or last access ended, before this instant ($1). Whoever works
/// somewhere or has a role is in use.
const PEOPLE: &str = "(p.email IS NOT NULL OR p.phone IS NOT NULL OR p.profession IS NOT NULL OR p.speciality IS NOT NULL OR p.local_id IS NOT NULL) \
    AND EXISTS (SELECT 1 FROM access a WHERE a.person_id = p.id) \
    AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = p.id AND m.ended IS NULL) \
    AND NOT EXISTS (SELECT 1 FROM roles r WHERE r.person_id = p.id AND r.ended IS NULL) \
    AND NOT EXISTS (SELECT 1 FROM access a JOIN bals b ON b.id = a.bal_id WHERE a.person_id = p.id \
        AND ((a.ended IS NULL AND b.state <> 'closed') OR a.ended >= $1 \
        OR (a.ended IS NULL AND EXISTS (SELECT 1 FROM life l WHERE l.subject = 'bal' AND l.subject_id = b.id AND l.became = 'closed' AND l.at >= $1))))";

/// A hold on any BAL that the person ever had counts for the person.
const PERSON_HELD: &str = "EXISTS (SELECT 1 FROM legal_holds h JOIN access a ON a.bal_id = h.subject_id WHERE h.lifted IS NULL AND h.subject = 'bal' \
    AND a.person_id = p.id) \
    OR EXISTS (SELECT 1 FROM legal_holds h JOIN memberships m ON m.structure_id = h.subject_id WHERE h.lifted IS NULL AND h.subject = 'structure' \
    AND m.person_id = p.id)";

/// People whose contacts outlived them: id and login, from after one.
pub fn people(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<Vec<(Id, String)>, StoreError> {
    let free = free("0", "p.id");
    let sql = format!(
        "SELECT p.id, p.login FROM people p WHERE {PEOPLE} AND {free} AND NOT ({PERSON_HELD}) ORDER BY p.id LIMIT $2"
    );
    tx.query(&sql, params![before, limit])?.iter().map(|r| Ok((r.int(0)?, r.text(1)?))).collect()
}

/// Forgets a person's contacts, profession and local identifier; and the certification, which was one of them too.
pub fn forget_person(tx: &mut dyn Tx, person: Id) -> Result<(), StoreError> {
    let sql = "UPDATE people SET email = NULL, email_verified = NULL, phone = NULL, profession = NULL, speciality = NULL, habilitated = 0, \
               local_id = NULL, local_id_reason = NULL, local_id_until = NULL, identity = 'none', version = version + 1 WHERE id = $1";
    tx.execute(sql, params![person])?;
    tx.execute("DELETE FROM links WHERE person_id = $1", params![person]).map(drop)
}

/// What is counted of one kind of row: all that is old enough, and those of them that a hold keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Old enough.
    pub old: i64,
    /// Of these, kept by a hold.
    pub held: i64,
}

/// How many requests, notices and people are old enough. `what`: `requests`, `notices`, `people`.
pub fn count(tx: &mut dyn Tx, what: &str, before: i64) -> Result<Count, StoreError> {
    let (table, condition, free) = match what {
        "requests" => ("openings o", REQUESTS, free("COALESCE(o.structure_id, 0)", "COALESCE(o.asked_person, 0)")),
        "notices" => ("notices n", NOTICES, free("0", "n.person_id")),
        _ => ("people p", PEOPLE, format!("({} AND NOT ({PERSON_HELD}))", free("0", "p.id"))),
    };
    let sql =
        format!("SELECT COUNT(*), COALESCE(SUM(CASE WHEN {free} THEN 0 ELSE 1 END), 0) FROM {table} WHERE {condition}");
    match tx.query_opt(&sql, params![before])? {
        Some(row) => Ok(Count { old: row.int(0)?, held: row.int(1)? }),
        None => Ok(Count::default()),
    }
}

/// How many traces of a kind were made before an instant.
pub fn count_traces(tx: &mut dyn Tx, kind: &str, below: Id) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM traces WHERE id < $1 AND kind = $2";
    tx.query_opt(sql, params![below, kind])?.map_or(Ok(0), |r| r.int(0))
}
