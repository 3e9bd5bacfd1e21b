//! The files of an index, kept sealed: immutable ones are blobs whose keys are wrapped by the BAL's, small ones that are replaced are
//! sealed in their row.
//!
//! Promises: what is written becomes visible, all at once and durably, when a small file is replaced: files begun or removed since come
//! along in its transaction, so that a crash shows the index before or after and nothing in between; only the last that took the BAL's
//! index may write ([`indexes::fence`]). Everything here blocks; it is called on blocking threads.
use super::cache::{Cache, PIECE};
use crate::mailbox::seal::BalSeal;
use sceau_domain::clock::SharedClock;
use sceau_search::{Content, Files, NewFile};
use sceau_store::blob::{self, BlobId, BlobReader, BlobRow};
use sceau_store::indexes::{self, IndexFile};
use sceau_store::{Id, Spool, SpoolWriter, Store, StoreError};
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// Key of a blob of an index, followed by the file's name; object = generation.
const FILE_KEY: &str = "index.file_key:";
/// A small file, followed by its name; object = generation.
const FILE_SMALL: &str = "index.small:";

/// Why work on an index failed, beside what the index says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Trouble {
    /// Nothing that we know of.
    #[default]
    None,
    /// The store is away or full: later it may work.
    Passing,
    /// Another writer took the index.
    Fenced,
}

/// The files of one generation.
#[derive(Debug)]
pub(super) struct SealedFiles {
    store: Store,
    clock: SharedClock,
    runtime: Handle,
    seal: BalSeal,
    generation: Id,
    /// Who writes; none to read only.
    writer: Option<Id>,
    cache: Arc<Cache>,
    waiting: Arc<Mutex<Waiting>>,
    trouble: Arc<Mutex<Trouble>>,
}

/// A file as rows keep it, and the row of its blob.
type Kept = (IndexFile, Option<BlobRow>);

/// What becomes visible with the next small file.
#[derive(Debug, Default)]
struct Waiting {
    /// A finished file, or a removal.
    files: BTreeMap<String, Option<Spool>>,
}

/// Nothing that is shared here is ever half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SealedFiles {
    /// The files of a generation; called on the runtime.
    pub fn new(store: Store, seal: BalSeal, generation: Id, writer: Option<Id>, cache: Arc<Cache>) -> Self {
        let (clock, runtime) = (store.clock().clone(), Handle::current());
        Self {
            store,
            clock,
            runtime,
            seal,
            generation,
            writer,
            cache,
            waiting: Arc::default(),
            trouble: Arc::default(),
        }
    }
    /// What went wrong with the store.
    pub fn trouble(&self) -> Trouble {
        *lock(&self.trouble)
    }
    fn failed(&self, e: &StoreError) -> Error {
        failed(&self.trouble, e)
    }
    fn row(&self, name: &str) -> Result<Option<IndexFile>> {
        let (bal, generation, name) = (self.seal.bal, self.generation, name.to_owned());
        let read = self.store.read::<_, StoreError, _>(move |tx| indexes::file(tx, bal, generation, &name));
        self.runtime.block_on(read).map_err(|e| self.failed(&e))
    }
    fn content(&self, id: BlobId, reader: BlobReader) -> Arc<dyn Content> {
        Arc::new(Piecewise {
            bal: self.seal.bal,
            id,
            size: reader.size(),
            reader: Mutex::new(reader),
            cache: Arc::clone(&self.cache),
            trouble: Arc::clone(&self.trouble),
        })
    }
    /// Makes visible what waits, and this small file.
    fn flush(&self, small: Option<(&str, &[u8])>) -> Result<()> {
        let Some(writer) = self.writer else { return Err(Error::other("an index open for reading")) };
        // Held to the end: whoever opens a file meanwhile finds it here or in the store.
        let mut waiting = lock(&self.waiting);
        let mut files: Vec<(String, Option<Kept>)> = Vec::new();
        for (name, spool) in &mut waiting.files {
            let file = match spool {
                None => None,
                Some(spool) => {
                    self.runtime.block_on(spool.settle()).map_err(|e| self.failed(&e))?;
                    let key = self.seal.wrap(self.generation, &format!("{FILE_KEY}{name}"), &spool.key);
                    let key = key.map_err(|e| self.failed(&e))?;
                    Some((IndexFile::Blob(spool.id, key), Some(BlobRow::from(&*spool))))
                }
            };
            files.push((name.clone(), file));
        }
        if let Some((name, bytes)) = small {
            let sealed = self.seal.seal(self.generation, &format!("{FILE_SMALL}{name}"), bytes);
            files.push((name.to_owned(), Some((IndexFile::Small(sealed.map_err(|e| self.failed(&e))?), None))));
        }
        let (bal, generation, now) = (self.seal.bal, self.generation, self.clock.now());
        let written = self.store.write::<_, StoreError, _>(move |tx| {
            if !indexes::fence(tx, bal, writer)? {
                return Ok(false);
            }
            for (name, file) in &files {
                match file {
                    None => indexes::remove_file(tx, bal, generation, name, now)?,
                    Some((file, row)) => {
                        if let Some(row) = row {
                            blob::insert(tx, row)?;
                        }
                        indexes::put_file(tx, bal, generation, name, file, now)?;
                    }
                }
            }
            Ok(true)
        });
        let written = self.runtime.block_on(written);
        let spools = std::mem::take(&mut waiting.files).into_values().flatten();
        match written {
            Ok(true) => spools.for_each(Spool::kept),
            Ok(false) => {
                spools.for_each(Spool::discard);
                *lock(&self.trouble) = Trouble::Fenced;
                return Err(Error::other("another writer took the index"));
            }
            Err(e) => {
                // Whether it was committed is not known: what nothing names is collected.
                spools.for_each(Spool::kept);
                return Err(self.failed(&e));
            }
        }
        Ok(())
    }
    /// Makes removals visible that no small file followed.
    pub fn finish(&self) -> Result<()> {
        let idle = lock(&self.waiting).files.is_empty();
        if idle { Ok(()) } else { self.flush(None) }
    }
}

