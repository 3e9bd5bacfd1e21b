//! Rows that outlived their retention: found, counted, removed. No rule is here.
//!
//! Promises: finding and removing are bounded; rows that a hold covers are not found. (Of a BAL's messages ask
//! [`crate::holds::names`] first; and take [`crate::holds::lock`], so that a hold that comes meanwhile waits.)
use crate::desk::push;
use crate::holds::{names_bal, names_person};
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

/// Rows that are kept for a time and belong to no BAL's mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aged {
    /// Requests that ended without a BAL.
    Requests,
    /// Notices that were settled.
    Notices,
    /// People of whom something is kept that only a BAL needs.
    People,
    /// Acceptances of the terms.
    Acceptances,
}

/// Works nowhere, has no role, waits for no BAL, and the last BAL was closed, or the last access ended (also by its plan, which nobody writes
/// down), before this instant ($1).
fn gone(person: &str) -> String {
    // What was closed before lives had steps begins with its destruction; of what says neither, nobody knows that it is over.
    let closed = "COALESCE((SELECT MIN(l.at) FROM life l WHERE l.subject = 'bal' AND l.subject_id = b.id AND l.became IN ('closed', 'destroyed')), $1)";
    format!(
        "NOT EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = {person} AND m.ended IS NULL) \
         AND NOT EXISTS (SELECT 1 FROM roles r WHERE r.person_id = {person} AND r.ended IS NULL) \
         AND NOT EXISTS (SELECT 1 FROM opening_people w JOIN openings o ON o.id = w.opening_id WHERE w.person_id = {person} \
         AND o.state IN ('requested', 'verified')) \
         AND NOT EXISTS (SELECT 1 FROM access a JOIN bals b ON b.id = a.bal_id WHERE a.person_id = {person} AND (a.ended >= $1 \
         OR (a.ended IS NULL AND (a.ends IS NULL OR a.ends >= $1) AND (b.state <> 'closed' OR {closed} >= $1))))"
    )
}

/// The log still has an act of the person of acceptance `c`: what was accepted is what it is proved with, for as long as a hold, or a BAL that goes
/// on, keeps it.
const PROVING: &str = "EXISTS (SELECT 1 FROM people w JOIN traces t ON t.actor = w.login WHERE w.id = c.person_id AND t.kind = 'Functional')";

impl Aged {
    /// The table, which of its rows are older than an instant ($1), and which a hold covers.
    fn rows(self) -> (&'static str, String, String) {
        match self {
            Self::Requests => {
                let old = "o.state IN ('refused', 'cancelled') AND o.changed < $1";
                let of_structure = "EXISTS (SELECT 1 FROM legal_holds h WHERE h.lifted IS NULL AND h.subject = 'structure' AND h.subject_id = o.structure_id)";
                // Whoever is only named in it (a member, a machine) is found in what was asked: a login needs no escaping there, and what `_` finds
                // besides is kept too.
                let named = "EXISTS (SELECT 1 FROM legal_holds h JOIN people hq ON hq.id = h.subject_id WHERE h.lifted IS NULL \
                             AND h.subject = 'person' AND o.request LIKE '%\"' || hq.login || '\"%')";
                let held = format!(
                    "{of_structure} OR {named} OR {} OR {} OR EXISTS (SELECT 1 FROM opening_people q WHERE q.opening_id = o.id AND {})",
                    names_bal("COALESCE(o.bal_id, 0)"),
                    names_person("COALESCE(o.asked_person, 0)"),
                    names_person("q.person_id")
                );
                ("openings o", old.to_owned(), held)
            }
            Self::Notices => {
                let old = "n.settled IS NOT NULL AND n.sealed IS NULL AND n.settled < $1";
                ("notices n", old.to_owned(), names_person("n.person_id"))
            }
            Self::People => {
                // Who was certified, or answered, since then is expected back.
                let kept = "(p.email IS NOT NULL OR p.phone IS NOT NULL OR p.profession IS NOT NULL OR p.speciality IS NOT NULL OR p.local_id IS NOT NULL \
                            OR EXISTS (SELECT 1 FROM bindings g WHERE g.person_id = p.id) OR EXISTS (SELECT 1 FROM factors f WHERE f.person_id = p.id) \
                            OR EXISTS (SELECT 1 FROM handles i WHERE i.person_id = p.id)) \
                            AND EXISTS (SELECT 1 FROM access x WHERE x.person_id = p.id) \
                            AND (p.identity_at IS NULL OR p.identity_at < $1) AND (p.email_verified IS NULL OR p.email_verified < $1)";
                ("people p", format!("{kept} AND {}", gone("p.id")), names_person("p.id"))
            }
            Self::Acceptances => {
                ("acceptances c", format!("c.at < $1 AND {}", gone("c.person_id")), names_person("c.person_id"))
            }
        }
    }

    /// The rows that are older than an instant ($1) and that no hold covers: what to select of them.
    fn free(self, columns: &str) -> String {
        let (table, old, held) = self.rows();
        format!("SELECT {columns} FROM {table} WHERE {old} AND NOT ({held})")
    }
}

