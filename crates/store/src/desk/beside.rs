//! What colleagues see of a message at a shared BAL: who opened, answered, forwarded it first; who takes care of its conversation; notes; who answers at
//! this moment. The traces prove it; this is what a page shows.
use crate::messages::{SLICE, bind};
use crate::{Id, Row, StoreError, Tx, many, params};

/// Who did something with a message, and when first, milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The message.
    pub message: Id,
    /// Who.
    pub person: Id,
    /// Opened.
    pub opened: Option<i64>,
    /// Through which door, as traces name it: a program that fetches everything is no reader.
    pub door: String,
    /// Answered.
    pub answered: Option<i64>,
    /// Forwarded.
    pub forwarded: Option<i64>,
}

/// Who takes care of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The conversation.
    pub thread: i64,
    /// Who.
    pub person: Id,
    /// By whom it was given.
    pub by: Id,
    /// When, milliseconds.
    pub at: i64,
    /// Version: a change says from which one it starts.
    pub version: i64,
}

/// A note for colleagues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Id: what its text is sealed with (`note`).
    pub id: Id,
    /// The message.
    pub message: Id,
    /// Who wrote it.
    pub person: Id,
    /// When, milliseconds.
    pub at: i64,
    /// Its text, sealed.
    pub sealed: Vec<u8>,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The message.
    pub message: Id,
    /// The folder.
    pub folder: Id,
    /// Its UID there.
    pub uid: i64,
    /// Its conversation; 0: not known.
    pub thread: i64,
}

/// Where these messages of a BAL stand.
pub fn places(tx: &mut dyn Tx, bal: Id, messages: &[Id]) -> Result<Vec<Place>, StoreError> {
    // By the messages alone: `+` keeps SQLite from walking the BAL.
    let sql = |list: &str| {
        format!("SELECT message_id, folder_id, uid, thread FROM entries WHERE message_id IN ({list}) AND +bal_id = $1")
    };
    let read = |r: &Row| Ok(Place { message: r.int(0)?, folder: r.int(1)?, uid: r.int(2)?, thread: r.int(3)? });
    let mut found = many::rows(tx, messages, params![bal], sql, read)?;
    found.sort_by_key(|p| (p.folder, p.uid));
    Ok(found)
}

/// A person opened messages by this door. The first time stays, but a person's reading at a page takes the place of what a mail program fetched. Messages that
/// are gone are passed over.
pub fn opened(
    tx: &mut dyn Tx,
    (bal, person): (Id, Id),
    door: &str,
    at: i64,
    messages: &[Id],
) -> Result<(), StoreError> {
    for slice in distinct(messages).chunks(SLICE) {
        let (list, values) = bind(params![bal, person, door, at], slice);
        let sql = format!(
            "INSERT INTO message_people (bal_id, message_id, person_id, opened, door) \
             SELECT bal_id, id, CAST($2 AS BIGINT), CAST($4 AS BIGINT), CAST($3 AS TEXT) FROM messages WHERE id IN ({list}) AND +bal_id = $1 \
             ON CONFLICT (bal_id, message_id, person_id) DO UPDATE SET opened = excluded.opened, door = excluded.door \
             WHERE message_people.opened IS NULL OR (message_people.door <> 'web' AND excluded.door = 'web')"
        );
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

/// What a person did with messages beside opening them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// Answered.
    Answered,
    /// Forwarded.
    Forwarded,
}

/// A person answered or forwarded messages, by this door; the first time stays.
pub fn did(
    tx: &mut dyn Tx,
    (bal, person): (Id, Id),
    door: &str,
    at: i64,
    did: Did,
    messages: &[Id],
) -> Result<(), StoreError> {
    let column = match did {
        Did::Answered => "answered",
        Did::Forwarded => "forwarded",
    };
    for slice in distinct(messages).chunks(SLICE) {
        let (list, values) = bind(params![bal, person, door, at], slice);
        let sql = format!(
            "INSERT INTO message_people (bal_id, message_id, person_id, door, {column}) \
             SELECT bal_id, id, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT) FROM messages WHERE id IN ({list}) AND +bal_id = $1 \
             ON CONFLICT (bal_id, message_id, person_id) DO UPDATE SET {column} = excluded.{column} \
             WHERE message_people.{column} IS NULL"
        );
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

/// Each once: one statement may not write a row twice.
fn distinct(ids: &[Id]) -> Vec<Id> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Who did something with these messages: the first to do anything first.
pub fn of_messages(tx: &mut dyn Tx, bal: Id, messages: &[Id]) -> Result<Vec<Beside>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT message_id, person_id, opened, door, answered, forwarded FROM message_people \
             WHERE bal_id = $1 AND message_id IN ({list}) AND person_id <> 0"
        )
    };
    let read = |r: &Row| {
        Ok(Beside {
            message: r.int(0)?,
            person: r.int(1)?,
            opened: r.opt_int(2)?,
            door: r.text(3)?,
            answered: r.opt_int(4)?,
            forwarded: r.opt_int(5)?,
        })
    };
    let mut found = many::rows(tx, messages, params![bal], sql, read)?;
    let first = |b: &Beside| [b.opened, b.answered, b.forwarded].into_iter().flatten().min();
    found.sort_by_key(|b| (b.message, first(b), b.person));
    Ok(found)
}

