//! Blobs as they are stored, sealed: for backups, restoring, checks and moves between places. Nothing here needs a key.
use super::source::{Caller, Source};
use super::{BlobId, Page};
use crate::files::NewFile;
use crate::{Store, StoreError, blocking};
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;

/// The stored bytes of a blob that is an object.
#[derive(Debug)]
pub struct RawBlob {
    source: Source,
    stored: u64,
}

impl RawBlob {
    /// Stored bytes.
    pub fn stored(&self) -> u64 {
        self.stored
    }
    /// At most `len` bytes from `offset`; fewer at the end. Ask by pieces of ≤ 64 KiB.
    pub async fn read_at(&mut self, offset: u64, len: usize) -> Result<Bytes, StoreError> {
        let rest = usize::try_from(self.stored.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(rest);
        let read = self.source.read(offset, len, Caller::Task).await?;
        read.ok_or_else(|| StoreError::Corrupt("an object became shorter".into()))
    }
}

/// A page of the objects that there are, whether rows name them or not. `after`: [`Page::next`] of the page before.
pub async fn list(store: &Store, after: Option<String>) -> Result<Page, StoreError> {
    store.0.places.objects.list(after, store.clock().now()).await
}

/// Opens an object. `Corrupt` when it is missing while the place is there, `Transient` when the place is away.
pub async fn raw(store: &Store, id: BlobId) -> Result<RawBlob, StoreError> {
    let source = store.0.places.objects.open(id, Caller::Task).await?;
    let stored = source.len(Caller::Task).await?;
    Ok(RawBlob { source, stored })
}

/// Puts an object from a file of sealed bytes (a backup's), durably; the file stays. Putting what is there already is harmless.
pub async fn put_raw(store: &Store, id: BlobId, from: &Path) -> Result<(), StoreError> {
    let (places, from) = (&store.0.places, from.to_owned());
    let copy = places.spools.join(format!("{}.raw{}", hex::encode(id), crate::spool::SUFFIX));
    let file = blocking(move || {
        let io = |e: std::io::Error| StoreError::io("spool file", &e);
        crate::files::remove(&copy).map_err(io)?;
        let file = NewFile::create(copy).map_err(io)?;
        let mut source = std::fs::File::open(from).map_err(io)?;
        let mut piece = vec![0; 128 << 10];
        loop {
            match std::io::Read::read(&mut source, &mut piece).map_err(io)? {
                0 => return Ok(Arc::new(file)),
                n => file.write_all(&piece[..n]).map_err(io)?,
            }
        }
    })
    .await?;
    let put = places.objects.put(id, &file, store.clock().now()).await;
    // Renamed, or uploaded, or of no use.
    let _ = crate::files::remove(file.path());
    put
}

/// Removes objects, whatever names them. Those that are not there are no error.
pub async fn remove_raw(store: &Store, ids: Vec<BlobId>) -> Result<(), StoreError> {
    store.0.places.objects.remove(ids).await
}
