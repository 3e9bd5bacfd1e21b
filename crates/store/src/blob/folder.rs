//! Objects as files of a folder, in one of 256 folders by the first byte of the id.
//!
//! Promises: an object is there entirely and durably (data, name), or not at all; a folder whose volume went away is not taken for an
//! empty one. Objects that are put at the same time are named durably together: one synchronisation of their folder serves all whose names
//! stood in it before it began, and if it fails, none of them was put.
use super::objects::{Listed, Objects, Page, Soon};
use super::{BlobId, Caller, PlaceRefusal, Source, format};
use crate::files::{self, NewFile};
use crate::{StoreError, blocking};
use sceau_domain::Timestamp;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::Mutex;

/// Lies in the folder of blobs since the store was opened. Where it is missing, the folder is not the one that was opened
/// (a volume that went away): nothing is known of the blobs then, least of all that they are lost. It tells whose blobs they are;
/// early versions left it empty.
const MARK: &str = ".sceau-blobs";

/// A folder of blobs.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf, Arc<[Names; 256]>);

/// The names in one of the 256 folders, on their way to the disk.
#[derive(Debug, Default)]
struct Names {
    /// Names that were put there by this process, durable or not.
    put: AtomicU64,
    /// Held by whoever synchronises.
    synced: Arc<Mutex<Synced>>,
}

/// How far a folder was synchronised, counted in names.
#[derive(Debug, Default)]
struct Synced {
    /// The names up to this one are durable, those of `lost` aside.
    upto: u64,
    /// Up to this one, names may be lost: a synchronisation failed, which the system tells once.
    lost: Option<(u64, StoreError)>,
}

