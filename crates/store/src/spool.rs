//! Spools: sealed streams being received. Content goes through 64 KiB chunks, each its own zstd frame sealed under the
//! spool's random key (associated data: blob id, chunk index, last flag). Small content stays in memory (sealed too, so that
//! it can go inline), larger content is a file. The format is the blob's: keeping a spool is a rename.
//!
//! Promises: at most one chunk is in clear, in memory; memory is bounded by the inline limit; what is left by a crash is sealed under a key
//! that died with the process.
use crate::blob::{BlobId, BlobReader, Source, format, path};
use crate::vault::{Tagger, aead};
use crate::{DataKey, StoreConfig, StoreError, files};
use sceau_domain::Timestamp;
use sceau_domain::clock::SharedClock;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// How spool files are named: by the blob's id and this.
const SUFFIX: &str = ".spool";

/// Where spools and blobs are, and how they are made.
#[derive(Debug)]
pub(crate) struct Places {
    pub spools: PathBuf,
    pub blobs: PathBuf,
    pub inline_max: usize,
    pub clock: SharedClock,
    /// Settled files whose transaction may still be on its way: never collected, whatever the clock says.
    in_flight: Mutex<HashSet<BlobId>>,
}

impl Places {
    fn in_flight(&self) -> MutexGuard<'_, HashSet<BlobId>> {
        // Nothing in the set is ever half-written.
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// May a transaction of this process still name this file?
    pub fn is_in_flight(&self, id: &BlobId) -> bool {
        self.in_flight().contains(id)
    }
    /// Creates the folders (those of blobs too, durably: a settled file needs no new one), and removes what a crash left in the spools.
    pub fn prepare(config: &StoreConfig) -> Result<Arc<Self>, StoreError> {
        let io = |e: std::io::Error| StoreError::io("spool or blob folder", &e);
        files::private_folder(&config.blobs).map_err(io)?;
        files::private_folder(&config.spools).map_err(io)?;
        for first in 0..=u8::MAX {
            files::private_folder(&config.blobs.join(hex::encode([first]))).map_err(io)?;
        }
        crate::blob::mark(&config.blobs).map_err(io)?;
        files::sync_folder(&config.blobs).and_then(|()| files::sync_parent(&config.blobs)).map_err(io)?;
        let mut removed = 0_u64;
        for entry in config.spools.read_dir().map_err(io)? {
            let entry = entry.map_err(io)?;
            if entry.file_name().to_str().is_some_and(|name| name.ends_with(SUFFIX)) {
                std::fs::remove_file(entry.path()).map_err(io)?;
                removed += 1;
            }
        }
        if removed > 0 {
            tracing::info!(removed, "spools left by a crash were removed");
        }
        Ok(Arc::new(Self {
            spools: config.spools.clone(),
            blobs: config.blobs.clone(),
            inline_max: config.inline_max,
            clock: config.clock.clone(),
            in_flight: Mutex::default(),
        }))
    }
}

/// A file that is removed when this is dropped.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Gone already, or removed at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[derive(Debug)]
enum Sink {
    Memory(Vec<u8>),
    File(File, Temporary),
}

/// A spool being written. Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct SpoolWriter {
    places: Arc<Places>,
    /// Id and key; an error of the random generator is told at the first write.
    made: Result<(BlobId, DataKey), StoreError>,
    buffer: Zeroizing<Vec<u8>>,
    table: format::Table,
    sink: Sink,
    tagger: Tagger,
}

