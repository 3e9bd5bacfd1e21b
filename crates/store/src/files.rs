//! Every file operation that durability rests on: creating, writing, synchronising, renaming, removing; of spools, blobs, marks and lists,
//! and of the folders that hold them and the databases.
//!
//! Promises: nothing else in the store changes these files; a file of which one write or synchronisation failed is never durable
//! afterwards, because the system forgets such a failure once it told it. In tests each operation is first shown to [`hook`], which may
//! refuse it (a full or broken disk) or stop the process; in the program these are the plain calls.
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bytes that [`write_again`] holds at a time.
const AGAIN: usize = 1 << 20;

/// Creates a private folder (0700), with its parents, durably: whatever is safe in it later does not go with a name that was not.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        private_folder(above)?;
    }
    subfolder(path)?;
    sync_parent(path)
}

/// Creates a private folder in one that is there. Durable once that one is synchronised. One that is there already is no error.
pub(crate) fn subfolder(path: &Path) -> io::Result<()> {
    #[cfg(any(test, feature = "testing"))]
    hook::ask(&hook::Operation::Folder(path))?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }
}

/// Appends to a file, made when absent with these rights, durably: content and name. Blocking. An error may leave a part of the text.
pub fn append(path: &Path, rights: u32, text: &str) -> io::Result<()> {
    #[cfg(any(test, feature = "testing"))]
    if !path.exists() {
        hook::ask(&hook::Operation::Create(path))?;
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(rights).open(path)?;
    #[cfg(any(test, feature = "testing"))]
    hook::ask(&hook::Operation::Write(path, file.metadata()?.len(), text.as_bytes()))?;
    file.write_all(text.as_bytes())?;
    #[cfg(any(test, feature = "testing"))]
    hook::ask(&hook::Operation::Sync(path))?;
    file.sync_all()?;
    // Always: an earlier call may have failed here, and the name with it.
    sync_parent(path)
}

/// Writes again what stands in a file, durably, cut to `length` before. What is read may not be what the disk has: after a synchronisation that
/// failed the system shows what it could not write, and never writes it again by itself. A file that is not there is no error. Blocking.
pub(crate) fn write_again(path: &Path, length: Option<u64>) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut end = file.metadata()?.len();
    if let Some(length) = length.filter(|length| *length < end) {
        #[cfg(any(test, feature = "testing"))]
        hook::ask(&hook::Operation::Length(path, length))?;
        file.set_len(length)?;
        end = length;
    }
    let (mut part, mut at) = (vec![0; AGAIN], 0);
    while at < end {
        let part = &mut part[..usize::try_from(end - at).unwrap_or(AGAIN).min(AGAIN)];
        file.read_exact_at(part, at)?;
        #[cfg(any(test, feature = "testing"))]
        hook::ask(&hook::Operation::Write(path, at, part))?;
        file.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    #[cfg(any(test, feature = "testing"))]
    hook::ask(&hook::Operation::Sync(path))?;
    file.sync_all()
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(any(test, feature = "testing"))]
    hook::ask(&hook::Operation::SyncFolder(folder))?;
    File::open(folder)?.sync_all()
}

/// Makes the name of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync_folder(folder),
        _ => sync_folder(Path::new(".")),
    }
}

/// Gives a file another name, replacing what had it. Durable once the folder is synchronised.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(test, feature = "testing"))]
    hook::ask(&hook::Operation::Rename(from, to))?;
    std::fs::rename(from, to)
}

/// Removes a file. One that is not there is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    #[cfg(any(test, feature = "testing"))]
    hook::ask(&hook::Operation::Remove(path))?;
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// A private file (0600) being written from its beginning to its end.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: Arc<File>,
    path: PathBuf,
    written: AtomicU64,
    /// A write or a synchronisation failed: what is on the disk is unknown, and a later success would say nothing about it.
    broken: AtomicBool,
}

impl NewFile {
    /// Creates it; `AlreadyExists` when there is one.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        #[cfg(any(test, feature = "testing"))]
        hook::ask(&hook::Operation::Create(&path))?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { file: Arc::new(file), path, written: AtomicU64::new(0), broken: AtomicBool::new(false) })
    }
    fn once(&self, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.broken.load(Ordering::Acquire) {
            return Err(io::Error::other("a file of which an earlier write or synchronisation failed"));
        }
        act().inspect_err(|_| self.broken.store(true, Ordering::Release))
    }
    /// Appends. Not durable yet. One writer at a time.
    pub fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        self.once(|| {
            #[cfg(any(test, feature = "testing"))]
            hook::ask(&hook::Operation::Write(&self.path, self.len(), bytes))?;
            self.file.as_ref().write_all(bytes)
        })?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Release);
        Ok(())
    }
    /// The file, for reading.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }
    /// Where it was created.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Bytes written.
    pub fn len(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }
    /// Makes content and metadata durable; its name is not yet. Once it failed it fails for good.
    pub fn sync(&self) -> io::Result<()> {
        self.once(|| {
            #[cfg(any(test, feature = "testing"))]
            hook::ask(&hook::Operation::Sync(&self.path))?;
            self.file.sync_all()
        })
    }
}

/// TEST ONLY: whoever wants to see, refuse or cut short what the store does to its files.
#[cfg(any(test, feature = "testing"))]
pub mod hook {
    use std::io;
    use std::path::Path;
    use std::sync::{Arc, PoisonError, RwLock};

    /// What is about to be done.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Operation<'a> {
        /// A folder is created.
        Folder(&'a Path),
        /// A file is created, empty.
        Create(&'a Path),
        /// Bytes are written at an offset.
        Write(&'a Path, u64, &'a [u8]),
        /// A file is cut to a length.
        Length(&'a Path, u64),
        /// A file's content is synchronised.
        Sync(&'a Path),
        /// The names in a folder are synchronised.
        SyncFolder(&'a Path),
        /// The first becomes the second.
        Rename(&'a Path, &'a Path),
        /// A file is removed.
        Remove(&'a Path),
    }

    /// Sees each operation before it is done, in the order of each file's operations; an error is given to the caller instead.
    pub type Hook = Arc<dyn Fn(&Operation<'_>) -> io::Result<()> + Send + Sync>;

    static HOOK: RwLock<Option<Hook>> = RwLock::new(None);

    /// Installs a hook for the whole process, or removes it. It tells by the path whether an operation concerns it.
    pub fn install(hook: Option<Hook>) {
        *HOOK.write().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    pub(super) fn ask(operation: &Operation<'_>) -> io::Result<()> {
        let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
        hook.map_or(Ok(()), |hook| hook(operation))
    }
}
