//! The memory of accepted mail: a peer that never saw our `250` sends again, and the message must not appear twice
//! (RFC 1047).
//!
//! One row a recipient, written in the transaction that delivers; the digest is keyed, so that the table says nothing
//! about content. Rows live as long as the operator's `dedupe` setting, then [`purge`] removes them.
use crate::{StoreError, Tx, params};
use sceau_domain::Timestamp;

/// Keyed digest of (peer, envelope sender, recipient, content).
pub type Digest = [u8; 32];

/// Claims a digest at `now`. False when it was claimed since `horizon`: the delivery was made before and must not be made
/// again. A row older than `horizon` counts as forgotten, purged or not.
pub fn claim(tx: &mut dyn Tx, digest: &Digest, now: Timestamp, horizon: Timestamp) -> Result<bool, StoreError> {
    let touched = tx.execute(
        "INSERT INTO accepted_mail (digest, at) VALUES ($1, $2)
         ON CONFLICT (digest) DO UPDATE SET at = excluded.at WHERE accepted_mail.at < $3",
        params![digest.as_slice(), now.0, horizon.0],
    )?;
    Ok(touched > 0)
}

/// The tag under which one of our BALs sent this since `horizon`; claims nothing.
pub fn sent(tx: &mut dyn Tx, digest: &Digest, horizon: Timestamp) -> Result<Option<String>, StoreError> {
    let sql = "SELECT tag FROM accepted_mail WHERE digest = $1 AND at >= $2";
    let row = tx.query_opt(sql, params![digest.as_slice(), horizon.0])?;
    Ok(row.map(|r| r.opt_text(0)).transpose()?.flatten())
}

/// Removes at most `limit` rows older than `horizon`; how many went. Call again while it returns `limit`.
pub fn purge(tx: &mut dyn Tx, horizon: Timestamp, limit: u32) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM accepted_mail WHERE digest IN (SELECT digest FROM accepted_mail WHERE at < $1 ORDER BY at LIMIT $2)",
        params![horizon.0, i64::from(limit)],
    )
}

/// Claims what one of our BALs sends, accepted under `tag`; the tag under which it was accepted since `horizon`, if it was: it must not be sent again.
/// Whoever claims the same at the same time waits for the end of this transaction.
pub fn claim_sent(
    tx: &mut dyn Tx,
    digest: &Digest,
    tag: &str,
    now: Timestamp,
    horizon: Timestamp,
) -> Result<Option<String>, StoreError> {
    let touched = tx.execute(
        "INSERT INTO accepted_mail (digest, at, tag) VALUES ($1, $2, $3)
         ON CONFLICT (digest) DO UPDATE SET at = excluded.at, tag = excluded.tag WHERE accepted_mail.at < $4",
        params![digest.as_slice(), now.0, tag, horizon.0],
    )?;
    if touched > 0 {
        return Ok(None);
    }
    let row = tx.query_opt("SELECT tag FROM accepted_mail WHERE digest = $1", params![digest.as_slice()])?;
    Ok(Some(row.map_or(Ok(None), |r| r.opt_text(0))?.unwrap_or_default()))
}
