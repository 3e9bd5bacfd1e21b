//! Rows of legal holds, and the one question: does a hold name this? No rule is here but what each kind of hold covers.
//!
//! What a hold covers: `operator`, everything; `bal`, that BAL; `structure`, its BALs, and the traces of whoever ever worked there; `person`, every BAL
//! on which the person ever had an access, and the person's traces. What is kept of people themselves (contacts, acceptances, notices, their requests)
//! is covered by a hold on the person, on a structure where the person ever worked, on a BAL where the person ever had an access, and on its structure.
//!
//! Promises: a hold and a destruction never cross (both take [`lock`] first); what a hold covers is judged at the moment of asking.
use crate::messages::bind;
use crate::{Id, Row, StoreError, Tx, params, settings};
use std::collections::HashSet;

/// A row of `legal_holds`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Id.
    pub id: Id,
    /// `bal`, `person`, `structure` or `operator`.
    pub subject: String,
    /// Which one; 0 for the operator.
    pub subject_id: Id,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub authority: String,
    /// When it was placed, milliseconds since 1970.
    pub placed: i64,
    /// By whom.
    pub placed_by: String,
    /// When it was lifted.
    pub lifted: Option<i64>,
    /// By whom.
    pub lifted_by: Option<String>,
    /// Why.
    pub lifted_reason: Option<String>,
}

impl Hold {
    /// One that stands from now on. `of`: subject and which one.
    pub fn new(id: Id, of: (&str, Id), reason: &str, authority: &str, placed: i64, by: &str) -> Self {
        Self {
            id,
            subject: of.0.to_owned(),
            subject_id: of.1,
            reason: reason.to_owned(),
            authority: authority.to_owned(),
            placed,
            placed_by: by.to_owned(),
            lifted: None,
            lifted_by: None,
            lifted_reason: None,
        }
    }
}

const HOLD: &str = "SELECT id, subject, subject_id, reason, authority, placed, placed_by, lifted, lifted_by, lifted_reason FROM legal_holds";
/// Ids asked about at a time.
const TOGETHER: usize = 200;

fn hold(r: &Row) -> Result<Hold, StoreError> {
    Ok(Hold {
        id: r.int(0)?,
        subject: r.text(1)?,
        subject_id: r.int(2)?,
        reason: r.text(3)?,
        authority: r.text(4)?,
        placed: r.int(5)?,
        placed_by: r.text(6)?,
        lifted: r.opt_int(7)?,
        lifted_by: r.opt_text(8)?,
        lifted_reason: r.opt_text(9)?,
    })
}

/// The condition that a hold names the BAL of this column.
pub(crate) fn names_bal(column: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM legal_holds h WHERE h.lifted IS NULL AND (h.subject = 'operator' \
         OR (h.subject = 'bal' AND h.subject_id = {column}) \
         OR (h.subject = 'structure' AND EXISTS (SELECT 1 FROM bals hb WHERE hb.id = {column} AND hb.structure_id = h.subject_id)) \
         OR (h.subject = 'person' AND EXISTS (SELECT 1 FROM access ha WHERE ha.bal_id = {column} AND ha.person_id = h.subject_id))))"
    )
}

/// The condition that a hold covers what is kept of the person of this column.
pub(crate) fn names_person(column: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM legal_holds hp WHERE hp.lifted IS NULL AND (hp.subject = 'operator' \
         OR (hp.subject = 'person' AND hp.subject_id = {column}) \
         OR (hp.subject = 'structure' AND EXISTS (SELECT 1 FROM memberships hm WHERE hm.person_id = {column} AND hm.structure_id = hp.subject_id)) \
         OR (hp.subject = 'bal' AND EXISTS (SELECT 1 FROM access ha WHERE ha.person_id = {column} AND ha.bal_id = hp.subject_id)) \
         OR (hp.subject = 'structure' AND EXISTS (SELECT 1 FROM access ha JOIN bals hb ON hb.id = ha.bal_id \
             WHERE ha.person_id = {column} AND hb.structure_id = hp.subject_id))))"
    )
}

