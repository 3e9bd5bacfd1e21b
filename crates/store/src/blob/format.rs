//! How sealed content looks: `header, chunk…, table, length of the table`.
//!
//! * header: magic and blob id;
//! * chunk *i*: 64 KiB of clear content (the last one less), compressed as one zstd frame and sealed; associated data: blob id, *i*, and
//!   whether it is the last, so that nothing can be cut, reordered or taken from elsewhere;
//! * table: clear size and the stored length of each chunk, sealed too: any range is found with one read of it;
//! * four bytes: length of the sealed table.
use super::BlobId;
use crate::vault::aead::{OVERHEAD, open_content, open_content_within, seal_content, seal_content_onto};
use crate::{DataKey, StoreError};
use std::cell::RefCell;

/// Clear bytes in a chunk.
pub(crate) const CHUNK: usize = 64 * 1024;
const MAGIC: &[u8; 8] = b"SCEAUBL1";
/// Bytes before the first chunk.
pub(crate) const HEADER: usize = MAGIC.len() + 16;
/// Longest table that is read: 4 MiB stand for 64 GiB of content.
const MAX_TABLE: usize = 4 * 1024 * 1024;
const LEVEL: i32 = 1;

thread_local! {
    // Contexts of zstd are large and made once a thread, not once a chunk.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The bytes before the first chunk.
pub(crate) fn header(id: &BlobId) -> Vec<u8> {
    [MAGIC.as_slice(), id].concat()
}

/// True for the header of this very blob.
pub(crate) fn is_header(bytes: &[u8], id: &BlobId) -> bool {
    bytes.strip_prefix(MAGIC).is_some_and(|rest| rest == id)
}

/// Compresses and seals a chunk at the end of `out`; its stored length. It is in clear at no time in another piece of memory.
pub(crate) fn seal_chunk(
    key: &DataKey,
    id: &BlobId,
    index: usize,
    last: bool,
    clear: &[u8],
    out: &mut Vec<u8>,
) -> Result<u32, StoreError> {
    let failed = |_| StoreError::Other("compression failed".into());
    let (begin, most) = (out.len(), zstd::zstd_safe::compress_bound(clear.len()));
    out.reserve(OVERHEAD + most);
    seal_content_onto(key.chunks()?, &chunk_aad(id, index, last), out, |out| {
        COMPRESSOR.with_borrow_mut(|slot| {
            let compressor = match slot {
                Some(compressor) => compressor,
                None => slot.insert(zstd::bulk::Compressor::new(LEVEL).map_err(failed)?),
            };
            let at = out.len();
            out.resize(at + most, 0);
            let packed = compressor.compress_to_buffer(clear, &mut out[at..]).map_err(failed)?;
            out.truncate(at + packed);
            Ok(())
        })
    })?;
    // A chunk is a little over 64 KiB at most.
    Ok((out.len() - begin) as u32)
}

/// Opens a chunk; it must hold exactly `expected` bytes (never more than [`CHUNK`] are decompressed).
pub(crate) fn open_chunk(
    key: &DataKey,
    id: &BlobId,
    index: usize,
    last: bool,
    expected: usize,
    sealed: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let mut opened = sealed.to_vec();
    let packed = open_content_within(key.chunks()?, &chunk_aad(id, index, last), &mut opened);
    let packed = packed.and_then(|range| opened.get(range)).ok_or_else(|| corrupt(id))?;
    let clear = DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot
                .insert(zstd::bulk::Decompressor::new().map_err(|_| StoreError::Other("decompression failed".into()))?),
        };
        // No more than what is expected: a short message costs no whole chunk of memory.
        decompressor.decompress(packed, expected.clamp(1, CHUNK)).map_err(|_| corrupt(id))
    })?;
    if clear.len() == expected { Ok(clear) } else { Err(corrupt(id)) }
}

fn chunk_aad(id: &BlobId, index: usize, last: bool) -> Vec<u8> {
    [b"chunk".as_slice(), id, &(index as u64).to_be_bytes(), &[u8::from(last)]].concat()
}

/// Names the blob, not its content.
pub(crate) fn corrupt(id: &BlobId) -> StoreError {
    StoreError::Corrupt(format!("blob {}", hex::encode(id)))
}

/// Where the chunks are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// Clear size, bytes.
    pub size: u64,
    /// Stored length of each chunk.
    pub lengths: Vec<u32>,
}

