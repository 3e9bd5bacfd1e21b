//! Rows of one-time links and of notices (ordinary mail without content). No rule is here.
//!
//! Promises: of a link's secret only a digest is kept; of a notice, what it says and where it goes is sealed, and gone once it has left.
use crate::{Id, Row, StoreError, Tx, many, params, settings};

/// A one-time link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Id.
    pub id: Id,
    /// What it confirms, e.g. `email`.
    pub purpose: String,
    /// Whose.
    pub person_id: Id,
    /// Peppered digest of the secret.
    pub digest: Vec<u8>,
    /// What is confirmed by it (the address).
    pub value: String,
    /// Made, milliseconds since 1970.
    pub created: i64,
    /// Good until.
    pub expires: i64,
    /// Used, or replaced by a newer one.
    pub used: Option<i64>,
}

const LINK: &str = "id, purpose, person_id, digest, value, created, expires, used";

/// Keeps a new link; the person's earlier ones for this purpose are good no longer.
pub fn insert_link(tx: &mut dyn Tx, l: &Link) -> Result<(), StoreError> {
    void_links(tx, l.person_id, &l.purpose, l.created)?;
    let sql = format!("INSERT INTO links ({LINK}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    let values = params![l.id, &l.purpose, l.person_id, l.digest.clone(), &l.value, l.created, l.expires, l.used];
    tx.execute(&sql, values).map(drop)
}

/// A person's links for this purpose are good no longer.
pub fn void_links(tx: &mut dyn Tx, person: Id, purpose: &str, at: i64) -> Result<(), StoreError> {
    let sql = "UPDATE links SET used = $3 WHERE person_id = $1 AND purpose = $2 AND used IS NULL";
    tx.execute(sql, params![person, purpose, at]).map(drop)
}

/// A link that is good at this moment.
pub fn good_link(tx: &mut dyn Tx, digest: &[u8], now: i64) -> Result<Option<Link>, StoreError> {
    let sql = format!("SELECT {LINK} FROM links WHERE digest = $1 AND used IS NULL AND expires > $2");
    let row = tx.query_opt(&sql, params![digest, now])?;
    let read = |r: Row| {
        Ok(Link {
            id: r.int(0)?,
            purpose: r.text(1)?,
            person_id: r.int(2)?,
            digest: r.bytes(3)?,
            value: r.text(4)?,
            created: r.int(5)?,
            expires: r.int(6)?,
            used: r.opt_int(7)?,
        })
    };
    row.map(read).transpose()
}

/// Uses a link; false when it was used meanwhile.
pub fn use_link(tx: &mut dyn Tx, id: Id, at: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("UPDATE links SET used = $2 WHERE id = $1 AND used IS NULL", params![id, at])? > 0)
}

/// Forgets links that ended before; at most `limit`. How many.
pub fn forget_links(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM links WHERE id IN (SELECT id FROM links WHERE expires < $1 LIMIT $2)";
    tx.execute(sql, params![before, limit])
}

/// Notes who set a person's ordinary address.
pub fn note_setter(tx: &mut dyn Tx, person: Id, by: Id) -> Result<(), StoreError> {
    tx.execute("UPDATE people SET email_set_by = $2 WHERE id = $1", params![person, by]).map(drop)
}

/// Who set a person's ordinary address, when that is known.
pub fn setter(tx: &mut dyn Tx, person: Id) -> Result<Option<Id>, StoreError> {
    match tx.query_opt("SELECT email_set_by FROM people WHERE id = $1", params![person])? {
        Some(row) => row.opt_int(0),
        None => Ok(None),
    }
}

/// Makes changes of ordinary addresses follow each other until the end of the transaction, so that of two people who are given the same one at once the
/// second is told.
pub fn lock_contacts(tx: &mut dyn Tx, now: i64) -> Result<(), StoreError> {
    settings::put(tx, "contacts.lock", b"", now).map(drop)
}

/// Has somebody else this ordinary address, as it is compared?
pub fn is_anothers(tx: &mut dyn Tx, contact: &str, person: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM people WHERE email IS NOT NULL AND lower(email) = $1 AND id <> $2 LIMIT 1";
    Ok(tx.query_opt(sql, params![contact, person])?.is_some())
}

