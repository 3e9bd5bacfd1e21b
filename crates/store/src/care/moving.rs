//! `sceau store migrate`: the rows of one database into another, of either engine; blobs from one place into another; the keyring
//! likewise.
//!
//! Promises: the source is read only, in one snapshot, while nobody serves it; the target is opened by nobody until it is whole; a run
//! that was killed goes on where it stopped; at the end every table of both sides is read again and compared. A source that changed
//! meanwhile is found out then.
use super::backup::off;
use super::error::CareError;
use super::generations::Listed;
use super::load::{self, Loader, open_as_is};
use super::progress::{Phase, Progress};
use super::restore::{order, trace};
use super::rows::{self, Pages};
use super::tables::{self, DATA_SET, KEYRING_SET, Set, Shape};
use crate::blob::objects::Objects;
use crate::blob::{BlobPlace, Caller, PlaceRefusal, objects};
use crate::engine::{Engine, Row, Tx, catalogue::Kind};
use crate::files::NewFile;
use crate::id::IdMaker;
use crate::{EngineUrl, StoreError, Value, settings, traces};
use aws_lc_rs::digest;
use sceau_domain::clock::SharedClock;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Bytes of a blob read at a time.
const PIECE: usize = 256 << 10;
/// Pages that wait to be written.
const WAITING: usize = 4;

/// From where to where.
#[derive(Debug, Clone)]
pub struct Move {
    /// The data.
    pub data: (EngineUrl, EngineUrl),
    /// The keyring, when it moves too.
    pub keyring: Option<(EngineUrl, EngineUrl)>,
    /// The place of blobs, when it moves too.
    pub blobs: Option<(BlobPlace, BlobPlace)>,
    /// A folder for one blob at a time on its way.
    pub spools: PathBuf,
    /// Time.
    pub clock: SharedClock,
}

/// What was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Moved {
    /// Rows of the data.
    pub rows: u64,
    /// Rows of the keyring.
    pub keys: u64,
    /// Blobs.
    pub blobs: u64,
    /// Their stored bytes.
    pub blob_bytes: u64,
}

/// Moves everything, blobs first, and compares.
pub async fn migrate(what: &Move, progress: &Arc<Progress>) -> Result<Moved, CareError> {
    let mut moved = Moved::default();
    if let Some((_, to)) = &what.blobs {
        // A place that cannot be used is told before anything is begun.
        objects(to)?.look().await?;
    }
    let data = Moving::begin(&what.data.0, &what.data.1, &DATA_SET).await?;
    let keyring = match &what.keyring {
        Some((from, to)) => Some(Moving::begin(from, to, &KEYRING_SET).await?),
        None => None,
    };
    if let Some((from, to)) = &what.blobs {
        let owner = data.source.read(|tx| settings::get(tx, objects::OWNER)).await.map_err(|e: StoreError| e)?;
        let owner = owner.and_then(|s| String::from_utf8(s.value).ok()).unwrap_or_default();
        (moved.blobs, moved.blob_bytes) = move_blobs(what, from, to, &owner, progress).await?;
    }
    moved.rows = data.run(&DATA_SET, what, progress).await?;
    if let Some(keyring) = keyring {
        moved.keys = keyring.run(&KEYRING_SET, what, progress).await?;
    }
    Ok(moved)
}

/// A database on its way.
struct Moving {
    source: Engine,
    kind: Kind,
    shapes: Vec<Shape>,
    target: Loader,
    version: i64,
}

impl Moving {
    async fn begin(from: &EngineUrl, to: &EngineUrl, set: &'static Set) -> Result<Self, CareError> {
        if from == to {
            return Err(CareError::NotEmpty);
        }
        let (source, version) = open_as_is(from, set).await?.ok_or(CareError::EmptySource)?;
        let kind = source.kind();
        let (shapes, unfinished) = source
            .read(move |tx| Ok::<_, CareError>((tables::shapes(tx, kind, set)?, tables::unfinished(tx, kind)?)))
            .await?;
        if unfinished {
            return Err(CareError::OtherUnfinished);
        }
        let origin = format!("move {}", super::manifest::sha256(load::shown(from).as_bytes()));
        let target = Loader::begin(to, set, version, origin).await?;
        Ok(Self { source, kind, shapes, target, version })
    }

