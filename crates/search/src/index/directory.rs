//! Our files as tantivy's directory.
//!
//! Immutable files go through to [`Files`]; a read fetches exactly its range. What tantivy replaces as a whole (`meta.json`, its list of files)
//! stays in memory: the index writes its own `meta.json` once a commit, see [`super::write`]. Nothing else is ever written.
use crate::{Content, Files, NewFile};
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite, WatchCallback,
    WatchHandle, WritePtr,
};

/// Called with the name of a file before it is begun, so that a crash leaves its name behind.
pub(super) type Announce = Arc<dyn Fn(&str) -> io::Result<()> + Send + Sync>;

#[derive(Clone)]
pub(super) struct Adapter {
    files: Arc<dyn Files>,
    small: Arc<Mutex<HashMap<PathBuf, Vec<u8>>>>,
    announce: Option<Announce>,
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Adapter")
    }
}

impl Adapter {
    /// To read; nothing can be created through it.
    pub(super) fn reading(files: Arc<dyn Files>, meta: Vec<u8>) -> Self {
        let small = HashMap::from([(PathBuf::from("meta.json"), meta)]);
        Self { files, small: Arc::new(Mutex::new(small)), announce: None }
    }

    /// To write.
    pub(super) fn writing(files: Arc<dyn Files>, announce: Announce) -> Self {
        Self { files, small: Arc::default(), announce: Some(announce) }
    }

    /// The same files, to write.
    pub(super) fn and_write(self, announce: Announce) -> Self {
        Self { announce: Some(announce), ..self }
    }

    fn small(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Vec<u8>>> {
        self.small.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name of ours is a short ASCII word.
fn name(path: &Path) -> io::Result<&str> {
    path.to_str().filter(|n| n.is_ascii() && !n.contains('/')).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

impl Directory for Adapter {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        match name(path).and_then(|n| self.files.open(n)) {
            Ok(content) => Ok(Arc::new(Handle(content))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(OpenReadError::FileDoesNotExist(path.to_path_buf())),
            Err(e) => Err(OpenReadError::wrap_io_error(e, path.to_path_buf())),
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let failed = |e: io::Error| DeleteError::IoError { io_error: Arc::new(e), filepath: path.to_path_buf() };
        match name(path).and_then(|n| self.files.delete(n)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(DeleteError::FileDoesNotExist(path.to_path_buf())),
            done => done.map_err(failed),
        }
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        if self.small().contains_key(path) {
            return Ok(true);
        }
        name(path).and_then(|n| self.files.exists(n)).map_err(|e| OpenReadError::wrap_io_error(e, path.to_path_buf()))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let begin = || -> io::Result<Box<dyn NewFile>> {
            let announce = self.announce.as_ref().ok_or(io::ErrorKind::PermissionDenied)?;
            let name = name(path)?;
            announce(name)?;
            self.files.create(name)
        };
        let file = begin().map_err(|e| OpenWriteError::wrap_io_error(e, path.to_path_buf()))?;
        Ok(BufWriter::new(Box::new(Writing(Some(file)))))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.small().get(path).cloned().ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_path_buf()))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.small().insert(path.to_path_buf(), data.to_vec());
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    // The caller holds the lease; within the process a mutex does the rest.
    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

#[derive(Debug)]
struct Handle(Arc<dyn Content>);

impl HasLen for Handle {
    fn len(&self) -> usize {
        usize::try_from(self.0.len()).unwrap_or(usize::MAX)
    }
}

impl FileHandle for Handle {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let length = range.end.checked_sub(range.start).ok_or(io::ErrorKind::InvalidInput)?;
        if range.end > self.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bytes = self.0.read(range.start as u64..range.end as u64)?;
        if bytes.len() != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(OwnedBytes::new(bytes))
    }
}

struct Writing(Option<Box<dyn NewFile>>);

impl Writing {
    fn file(&mut self) -> io::Result<&mut Box<dyn NewFile>> {
        self.0.as_mut().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}

impl TerminatingWrite for Writing {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        match self.0.take() {
            Some(file) => file.finish(),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}