/// What speaks against the ordinary addresses of these people: whose mail comes back, and whose somebody else has too. Who is not named has none, or
/// one that nothing speaks against.
pub fn contact_marks(tx: &mut dyn Tx, people: &[Id]) -> Result<Vec<(Id, bool, bool)>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT m.id, m.wrong, m.taken FROM (SELECT p.id AS id, CASE WHEN p.email_wrong IS NULL THEN 0 ELSE 1 END AS wrong, CASE WHEN EXISTS \
             (SELECT 1 FROM people q WHERE q.email IS NOT NULL AND lower(q.email) = lower(p.email) AND q.id <> p.id) THEN 1 ELSE 0 END AS taken \
             FROM people p WHERE p.id IN ({list}) AND p.email IS NOT NULL) m WHERE m.wrong + m.taken > 0"
        )
    };
    many::rows(tx, people, &[], sql, |r| Ok((r.int(0)?, r.int(1)? != 0, r.int(2)? != 0)))
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Id.
    pub id: Id,
    /// Whom it is for.
    pub person_id: Id,
    /// Which one.
    pub template: String,
    /// Epoch of the transit key.
    pub epoch: i64,
    /// Address and values, sealed; gone once settled.
    pub sealed: Option<Vec<u8>>,
    /// `waiting`, `sent`, `refused`, `expired`.
    pub state: String,
    /// Why, as a stable code or status.
    pub code: Option<String>,
    /// Asked for, milliseconds since 1970.
    pub created: i64,
    /// Not worth sending afterwards.
    pub expires: i64,
    /// When it left or was given up.
    pub settled: Option<i64>,
}

const NOTICE: &str = "id, person_id, template, epoch, sealed, state, code, created, expires, settled";

fn notice(r: &Row) -> Result<Notice, StoreError> {
    Ok(Notice {
        id: r.int(0)?,
        person_id: r.int(1)?,
        template: r.text(2)?,
        epoch: r.int(3)?,
        sealed: r.opt_bytes(4)?,
        state: r.text(5)?,
        code: r.opt_text(6)?,
        created: r.int(7)?,
        expires: r.int(8)?,
        settled: r.opt_int(9)?,
    })
}

/// Keeps a notice that waits.
pub fn insert(tx: &mut dyn Tx, n: &Notice) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO notices ({NOTICE}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    let values = params![
        n.id,
        n.person_id,
        &n.template,
        n.epoch,
        n.sealed.clone(),
        &n.state,
        n.code.clone(),
        n.created,
        n.expires,
        n.settled
    ];
    tx.execute(&sql, values).map(drop)
}

/// A notice by id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Notice>, StoreError> {
    tx.query_opt(&format!("SELECT {NOTICE} FROM notices WHERE id = $1"), params![id])?.as_ref().map(notice).transpose()
}

/// The last notice of a person made of this template.
pub fn last(tx: &mut dyn Tx, person: Id, template: &str) -> Result<Option<Notice>, StoreError> {
    let sql = format!("SELECT {NOTICE} FROM notices WHERE person_id = $1 AND template = $2 ORDER BY id DESC LIMIT 1");
    tx.query_opt(&sql, params![person, template])?.as_ref().map(notice).transpose()
}

/// The last notice of this template of each of these people.
pub fn last_of(tx: &mut dyn Tx, people: &[Id], template: &str) -> Result<Vec<Notice>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT {NOTICE} FROM notices WHERE id IN (SELECT MAX(n.id) FROM notices n WHERE n.person_id IN ({list}) AND n.template = $1 \
             GROUP BY n.person_id)"
        )
    };
    many::rows(tx, people, params![template], sql, notice)
}

/// A notice has left, or is given up: what it said goes. False when it did not wait.
pub fn settle(tx: &mut dyn Tx, id: Id, state: &str, code: Option<&str>, at: i64) -> Result<bool, StoreError> {
    let sql =
        "UPDATE notices SET state = $2, code = $3, settled = $4, sealed = NULL WHERE id = $1 AND state = 'waiting'";
    Ok(tx.execute(sql, params![id, state, code.map(str::to_owned), at])? > 0)
}

/// Notices of a person that wait and were made of this template say nothing any more: what they would say no longer holds.
pub fn withdraw(tx: &mut dyn Tx, person: Id, template: &str, at: i64) -> Result<(), StoreError> {
    let sql = "UPDATE notices SET state = 'expired', settled = $3, sealed = NULL WHERE person_id = $1 AND template = $2 AND state = 'waiting'";
    tx.execute(sql, params![person, template, at]).map(drop)
}

/// How many notices of this template were asked for a person since.
pub fn sent_since(tx: &mut dyn Tx, person: Id, template: &str, since: i64) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM notices WHERE person_id = $1 AND template = $2 AND created > $3";
    tx.query_opt(sql, params![person, template, since])?.map_or(Ok(0), |r| r.int(0))
}