impl Synced {
    /// Is this name durable? None: not asked of the disk yet.
    fn fate(&self, name: u64) -> Option<Result<(), StoreError>> {
        match &self.lost {
            Some((last, e)) if name <= *last => Some(Err(e.clone())),
            _ => (name <= self.upto).then_some(Ok(())),
        }
    }
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self(path, Arc::new(std::array::from_fn(|_| Names::default())))
    }
    /// Makes a name durable that has just been put in one of the 256 folders, with all those that were put there before.
    async fn sync_names(&self, first: u8) -> Result<(), StoreError> {
        let (all, folder) = (&self.1[usize::from(first)], self.0.join(hex::encode([first])));
        let name = all.put.fetch_add(1, Ordering::AcqRel) + 1;
        let mut synced = Arc::clone(&all.synced).lock_owned().await;
        if let Some(fate) = synced.fate(name) {
            return fate;
        }
        let upto = all.put.load(Ordering::Acquire);
        // Whatever becomes of the caller, what the disk says is heard: it says it once.
        blocking(move || {
            let done = files::sync_folder(&folder).map_err(|e| StoreError::io("blob folder", &e));
            synced.upto = upto;
            if let Err(e) = &done {
                synced.lost = Some((upto, e.clone()));
            }
            done
        })
        .await
    }
    fn file(&self, id: &BlobId) -> PathBuf {
        self.0.join(hex::encode([id[0]])).join(hex::encode(id))
    }
    /// Whose mark there is; none when there is none, or an empty one.
    fn mark(&self) -> io::Result<Option<String>> {
        match std::fs::read_to_string(self.0.join(MARK)) {
            Ok(text) => Ok(Some(text).filter(|t| !t.is_empty())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
    /// Creates the folders durably: a settled file needs no new one.
    fn make(&self, owner: &str) -> io::Result<()> {
        files::private_folder(&self.0)?;
        for first in 0..=u8::MAX {
            files::subfolder(&self.0.join(hex::encode([first])))?;
        }
        let mark = self.0.join(MARK);
        if self.mark()?.is_none() {
            let new = self.0.join(format!("{MARK}.new"));
            files::remove(&new)?;
            let file = NewFile::create(new.clone())?;
            file.write_all(owner.as_bytes())?;
            file.sync()?;
            files::rename(&new, &mark)?;
        }
        files::sync_folder(&self.0)?;
        files::sync_parent(&self.0)
    }
    /// Why a file could not be opened.
    fn not_opened(&self, id: &BlobId, e: &io::Error) -> StoreError {
        if e.kind() != io::ErrorKind::NotFound {
            return StoreError::io("blob file", e);
        }
        match std::fs::metadata(self.0.join(MARK)) {
            Ok(_) => format::corrupt(id),
            Err(_) => away(),
        }
    }
    /// The files of one of the 256 folders.
    fn page(&self, first: u8, now: Timestamp) -> io::Result<Vec<Listed>> {
        let mut out = Vec::new();
        let entries = match self.0.join(hex::encode([first])).read_dir() {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(out),
            Err(e) => return Err(e),
        };
        for entry in entries {
            let entry = entry?;
            let mut id = BlobId::default();
            // A file that is not named like a blob is not ours.
            if entry.file_name().to_str().is_none_or(|name| hex::decode_to_slice(name, &mut id).is_err())
                || id[0] != first
            {
                continue;
            }
            let meta = match entry.metadata() {
                Ok(meta) if meta.is_file() => meta,
                Ok(_) => continue,
                // Removed since the folder was read.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            let written = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            let written = i64::try_from(written).unwrap_or(i64::MAX);
            out.push(Listed { id, stored: meta.len(), age_ms: now.0.saturating_sub(written) });
        }
        out.sort_unstable_by_key(|o| o.id);
        Ok(out)
    }
}

fn away() -> StoreError {
    StoreError::Transient("the folder of blobs is away (is its volume mounted?)".into())
}

/// Gives a spool its final name, its content durably. The name is durable once its folder is synchronised.
fn put(spool: &NewFile, to: &Path, now: Timestamp) -> io::Result<()> {
    // The collector counts its hour from here, by our clock.
    let since = Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
    spool.file().set_modified(UNIX_EPOCH + since)?;
    spool.sync()?;
    files::rename(spool.path(), to)
}

impl Objects for Folder {
    fn look(&self) -> Soon<'_, Option<String>> {
        let folder = self.clone();
        Box::pin(blocking(move || folder.mark().map_err(|e| StoreError::io("blob folder", &e))))
    }
    fn prepare<'a>(&'a self, owner: &'a str) -> Soon<'a, ()> {
        let (folder, owner) = (self.clone(), owner.to_owned());
        Box::pin(blocking(move || {
            let io = |e| StoreError::io("blob folder", &e);
            let ours = || match folder.mark().map_err(io)? {
                Some(mark) if mark != owner => Err(StoreError::Place(PlaceRefusal::Foreign)),
                _ => Ok(()),
            };
            ours()?;
            folder.make(&owner).map_err(io)?;
            // Another database may have marked it at the same instant.
            ours()
        }))
    }
    fn put<'a>(&'a self, id: BlobId, spool: &'a Arc<NewFile>, now: Timestamp) -> Soon<'a, ()> {
        let (spool, to) = (Arc::clone(spool), self.file(&id));
        Box::pin(async move {
            blocking(move || put(&spool, &to, now).map_err(|e| StoreError::io("blob file", &e))).await?;
            self.sync_names(id[0]).await
        })
    }
    fn open(&self, id: BlobId, caller: Caller) -> Soon<'_, Source> {
        let folder = self.clone();
        let open = move || -> Result<Source, StoreError> {
            let file = File::open(folder.file(&id)).map_err(|e| folder.not_opened(&id, &e))?;
            Ok(Source::File(Arc::new(file)))
        };
        match caller {
            Caller::Task => Box::pin(blocking(open)),
            Caller::Thread => Box::pin(async move { open() }),
        }
    }
    fn remove(&self, ids: Vec<BlobId>) -> Soon<'_, ()> {
        let folder = self.clone();
        Box::pin(blocking(move || {
            ids.iter().try_for_each(|id| files::remove(&folder.file(id))).map_err(|e| StoreError::io("blob file", &e))
        }))
    }
    fn list(&self, after: Option<String>, now: Timestamp) -> Soon<'_, Page> {
        let folder = self.clone();
        Box::pin(blocking(move || {
            let mut first = [0];
            if after.is_some_and(|after| hex::decode_to_slice(after, &mut first).is_err()) {
                return Err(StoreError::Invalid("place in a listing".into()));
            }
            let objects = folder.page(first[0], now).map_err(|e| StoreError::io("blob folder", &e))?;
            Ok(Page { objects, next: first[0].checked_add(1).map(|next| hex::encode([next])) })
        }))
    }
    fn owner(&self) -> Soon<'_, String> {
        let mark = self.0.join(MARK);
        Box::pin(blocking(move || match std::fs::read_to_string(mark) {
            Ok(text) => Ok(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(away()),
            Err(e) => Err(StoreError::io("blob folder", &e)),
        }))
    }
    fn path(&self, id: &BlobId) -> Option<PathBuf> {
        Some(self.file(id))
    }
}
