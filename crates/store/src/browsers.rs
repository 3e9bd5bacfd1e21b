//! Browsers in which somebody signed in with a strong proof before. Strangers' failures do not slow them. No rule is here.
use crate::desk::push;
use crate::{Id, StoreError, Tx, params};

/// Somebody signed in with a strong proof in the browser of this digest (keyed, of its cookie and of the person: a browser may be of several).
pub fn know(tx: &mut dyn Tx, digest: &[u8], person: Id, at: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO known_browsers (digest, person_id, since, seen) VALUES ($1, $2, $3, $3) \
               ON CONFLICT (digest) DO UPDATE SET seen = excluded.seen";
    tx.execute(sql, params![digest, person, at]).map(drop)
}

/// Is it known as this person's, and was it seen since `since`?
pub fn is_known(tx: &mut dyn Tx, digest: &[u8], person: Id, since: i64) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM known_browsers WHERE digest = $1 AND person_id = $2 AND seen >= $3";
    Ok(tx.query_opt(sql, params![digest, person, since])?.is_some())
}

/// Was a credential of this person's used from this place?
pub fn was_at(tx: &mut dyn Tx, person: Id, place: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM tokens WHERE person_id = $1 AND last_place = $2 LIMIT 1";
    Ok(tx.query_opt(sql, params![person, place])?.is_some())
}

/// Is any browser known as this person's?
pub fn has_any(tx: &mut dyn Tx, person: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM known_browsers WHERE person_id = $1 LIMIT 1";
    Ok(tx.query_opt(sql, params![person])?.is_some())
}

/// Forgets every browser of a person, and wakes none of them any more; how many were known.
pub fn forget_of(tx: &mut dyn Tx, person: Id) -> Result<u64, StoreError> {
    push::forget_of(tx, person)?;
    tx.execute("DELETE FROM known_browsers WHERE person_id = $1", params![person])
}
