//! Later work: durable jobs, each leased by one worker at a time.
//!
//! Promises: a job enqueued in a transaction exists if and only if that transaction committed; one job a (kind, key) — enqueuing it again
//! merges, and while it runs makes it run once more afterwards, so that no request is lost; a worker that died is replaced when its lease
//! ends, and if it wakes up again it can neither finish nor fail what is no longer its own (the lease's number fences). Work is done at
//! least once.
use crate::{Id, Row, StoreError, Tx, params};

/// A job to be enqueued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Id; kept only if the job is new.
    pub id: Id,
    /// Which work, e.g. `blob.collect`.
    pub kind: String,
    /// What it is about: one job a (kind, key).
    pub key: String,
    /// What the worker needs; sealed if it says anything about content.
    pub payload: Vec<u8>,
    /// Not before, milliseconds since 1970.
    pub run_at: i64,
    /// Now, milliseconds since 1970.
    pub created: i64,
}

/// A job that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// Id.
    pub id: Id,
    /// Kind.
    pub kind: String,
    /// Key.
    pub key: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// How often it was tried before.
    pub attempts: i64,
    /// Number of this lease.
    pub lease: Id,
    /// When the lease ends, milliseconds since 1970.
    pub until: i64,
}

/// A job, as listed: why it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// Id.
    pub id: Id,
    /// Kind.
    pub kind: String,
    /// Key.
    pub key: String,
    /// Not before.
    pub run_at: i64,
    /// A worker holds it until then.
    pub leased_until: Option<i64>,
    /// Failed attempts.
    pub attempts: i64,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// Since.
    pub created: i64,
}

/// First delay after a failure, milliseconds; doubled each time.
const FIRST_DELAY_MS: i64 = 5_000;
/// Longest delay.
const LONGEST_DELAY_MS: i64 = 3_600_000;
/// Longest error kept, characters.
const LONGEST_ERROR: usize = 500;

/// Enqueues a job, in the transaction of the act that wants it. If it waits already it takes the new payload and the earlier of both times;
/// if it is being worked on it will run once more.
pub fn enqueue(tx: &mut dyn Tx, job: &NewJob) -> Result<(), StoreError> {
    let sql = "INSERT INTO jobs (id, kind, unique_key, payload, run_at, again, attempts, created) VALUES ($1, $2, $3, $4, $5, 0, 0, $6) \
               ON CONFLICT (kind, unique_key) DO UPDATE SET payload = excluded.payload, \
               run_at = CASE WHEN jobs.lease IS NULL AND jobs.run_at < excluded.run_at THEN jobs.run_at ELSE excluded.run_at END, \
               again = CASE WHEN jobs.lease IS NULL THEN 0 ELSE 1 END";
    tx.execute(sql, params![job.id, &job.kind, &job.key, job.payload.clone(), job.run_at, job.created]).map(drop)
}

/// As [`enqueue`], for a job whose payload says nothing: one that waits already is left as it is, so that the many acts that want the
/// same work write one row together. One that is being worked on will run once more.
pub fn ensure(tx: &mut dyn Tx, job: &NewJob) -> Result<(), StoreError> {
    let sql = "INSERT INTO jobs (id, kind, unique_key, payload, run_at, again, attempts, created) VALUES ($1, $2, $3, $4, $5, 0, 0, $6) \
               ON CONFLICT (kind, unique_key) DO UPDATE SET run_at = excluded.run_at, again = 1 \
               WHERE jobs.lease IS NOT NULL AND jobs.again = 0";
    tx.execute(sql, params![job.id, &job.kind, &job.key, job.payload.clone(), job.run_at, job.created]).map(drop)
}

/// Leases jobs of a kind that are due, longest due first. `lease`: a new id. `until`: when another worker may take them.
pub fn lease(
    tx: &mut dyn Tx,
    kind: &str,
    lease: Id,
    now: i64,
    until: i64,
    limit: i64,
) -> Result<Vec<Leased>, StoreError> {
    let sql = "UPDATE jobs SET lease = $2, leased_until = $4, run_at = $4, again = 0 WHERE id IN (SELECT id FROM jobs WHERE kind = $1 \
               AND run_at <= $3 AND (leased_until IS NULL OR leased_until <= $3) ORDER BY run_at, id LIMIT $5 FOR UPDATE SKIP LOCKED) \
               RETURNING id, kind, unique_key, payload, attempts, lease, leased_until";
    let read = |r: &Row| {
        Ok::<_, StoreError>(Leased {
            id: r.int(0)?,
            kind: r.text(1)?,
            key: r.text(2)?,
            payload: r.bytes(3)?,
            attempts: r.int(4)?,
            lease: r.int(5)?,
            until: r.int(6)?,
        })
    };
    let mut jobs: Vec<Leased> =
        tx.query(sql, params![kind, lease, now, until, limit])?.iter().map(read).collect::<Result<_, _>>()?;
    jobs.sort_by_key(|j| j.id);
    Ok(jobs)
}

