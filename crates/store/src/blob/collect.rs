//! Removal of what nothing names: blobs that were released, rows without a reference, files without a row.
//!
//! Promises: a row goes before its file; what is younger than an hour stays (its transaction may be on its way), and so does what
//! a transaction of this process is about to name, however far the clock jumped; the work is done in
//! slices, so that deliveries go on beside it. A legal hold keeps the rows that name a blob, and with them the blob.
use super::{BlobId, REFERENCES, id_from, path};
use crate::{Store, StoreError, blocking, params};
use std::path::{Path, PathBuf};

/// Rows looked at in one transaction.
const SLICE: i64 = 200;
/// Ids looked at in one query.
const PAGE: i64 = 1_000;
/// Nothing younger is collected.
const GRACE_MS: i64 = 3_600_000;

/// What a collection removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Rows (with their files).
    pub rows: u64,
    /// Files that no row named.
    pub files: u64,
}

/// Removes blobs that were released and that nothing names any more. For a job, every few minutes.
pub async fn collect(store: &Store) -> Result<Collected, StoreError> {
    let mut done = Collected::default();
    let before = store.clock().now().0;
    loop {
        let gone = store
            .write(move |tx| {
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
        remove_files(store, gone.0).await?;
        if gone.1 < SLICE as usize {
            return Ok(done);
        }
    }
}

/// Looks at every row and every file: rows that nothing names, files without a row (what a crash between file and transaction
/// leaves), both older than an hour. For `fsck`, and once in a while.
pub async fn sweep(store: &Store) -> Result<Collected, StoreError> {
    let mut done = collect(store).await?;
    let before = store.clock().now().0 - GRACE_MS;
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
            remove_files(store, gone).await?;
        }
    }
    done.files += sweep_files(store, before).await?;
    Ok(done)
}

/// "Nothing names it", as SQL, of the `id` of a table or alias.
fn unnamed(blobs: &str) -> String {
    REFERENCES.iter().fold("1 = 1".to_owned(), |sql, (table, column)| {
        format!("{sql} AND NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.{column} = {blobs}.id)")
    })
}

async fn remove_files(store: &Store, ids: Vec<BlobId>) -> Result<(), StoreError> {
    let folder = store.0.config.blobs.clone();
    blocking(move || {
        for id in ids {
            remove(&path(&folder, &id))?;
        }
        Ok(())
    })
    .await
}

/// Walks the folders, one at a time.
async fn sweep_files(store: &Store, before: i64) -> Result<u64, StoreError> {
    let mut removed = 0;
    for first in 0..=u8::MAX {
        let folder = store.0.config.blobs.join(hex::encode([first]));
        let old = blocking(move || old_files(&folder, before)).await?;
        for slice in old.chunks(SLICE as usize) {
            let ids: Vec<BlobId> = slice.iter().map(|(id, _)| *id).collect();
            let known: Vec<bool> = store
                .read(move |tx| {
                    ids.iter().map(|id| Ok(super::find(tx, id)?.is_some())).collect::<Result<_, StoreError>>()
                })
                .await?;
            let unknown = slice.iter().zip(known).filter(|((id, _), known)| !known && !store.0.places.is_in_flight(id));
            let unknown: Vec<PathBuf> = unknown.map(|((_, file), _)| file.clone()).collect();
            removed += unknown.len() as u64;
            blocking(move || unknown.iter().try_for_each(|file| remove(file))).await?;
        }
    }
    Ok(removed)
}

/// Blob files of a folder (and those below it) last written before an instant.
fn old_files(folder: &Path, before: i64) -> Result<Vec<(BlobId, PathBuf)>, StoreError> {
    let io = |e: std::io::Error| StoreError::io("blob folder", &e);
    let mut out = Vec::new();
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(out),
        Err(e) => return Err(io(e)),
    };
    for entry in entries {
        let entry = entry.map_err(io)?;
        let meta = entry.metadata().map_err(io)?;
        if meta.is_dir() {
            out.extend(old_files(&entry.path(), before)?);
            continue;
        }
        let written = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let old = written.is_some_and(|t| i64::try_from(t.as_millis()).is_ok_and(|t| t < before));
        let mut id = BlobId::default();
        // A file that is not named like a blob is not ours to remove.
        if old && entry.file_name().to_str().is_some_and(|name| hex::decode_to_slice(name, &mut id).is_ok()) {
            out.push((id, entry.path()));
        }
    }
    Ok(out)
}

fn remove(file: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io("blob file", &e)),
        _ => Ok(()),
    }
}
