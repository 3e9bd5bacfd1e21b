//! Spools: sealed streams being received. Content goes through 64 KiB chunks, each its own zstd frame sealed under the
//! spool's random key (associated data: blob id, chunk index, last flag). Small content stays in memory (sealed too, so that
//! it can go inline), larger content is a file. The format is the blob's: keeping a spool is a rename, or an upload as it is.
//!
//! Promises: at most one chunk is in clear, in memory; memory is bounded by the inline limit and a chunk; what is left by a crash is sealed under
//! a key that died with the process.
use crate::blob::objects::Objects;
use crate::blob::{self, BlobId, BlobReader, Source, format, open_here};
use crate::files::{self, NewFile};
use crate::vault::Tagger;
use crate::{DataKey, StoreConfig, StoreError};
use sceau_domain::Timestamp;
use sceau_domain::clock::SharedClock;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{Ordering, compiler_fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How spool files are named: by the blob's id and this.
pub(crate) const SUFFIX: &str = ".spool";

/// Where spools and blobs are, and how they are made.
#[derive(Debug)]
pub(crate) struct Places {
    pub spools: PathBuf,
    pub objects: Arc<dyn Objects>,
    pub inline_max: usize,
    pub clock: SharedClock,
    /// Settled objects whose transaction may still be on its way: never collected, whatever the clock says.
    in_flight: Mutex<HashSet<BlobId>>,
}

impl Places {
    fn in_flight(&self) -> MutexGuard<'_, HashSet<BlobId>> {
        // Nothing in the set is ever half-written.
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// May a transaction of this process still name this object?
    pub fn is_in_flight(&self, id: &BlobId) -> bool {
        self.in_flight().contains(id)
    }
    /// Creates the folder of spools and removes what a crash left in it; prepares the place of blobs, which is not asked yet.
    pub fn prepare(config: &StoreConfig, objects: Arc<dyn Objects>) -> Result<Arc<Self>, StoreError> {
        let io = |e: std::io::Error| StoreError::io("folder of spools", &e);
        files::private_folder(&config.spools).map_err(io)?;
        let mut removed = 0_u64;
        for entry in config.spools.read_dir().map_err(io)? {
            let entry = entry.map_err(io)?;
            // Those of a server beside which a command runs are alive.
            if config.visitor {
                break;
            }
            if entry.file_name().to_str().is_some_and(|name| name.ends_with(SUFFIX)) {
                files::remove(&entry.path()).map_err(io)?;
                removed += 1;
            }
        }
        if removed > 0 {
            tracing::info!(removed, "spools left by a crash were removed");
        }
        Ok(Arc::new(Self {
            spools: config.spools.clone(),
            objects,
            inline_max: config.inline_max,
            clock: config.clock.clone(),
            in_flight: Mutex::default(),
        }))
    }
}

/// A spool's file, removed when this is dropped.
#[derive(Debug)]
struct Temporary {
    file: Arc<NewFile>,
    /// Renamed: nothing is left to remove.
    moved: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.moved {
            // What cannot be removed now is at the next start.
            let _ = files::remove(self.file.path());
        }
    }
}

/// Sealed bytes that are not in a file yet, and the file.
#[derive(Debug)]
enum Sink {
    Memory(Vec<u8>),
    File(Temporary, Vec<u8>),
}

/// Clear bytes, wiped when they are dropped or move to a larger piece of memory.
#[derive(Default)]
struct Clear(Vec<u8>);

impl Clear {
    /// Appends. What comes in several pieces is likely to fill a chunk.
    fn extend(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let room = if self.0.is_empty() { needed } else { needed.max(format::CHUNK) };
            let mut larger = Vec::with_capacity(room);
            larger.extend_from_slice(&self.0);
            self.wipe();
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }
    /// Overwrites all of the memory: a byte at a time, as `zeroize` would, costs more than to encrypt it.
    fn wipe(&mut self) {
        self.0.clear();
        self.0.resize(self.0.capacity(), 0);
        // Somebody may look: it is not left out.
        std::hint::black_box(self.0.as_mut_slice());
        compiler_fence(Ordering::SeqCst);
        self.0.clear();
    }
}

