//! Reading a blob by ranges.
use super::BlobId;
use super::format::{CHUNK, HEADER, Table, corrupt, is_header, open_chunk};
use crate::{DataKey, StoreError};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Where sealed bytes are read from.
#[derive(Debug)]
pub(crate) enum Source {
    Memory(Arc<Vec<u8>>),
    File(File),
}

impl Source {
    fn len(&self) -> Result<u64, StoreError> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => file.metadata().map(|m| m.len()).map_err(|e| StoreError::io("blob file", &e)),
        }
    }
    /// Exactly `len` bytes; none when there are fewer.
    fn read(&self, offset: u64, len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                Ok(from.checked_add(len).and_then(|to| bytes.get(from..to)).map(<[u8]>::to_vec))
            }
            Self::File(file) => {
                let mut out = vec![0; len];
                match file.read_exact_at(&mut out, offset) {
                    Ok(()) => Ok(Some(out)),
                    Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
                    Err(e) => Err(StoreError::io("blob file", &e)),
                }
            }
        }
    }
}

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
    pub(crate) fn open(id: BlobId, key: DataKey, source: Source, size: Option<u64>) -> Result<Self, StoreError> {
        let stored = source.len()?;
        let broken = || corrupt(&id);
        let tail = stored.checked_sub(4).ok_or_else(broken)?;
        let length: [u8; 4] = source.read(tail, 4)?.and_then(|b| b.try_into().ok()).ok_or_else(broken)?;
        let length = Table::length(length, stored).ok_or_else(broken)?;
        let sealed = source.read(tail - length as u64, length)?.ok_or_else(broken)?;
        let table = Table::open(&key, &id, &sealed, stored)?;
        let header = source.read(0, HEADER)?.ok_or_else(broken)?;
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
    /// `len` clear bytes from `offset` (fewer at the end). At most a few chunks are in memory; ask by pieces of ≤ 64 KiB to stream.
    /// Blocking file reads are short; callers on an async worker may call it directly for one piece at a time.
    pub fn read_at(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let end = offset.saturating_add(len as u64).min(self.size);
        let mut out = Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or(0));
        let mut at = offset;
        while at < end {
            // Chunks are counted in u32 at most: the table is bounded.
            let (index, within) = ((at / CHUNK as u64) as usize, (at % CHUNK as u64) as usize);
            let chunk = self.chunk(index)?;
            let take = chunk.len().saturating_sub(within).min((end - at) as usize);
            out.extend_from_slice(&chunk[within..within + take]);
            at += take as u64;
        }
        Ok(out)
    }
    fn chunk(&mut self, index: usize) -> Result<&[u8], StoreError> {
        if self.last.as_ref().is_none_or(|(i, _)| *i != index) {
            self.last = None;
            let (from, to) = match (self.starts.get(index), self.starts.get(index + 1)) {
                (Some(from), Some(to)) => (*from, *to),
                _ => return Err(corrupt(&self.id)),
            };
            let sealed = self.source.read(from, (to - from) as usize)?.ok_or_else(|| corrupt(&self.id))?;
            let last = index + 2 == self.starts.len();
            let expected = if last { (self.size - (index * CHUNK) as u64) as usize } else { CHUNK };
            let clear = open_chunk(&self.key, &self.id, index, last, expected, &sealed)?;
            self.last = Some((index, clear));
        }
        // Set just above when it was another.
        self.last.as_ref().map(|(_, clear)| clear.as_slice()).ok_or_else(|| corrupt(&self.id))
    }
    /// Decodes everything, piece by piece, to learn whether it is whole.
    pub fn verify(&mut self) -> Result<(), StoreError> {
        (0..self.starts.len() - 1).try_for_each(|i| self.chunk(i).map(drop))
    }
}