/// An error of the store as the index sees it; what may pass by itself is remembered.
fn failed(trouble: &Mutex<Trouble>, e: &StoreError) -> Error {
    match e {
        StoreError::Corrupt(_) => Error::new(ErrorKind::InvalidData, e.to_string()),
        e => {
            *lock(trouble) = Trouble::Passing;
            Error::other(e.to_string())
        }
    }
}

fn absent() -> Error {
    Error::new(ErrorKind::NotFound, "no such file in the index")
}

impl Files for SealedFiles {
    fn open(&self, name: &str) -> Result<Arc<dyn Content>> {
        match lock(&self.waiting).files.get(name) {
            Some(Some(spool)) => {
                let reader = spool.reader().map_err(|e| self.failed(&e))?;
                return Ok(self.content(spool.id, reader));
            }
            Some(None) => return Err(absent()),
            None => {}
        }
        let Some(IndexFile::Blob(id, key)) = self.row(name)? else { return Err(absent()) };
        let key = self.seal.unwrap(self.generation, &format!("{FILE_KEY}{name}"), &key).map_err(|e| self.failed(&e))?;
        let reader = self.runtime.block_on(self.store.open_blob(id, key)).map_err(|e| self.failed(&e))?;
        Ok(self.content(id, reader))
    }
    fn exists(&self, name: &str) -> Result<bool> {
        if let Some(waiting) = lock(&self.waiting).files.get(name) {
            return Ok(waiting.is_some());
        }
        Ok(self.row(name)?.is_some())
    }
    fn create(&self, name: &str) -> Result<Box<dyn NewFile>> {
        let (name, waiting) = (name.to_owned(), Arc::clone(&self.waiting));
        Ok(Box::new(Writing { name, spool: self.store.spool(), waiting, trouble: Arc::clone(&self.trouble) }))
    }
    fn delete(&self, name: &str) -> Result<()> {
        lock(&self.waiting).files.insert(name.to_owned(), None);
        Ok(())
    }
    fn read_small(&self, name: &str) -> Result<Vec<u8>> {
        let Some(IndexFile::Small(sealed)) = self.row(name)? else { return Err(absent()) };
        self.seal.open(self.generation, &format!("{FILE_SMALL}{name}"), &sealed).map_err(|e| self.failed(&e))
    }
    fn write_small(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.flush(Some((name, bytes)))
    }
}

/// A file being written.
struct Writing {
    name: String,
    spool: SpoolWriter,
    waiting: Arc<Mutex<Waiting>>,
    trouble: Arc<Mutex<Trouble>>,
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.spool.write(bytes).map_err(|e| failed(&self.trouble, &e))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl NewFile for Writing {
    fn finish(self: Box<Self>) -> Result<()> {
        let Self { name, spool, waiting, trouble } = *self;
        let spool = spool.finish().map_err(|e| failed(&trouble, &e))?;
        lock(&waiting).files.insert(name, Some(spool));
        Ok(())
    }
}

/// An immutable file, decoded by pieces that are kept.
#[derive(Debug)]
struct Piecewise {
    bal: Id,
    id: BlobId,
    size: u64,
    reader: Mutex<BlobReader>,
    cache: Arc<Cache>,
    trouble: Arc<Mutex<Trouble>>,
}

impl Piecewise {
    fn piece(&self, number: u64) -> Result<Arc<Vec<u8>>> {
        if let Some(piece) = self.cache.get((self.bal, self.id, number)) {
            return Ok(piece);
        }
        let length = usize::try_from(PIECE.min(self.size - number * PIECE)).unwrap_or(0);
        let read = lock(&self.reader).read_at_blocking(number * PIECE, length);
        let piece = Arc::new(read.map_err(|e| failed(&self.trouble, &e))?);
        self.cache.put((self.bal, self.id, number), Arc::clone(&piece));
        Ok(piece)
    }
}

impl Content for Piecewise {
    fn len(&self) -> u64 {
        self.size
    }
    fn read(&self, range: Range<u64>) -> Result<Vec<u8>> {
        if range.start > range.end || range.end > self.size {
            return Err(Error::new(ErrorKind::UnexpectedEof, "beyond the end of a file of the index"));
        }
        let mut out = Vec::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
        let mut at = range.start;
        while at < range.end {
            let piece = self.piece(at / PIECE)?;
            // A piece has 64 KiB at most.
            let from = (at % PIECE) as usize;
            let to = piece.len().min(from + usize::try_from(range.end - at).unwrap_or(usize::MAX));
            if from >= to {
                return Err(Error::new(ErrorKind::InvalidData, "a short piece of a file of the index"));
            }
            out.extend_from_slice(&piece[from..to]);
            at += (to - from) as u64;
        }
        Ok(out)
    }
}