/// The notes of a message, oldest first.
pub fn notes(tx: &mut dyn Tx, bal: Id, message: Id) -> Result<Vec<Note>, StoreError> {
    let sql =
        "SELECT id, message_id, person_id, at, sealed FROM notes WHERE bal_id = $1 AND message_id = $2 ORDER BY at, id";
    let read =
        |r: &Row| Ok(Note { id: r.int(0)?, message: r.int(1)?, person: r.int(2)?, at: r.int(3)?, sealed: r.bytes(4)? });
    tx.query(sql, params![bal, message])?.iter().map(read).collect()
}

/// Writes a note. False when its message is gone.
pub fn insert_note(tx: &mut dyn Tx, bal: Id, n: &Note) -> Result<bool, StoreError> {
    let there = "SELECT 1 FROM messages WHERE id = $1 AND bal_id = $2";
    if tx.query_opt(there, params![n.message, bal])?.is_none() {
        return Ok(false);
    }
    let sql = "INSERT INTO notes (id, bal_id, message_id, person_id, at, sealed) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![n.id, bal, n.message, n.person, n.at, n.sealed.as_slice()])?;
    Ok(true)
}

/// Removes a note.
pub fn remove_note(tx: &mut dyn Tx, bal: Id, note: Id) -> Result<(), StoreError> {
    tx.execute("DELETE FROM notes WHERE id = $1 AND bal_id = $2", params![note, bal]).map(drop)
}

const ASSIGNMENT: &str = "thread, person_id, by_person, at, version";

/// Who takes care of these conversations.
pub fn assignments(tx: &mut dyn Tx, bal: Id, threads: &[i64]) -> Result<Vec<Assignment>, StoreError> {
    let sql = |list: &str| format!("SELECT {ASSIGNMENT} FROM assignments WHERE bal_id = $1 AND thread IN ({list})");
    let read = |r: &Row| {
        Ok(Assignment { thread: r.int(0)?, person: r.int(1)?, by: r.int(2)?, at: r.int(3)?, version: r.int(4)? })
    };
    many::rows(tx, threads, params![bal], sql, read)
}

/// Gives a conversation to somebody.
pub fn assign(tx: &mut dyn Tx, bal: Id, a: &Assignment) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO assignments (bal_id, {ASSIGNMENT}) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (bal_id, thread) DO UPDATE SET \
         person_id = excluded.person_id, by_person = excluded.by_person, at = excluded.at, version = excluded.version"
    );
    tx.execute(&sql, params![bal, a.thread, a.person, a.by, a.at, a.version]).map(drop)
}

/// Gives it to nobody.
pub fn unassign(tx: &mut dyn Tx, bal: Id, thread: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM assignments WHERE bal_id = $1 AND thread = $2", params![bal, thread]).map(drop)
}

/// Forgets who takes care of conversations of which nothing is left; at most `limit`. How many.
pub fn forget_assignments(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM assignments WHERE (bal_id, thread) IN (SELECT a.bal_id, a.thread FROM assignments a WHERE a.at < $1 AND NOT EXISTS \
               (SELECT 1 FROM entries e WHERE e.bal_id = a.bal_id AND e.thread = a.thread AND e.thread <> 0) LIMIT $2)";
    tx.execute(sql, params![before, limit])
}

/// Somebody answers a message until an instant. True when nobody could know it before.
pub fn present(
    tx: &mut dyn Tx,
    bal: Id,
    (message, person): (Id, Id),
    now: i64,
    until: i64,
) -> Result<bool, StoreError> {
    let was = "SELECT until FROM presences WHERE bal_id = $1 AND message_id = $2 AND person_id = $3";
    let known = tx.query_opt(was, params![bal, message, person])?.map_or(Ok(0), |r| r.int(0))? > now;
    let sql = "INSERT INTO presences (bal_id, message_id, person_id, until) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (bal_id, message_id, person_id) DO UPDATE SET until = excluded.until";
    tx.execute(sql, params![bal, message, person, until])?;
    Ok(!known)
}

/// Somebody does not answer it any more. False when that was so.
pub fn absent(tx: &mut dyn Tx, bal: Id, message: Id, person: Id) -> Result<bool, StoreError> {
    let sql = "DELETE FROM presences WHERE bal_id = $1 AND message_id = $2 AND person_id = $3";
    Ok(tx.execute(sql, params![bal, message, person])? > 0)
}

/// Who answers a message at an instant, but for one person.
pub fn who_answers(tx: &mut dyn Tx, bal: Id, message: Id, but: Id, now: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT person_id FROM presences WHERE bal_id = $1 AND message_id = $2 AND person_id <> $3 AND until > $4 ORDER BY person_id";
    tx.query(sql, params![bal, message, but, now])?.iter().map(|r| r.int(0)).collect()
}

/// Forgets who answered before an instant. How many.
pub fn forget_presences(tx: &mut dyn Tx, before: i64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM presences WHERE until < $1", params![before])
}