/// Makes holds and what they forbid follow each other, until the end of the transaction.
pub fn lock(tx: &mut dyn Tx, now: i64) -> Result<(), StoreError> {
    settings::put(tx, "holds.lock", b"", now).map(drop)
}

/// Places a hold.
pub fn place(tx: &mut dyn Tx, h: &Hold) -> Result<(), StoreError> {
    let sql = "INSERT INTO legal_holds (id, subject, subject_id, reason, authority, placed, placed_by) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = params![h.id, &h.subject, h.subject_id, &h.reason, &h.authority, h.placed, &h.placed_by];
    tx.execute(sql, values).map(drop)
}

/// Lifts a hold; false when it is unknown or was lifted before. Destructions that waited are tried at once.
pub fn lift(tx: &mut dyn Tx, id: Id, at: i64, by: &str, reason: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE legal_holds SET lifted = $2, lifted_by = $3, lifted_reason = $4 WHERE id = $1 AND lifted IS NULL";
    if tx.execute(sql, params![id, at, by, reason])? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE jobs SET run_at = $1 WHERE kind = 'purge' AND lease IS NULL AND run_at > $1";
    tx.execute(sql, params![at])?;
    Ok(true)
}

/// A hold.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Hold>, StoreError> {
    tx.query_opt(&format!("{HOLD} WHERE id = $1"), params![id])?.as_ref().map(hold).transpose()
}

/// Holds from after `after`, oldest first: those that stand, or all.
pub fn list(tx: &mut dyn Tx, standing: bool, after: Id, limit: i64) -> Result<Vec<Hold>, StoreError> {
    let only = if standing { "AND lifted IS NULL" } else { "" };
    let sql = format!("{HOLD} WHERE id > $1 {only} ORDER BY id LIMIT $2");
    tx.query(&sql, params![after, limit])?.iter().map(hold).collect()
}

/// Standing holds placed on the operator as a whole, oldest first.
pub fn of_operator(tx: &mut dyn Tx) -> Result<Vec<Hold>, StoreError> {
    let sql = format!("{HOLD} WHERE subject = 'operator' AND lifted IS NULL ORDER BY id");
    tx.query(&sql, &[])?.iter().map(hold).collect()
}

/// Standing holds that name a BAL, oldest first.
pub fn of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Vec<Hold>, StoreError> {
    let sql = format!(
        "{HOLD} WHERE lifted IS NULL AND (subject = 'operator' OR (subject = 'bal' AND subject_id = $1) \
         OR (subject = 'structure' AND EXISTS (SELECT 1 FROM bals b WHERE b.id = $1 AND b.structure_id = legal_holds.subject_id)) \
         OR (subject = 'person' AND EXISTS (SELECT 1 FROM access a WHERE a.bal_id = $1 AND a.person_id = legal_holds.subject_id))) \
         ORDER BY id"
    );
    tx.query(&sql, params![bal])?.iter().map(hold).collect()
}

/// Standing holds placed on a person or a structure itself, oldest first.
pub fn of_subject(tx: &mut dyn Tx, subject: &str, id: Id) -> Result<Vec<Hold>, StoreError> {
    let sql = format!("{HOLD} WHERE subject = $1 AND subject_id = $2 AND lifted IS NULL ORDER BY id");
    tx.query(&sql, params![subject, id])?.iter().map(hold).collect()
}

/// Does a hold name this BAL?
pub fn names(tx: &mut dyn Tx, bal: Id) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM bals b WHERE b.id = $1 AND {}", names_bal("b.id"));
    Ok(tx.query_opt(&sql, params![bal])?.is_some())
}

/// How often holds were placed and lifted: when it has changed, what was passed over is looked at again.
pub fn changes(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) + COALESCE(SUM(CASE WHEN lifted IS NULL THEN 0 ELSE 1 END), 0) FROM legal_holds";
    tx.query_opt(sql, &[])?.map_or(Ok(0), |r| r.int(0))
}

/// Was no hold placed or lifted since [`changes`] counted so many? For whoever looked before the transaction that removes: a hold that is being placed
/// comes first.
pub fn unchanged(tx: &mut dyn Tx, seen: i64, now: i64) -> Result<bool, StoreError> {
    lock(tx, now)?;
    Ok(changes(tx)? == seen)
}

