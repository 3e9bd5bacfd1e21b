//! Where a reader takes sealed bytes from.
use super::s3::Object;
use crate::{StoreError, blocking};
use bytes::Bytes;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Where sealed bytes are read from.
#[derive(Debug)]
pub(crate) enum Source {
    Memory(Bytes),
    File(Arc<File>),
    Object(Box<Object>),
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// An async task: files are read on a blocking thread.
    Task,
    /// A thread that may block: files are read here.
    Thread,
}

impl Source {
    /// Stored bytes.
    pub async fn len(&self, caller: Caller) -> Result<u64, StoreError> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => match caller {
                Caller::Thread => file_len(file),
                Caller::Task => {
                    let file = Arc::clone(file);
                    blocking(move || file_len(&file)).await
                }
            },
            Self::Object(object) => Ok(object.stored()),
        }
    }
    /// Exactly `len` bytes; none when there are fewer.
    pub async fn read(&mut self, offset: u64, len: usize, caller: Caller) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let to = from.checked_add(len).filter(|to| *to <= bytes.len());
                Ok(to.map(|to| bytes.slice(from..to)))
            }
            Self::File(file) => match caller {
                Caller::Thread => file_read(file, offset, len),
                Caller::Task => {
                    let file = Arc::clone(file);
                    blocking(move || file_read(&file, offset, len)).await
                }
            },
            Self::Object(object) => object.read(offset, len).await,
        }
    }
}

fn file_len(file: &File) -> Result<u64, StoreError> {
    file.metadata().map(|m| m.len()).map_err(|e| StoreError::io("blob file", &e))
}

fn file_read(file: &File, offset: u64, len: usize) -> Result<Option<Bytes>, StoreError> {
    let mut out = vec![0; len];
    match file.read_exact_at(&mut out, offset) {
        Ok(()) => Ok(Some(out.into())),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(StoreError::io("blob file", &e)),
    }
}