    /// Copies, compares, and lets the target be opened. How many rows there are.
    async fn run(mut self, set: &'static Set, what: &Move, progress: &Arc<Progress>) -> Result<u64, CareError> {
        self.copy(progress).await?;
        let total = self.compare(progress).await?;
        let (newest, clock, version) = (set.migrations.table, what.clock.clone(), self.version);
        let data = serde_json::json!({ "rows": total, "from": self.kind.as_str(), "to": self.target.kind.as_str() });
        let data = data.to_string();
        let finish = move |tx: &mut dyn Tx| {
            // The keyring has no traces.
            if newest == DATA_SET.migrations.table && version >= 1 {
                let newest =
                    tx.query_opt("SELECT COALESCE(MAX(id), 0) FROM traces", &[])?.map_or(Ok(0), |r| r.int(0))?;
                let id = IdMaker::new(0, clock.clone(), newest).make();
                traces::record(tx, &trace(id, clock.now().0, "store.moved", &data))?;
            }
            load::finished(tx)
        };
        self.target.engine.write(finish).await.map_err(|e: StoreError| e)?;
        off(move || {
            drop(self);
            Ok(())
        })
        .await?;
        Ok(total)
    }

    async fn copy(&mut self, progress: &Arc<Progress>) -> Result<(), CareError> {
        let mut plan = Vec::new();
        let wanted = self.shapes.clone();
        for shape in &wanted {
            let unknown = || CareError::UnknownTable(shape.name.clone());
            let index = self.target.shapes().iter().position(|s| s.name == shape.name).ok_or_else(unknown)?;
            let order = order(&self.target.shapes()[index], &shape.columns).ok_or_else(unknown)?;
            let loaded = self.target.loaded(&shape.name);
            let after = if loaded == 0 { None } else { last_key(&self.target.engine, shape).await? };
            plan.push(Planned { shape: shape.clone(), index, order, after });
        }
        let (send, receive) = mpsc::channel::<Sent>(WAITING);
        let (tables, seen) = (plan.iter().map(|p| (p.shape.clone(), p.after.clone())).collect(), Arc::clone(progress));
        let reading = read_all(&self.source, tables, send, seen);
        let (read, written) = tokio::join!(reading, write_all(&mut self.target, &plan, receive));
        written?;
        read
    }

    /// Reads both sides again. How many rows there are.
    async fn compare(&self, progress: &Arc<Progress>) -> Result<u64, CareError> {
        let mut total = 0;
        progress.begin(Phase::Verifying, self.shapes.len() as u64);
        for shape in &self.shapes {
            let (here, there) =
                tokio::join!(digest_of_table(&self.source, shape), digest_of_table(&self.target.engine, shape));
            let (here, there) = (here?, there?);
            if here != there {
                return Err(CareError::Differs(shape.name.clone()));
            }
            total += here.0;
            progress.add(1);
        }
        Ok(total)
    }
}

/// A table to copy.
struct Planned {
    shape: Shape,
    /// Its number in the target.
    index: usize,
    /// Where each column of the target stands in the source.
    order: Vec<usize>,
    /// The key after which to go on.
    after: Option<Vec<Value>>,
}

/// Writes what the reader sends. When it fails, the reader that waits for room is told by the channel.
async fn write_all(target: &mut Loader, plan: &[Planned], mut receive: mpsc::Receiver<Sent>) -> Result<(), CareError> {
    let mut begun = false;
    while let Some(sent) = receive.recv().await {
        match sent {
            // The connection to the source was lost and the snapshot with it: what was written is of another instant.
            Sent::Begin if begun => return Err(StoreError::Transient("the source was lost".into()).into()),
            Sent::Begin => begun = true,
            Sent::Page(table, rows) => {
                let Planned { index, order, .. } = &plan[table];
                for row in rows {
                    let mut values = row.0;
                    let row = order.iter().map(|i| std::mem::replace(&mut values[*i], Value::Null));
                    target.push(*index, Row(row.collect())).await?;
                }
            }
        }
    }
    target.flush().await
}

/// What the reader of the source tells the writer of the target.
enum Sent {
    /// A snapshot begins.
    Begin,
    /// Rows of the table of this number.
    Page(usize, Vec<Row>),
}

async fn read_all(
    source: &Engine,
    tables: Vec<(Shape, Option<Vec<Value>>)>,
    send: mpsc::Sender<Sent>,
    progress: Arc<Progress>,
) -> Result<(), CareError> {
    let gone = || CareError::Store(StoreError::Other("the target failed".into()));
    source
        .read(move |tx| {
            send.blocking_send(Sent::Begin).map_err(|_| gone())?;
            let mut total = 0;
            for (shape, _) in &tables {
                total += super::backup::count(tx, &shape.name)?;
            }
            progress.begin(Phase::Rows, total);
            for (number, (shape, after)) in tables.iter().enumerate() {
                let mut pages = Pages::new(shape, after.clone());
                loop {
                    let rows = pages.next(tx)?;
                    if rows.is_empty() {
                        break;
                    }
                    progress.add(rows.len() as u64);
                    send.blocking_send(Sent::Page(number, rows)).map_err(|_| gone())?;
                }
            }
            Ok(())
        })
        .await
}

