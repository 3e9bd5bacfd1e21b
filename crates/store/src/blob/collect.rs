//! Removal of what nothing names: blobs that were released, rows without a reference, objects without a row.
//!
//! Promises: a row goes before its object; what is younger than an hour stays (its transaction may be on its way, on this node or on
//! another), and so does what a transaction of this process is about to name, however far the clock jumped; a place of blobs that
//! another database marked as its own is not swept; the work is done in slices, so that deliveries go on beside it. A legal hold keeps
//! the rows that name a blob, and with them the blob; while a backup runs nothing that a row named is collected ([`hold`]). [`sweep`] is run by one node at a time: its caller holds a lease.
use super::{BlobId, GRACE_MS, REFERENCES, id_from, objects};
use crate::care::hold;
use crate::{Store, StoreError, params};

/// Rows looked at in one transaction.
const SLICE: i64 = 200;
/// Ids looked at in one query.
const PAGE: i64 = 1_000;

/// What a collection removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Rows (with their objects).
    pub rows: u64,
    /// Objects that no row named.
    pub files: u64,
}

/// Removes blobs that were released and that nothing names any more. For a job, every few minutes.
pub async fn collect(store: &Store) -> Result<Collected, StoreError> {
    let mut done = Collected::default();
    let now = store.clock().now().0;
    let before = now;
    loop {
        let gone = store
            .write(move |tx| {
                if hold::held(tx, now)? {
                    return Ok((Vec::new(), 0));
                }
                let sql =
                    "SELECT id FROM blobs_released WHERE at <= $1 ORDER BY at, id LIMIT $2 FOR UPDATE SKIP LOCKED";
                let released = tx.query(sql, params![before, SLICE])?;
                let mut gone = Vec::new();
                for row in &released {
                    let id = row.bytes(0)?;
                    tx.execute("DELETE FROM blobs_released WHERE id = $1", params![id.clone()])?;
                    if tx.execute(
                        &format!("DELETE FROM blobs WHERE id = $1 AND {}", unnamed("blobs")),
                        params![id.clone()],
                    )? > 0
                    {
                        gone.push(id_from(&id)?);
                    }
                }
                Ok::<_, StoreError>((gone, released.len()))
            })
            .await?;
        done.rows += gone.0.len() as u64;
        remove_objects(store, gone.0).await?;
        if gone.1 < SLICE as usize {
            return Ok(done);
        }
    }
}

/// Looks at every row and every object: rows that nothing names, objects without a row (what a crash between object and transaction
/// leaves), both older than an hour. For `fsck`, and once in a while.
pub async fn sweep(store: &Store) -> Result<Collected, StoreError> {
    let mut done = collect(store).await?;
    let now = store.clock().now().0;
    let before = now - GRACE_MS;
    let mut after: Vec<u8> = Vec::new();
    loop {
        let from = after.clone();
        // Ids only, so that indexes answer: the rows hold the content of small blobs.
        let sql = format!(
            "SELECT id, CASE WHEN {} THEN 1 ELSE 0 END FROM (SELECT id FROM blobs WHERE id > $1 ORDER BY id LIMIT $2) AS page \
             ORDER BY id",
            unnamed("page")
        );
        let page: Vec<(Vec<u8>, bool)> = store
            .read(move |tx| {
                let rows = tx.query(&sql, params![from.clone(), PAGE])?;
                rows.iter().map(|r| Ok((r.bytes(0)?, r.bool(1)?))).collect()
            })
            .await
            .map_err(|e: StoreError| e)?;
        let Some((last, _)) = page.last() else { break };
        after = last.clone();
        let found: Vec<Vec<u8>> = page.into_iter().filter(|(_, unnamed)| *unnamed).map(|(id, _)| id).collect();
        for slice in found.chunks(SLICE as usize) {
            let slice = slice.to_vec();
            let gone = store
                .write(move |tx| {
                    let mut gone = Vec::new();
                    if hold::held(tx, now)? {
                        return Ok(gone);
                    }
                    for id in &slice {
                        // Looked at again: something may name it by now.
                        let sql = format!("DELETE FROM blobs WHERE id = $1 AND created < $2 AND {}", unnamed("blobs"));
                        if tx.execute(&sql, params![id.clone(), before])? > 0 {
                            gone.push(id_from(id)?);
                        }
                    }
                    Ok::<_, StoreError>(gone)
                })
                .await?;
            done.rows += gone.len() as u64;
            remove_objects(store, gone).await?;
        }
    }
    done.files += sweep_objects(store).await?;
    Ok(done)
}

/// "Nothing names it", as SQL, of the `id` of a table or alias.
pub(crate) fn unnamed(blobs: &str) -> String {
    REFERENCES.iter().fold("1 = 1".to_owned(), |sql, (table, column)| {
        format!("{sql} AND NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.{column} = {blobs}.id)")
    })
}

async fn remove_objects(store: &Store, ids: Vec<BlobId>) -> Result<(), StoreError> {
    if ids.is_empty() { Ok(()) } else { store.0.places.objects.remove(ids).await }
}

/// Walks the listing, a page at a time.
async fn sweep_objects(store: &Store) -> Result<u64, StoreError> {
    let (places, now) = (&store.0.places, store.clock().now());
    let (ours, marked) = (objects::owner(&store.0.engine, now).await?, places.objects.owner().await?);
    // An early version left no name: it is put at the next start.
    if !marked.is_empty() && marked != ours {
        return Err(StoreError::Invalid("the place of blobs is marked as another database's: it is not swept".into()));
    }
    let (mut removed, mut after) = (0, None);
    loop {
        let page = places.objects.list(after, now).await?;
        let old: Vec<BlobId> = page.objects.iter().filter(|o| o.age_ms > GRACE_MS).map(|o| o.id).collect();
        for slice in old.chunks(SLICE as usize) {
            let ids = slice.to_vec();
            let known: Vec<bool> = store
                .read(move |tx| {
                    ids.iter().map(|id| Ok(super::find_size(tx, id)?.is_some())).collect::<Result<_, StoreError>>()
                })
                .await?;
            let unknown = slice.iter().zip(known).filter(|(id, known)| !known && !places.is_in_flight(id));
            let unknown: Vec<BlobId> = unknown.map(|(id, _)| *id).collect();
            removed += unknown.len() as u64;
            remove_objects(store, unknown).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(removed),
        }
    }
}
