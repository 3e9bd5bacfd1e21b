//! Requests that carry a key are carried out once: the key's row is written in the act's own transaction. No rule is here.
use crate::{Id, StoreError, Tx, params};

/// A key as a request carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The key, as given by the program that asks.
    pub key: String,
    /// Digest of the whole request: another request under the same key is a mistake.
    pub request: Vec<u8>,
    /// Of this very attempt: an act may write several traces, and run again after a lost connection.
    pub nonce: i64,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Digest of the request that used it.
    pub request: Vec<u8>,
    /// What was answered, when that is known (not when the answer held a secret, nor when we died before keeping it).
    pub answer: Option<Answer>,
}

/// What was answered to a request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: i64,
    /// The body, may be empty.
    pub body: String,
    /// Where the new thing is.
    pub location: Option<String>,
    /// Its version.
    pub etag: Option<String>,
}

/// What is known of a person's key.
pub fn known(tx: &mut dyn Tx, person: Id, key: &str) -> Result<Option<Known>, StoreError> {
    let sql = "SELECT request, status, body, location, etag FROM idempotency WHERE person_id = $1 AND key = $2";
    let Some(row) = tx.query_opt(sql, params![person, key])? else { return Ok(None) };
    let answer = match (row.opt_int(1)?, row.opt_text(2)?) {
        (Some(status), Some(body)) => Some(Answer { status, body, location: row.opt_text(3)?, etag: row.opt_text(4)? }),
        _ => None,
    };
    Ok(Some(Known { request: row.bytes(0)?, answer }))
}

/// Takes the key, in the act's transaction. `Exists("idempotency.key")` when another attempt was carried out under it.
pub fn take(tx: &mut dyn Tx, person: Id, once: &Once, at: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO idempotency (person_id, key, request, nonce, at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (person_id, key) DO UPDATE SET at = EXCLUDED.at WHERE idempotency.nonce = EXCLUDED.nonce";
    let taken = tx.execute(sql, params![person, &once.key, once.request.clone(), once.nonce, at])?;
    if taken == 0 { Err(StoreError::Exists("idempotency.key".into())) } else { Ok(()) }
}

/// Keeps the answer, for whoever asks again.
pub fn answer(tx: &mut dyn Tx, person: Id, once: &Once, answer: &Answer) -> Result<(), StoreError> {
    let sql = "UPDATE idempotency SET status = $4, body = $5, location = $6, etag = $7 WHERE person_id = $1 AND key = $2 AND nonce = $3";
    let Answer { status, body, location, etag } = answer;
    let values = params![person, &once.key, once.nonce, *status, body, location.clone(), etag.clone()];
    tx.execute(sql, values).map(drop)
}

/// Forgets keys used before `before`; how many.
pub fn forget(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let old = "SELECT person_id, key FROM idempotency WHERE at < $1 LIMIT $2";
    tx.execute(&format!("DELETE FROM idempotency WHERE (person_id, key) IN ({old})"), params![before, limit])
}
