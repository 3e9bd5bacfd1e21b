//! `sceau backup`: rows from one snapshot, then the blobs that they name, into a new generation of a folder.
//!
//! Promises: the server goes on while it runs; rows are of one instant; every blob that the snapshot names is copied (none is collected
//! meanwhile: [`super::hold`]), unless it lies there already; keys are not part of it. A generation is there whole or not at all.
//!
//! The closure that reads the snapshot writes files: the one exception to "no I/O in closures". It may run again (a lost connection), and
//! then begins its folder anew.
use super::error::CareError;
use super::generations::{Generations, Listed, Writing, listed};
use super::hold;
use super::judge;
use super::manifest::{BLOB_COLUMNS, FORMAT, Manifest, TableFiles, Writer};
use super::progress::{Phase, Progress};
use super::rows::Pages;
use super::tables::{self, DATA_SET, Shape};
use crate::blob::objects::Objects;
use crate::blob::{BlobId, Caller, id_from};
use crate::engine::{Tx, catalogue::Kind};
use crate::{Store, StoreError};
use aws_lc_rs::digest;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often the hold is renewed.
const RENEW: Duration = Duration::from_secs(60);
/// Ids of missing blobs that the manifest lists.
const MISSING: usize = 100;
/// Bytes of a blob read at a time.
const PIECE: usize = 256 << 10;
/// Ids of the blobs to copy, in the folder of the generation while it is written.
const SCRATCH: &str = "blobs.ids";

/// What a backup did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BackedUp {
    /// Name of the generation.
    pub generation: String,
    /// Rows written.
    pub rows: u64,
    /// Blobs outside the rows that it names.
    pub blobs: u64,
    /// Of these, how many were copied now.
    pub copied: u64,
    /// Bytes copied now.
    pub copied_bytes: u64,
    /// Blobs that rows name and that could not be found: `fsck` says whose they are.
    pub missing: u64,
    /// Older generations removed.
    pub generations_removed: u64,
    /// Blobs removed with them.
    pub blobs_removed: u64,
}

/// Writes a generation into `dest`; with `keep`, removes the oldest ones beyond so many.
pub async fn backup(
    store: &Store,
    dest: PathBuf,
    keep: Option<usize>,
    progress: &Arc<Progress>,
) -> Result<BackedUp, CareError> {
    let writing = Arc::new(off(move || Generations::write(&dest)).await?);
    let mut random = [0; 8];
    crate::vault::aead::random(&mut random)?;
    let owner = hex::encode(random);
    let (me, now) = (owner.clone(), store.clock().now().0);
    if !store.write(move |tx| Ok::<_, CareError>(hold::take(tx, &me, now)?)).await? {
        return Err(CareError::Running);
    }
    let keeper = tokio::spawn(renew(store.clone(), owner.clone()));
    let done = write_generation(store, &writing, &owner, progress).await;
    keeper.abort();
    // It holds the store: whoever closes it next must not meet it.
    let _ = keeper.await;
    let me = owner.clone();
    // A hold that is not given back ends by time.
    let _: Result<(), StoreError> = store.write(move |tx| hold::release(tx, &me)).await;
    let mut done = done?;
    if let Some(keep) = keep {
        progress.begin(Phase::Pruning, 0);
        (done.generations_removed, done.blobs_removed) = off(move || writing.prune(keep)).await?;
    }
    Ok(done)
}

async fn renew(store: Store, owner: String) {
    loop {
        tokio::time::sleep(RENEW).await;
        let (me, now) = (owner.clone(), store.clock().now().0);
        match store.write(move |tx| hold::renew(tx, &me, now)).await {
            Ok(true) => {}
            // The backup finds out at its end.
            Ok(false) => return,
            Err(e) => tracing::warn!(error = %e, "the hold of a backup could not be renewed; tried again"),
        }
    }
}

