//! Counts of the moment that nodes tell each other: how many of something one subject did in a window of time.
//!
//! Promises: each node adds to rows of its own alone, so that no two nodes wait for each other; what a node does not tell, because it is little, is counted
//! there alone (see `operator::abuse::rates`).
use crate::{Id, StoreError, Tx, params};

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which count.
    pub what: &'static str,
    /// Of whom.
    pub subject: String,
    /// In which window: time since 1970 divided by its length.
    pub bucket: i64,
    /// How many more.
    pub more: i64,
    /// When the window counts for nothing any more, milliseconds.
    pub ends: i64,
}

/// Adds what this node counted, and gives what all nodes have told of this window and of the one before.
pub fn tell(tx: &mut dyn Tx, node: u16, t: &Told) -> Result<(i64, i64), StoreError> {
    if t.more > 0 {
        let sql = "INSERT INTO rate_counts (what, subject, bucket, node, counted, ends) VALUES ($1, $2, $3, $4, $5, $6) \
                   ON CONFLICT (what, subject, bucket, node) DO UPDATE SET counted = rate_counts.counted + excluded.counted";
        tx.execute(sql, params![t.what, t.subject.as_str(), t.bucket, i64::from(node), t.more, t.ends])?;
    }
    let sql = "SELECT bucket, counted FROM rate_counts WHERE what = $1 AND subject = $2 AND bucket >= $3";
    let (mut present, mut before) = (0_i64, 0_i64);
    for row in tx.query(sql, params![t.what, t.subject.as_str(), t.bucket - 1])? {
        let counted = row.int(1)?;
        match row.int(0)? {
            bucket if bucket == t.bucket => present = present.saturating_add(counted),
            bucket if bucket == t.bucket - 1 => before = before.saturating_add(counted),
            _ => {}
        }
    }
    Ok((present, before))
}

/// What all nodes told of one count, of this window and of the one before (`bucket`): subjects of at least `least`, the largest first, at most
/// `limit`.
pub fn told_most(
    tx: &mut dyn Tx,
    (what, bucket): (&str, i64),
    least: i64,
    limit: i64,
) -> Result<Vec<(String, i64, i64)>, StoreError> {
    let sql = "SELECT subject, CAST(SUM(CASE WHEN bucket = $2 THEN counted ELSE 0 END) AS BIGINT), \
               CAST(SUM(CASE WHEN bucket = $3 THEN counted ELSE 0 END) AS BIGINT) FROM rate_counts \
               WHERE what = $1 AND (bucket = $2 OR bucket = $3) GROUP BY subject \
               HAVING CAST(SUM(counted) AS BIGINT) >= $4 ORDER BY SUM(counted) DESC, subject LIMIT $5";
    let read = |r: &crate::Row| Ok((r.text(0)?, r.int(1)?, r.int(2)?));
    tx.query(sql, params![what, bucket, bucket - 1, least, limit])?.iter().map(read).collect()
}

/// Forgets windows that ended before `now`, at most `limit`; how many.
pub fn forget(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM rate_counts WHERE (what, subject, bucket, node) IN \
               (SELECT what, subject, bucket, node FROM rate_counts WHERE ends < $1 ORDER BY ends LIMIT $2)";
    tx.execute(sql, params![now, limit])
}

/// Did a BAL write to this address (keyed digest)?
pub fn wrote_to(tx: &mut dyn Tx, bal: Id, tag: &[u8]) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM correspondents WHERE bal_id = $1 AND tag = $2";
    Ok(tx.query_opt(sql, params![bal, tag])?.is_some())
}

/// Forgets correspondents not written to since `before`, at most `limit`; how many.
pub fn forget_correspondents(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM correspondents WHERE (bal_id, tag) IN \
               (SELECT bal_id, tag FROM correspondents WHERE at < $1 ORDER BY at LIMIT $2)";
    tx.execute(sql, params![before, limit])
}

/// A place from which a token is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub place: String,
    /// Since when, without a long pause, milliseconds.
    pub since: i64,
    /// When last.
    pub at: i64,
}

/// A token was used from a place at `at`; a pause of more than `pause` begins anew. Gives every place of the token used since `at - pause`.
pub fn used_from(tx: &mut dyn Tx, token: Id, place: &str, at: i64, pause: i64) -> Result<Vec<Place>, StoreError> {
    let sql = "INSERT INTO token_places (token_id, place, since, at) VALUES ($1, $2, $3, $3) ON CONFLICT (token_id, place) DO UPDATE SET \
               since = CASE WHEN token_places.at < $4 THEN excluded.since ELSE token_places.since END, \
               at = CASE WHEN token_places.at > excluded.at THEN token_places.at ELSE excluded.at END";
    tx.execute(sql, params![token, place, at, at - pause])?;
    let sql = "SELECT place, since, at FROM token_places WHERE token_id = $1 AND at >= $2 ORDER BY place";
    let read = |r: &crate::Row| Ok(Place { place: r.text(0)?, since: r.int(1)?, at: r.int(2)? });
    tx.query(sql, params![token, at - pause])?.iter().map(read).collect()
}

/// Places of a token whose name begins so, used since `since`; of a browser's session, those of all sessions of that person.
pub fn journeys(tx: &mut dyn Tx, token: Id, prefix: &str, since: i64) -> Result<Vec<Place>, StoreError> {
    let like = format!("{prefix}%");
    let read = |r: &crate::Row| Ok(Place { place: r.text(0)?, since: r.int(1)?, at: r.int(2)? });
    let sql = "SELECT person_id FROM tokens WHERE id = $1 AND purpose = 'web'";
    let rows = match tx.query_opt(sql, params![token])? {
        Some(row) => {
            let sql = "SELECT p.place, p.since, p.at FROM tokens t JOIN token_places p ON p.token_id = t.id \
                       WHERE t.person_id = $1 AND t.purpose = 'web' AND p.at >= $2 AND p.place LIKE $3 ORDER BY p.at";
            tx.query(sql, params![row.int(0)?, since, like])?
        }
        None => {
            let sql = "SELECT place, since, at FROM token_places WHERE token_id = $1 AND at >= $2 AND place LIKE $3 ORDER BY at";
            tx.query(sql, params![token, since, like])?
        }
    };
    rows.iter().map(read).collect()
}

/// Forgets places not seen since `before`, at most `limit`; how many.
pub fn forget_places(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM token_places WHERE (token_id, place) IN \
               (SELECT token_id, place FROM token_places WHERE at < $1 ORDER BY at LIMIT $2)";
    tx.execute(sql, params![before, limit])
}