impl Drop for Clear {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl std::fmt::Debug for Clear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} clear bytes", self.0.len())
    }
}

/// A spool being written. Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct SpoolWriter {
    places: Arc<Places>,
    /// Id and key; an error of the random generator is told at the first write, and any other one again at each that follows it.
    made: Result<(BlobId, DataKey), StoreError>,
    buffer: Clear,
    table: format::Table,
    sink: Sink,
    tagger: Tagger,
}

impl SpoolWriter {
    pub(crate) fn new(places: Arc<Places>, tagger: Tagger) -> Self {
        let made = blob::new_id(places.clock.now()).and_then(|id| Ok((id, DataKey::generate()?)));
        let sink = Sink::Memory(format::header(&made.as_ref().map(|(id, _)| *id).unwrap_or_default()));
        Self { places, made, buffer: Clear::default(), table: format::Table::default(), sink, tagger }
    }
    /// Appends clear bytes (at most one chunk is held in clear, in memory). Plain file writes, no fsync.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.buffer.0.len() == format::CHUNK {
                self.flush(false)?;
            }
            let take = rest.len().min(format::CHUNK - self.buffer.0.len());
            let (now, later) = rest.split_at(take);
            self.buffer.extend(now);
            rest = later;
        }
        self.tagger.update(bytes);
        self.table.size += bytes.len() as u64;
        Ok(())
    }
    /// Clear bytes written so far.
    pub fn len(&self) -> u64 {
        self.table.size
    }
    /// True when nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Seals the last chunk. Not durable yet: see [`Spool::settle`].
    pub fn finish(mut self) -> Result<Spool, StoreError> {
        self.flush(true)?;
        let (id, key) = self.made.clone()?;
        let Self { places, table, sink, tagger, .. } = self;
        let (stored, place) = match sink {
            Sink::Memory(mut bytes) => {
                bytes.shrink_to_fit();
                (Stored::Inline(bytes), Place::Memory)
            }
            Sink::File(temporary, _) => (Stored::File(temporary.file.path().to_owned()), Place::Spool(temporary)),
        };
        let created = places.clock.now();
        Ok(Spool { id, key, size: table.size, stored, digest: tagger.finish(), place, places, created })
    }

    /// Seals what was written as a chunk, and the table after the last one.
    fn flush(&mut self, last: bool) -> Result<(), StoreError> {
        let (id, key) = self.made.clone()?;
        let flushed = self.seal(&id, &key, last).and_then(|()| self.put(&id));
        flushed.inspect_err(|e| self.made = Err(e.clone()))
    }
    fn seal(&mut self, id: &BlobId, key: &DataKey, last: bool) -> Result<(), StoreError> {
        let (Sink::Memory(sealed) | Sink::File(_, sealed)) = &mut self.sink;
        let stored = format::seal_chunk(key, id, self.table.lengths.len(), last, &self.buffer.0, sealed)?;
        self.table.lengths.push(stored);
        self.buffer.0.clear();
        if last { self.table.seal(key, id, sealed) } else { Ok(()) }
    }
    /// Writes what is sealed, in one piece, once it has outgrown the inline limit.
    fn put(&mut self, id: &BlobId) -> Result<(), StoreError> {
        let io = |e: std::io::Error| StoreError::io("spool file", &e);
        if let Sink::Memory(memory) = &mut self.sink {
            if memory.len() <= self.places.inline_max {
                return Ok(());
            }
            let path = self.places.spools.join(hex::encode(id) + SUFFIX);
            let file = Arc::new(NewFile::create(path).map_err(io)?);
            self.sink = Sink::File(Temporary { file, moved: false }, std::mem::take(memory));
        }
        match &mut self.sink {
            Sink::File(temporary, sealed) => {
                temporary.file.write_all(sealed).map_err(io)?;
                sealed.clear();
                Ok(())
            }
            Sink::Memory(_) => Ok(()),
        }
    }
}

/// Where a spool's sealed bytes are.
#[derive(Debug, Clone)]
pub enum Stored {
    /// In memory: will be a column of the blob's row.
    Inline(Vec<u8>),
    /// In a file.
    File(PathBuf),
    /// In an object of a store of objects.
    Object,
}

