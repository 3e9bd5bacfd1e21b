//! What proofs of identity leave behind when they are over, removed in slices. What was done with them stands in the traces.
use crate::{StoreError, Tx, breached, params};

const DAY: i64 = 86_400_000;
/// Attempts serve nobody after their end, and any stranger makes them.
const ATTEMPTS: i64 = 600_000;
/// Codes and devices' questions go this long after their end.
const CODES: i64 = DAY;
/// A program that registered itself, and that nobody let in: any stranger registers some, and there is room for so many.
const REGISTERED: i64 = 7 * DAY;
/// Sessions and tokens of OAuth grants: that one comes back which was spent has to be seen.
const SESSIONS: i64 = 30 * DAY;
/// Standing rows of cards and of Pro Santé Connect that nobody comes with; revoked ones stay, as they refuse.
const STANDING: i64 = 365 * DAY;
/// What is public of a factor that was removed.
const FACTORS: i64 = 365 * DAY;
/// How long a browser is known without a sign-in in it, milliseconds.
pub const KNOWN_MS: i64 = 180 * DAY;
/// A list of breached passwords that nobody goes on writing.
const DRAFTS: i64 = DAY;

/// What goes: a table, and which of its rows ($1: the instant before which they are over; $2: how many at most).
const OVER: [(i64, &str); 9] = [
    (
        ATTEMPTS,
        "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE expires < $1 ORDER BY expires LIMIT $2)",
    ),
    (
        CODES,
        "DELETE FROM one_time_codes WHERE id IN (SELECT id FROM one_time_codes WHERE expires < $1 ORDER BY expires LIMIT $2)",
    ),
    (
        CODES,
        "DELETE FROM oauth_codes WHERE digest IN (SELECT digest FROM oauth_codes WHERE expires < $1 ORDER BY expires LIMIT $2)",
    ),
    (
        CODES,
        "DELETE FROM oauth_devices WHERE digest IN (SELECT digest FROM oauth_devices WHERE expires < $1 ORDER BY expires LIMIT $2)",
    ),
    (
        REGISTERED,
        "DELETE FROM oauth_clients WHERE id IN (SELECT id FROM oauth_clients WHERE registered = 'dynamic' AND created < $1 \
         AND NOT EXISTS (SELECT 1 FROM oauth_grants g WHERE g.client_id = oauth_clients.id) LIMIT $2)",
    ),
    (
        SESSIONS,
        "DELETE FROM oauth_tokens WHERE digest IN (SELECT digest FROM oauth_tokens WHERE expires < $1 ORDER BY expires LIMIT $2)",
    ),
    (
        STANDING,
        "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE purpose IN ('psc', 'card') AND COALESCE(last_used, created) < $1 \
         AND revoked IS NULL ORDER BY COALESCE(last_used, created) LIMIT $2)",
    ),
    (FACTORS, "DELETE FROM factors WHERE id IN (SELECT id FROM factors WHERE removed < $1 ORDER BY removed LIMIT $2)"),
    (
        KNOWN_MS,
        "DELETE FROM known_browsers WHERE digest IN (SELECT digest FROM known_browsers WHERE seen < $1 ORDER BY seen LIMIT $2)",
    ),
];

/// Removes what is over at `now`, at most `limit` rows of a kind (and as many entries of one list of breached passwords); how many.
pub fn forget(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<u64, StoreError> {
    let mut gone = 0;
    for (after, sql) in OVER {
        gone += tx.execute(sql, params![now - after, limit])?;
    }
    gone += forget_sessions(tx, now - SESSIONS, limit)?;
    Ok(gone + breached::forget(tx, now - DRAFTS, limit)?)
}

/// A session is more than one row: those beside go with its token.
fn forget_sessions(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE purpose = 'web' AND expires < $1 ORDER BY expires LIMIT $2) RETURNING id";
    let ended = tx.query(sql, params![before, limit])?;
    for row in &ended {
        let id = row.int(0)?;
        tx.execute("DELETE FROM web_sessions WHERE token_id = $1", params![id])?;
        tx.execute("DELETE FROM web_step_ups WHERE token_id = $1", params![id])?;
    }
    Ok(ended.len() as u64)
}