impl SpoolWriter {
    pub(crate) fn new(places: Arc<Places>, tagger: Tagger) -> Self {
        let mut id = BlobId::default();
        let made = aead::random(&mut id).and_then(|()| Ok((id, DataKey::generate()?)));
        let sink = Sink::Memory(format::header(&id));
        Self { places, made, buffer: Zeroizing::default(), table: format::Table::default(), sink, tagger }
    }
    /// Appends clear bytes (at most one chunk is held in clear, in memory). Plain file writes, no fsync.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.buffer.len() == format::CHUNK {
                self.flush(false)?;
            }
            let take = rest.len().min(format::CHUNK - self.buffer.len());
            let (now, later) = rest.split_at(take);
            self.buffer.extend_from_slice(now);
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
        let table = self.table.seal(&key, &id)?;
        self.put(&table)?;
        let Self { places, table, sink, tagger, .. } = self;
        let (stored, place) = match sink {
            Sink::Memory(bytes) => (Stored::Inline(bytes), Place::Memory),
            Sink::File(file, temporary) => (Stored::File(temporary.0.clone()), Place::Spool(file, temporary)),
        };
        let created = places.clock.now();
        Ok(Spool { id, key, size: table.size, stored, digest: tagger.finish(), place, places, created })
    }

    fn flush(&mut self, last: bool) -> Result<(), StoreError> {
        let (id, key) = self.made.clone()?;
        let sealed = format::seal_chunk(&key, &id, self.table.lengths.len(), last, &self.buffer)?;
        // A chunk is a little over 64 KiB at most.
        self.table.lengths.push(sealed.len() as u32);
        self.buffer.clear();
        self.put(&sealed)
    }
    /// Appends sealed bytes, moving to a file when they outgrow the inline limit.
    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let io = |e: std::io::Error| StoreError::io("spool file", &e);
        if let Sink::Memory(memory) = &mut self.sink {
            if memory.len() + bytes.len() <= self.places.inline_max {
                memory.extend_from_slice(bytes);
                return Ok(());
            }
            let (id, _) = self.made.clone()?;
            let path = self.places.spools.join(hex::encode(id) + SUFFIX);
            let mut file =
                OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path).map_err(io)?;
            let temporary = Temporary(path);
            file.write_all(memory).map_err(io)?;
            self.sink = Sink::File(file, temporary);
        }
        match &mut self.sink {
            Sink::File(file, _) => file.write_all(bytes).map_err(io),
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
}

#[derive(Debug)]
enum Place {
    Memory,
    /// Still among the spools.
    Spool(File, Temporary),
    /// At its final place, durably.
    Settled {
        _in_flight: InFlight,
    },
}

/// A settled file that a transaction is about to name, until this is dropped.
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

/// A finished spool. Dropped before [`Spool::settle`], its file is removed. Once settled the file stays, because a transaction that names
/// it may commit even when its caller is gone; if none does, the file is garbage that a [`crate::blob::sweep`] removes, an hour
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
    /// Makes a file durable at its final place (fdatasync, rename, fsync of the folder). Before the transaction that names it.
    pub async fn settle(&mut self) -> Result<(), StoreError> {
        let Place::Spool(file, temporary) = &self.place else { return Ok(()) };
        let file = file.try_clone().map_err(|e| StoreError::io("spool file", &e))?;
        let (from, to, now) = (temporary.0.clone(), path(&self.places.blobs, &self.id), self.places.clock.now());
        let settled = to.clone();
        let in_flight = InFlight::new(&self.places, self.id);
        tokio::task::spawn_blocking(move || settle(&file, &from, &to, now))
            .await
            .map_err(|_| StoreError::Other("a file task panicked".into()))?
            .map_err(|e| StoreError::io("blob file", &e))?;
        self.stored = Stored::File(settled);
        self.place = Place::Settled { _in_flight: in_flight };
        Ok(())
    }
    /// Reads it back.
    pub fn reader(&self) -> Result<BlobReader, StoreError> {
        let source = match &self.stored {
            Stored::Inline(bytes) => Source::Memory(Arc::new(bytes.clone())),
            Stored::File(path) => Source::File(File::open(path).map_err(|e| StoreError::io("spool file", &e))?),
        };
        BlobReader::open(self.id, self.key.clone(), source, Some(self.size))
    }
    /// The transaction that names it is committed, or its fate is unknown: the file stays as long as a row names it. Keep this
    /// value until then.
    pub fn kept(self) {}
    /// No transaction named it, nor will: removes the file at once.
    pub fn discard(self) {
        if let (Place::Settled { .. }, Stored::File(path)) = (&self.place, &self.stored) {
            // Otherwise the collector does it.
            let _ = std::fs::remove_file(path);
        }
    }
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self.place, Place::Spool(..))
    }
    pub(crate) fn created(&self) -> Timestamp {
        self.created
    }
}

fn settle(file: &File, from: &Path, to: &Path, now: Timestamp) -> std::io::Result<()> {
    // The collector counts its hour from here, by our clock.
    let since = std::time::Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
    file.set_modified(std::time::UNIX_EPOCH + since)?;
    file.sync_all()?;
    std::fs::rename(from, to)?;
    files::sync_parent(to)
}