#[derive(Debug)]
enum Place {
    Memory,
    /// Still among the spools.
    Spool(Temporary),
    /// At its final place, durably, since an instant. The file can still be read, whatever its name.
    Settled {
        file: Arc<NewFile>,
        at: Timestamp,
        _in_flight: InFlight,
    },
}

/// A settled object that a transaction is about to name, until this is dropped.
#[derive(Debug)]
struct InFlight(Arc<Places>, BlobId);

impl InFlight {
    fn new(places: &Arc<Places>, id: BlobId) -> Self {
        places.in_flight().insert(id);
        Self(Arc::clone(places), id)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight().remove(&self.1);
    }
}

/// A finished spool. Dropped before [`Spool::settle`], its file is removed. Once settled the object stays, because a transaction that names
/// it may commit even when its caller is gone; if none does, the object is garbage that a [`crate::blob::sweep`] removes, an hour
/// later at the soonest and never while this value lives, and that [`Spool::discard`] removes at once.
#[derive(Debug)]
pub struct Spool {
    /// Id of the blob it will be.
    pub id: BlobId,
    /// Its key: wrap it for each BAL (and a transit key) that shares it.
    pub key: DataKey,
    /// Clear size, bytes.
    pub size: u64,
    /// Where the sealed bytes are.
    pub stored: Stored,
    /// Keyed digest of the clear content, for deduplication.
    pub digest: [u8; 32],
    place: Place,
    places: Arc<Places>,
    created: Timestamp,
}

impl Spool {
    /// Makes a file durable at its final place (a folder: fdatasync, rename, fsync of the folder; S3: put). Before the transaction that
    /// names it. `Transient` when the place is away or slow, in bounded time; it may be called again.
    pub async fn settle(&mut self) -> Result<(), StoreError> {
        let Place::Spool(temporary) = &mut self.place else { return Ok(()) };
        let (file, at) = (Arc::clone(&temporary.file), self.places.clock.now());
        let in_flight = InFlight::new(&self.places, self.id);
        self.places.objects.put(self.id, &file, at).await?;
        self.stored = match self.places.objects.path(&self.id) {
            Some(path) => {
                temporary.moved = true;
                Stored::File(path)
            }
            None => Stored::Object,
        };
        self.place = Place::Settled { file, at, _in_flight: in_flight };
        Ok(())
    }
    /// Reads it back, from this machine. For threads that may block when it is long.
    pub fn reader(&self) -> Result<BlobReader, StoreError> {
        let source = match (&self.stored, &self.place) {
            (Stored::Inline(bytes), _) => Source::Memory(bytes.clone().into()),
            (_, Place::Spool(Temporary { file, .. }) | Place::Settled { file, .. }) => {
                Source::File(Arc::clone(file.file()))
            }
            _ => return Err(StoreError::Other("a spool without bytes".into())),
        };
        open_here(self.id, self.key.clone(), source, Some(self.size))
    }
    /// The transaction that names it is committed, or its fate is unknown: the file stays as long as a row names it. Keep this
    /// value until then.
    pub fn kept(self) {}
    /// No transaction named it, nor will: removes the object at once.
    pub fn discard(self) {
        if !matches!(self.place, Place::Settled { .. }) {
            return;
        }
        // Otherwise the collector does it.
        match (self.places.objects.path(&self.id), tokio::runtime::Handle::try_current()) {
            (Some(path), _) => drop(files::remove(&path)),
            (None, Ok(runtime)) => {
                runtime.spawn(async move { drop(self.places.objects.remove(vec![self.id]).await) });
            }
            (None, Err(_)) => {}
        }
    }
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self.place, Place::Spool(..))
    }
    pub(crate) fn created(&self) -> Timestamp {
        self.created
    }
    pub(crate) fn clock(&self) -> &SharedClock {
        &self.places.clock
    }
    /// When it was put at its final place.
    pub(crate) fn put_at(&self) -> Option<Timestamp> {
        match self.place {
            Place::Settled { at, .. } => Some(at),
            _ => None,
        }
    }
}
