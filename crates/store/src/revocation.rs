//! Where revocation lists and responders are asked, the last good list of each, and the last answer about each certificate (F204).
//!
//! Promises: a list or an answer never takes the place of a newer one, whatever nodes do at once; a failure changes neither.
use crate::{Row, StoreError, Tx, params};

/// A source without its document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceRow {
    /// Digest of kind, address, issuer's name and key.
    pub id: String,
    /// `crl` or `ocsp`.
    pub kind: String,
    /// HTTP address.
    pub address: String,
    /// Issuer, as shown.
    pub issuer: String,
    /// DER of the issuer's Name.
    pub issuer_name: Vec<u8>,
    /// DER of the issuer's public key.
    pub issuer_key: Vec<u8>,
    /// When the document held was made, milliseconds since 1970.
    pub this_update: Option<i64>,
    /// When the next one is promised.
    pub next_update: Option<i64>,
    /// Revoked certificates that it names.
    pub entries: i64,
    /// Last success.
    pub fetched: Option<i64>,
    /// Last attempt.
    pub tried: Option<i64>,
    /// Failures since the last success.
    pub failures: i64,
    /// The last one, in a few words; empty after a success.
    pub error: String,
    /// When a certificate last named it.
    pub used: i64,
}

const COLUMNS: &str = "id, kind, address, issuer, issuer_name, issuer_key, this_update, next_update, entries, \
                       fetched, tried, failures, error, used";

fn read(r: &Row) -> Result<SourceRow, StoreError> {
    Ok(SourceRow {
        id: r.text(0)?,
        kind: r.text(1)?,
        address: r.text(2)?,
        issuer: r.text(3)?,
        issuer_name: r.bytes(4)?,
        issuer_key: r.bytes(5)?,
        this_update: r.opt_int(6)?,
        next_update: r.opt_int(7)?,
        entries: r.int(8)?,
        fetched: r.opt_int(9)?,
        tried: r.opt_int(10)?,
        failures: r.int(11)?,
        error: r.text(12)?,
        used: r.int(13)?,
    })
}

/// Makes a source known, or notes that it is still used. True when it is new.
pub fn know(tx: &mut dyn Tx, s: &SourceRow) -> Result<bool, StoreError> {
    let added = tx.execute(
        "INSERT INTO revocation_sources (id, kind, address, issuer, issuer_name, issuer_key, entries, failures, error, used) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, 0, '', $7) ON CONFLICT (id) DO NOTHING",
        params![&*s.id, &*s.kind, &*s.address, &*s.issuer, &*s.issuer_name, &*s.issuer_key, s.used],
    )?;
    if added == 0 {
        tx.execute("UPDATE revocation_sources SET used = $2 WHERE id = $1 AND used < $2", params![&*s.id, s.used])?;
    }
    Ok(added > 0)
}

/// Every source, by id. Their number is bounded by whoever makes them known.
pub fn sources(tx: &mut dyn Tx, most: i64) -> Result<Vec<SourceRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM revocation_sources ORDER BY id LIMIT $1");
    tx.query(&sql, params![most])?.iter().map(read).collect()
}

/// One source.
pub fn source(tx: &mut dyn Tx, id: &str) -> Result<Option<SourceRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM revocation_sources WHERE id = $1");
    tx.query_opt(&sql, params![id])?.as_ref().map(read).transpose()
}

/// The document of a source.
pub fn document(tx: &mut dyn Tx, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row = tx.query_opt("SELECT document FROM revocation_sources WHERE id = $1", params![id])?;
    row.map_or(Ok(None), |r| r.opt_bytes(0))
}

/// Keeps a list that was verified, unless a newer one is kept. True when it is kept now; the attempt counts as a success either way.
pub fn keep(
    tx: &mut dyn Tx,
    id: &str,
    document: &[u8],
    this_update: i64,
    next_update: Option<i64>,
    entries: i64,
    at: i64,
) -> Result<bool, StoreError> {
    succeeded(tx, id, at)?;
    let kept = tx.execute(
        "UPDATE revocation_sources SET document = $2, this_update = $3, next_update = $4, entries = $5 \
         WHERE id = $1 AND (this_update IS NULL OR this_update < $3)",
        params![id, document, this_update, next_update, entries],
    )?;
    Ok(kept > 0)
}

/// Says whose list a configured address serves, once it is known.
pub fn name_issuer(tx: &mut dyn Tx, id: &str, issuer: &str, name: &[u8], key: &[u8]) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE revocation_sources SET issuer = $2, issuer_name = $3, issuer_key = $4 WHERE id = $1",
        params![id, issuer, name, key],
    )?;
    Ok(())
}

/// An attempt that brought nothing newer, or an answer.
pub fn succeeded(tx: &mut dyn Tx, id: &str, at: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE revocation_sources SET fetched = $2, tried = $2, failures = 0, error = '' WHERE id = $1",
        params![id, at],
    )?;
    Ok(())
}

/// An attempt that failed.
pub fn failed(tx: &mut dyn Tx, id: &str, error: &str, at: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE revocation_sources SET tried = $2, failures = failures + 1, error = $3 WHERE id = $1",
        params![id, at, error],
    )?;
    Ok(())
}

/// Forgets sources that nothing has named since.
pub fn forget_sources(tx: &mut dyn Tx, unused_since: i64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM revocation_sources WHERE used < $1", params![unused_since])
}

/// Keeps an answer, unless a newer one is kept. True when it is kept now.
pub fn keep_answer(
    tx: &mut dyn Tx,
    id: &str,
    document: &[u8],
    this_update: i64,
    until: i64,
    at: i64,
) -> Result<bool, StoreError> {
    let kept = tx.execute(
        "INSERT INTO revocation_answers (id, document, this_update, until, fetched) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO UPDATE SET document = excluded.document, this_update = excluded.this_update, \
         until = excluded.until, fetched = excluded.fetched WHERE revocation_answers.this_update <= excluded.this_update",
        params![id, document, this_update, until, at],
    )?;
    Ok(kept > 0)
}

/// The answer kept about a certificate: its bytes and when it came.
pub fn answer(tx: &mut dyn Tx, id: &str) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
    let row = tx.query_opt("SELECT document, fetched FROM revocation_answers WHERE id = $1", params![id])?;
    row.map(|r| Ok((r.bytes(0)?, r.int(1)?))).transpose()
}

/// Forgets answers that ended before.
pub fn forget_answers(tx: &mut dyn Tx, ended_before: i64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM revocation_answers WHERE until < $1", params![ended_before])
}
