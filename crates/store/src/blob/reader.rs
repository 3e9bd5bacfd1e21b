//! Reading a blob by ranges.
use super::BlobId;
use super::format::{CHUNK, HEADER, Table, corrupt, is_header, open_chunk};
use super::source::{Caller, Source};
use crate::{DataKey, StoreError};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tokio::runtime::Handle;

/// Reads a blob. Random access decodes only the chunks of the range; each chunk is authenticated.
#[derive(Debug)]
pub struct BlobReader {
    id: BlobId,
    key: DataKey,
    source: Source,
    size: u64,
    /// Where each chunk begins, and where the last one ends.
    starts: Vec<u64>,
    /// The chunk decoded last: reading on by small pieces decodes it once.
    last: Option<(usize, Vec<u8>)>,
}

impl BlobReader {
    /// Reads header and table. `size`: what the row says, when there is one.
    pub(crate) async fn open(
        id: BlobId,
        key: DataKey,
        mut source: Source,
        size: Option<u64>,
        caller: Caller,
    ) -> Result<Self, StoreError> {
        let stored = source.len(caller).await?;
        let broken = || corrupt(&id);
        let tail = stored.checked_sub(4).ok_or_else(broken)?;
        let length = source.read(tail, 4, caller).await?.ok_or_else(broken)?;
        let length: [u8; 4] = length.as_ref().try_into().map_err(|_| broken())?;
        let length = Table::length(length, stored).ok_or_else(broken)?;
        let sealed = source.read(tail - length as u64, length, caller).await?.ok_or_else(broken)?;
        let table = Table::open(&key, &id, &sealed, stored)?;
        let header = source.read(0, HEADER, caller).await?.ok_or_else(broken)?;
        if !is_header(&header, &id) || size.is_some_and(|s| s != table.size) {
            return Err(broken());
        }
        let mut starts = vec![HEADER as u64];
        let mut at = HEADER as u64;
        for n in &table.lengths {
            at += u64::from(*n);
            starts.push(at);
        }
        Ok(Self { id, key, source, size: table.size, starts, last: None })
    }
    /// Clear size, bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// `len` clear bytes from `offset` (fewer at the end). Ask by pieces of ≤ 64 KiB to stream: at most a chunk in clear, and what was
    /// fetched ahead (sealed, ≤ 1 MiB, from an object store only), is in memory. `Transient` when the place of blobs is away or slow.
    pub async fn read_at(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.piece(offset, len, Caller::Task).await
    }
    /// [`BlobReader::read_at`] for a thread that may block (`spawn_blocking`, never an async task).
    pub fn read_at_blocking(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let remote = self.is_remote();
        wait(remote, self.piece(offset, len, Caller::Thread))
    }
    /// Decodes everything, piece by piece, to learn whether it is whole.
    pub async fn verify(&mut self) -> Result<(), StoreError> {
        for index in 0..self.starts.len() - 1 {
            self.chunk(index, Caller::Task).await?;
        }
        Ok(())
    }
    fn is_remote(&self) -> bool {
        matches!(self.source, Source::Object(_))
    }
    async fn piece(&mut self, offset: u64, len: usize, caller: Caller) -> Result<Vec<u8>, StoreError> {
        let end = offset.saturating_add(len as u64).min(self.size);
        let mut out = Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or(0));
        let mut at = offset;
        while at < end {
            // Chunks are counted in u32 at most: the table is bounded.
            let (index, within) = ((at / CHUNK as u64) as usize, (at % CHUNK as u64) as usize);
            let chunk = self.chunk(index, caller).await?;
            let take = chunk.len().saturating_sub(within).min((end - at) as usize);
            out.extend_from_slice(&chunk[within..within + take]);
            at += take as u64;
        }
        Ok(out)
    }
    async fn chunk(&mut self, index: usize, caller: Caller) -> Result<&[u8], StoreError> {
        if self.last.as_ref().is_none_or(|(i, _)| *i != index) {
            self.last = None;
            let (from, to) = match (self.starts.get(index), self.starts.get(index + 1)) {
                (Some(from), Some(to)) => (*from, *to),
                _ => return Err(corrupt(&self.id)),
            };
            let sealed = self.source.read(from, (to - from) as usize, caller).await?;
            let sealed = sealed.ok_or_else(|| corrupt(&self.id))?;
            let last = index + 2 == self.starts.len();
            let expected = if last { (self.size - (index * CHUNK) as u64) as usize } else { CHUNK };
            let clear = open_chunk(&self.key, &self.id, index, last, expected, &sealed)?;
            self.last = Some((index, clear));
        }
        // Set just above when it was another.
        self.last.as_ref().map(|(_, clear)| clear.as_slice()).ok_or_else(|| corrupt(&self.id))
    }
}

/// Opens what is on this machine (memory, a file), on the thread that asks.
pub(crate) fn open_here(id: BlobId, key: DataKey, source: Source, size: Option<u64>) -> Result<BlobReader, StoreError> {
    let remote = matches!(source, Source::Object(_));
    wait(remote, BlobReader::open(id, key, source, size, Caller::Thread))
}

/// Waits for a reading on a thread that may block. Only what comes over a network needs the runtime.
pub(crate) fn wait<T>(remote: bool, reading: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    if remote {
        let handle =
            Handle::try_current().map_err(|_| StoreError::Other("no runtime to read an object with".into()))?;
        return handle.block_on(reading);
    }
    match pin!(reading).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        // For a thread, what is in memory or in a file never waits.
        Poll::Pending => Err(StoreError::Other("a local reading had to wait".into())),
    }
}