/// Holds a job longer; false when it is no longer this worker's.
pub fn renew(tx: &mut dyn Tx, id: Id, lease: Id, until: i64) -> Result<bool, StoreError> {
    // A request that came meanwhile set `run_at` and keeps it.
    let sql = "UPDATE jobs SET leased_until = $3, run_at = CASE WHEN again = 0 THEN $3 ELSE run_at END WHERE id = $1 AND lease = $2";
    Ok(tx.execute(sql, params![id, lease, until])? > 0)
}

/// The work is done. False when the lease is lost: another worker does it, or did.
pub fn finish(tx: &mut dyn Tx, id: Id, lease: Id) -> Result<bool, StoreError> {
    if tx.execute("DELETE FROM jobs WHERE id = $1 AND lease = $2 AND again = 0", params![id, lease])? > 0 {
        return Ok(true);
    }
    let sql = "UPDATE jobs SET lease = NULL, leased_until = NULL, again = 0, attempts = 0, last_error = NULL WHERE id = $1 AND lease = $2";
    Ok(tx.execute(sql, params![id, lease])? > 0)
}

/// The work failed: it is tried again later, after 5 s doubling to an hour; after 5 s when it was asked for again meanwhile. `why` holds no content. When it is tried again; none when the lease is
/// lost.
pub fn fail(tx: &mut dyn Tx, id: Id, lease: Id, why: &str, now: i64) -> Result<Option<i64>, StoreError> {
    let Some(row) =
        tx.query_opt("SELECT attempts, again FROM jobs WHERE id = $1 AND lease = $2 FOR UPDATE", params![id, lease])?
    else {
        return Ok(None);
    };
    let attempts = row.int(0)?;
    // Who asked while it ran may know that the cause is mended: that request does not wait for an hour.
    let next = now.saturating_add(delay(if row.bool(1)? { 0 } else { attempts }));
    let why: String = why.chars().filter(|c| *c != '\0').take(LONGEST_ERROR).collect();
    let sql = "UPDATE jobs SET lease = NULL, leased_until = NULL, again = 0, attempts = $2, last_error = $3, run_at = $4 WHERE id = $1";
    tx.execute(sql, params![id, attempts + 1, why, next])?;
    Ok(Some(next))
}

/// Delay after a failure that came after this many others.
fn delay(attempts: i64) -> i64 {
    let doublings = attempts.clamp(0, 20) as u32;
    (FIRST_DELAY_MS << doublings).min(LONGEST_DELAY_MS)
}

/// When the next job of a kind is due; none when none waits.
pub fn next_due(tx: &mut dyn Tx, kind: &str) -> Result<Option<i64>, StoreError> {
    // A job that was asked for again while leased waits for the end of the lease all the same.
    let sql = "SELECT MIN(CASE WHEN leased_until IS NOT NULL AND leased_until > run_at THEN leased_until ELSE run_at END) FROM jobs \
               WHERE kind = $1";
    tx.query_opt(sql, params![kind])?.map_or(Ok(None), |r| r.opt_int(0))
}

/// How a job fared so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// Attempts that failed since it was last done.
    pub attempts: i64,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

/// How a job fared so far; none when none waits or is being worked on.
pub fn failures(tx: &mut dyn Tx, kind: &str, key: &str) -> Result<Option<Failures>, StoreError> {
    let sql = "SELECT attempts, last_error FROM jobs WHERE kind = $1 AND unique_key = $2";
    let found = tx.query_opt(sql, params![kind, key])?;
    found.map(|r| Ok(Failures { attempts: r.int(0)?, last_error: r.opt_text(1)? })).transpose()
}

/// Jobs by id, from after `after`.
pub fn list(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<JobView>, StoreError> {
    let sql = "SELECT id, kind, unique_key, run_at, leased_until, attempts, last_error, created FROM jobs WHERE id > $1 ORDER BY id LIMIT $2";
    let read = |r: &Row| {
        Ok(JobView {
            id: r.int(0)?,
            kind: r.text(1)?,
            key: r.text(2)?,
            run_at: r.int(3)?,
            leased_until: r.opt_int(4)?,
            attempts: r.int(5)?,
            last_error: r.opt_text(6)?,
            created: r.int(7)?,
        })
    };
    tx.query(sql, params![after, limit])?.iter().map(read).collect()
}