/// Of these traces' BALs and people, those whose traces a hold keeps: BALs, people.
pub fn keeping(
    tx: &mut dyn Tx,
    bals: &HashSet<Id>,
    people: &HashSet<Id>,
) -> Result<(HashSet<Id>, HashSet<Id>), StoreError> {
    // Nearly always there is none.
    if tx.query_opt("SELECT 1 FROM legal_holds WHERE lifted IS NULL LIMIT 1", &[])?.is_none() {
        return Ok(Default::default());
    }
    let persons = "EXISTS (SELECT 1 FROM legal_holds h WHERE h.lifted IS NULL AND ((h.subject = 'person' AND h.subject_id = x.id) \
                   OR (h.subject = 'structure' AND EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = x.id AND m.structure_id = h.subject_id))))";
    let mut find = |table: &str, condition: &str, ids: &HashSet<Id>| {
        let ids: Vec<Id> = ids.iter().copied().collect();
        let mut found = HashSet::new();
        for slice in ids.chunks(TOGETHER) {
            let (list, values) = bind(&[], slice);
            let sql = format!("SELECT x.id FROM {table} x WHERE x.id IN ({list}) AND {condition}");
            for row in tx.query(&sql, &values)? {
                found.insert(row.int(0)?);
            }
        }
        Ok::<_, StoreError>(found)
    };
    Ok((find("bals", &names_bal("x.id"), bals)?, find("people", persons, people)?))
}

/// Notes those of these messages that no entry shows any more, when a hold names their BAL. False, having done nothing, when none does.
pub(crate) fn keep(tx: &mut dyn Tx, bal: Id, messages: &[Id], at: i64) -> Result<bool, StoreError> {
    if !names(tx, bal)? {
        return Ok(false);
    }
    for slice in messages.chunks(TOGETHER) {
        let (list, values) = bind(params![bal, at], slice);
        let sql = format!(
            "INSERT INTO kept_messages (bal_id, message_id, at) SELECT m.bal_id, m.id, CAST($2 AS BIGINT) FROM messages m \
             WHERE m.bal_id = $1 AND m.id IN ({list}) AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.message_id = m.id) \
             ON CONFLICT (bal_id, message_id) DO NOTHING"
        );
        tx.execute(&sql, &values)?;
    }
    Ok(true)
}

/// Messages that were kept and that no hold names any more, of one BAL: it, and at most `limit` of them.
pub fn released(tx: &mut dyn Tx, limit: i64) -> Result<Option<(Id, Vec<Id>)>, StoreError> {
    let sql =
        // Judged once a BAL, not once a message.
        format!("SELECT k.bal_id FROM (SELECT DISTINCT bal_id FROM kept_messages) k WHERE NOT {} ORDER BY k.bal_id LIMIT 1", names_bal("k.bal_id"));
    let Some(row) = tx.query_opt(&sql, &[])? else { return Ok(None) };
    let bal = row.int(0)?;
    let sql = "SELECT message_id FROM kept_messages WHERE bal_id = $1 ORDER BY message_id LIMIT $2";
    let list = tx.query(sql, params![bal, limit])?.iter().map(|r| r.int(0)).collect::<Result<_, _>>()?;
    Ok(Some((bal, list)))
}

/// Forgets that these messages were kept.
pub fn forget_kept(tx: &mut dyn Tx, bal: Id, messages: &[Id]) -> Result<(), StoreError> {
    for slice in messages.chunks(TOGETHER) {
        let (list, values) = bind(params![bal], slice);
        tx.execute(&format!("DELETE FROM kept_messages WHERE bal_id = $1 AND message_id IN ({list})"), &values)?;
    }
    Ok(())
}

/// How many messages of a BAL are kept only because of a hold.
pub fn kept(tx: &mut dyn Tx, bal: Id) -> Result<i64, StoreError> {
    tx.query_opt("SELECT COUNT(*) FROM kept_messages WHERE bal_id = $1", params![bal])?.map_or(Ok(0), |r| r.int(0))
}