impl Table {
    /// Seals the table at the end of `out`, with its length, as they stand at the end.
    pub fn seal(&self, key: &DataKey, id: &BlobId, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let mut clear = self.size.to_be_bytes().to_vec();
        self.lengths.iter().for_each(|n| clear.extend_from_slice(&n.to_be_bytes()));
        let sealed = seal_content(key.chunks()?, &table_aad(id), &clear)?;
        let too_big = || StoreError::Invalid("content is too large".into());
        let length = u32::try_from(sealed.len()).ok().filter(|n| *n as usize <= MAX_TABLE).ok_or_else(too_big)?;
        out.extend_from_slice(&sealed);
        out.extend_from_slice(&length.to_be_bytes());
        Ok(())
    }
    /// Opens a sealed table (without its length) and checks that it describes a blob of `stored` bytes exactly.
    pub fn open(key: &DataKey, id: &BlobId, sealed: &[u8], stored: u64) -> Result<Self, StoreError> {
        let clear = open_content(key.chunks()?, &table_aad(id), sealed).ok_or_else(|| corrupt(id))?;
        let read = || -> Option<Self> {
            let (size, rest) = clear.split_first_chunk::<8>()?;
            let (lengths, []) = rest.as_chunks::<4>() else { return None };
            Some(Self {
                size: u64::from_be_bytes(*size),
                lengths: lengths.iter().map(|n| u32::from_be_bytes(*n)).collect(),
            })
        };
        let table = read().ok_or_else(|| corrupt(id))?;
        let chunks = table.size.div_ceil(CHUNK as u64).max(1);
        let sum: u64 = table.lengths.iter().map(|n| u64::from(*n)).sum();
        if table.lengths.len() as u64 != chunks || HEADER as u64 + sum + sealed.len() as u64 + 4 != stored {
            return Err(corrupt(id));
        }
        Ok(table)
    }
    /// Length of the sealed table, from the last four bytes, if a blob of `stored` bytes can have it.
    pub fn length(tail: [u8; 4], stored: u64) -> Option<usize> {
        let n = u32::from_be_bytes(tail) as usize;
        (n <= MAX_TABLE
            && n as u64 + 4 + HEADER as u64 <= stored
            && n > usize::from(cfg!(not(feature = "insecure-clear"))) * OVERHEAD)
            .then_some(n)
    }
}

fn table_aad(id: &BlobId) -> Vec<u8> {
    [b"table".as_slice(), id].concat()
}

#[cfg(test)]
#[cfg(not(feature = "insecure-clear"))]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_stands_at_one_place_of_one_blob_only() {
        let (key, id) = (DataKey::generate().unwrap(), [1; 16]);
        let mut sealed = b"before".to_vec();
        let stored = seal_chunk(&key, &id, 3, false, b"abc", &mut sealed).unwrap();
        let sealed = sealed.strip_prefix(b"before").unwrap();
        assert_eq!(stored as usize, sealed.len());
        assert_eq!(open_chunk(&key, &id, 3, false, 3, sealed).unwrap(), b"abc");
        assert!(open_chunk(&key, &[2; 16], 3, false, 3, sealed).is_err(), "another blob");
        assert!(open_chunk(&key, &id, 4, false, 3, sealed).is_err(), "another place");
        assert!(open_chunk(&key, &id, 3, true, 3, sealed).is_err(), "as the last");
        assert!(open_chunk(&key, &id, 3, false, 2, sealed).is_err(), "another length");
        let mut table = Vec::new();
        Table { size: 3, lengths: vec![stored] }.seal(&key, &id, &mut table).unwrap();
        let body = &table[..table.len() - 4];
        let stored = (HEADER + sealed.len() + table.len()) as u64;
        assert!(Table::open(&key, &id, body, stored).is_ok());
        assert!(Table::open(&key, &[2; 16], body, stored).is_err());
        assert!(Table::open(&key, &id, body, stored + 1).is_err());
        assert!(open_chunk(&key, &id, 0, true, 3, body).is_err(), "a table is no chunk");
    }

    #[test]
    fn a_bomb_does_not_unfold() {
        let (key, id) = (DataKey::generate().unwrap(), [1; 16]);
        let bomb = zstd::bulk::compress(&vec![0; 50 << 20], 19).unwrap();
        let sealed = seal_content(key.chunks().unwrap(), &chunk_aad(&id, 0, true), &bomb).unwrap();
        assert!(matches!(open_chunk(&key, &id, 0, true, CHUNK, &sealed), Err(StoreError::Corrupt(_))));
    }

    #[test]
    fn a_table_is_not_longer_than_its_file() {
        assert_eq!(Table::length(100_u32.to_be_bytes(), 24 + 104), Some(100));
        assert_eq!(Table::length(101_u32.to_be_bytes(), 24 + 104), None);
        assert_eq!(Table::length(u32::MAX.to_be_bytes(), u64::MAX), None);
        assert_eq!(Table::length(0_u32.to_be_bytes(), 1_000), None);
    }
}