/// The greatest key of a table: rows come in the order of the key.
async fn last_key(engine: &Engine, shape: &Shape) -> Result<Option<Vec<Value>>, CareError> {
    let names: Vec<&str> = shape.key.iter().map(|i| shape.columns[*i].as_str()).collect();
    let backwards: Vec<String> = names.iter().map(|n| format!("{n} DESC")).collect();
    let sql = format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", names.join(", "), shape.name, backwards.join(", "));
    Ok(engine.read(move |tx| tx.query_opt(&sql, &[])).await.map_err(|e: StoreError| e)?.map(|row| row.0))
}

/// Rows of a table and the digest of all of them, the same on either engine.
async fn digest_of_table(engine: &Engine, shape: &Shape) -> Result<(u64, Vec<u8>), CareError> {
    // Columns by name: their order may differ.
    let mut columns = shape.columns.clone();
    columns.sort_unstable();
    let key = shape.key.iter().filter_map(|i| columns.iter().position(|c| *c == shape.columns[*i])).collect();
    let shape = Shape { name: shape.name.clone(), columns, key };
    engine
        .read(move |tx| {
            let (mut pages, mut count) = (Pages::new(&shape, None), 0);
            let (mut hash, mut bytes) = (digest::Context::new(&digest::SHA256), Vec::new());
            loop {
                let page = pages.next(tx)?;
                if page.is_empty() {
                    return Ok((count, hash.finish().as_ref().to_vec()));
                }
                count += page.len() as u64;
                bytes.clear();
                page.iter().for_each(|row| rows::encode(row, &mut bytes));
                hash.update(&bytes);
            }
        })
        .await
        .map_err(|e: StoreError| e.into())
}

/// Copies every object that the target does not hold, and reads each again there.
async fn move_blobs(
    what: &Move,
    from: &BlobPlace,
    to: &BlobPlace,
    owner: &str,
    progress: &Progress,
) -> Result<(u64, u64), CareError> {
    let (source, target) = (objects(from)?, objects(to)?);
    // The wrong folder, or a volume that is not mounted, is not a place without blobs.
    let marked = source.owner().await?;
    if !marked.is_empty() && marked != owner {
        return Err(StoreError::Place(PlaceRefusal::Foreign).into());
    }
    target.prepare(owner).await?;
    progress.begin(Phase::Blobs, 0);
    let (mut count, mut bytes, mut after) = (0, 0, None);
    loop {
        let page = source.list(after, what.clock.now()).await?;
        for object in &page.objects {
            let blob =
                Listed { id: object.id, stored: object.stored, sha256: digest_of_object(&source, object.id).await? };
            if digest_of_object(&target, blob.id).await.ok().as_ref() != Some(&blob.sha256) {
                copy_object(&source, &target, &blob, what).await?;
                if digest_of_object(&target, blob.id).await? != blob.sha256 {
                    return Err(CareError::Differs(hex::encode(blob.id)));
                }
            }
            count += 1;
            bytes += blob.stored;
            progress.add(1);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok((count, bytes)),
        }
    }
}

async fn digest_of_object(place: &Arc<dyn Objects>, id: crate::blob::BlobId) -> Result<Vec<u8>, StoreError> {
    let mut source = place.open(id, Caller::Task).await?;
    let (stored, mut at) = (source.len(Caller::Task).await?, 0);
    let mut hash = digest::Context::new(&digest::SHA256);
    while at < stored {
        let piece = usize::try_from(stored - at).unwrap_or(PIECE).min(PIECE);
        let bytes = source.read(at, piece, Caller::Task).await?;
        let bytes = bytes.ok_or_else(|| StoreError::Corrupt("an object became shorter".into()))?;
        hash.update(&bytes);
        at += bytes.len() as u64;
    }
    Ok(hash.finish().as_ref().to_vec())
}

async fn copy_object(
    from: &Arc<dyn Objects>,
    to: &Arc<dyn Objects>,
    blob: &Listed,
    what: &Move,
) -> Result<(), CareError> {
    let path = what.spools.join(format!("{}.move.spool", hex::encode(blob.id)));
    let io = |e: std::io::Error| CareError::file(&path, &e);
    let made = || {
        crate::files::private_folder(&what.spools)?;
        crate::files::remove(&path)?;
        NewFile::create(path.clone())
    };
    let file = made().map_err(io)?;
    let (mut source, mut at) = (from.open(blob.id, Caller::Task).await?, 0);
    while at < blob.stored {
        let piece = usize::try_from(blob.stored - at).unwrap_or(PIECE).min(PIECE);
        let bytes = source.read(at, piece, Caller::Task).await?;
        file.write_all(&bytes.ok_or_else(|| StoreError::Corrupt("an object became shorter".into()))?).map_err(io)?;
        at += piece as u64;
    }
    let file = Arc::new(file);
    let put = to.put(blob.id, &file, what.clock.now()).await;
    // Renamed, or uploaded, or of no use.
    let _ = crate::files::remove(file.path());
    Ok(put?)
}