async fn write_generation(
    store: &Store,
    writing: &Arc<Writing>,
    owner: &str,
    progress: &Arc<Progress>,
) -> Result<BackedUp, CareError> {
    let at = store.clock().now();
    let begun = Arc::clone(writing);
    let (name, partial) = off(move || begun.begin(at)).await?;
    let (kind, folder, seen) = (store.0.engine.kind(), partial.clone(), Arc::clone(progress));
    let (schema, tables) = store.read(move |tx| snapshot(tx, kind, &folder, &seen)).await?;
    let (blobs, counts) = copy_blobs(store, writing, &partial, tables.len(), progress).await?;
    let (me, now) = (owner.to_owned(), store.clock().now().0);
    if !store.read(move |tx| Ok::<_, CareError>(hold::mine(tx, &me, now)?)).await? {
        return Err(CareError::HoldLost);
    }
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").into(),
        schema,
        engine: kind.as_str().into(),
        at: at.0,
        tables,
        blobs,
        blob_bytes: counts.bytes,
        missing: counts.missing.iter().take(MISSING).map(hex::encode).collect(),
        missing_count: counts.missing_count,
    };
    let done = BackedUp {
        generation: name.clone(),
        rows: manifest.rows(),
        blobs: manifest.blobs.rows,
        copied: counts.copied,
        copied_bytes: counts.copied_bytes,
        missing: counts.missing_count,
        generations_removed: 0,
        blobs_removed: 0,
    };
    let finished = Arc::clone(writing);
    off(move || {
        let scratch = partial.join(SCRATCH);
        fs::remove_file(&scratch).map_err(|e| CareError::file(&scratch, &e))?;
        manifest.write(&partial)?;
        finished.finish(&name, &partial)
    })
    .await?;
    Ok(done)
}

/// Writes every row of the snapshot, and the ids of the blobs outside the rows. The schema's version and the files.
fn snapshot(
    tx: &mut dyn Tx,
    kind: Kind,
    folder: &Path,
    progress: &Progress,
) -> Result<(i64, Vec<TableFiles>), CareError> {
    let wrong = |path: &Path, e: std::io::Error| CareError::file(path, &e);
    // A run that was cut short left its files.
    for entry in folder.read_dir().map_err(|e| wrong(folder, e))? {
        let path = entry.map_err(|e| wrong(folder, e))?.path();
        fs::remove_file(&path).map_err(|e| wrong(&path, e))?;
    }
    let schema = tx.query_opt(&DATA_SET.migrations.newest(), &[])?.map_or(Ok(0), |r| r.int(0))?;
    let shapes = tables::shapes(tx, kind, &DATA_SET)?;
    let mut total = 0;
    for shape in &shapes {
        total += count(tx, &shape.name)?;
    }
    progress.begin(Phase::Rows, total);
    let scratch = folder.join(SCRATCH);
    let mut ids = BufWriter::new(File::create(&scratch).map_err(|e| wrong(&scratch, e))?);
    let mut files = Vec::new();
    for (number, shape) in shapes.iter().enumerate() {
        let mut writer = Writer::of(folder, number, shape);
        let outside = outside(shape);
        let mut pages = Pages::new(shape, None);
        loop {
            let rows = pages.next(tx)?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                writer.push(row)?;
                if let Some((id, inline)) = outside
                    && row.opt_bytes(inline)?.is_none()
                {
                    ids.write_all(&id_from(&row.bytes(id)?)?).map_err(|e| wrong(&scratch, e))?;
                }
            }
            progress.add(rows.len() as u64);
        }
        files.push(writer.finish()?);
    }
    ids.flush().map_err(|e| wrong(&scratch, e))?;
    Ok((schema, files))
}

/// Rows of a table.
pub(crate) fn count(tx: &mut dyn Tx, table: &str) -> Result<u64, StoreError> {
    let row = tx.query_opt(&format!("SELECT COUNT(*) FROM {table}"), &[])?;
    row.map_or(Ok(0), |r| Ok(u64::try_from(r.int(0)?).unwrap_or(0)))
}

/// In the table of blobs: where the id is, and the column that is NULL when an object outside holds the content.
fn outside(shape: &Shape) -> Option<(usize, usize)> {
    let column = |name: &str| shape.columns.iter().position(|c| c == name);
    (shape.name == "blobs").then(|| column("id").zip(column("inline"))).flatten()
}

#[derive(Debug, Default)]
struct Counts {
    bytes: u64,
    copied: u64,
    copied_bytes: u64,
    missing: Vec<BlobId>,
    missing_count: u64,
    /// An earlier list could not be read: a file's own digest would make whatever lies there look whole.
    doubt: bool,
}