/// Removes requests that ended without a BAL before this instant; how many.
pub fn drop_requests(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = format!("{} ORDER BY o.id LIMIT $2", Aged::Requests.free("o.id"));
    let ids: Vec<Id> = tx.query(&sql, params![before, limit])?.iter().map(|r| r.int(0)).collect::<Result<_, _>>()?;
    for slice in ids.chunks(TOGETHER) {
        let (list, values) = bind(&[], slice);
        tx.execute(&format!("DELETE FROM opening_people WHERE opening_id IN ({list})"), &values)?;
        tx.execute(&format!("DELETE FROM openings WHERE id IN ({list})"), &values)?;
    }
    Ok(ids.len() as u64)
}

/// Forgets notices that were settled before this instant; how many.
pub fn drop_notices(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = format!("DELETE FROM notices WHERE id IN ({} LIMIT $2)", Aged::Notices.free("n.id"));
    tx.execute(&sql, params![before, limit])
}

/// Forgets which terms people accepted before this instant whose last BAL was closed before it too, and of whose acts the log has none left: of at
/// most `limit` people; whose, and how many acceptances.
pub fn drop_acceptances(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<(Vec<Id>, u64), StoreError> {
    let free = Aged::Acceptances.free("DISTINCT c.person_id");
    let sql = format!("{free} AND NOT {PROVING} ORDER BY c.person_id LIMIT $2");
    let people: Vec<Id> = tx.query(&sql, params![before, limit])?.iter().map(|r| r.int(0)).collect::<Result<_, _>>()?;
    let mut count = 0;
    for slice in people.chunks(TOGETHER) {
        let (list, values) = bind(params![before], slice);
        count += tx.execute(&format!("DELETE FROM acceptances WHERE at < $1 AND person_id IN ({list})"), &values)?;
    }
    Ok((people, count))
}

/// People whose contacts outlived them: id and login.
pub fn people(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = format!("{} ORDER BY p.id LIMIT $2", Aged::People.free("p.id, p.login"));
    tx.query(&sql, params![before, limit])?.iter().map(|r| Ok((r.int(0)?, r.text(1)?))).collect()
}

/// Forgets a person's contacts, profession and local identifier; the certification, which was one of them too; and by what the person proved who he was.
pub fn forget_person(tx: &mut dyn Tx, person: Id) -> Result<(), StoreError> {
    let sql = "UPDATE people SET email = NULL, email_verified = NULL, phone = NULL, profession = NULL, speciality = NULL, habilitated = 0, \
               local_id = NULL, local_id_reason = NULL, local_id_until = NULL, identity = 'none', version = version + 1 WHERE id = $1";
    tx.execute(sql, params![person])?;
    for table in ["bindings", "factors", "handles", "known_browsers", "recoveries", "links", "desk_choices"] {
        tx.execute(&format!("DELETE FROM {table} WHERE person_id = $1"), params![person])?;
    }
    push::forget_of(tx, person)
}

/// Who keeps something of his own (annotations, subscriptions) at a BAL where he has no access any more and none to come: BAL and person, of BALs with
/// an id above the first one, up to the second. What a hold covers is left out.
pub fn remains(tx: &mut dyn Tx, (after, upto): (Id, Id)) -> Result<Vec<(Id, Id)>, StoreError> {
    let (held, kept) = (names_bal("r.bal_id"), names_person("r.person_id"));
    let sql = format!(
        "SELECT r.bal_id, r.person_id FROM (SELECT bal_id, person_id FROM annotations WHERE bal_id > $1 AND bal_id <= $2 AND person_id <> 0 \
         UNION SELECT bal_id, person_id FROM subscriptions WHERE bal_id > $1 AND bal_id <= $2) r \
         WHERE NOT EXISTS (SELECT 1 FROM access a WHERE a.bal_id = r.bal_id AND a.person_id = r.person_id AND a.ended IS NULL \
         AND (a.ends IS NULL OR a.ends > $3)) AND NOT ({held}) AND NOT ({kept}) ORDER BY r.bal_id, r.person_id"
    );
    let now = tx.now();
    tx.query(&sql, params![after, upto, now])?.iter().map(|r| Ok((r.int(0)?, r.int(1)?))).collect()
}

/// Forgets what somebody keeps of his own at a BAL; how many rows.
pub fn drop_remains(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<u64, StoreError> {
    let gone = tx.execute("DELETE FROM annotations WHERE bal_id = $1 AND person_id = $2", params![bal, person])?;
    Ok(gone + tx.execute("DELETE FROM subscriptions WHERE bal_id = $1 AND person_id = $2", params![bal, person])?)
}

/// What is counted of one kind of row: all that is old enough, and those of them that a hold keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Old enough.
    pub old: i64,
    /// Of these, kept by a hold.
    pub held: i64,
}

/// How many are old enough. (Of acceptances also those that the log still needs: it is purged of what is old enough first.)
pub fn count(tx: &mut dyn Tx, what: Aged, before: i64) -> Result<Count, StoreError> {
    let (table, old, held) = what.rows();
    let sql = format!("SELECT COUNT(*), COALESCE(SUM(CASE WHEN {held} THEN 1 ELSE 0 END), 0) FROM {table} WHERE {old}");
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
