//! The memory of accepted mail: a peer that never saw our `250` sends again, and the message must not appear twice
//! (design §2.1, RFC 1047).
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

/// Removes at most `limit` rows older than `horizon`; how many went. Call again while it returns `limit`.
pub fn purge(tx: &mut dyn Tx, horizon: Timestamp, limit: u32) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM accepted_mail WHERE digest IN (SELECT digest FROM accepted_mail WHERE at < $1 ORDER BY at LIMIT $2)",
        params![horizon.0, i64::from(limit)],
    )
}