/// Copies the blobs that the snapshot names and that the folder does not hold, and lists them all.
async fn copy_blobs(
    store: &Store,
    writing: &Arc<Writing>,
    partial: &Path,
    number: usize,
    progress: &Progress,
) -> Result<(TableFiles, Counts), CareError> {
    let scratch = partial.join(SCRATCH);
    let wrong = |e: std::io::Error| CareError::file(&scratch, &e);
    let total = fs::metadata(&scratch).map_err(wrong)?.len() / size_of::<BlobId>() as u64;
    progress.begin(Phase::Blobs, total);
    let mut ids = BufReader::new(File::open(&scratch).map_err(wrong)?);
    let mut writer = Writer::new(partial, number, "blob_list", BLOB_COLUMNS.map(str::to_owned).to_vec());
    let (mut counts, mut before) = (Counts::default(), None);
    if let Some(name) = writing.of.whole()?.last() {
        let folder = writing.of.path(name);
        match Manifest::read(&folder) {
            Ok(manifest) => before = Some((folder, manifest.blobs)),
            // What lies there is then compared with the store.
            Err(_) => counts.doubt = true,
        }
    }
    let mut known = before.as_ref().map(|(folder, list)| listed(list, folder).peekable());
    for _ in 0..total {
        let mut id = BlobId::default();
        ids.read_exact(&mut id).map_err(wrong)?;
        let mut earlier = None;
        if let Some(list) = &mut known {
            while let Some(next) = list.next_if(|l| l.as_ref().map_or(true, |l| l.id <= id)) {
                match next {
                    Ok(next) => earlier = (next.id == id).then_some(next),
                    // What this part listed is not known.
                    Err(_) => counts.doubt = true,
                }
            }
        }
        let path = writing.of.blob(&id);
        let there = fs::metadata(&path).ok().filter(fs::Metadata::is_file).map(|m| m.len());
        let kept = match earlier {
            Some(earlier) if there == Some(earlier.stored) => Some(earlier),
            _ => copy_blob(&store.0.places.objects, id, &writing.of, there, &mut counts).await?,
        };
        match kept {
            Some(blob) => {
                counts.bytes += blob.stored;
                writer.push(&blob.row())?;
            }
            None => {
                counts.missing_count += 1;
                if counts.missing.len() < MISSING {
                    counts.missing.push(id);
                }
            }
        }
        progress.add(1);
    }
    Ok((writer.finish()?, counts))
}

/// Copies one blob unless the file that is there already has its length (in doubt: its bytes); none when the store has lost it.
async fn copy_blob(
    objects: &Arc<dyn Objects>,
    id: BlobId,
    of: &Generations,
    there: Option<u64>,
    counts: &mut Counts,
) -> Result<Option<Listed>, CareError> {
    let mut source = match objects.open(id, Caller::Task).await {
        Ok(source) => source,
        Err(StoreError::Corrupt(_)) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let stored = source.len(Caller::Task).await?;
    let path = of.blob(&id);
    let mut lies = None;
    if there == Some(stored) {
        let path = path.clone();
        lies = off(move || judge::read(&path, |_| Ok(()))).await?.ok().filter(|(length, _)| *length == stored);
    }
    if let (Some((_, sha256)), false) = (&lies, counts.doubt) {
        // Left by a backup that was interrupted after it was whole.
        return Ok(Some(Listed { id, stored, sha256: sha256.clone() }));
    }
    let beside = path.with_extension("new");
    let wrong = |e: std::io::Error| CareError::file(&path, &e);
    let mut file = super::manifest::private_file(&beside).map_err(wrong)?;
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut at = 0;
    while at < stored {
        let piece = usize::try_from(stored - at).unwrap_or(PIECE).min(PIECE);
        let Some(bytes) = source.read(at, piece, Caller::Task).await? else { return Ok(None) };
        hash.update(&bytes);
        file.write_all(&bytes).map_err(wrong)?;
        at += bytes.len() as u64;
    }
    let sha256 = hash.finish().as_ref().to_vec();
    if lies.as_ref().is_some_and(|(_, lies)| *lies == sha256) {
        fs::remove_file(&beside).map_err(wrong)?;
        return Ok(Some(Listed { id, stored, sha256 }));
    }
    if lies.is_some() {
        // Which of both is whole is not known here.
        of.set_aside(&id)?;
    }
    let to = path.clone();
    off(move || file.sync_all().and_then(|()| fs::rename(&beside, &to)).map_err(|e| CareError::file(&to, &e))).await?;
    counts.copied += 1;
    counts.copied_bytes += stored;
    Ok(Some(Listed { id, stored, sha256 }))
}

/// Runs what blocks on a thread of its own kind.
pub(crate) async fn off<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, CareError> + Send + 'static,
) -> Result<T, CareError> {
    let failed = || Err(CareError::Store(StoreError::Other("a task of the store panicked".into())));
    tokio::task::spawn_blocking(f).await.unwrap_or_else(|_| failed())
}
