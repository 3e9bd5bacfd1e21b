//! `sceau restore`: a generation of a backup into an empty store, of either engine and with either place of blobs.
//!
//! Promises: everything is compared with its digests before anything is written; what is being restored is opened by nobody until it is
//! whole; a run that was cut short goes on where it stopped; nothing is written when there is no keyring that opens. Mail programs that saw what was lost since the backup are not misled: UIDs and modseqs given since then are never given
//! again ([`LEAP`]), and every earlier view is told to begin anew (`journal_floor`).
use super::backup::{digest_of, off};
use super::error::CareError;
use super::generations::{Generations, Listed, listed};
use super::load::{self, Loader};
use super::manifest::{Manifest, TableFiles};
use super::progress::{Phase, Progress};
use super::tables::{DATA_SET, Shape};
use crate::blob::objects::Objects;
use crate::blob::{Caller, objects};
use crate::engine::{Pending, Row, Tx};
use crate::files::NewFile;
use crate::id::IdMaker;
use crate::traces::{self, Trace};
use crate::vault::signing::{self, Signer};
use crate::{EngineUrl, Id, StoreConfig, StoreError, notary, params, vault};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// UIDs of a folder that are left out after a restore: more than it can have given since the backup.
pub const LEAP: i64 = 1 << 20;
/// Likewise for modseqs.
const MODSEQ_LEAP: i64 = 1 << 32;
/// UIDs are 32 bits; a folder that is so far is left as it is.
const LAST_UID: i64 = u32::MAX as i64 - 1;

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Restored {
    /// Name of the generation.
    pub generation: String,
    /// When its snapshot was taken, milliseconds since 1970.
    pub at: i64,
    /// Rows.
    pub rows: u64,
    /// Blobs outside the rows.
    pub blobs: u64,
    /// Blobs that the backup itself could not find.
    pub missing: u64,
    /// BALs whose key was destroyed since the backup: they are closed again before anything is served.
    pub to_close: u64,
}

/// What is said of the log to which a restore goes back, signed: the pair in force, leaves, root (none: no leaf), instant.
pub type Attest = dyn Fn(&Signer, i64, Option<Vec<u8>>, i64) -> serde_json::Value + Send + Sync;

/// Restores a generation (the newest when none is named). What `attest` says stands in the trace, as `statement`: it goes in with the rows, so
/// that there is no restored database that does not say so.
pub async fn restore(
    config: &StoreConfig,
    from: &Path,
    generation: Option<&str>,
    attest: Arc<Attest>,
    progress: &Arc<Progress>,
) -> Result<Restored, CareError> {
    let source = Generations::at(from);
    let name = source.choose(generation)?;
    let folder = source.path(&name);
    let manifest = Manifest::read(&folder)?;
    let Keyring { destroyed, signer } = open_keyring(config).await?;
    // By its content: two backups may have a generation of one name.
    let origin = format!("backup {name} {}", manifest.digest()?);
    Loader::check(&config.data, &DATA_SET, manifest.schema, origin.clone()).await?;
    let (source, manifest, folder) = (Arc::new(source), Arc::new(manifest), Arc::new(folder));
    verify(&source, &manifest, &folder, progress).await?;
    let place = objects(&config.blobs)?;
    let owner = owner(&manifest, &folder)?;
    if place.look().await?.is_some_and(|mark| owner.as_ref() != Some(&mark)) {
        return Err(CareError::NotEmpty);
    }
    let mut loader = Loader::begin(&config.data, &DATA_SET, manifest.schema, origin).await?;
    // From before places were marked: the first start marks it.
    place.prepare(owner.as_deref().unwrap_or_default()).await?;
    put_blobs(config, &place, &source, &manifest, &folder, progress).await?;
    progress.begin(Phase::Rows, manifest.rows());
    for table in &manifest.tables {
        load_table(&mut loader, table, &folder, progress).await?;
    }
    let at = config.clock.now().0;
    let shapes = loader.shapes().to_vec();
    let mut data = serde_json::json!({
        "generation": name, "taken": manifest.at, "rows": manifest.rows(), "blobs": manifest.blobs.rows,
        "missing": manifest.missing_count, "program": manifest.program,
    });
    let config = config.clone();
    let to_close = loader
        .engine
        .write(move |tx| {
            let newest = tx.query_opt("SELECT COALESCE(MAX(id), 0) FROM traces", &[])?.map_or(Ok(0), |r| r.int(0))?;
            let ids = IdMaker::new(config.node, config.clock.clone(), newest);
            leap(tx, &shapes)?;
            if let Some(signer) = &signer {
                let known = shapes.iter().any(|s| s.name == "checkpoints");
                let newest = if known { notary::newest(tx)? } else { None };
                let (size, root) = newest.map_or((0, None), |c| (c.size, Some(c.root)));
                data["statement"] = attest(signer, size, root, at);
            }
            // They are closed again, and what they leave removed, when the store is served (or before: see the command).
            let mut to_close = 0;
            for bal in &destroyed {
                let sql = "SELECT 1 FROM bals WHERE id = $1 AND state = 'active'";
                to_close += u64::from(tx.query_opt(sql, params![*bal])?.is_some());
            }
            traces::record(tx, &trace(ids.make(), at, "store.restored", &data.to_string()))?;
            load::finished(tx)?;
            Ok::<_, StoreError>(to_close)
        })
        .await?;
    let done = Restored {
        generation: name,
        at: manifest.at,
        rows: manifest.rows(),
        blobs: manifest.blobs.rows,
        missing: manifest.missing_count,
        to_close,
    };
    // The database is closed when this returns: it may be opened at once.
    off(move || {
        drop(loader);
        Ok(())
    })
    .await?;
    Ok(done)
}

/// A trace of ours.
pub(crate) fn trace(id: Id, at: i64, act: &str, data: &str) -> Trace {
    Trace {
        id,
        kind: traces::Kind::Functional,
        act: act.into(),
        at,
        person_id: None,
        actor: "system".into(),
        bal_id: None,
        bal: None,
        remote: None,
        session: None,
        outcome: "ok".into(),
        data: data.into(),
    }
}

/// What a restore must know of the keyring.
struct Keyring {
    /// BALs whose key is destroyed.
    destroyed: Vec<Id>,
    /// The notary's pair in force; none when nothing was ever signed.
    signer: Option<Signer>,
}

/// Looks at the keyring. Refuses when there is none, or when the master key does not open it.
async fn open_keyring(config: &StoreConfig) -> Result<Keyring, CareError> {
    let config = config.clone();
    off(move || {
        if matches!(&config.keyring, EngineUrl::Sqlite(path) if !path.exists()) {
            return Err(CareError::NoKeyring);
        }
        let mut keyring = Pending::connect(&config.keyring, &crate::engine::KEYRING, load::ALONE)?;
        if keyring.version() == 0 {
            return Err(CareError::NoKeyring);
        }
        vault::check(&mut keyring, &config.master, true)?;
        let sql = "SELECT bal FROM bal_keys WHERE wrapped IS NULL ORDER BY bal";
        let destroyed = keyring.read(|tx| tx.query(sql, &[])?.iter().map(|r| r.int(0)).collect())?;
        Ok(Keyring { destroyed, signer: signing::pending_signer(&mut keyring, &config.master)? })
    })
    .await
}

/// Compares every file with its digest.
async fn verify(
    source: &Arc<Generations>,
    manifest: &Arc<Manifest>,
    folder: &Arc<PathBuf>,
    progress: &Arc<Progress>,
) -> Result<(), CareError> {
    let chunks: usize = manifest.tables.iter().map(|t| t.chunks.len()).sum();
    progress.begin(Phase::Verifying, chunks as u64 + manifest.blobs.rows);
    let (source, manifest, folder, progress) =
        (Arc::clone(source), Arc::clone(manifest), Arc::clone(folder), Arc::clone(progress));
    off(move || {
        for chunk in manifest.tables.iter().flat_map(|t| &t.chunks) {
            chunk.verify(&folder)?;
            progress.add(1);
        }
        for blob in listed(&manifest.blobs, &folder) {
            let blob = blob?;
            let path = source.blob(&blob.id);
            let damaged = || CareError::Damaged(path.display().to_string());
            let length = fs::metadata(&path).map_err(|_| damaged())?.len();
            if length != blob.stored || digest_of(&path)? != blob.sha256 {
                return Err(damaged());
            }
            progress.add(1);
        }
        Ok(())
    })
    .await
}

/// Puts every blob that is not there yet.
async fn put_blobs(
    config: &StoreConfig,
    place: &Arc<dyn Objects>,
    source: &Arc<Generations>,
    manifest: &Arc<Manifest>,
    folder: &Arc<PathBuf>,
    progress: &Progress,
) -> Result<(), CareError> {
    progress.begin(Phase::Blobs, manifest.blobs.rows);
    let fresh = is_empty(place, config).await?;
    let mut blobs = Vec::new();
    for chunk in &manifest.blobs.chunks {
        blobs.clear();
        let rows = TableFiles { chunks: vec![chunk.clone()], ..manifest.blobs.clone() };
        blobs.extend(listed(&rows, folder).collect::<Result<Vec<Listed>, _>>()?);
        for blob in &blobs {
            if fresh || stored(place, blob).await? != Some(blob.stored) {
                let spools = config.spools.clone();
                put_file(place, &spools, blob, source.blob(&blob.id), config).await?;
            }
            progress.add(1);
        }
    }
    Ok(())
}

/// Stored length of a blob in a place, if it is there.
async fn stored(place: &Arc<dyn Objects>, blob: &Listed) -> Result<Option<u64>, CareError> {
    match place.open(blob.id).await {
        Ok(source) => Ok(Some(source.len(Caller::Task).await?)),
        Err(StoreError::Corrupt(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

async fn is_empty(place: &Arc<dyn Objects>, config: &StoreConfig) -> Result<bool, CareError> {
    let mut after = None;
    loop {
        let page = place.list(after, config.clock.now()).await?;
        if !page.objects.is_empty() {
            return Ok(false);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(true),
        }
    }
}

async fn put_file(
    place: &Arc<dyn Objects>,
    spools: &Path,
    blob: &Listed,
    from: PathBuf,
    config: &StoreConfig,
) -> Result<(), CareError> {
    let copy = spools.join(format!("{}.restore.spool", hex::encode(blob.id)));
    let spools = spools.to_owned();
    let file = off(move || {
        let io = |e: std::io::Error| CareError::file(&copy, &e);
        crate::files::private_folder(&spools).and_then(|()| crate::files::remove(&copy)).map_err(io)?;
        let file = NewFile::create(copy.clone()).map_err(io)?;
        let mut source = fs::File::open(&from).map_err(|e| CareError::file(&from, &e))?;
        let mut piece = vec![0; 256 << 10];
        loop {
            match source.read(&mut piece).map_err(|e| CareError::file(&from, &e))? {
                0 => return Ok(Arc::new(file)),
                n => file.write_all(&piece[..n]).map_err(io)?,
            }
        }
    })
    .await?;
    let put = place.put(blob.id, &file, config.clock.now()).await;
    // Renamed, or uploaded, or of no use.
    let _ = crate::files::remove(file.path());
    Ok(put?)
}

/// The name by which the place of blobs is marked, from the rows of the backup.
fn owner(manifest: &Manifest, folder: &Path) -> Result<Option<String>, CareError> {
    let Some(settings) = manifest.tables.iter().find(|t| t.name == "settings") else { return Ok(None) };
    let column = |name: &str| settings.columns.iter().position(|c| c == name).unwrap_or(usize::MAX);
    let (name, value) = (column("name"), column("value"));
    for row in settings.iter(folder) {
        let row = row?;
        if row.text(name)? == objects::OWNER {
            return Ok(String::from_utf8(row.bytes(value)?).ok());
        }
    }
    Ok(None)
}

/// Writes the rows of a table that are not there yet.
async fn load_table(
    loader: &mut Loader,
    table: &TableFiles,
    folder: &Path,
    progress: &Progress,
) -> Result<(), CareError> {
    let unknown = || CareError::UnknownTable(table.name.clone());
    let index = loader.shapes().iter().position(|s| s.name == table.name).ok_or_else(unknown)?;
    let order = order(&loader.shapes()[index], &table.columns).ok_or_else(unknown)?;
    let mut skip = loader.loaded(&table.name);
    for chunk in &table.chunks {
        progress.add(chunk.rows);
        if skip >= chunk.rows {
            skip -= chunk.rows;
            continue;
        }
        let rows = chunk.rows(folder, table.columns.len())?;
        for row in rows.into_iter().skip(usize::try_from(std::mem::take(&mut skip)).unwrap_or(usize::MAX)) {
            let mut values = row.0;
            let row = Row(order.iter().map(|i| std::mem::replace(&mut values[*i], crate::Value::Null)).collect());
            loader.push(index, row).await?;
        }
    }
    loader.flush().await
}

/// Where each column of a shape stands among these; none when they are not the same columns.
pub(crate) fn order(shape: &Shape, columns: &[String]) -> Option<Vec<usize>> {
    let places: Option<Vec<usize>> =
        shape.columns.iter().map(|wanted| columns.iter().position(|c| c == wanted)).collect();
    places.filter(|places| places.len() == columns.len())
}

/// Leaves out UIDs and modseqs that were given after the backup was taken and are lost with it.
fn leap(tx: &mut dyn Tx, shapes: &[Shape]) -> Result<(), StoreError> {
    let has =
        |table: &str, column: &str| shapes.iter().any(|s| s.name == table && s.columns.iter().any(|c| c == column));
    let floor = if has("bals", "journal_floor") { ", journal_floor = modseq + $1" } else { "" };
    tx.execute(&format!("UPDATE bals SET modseq = modseq + $1{floor}"), params![MODSEQ_LEAP])?;
    if !has("folders", "uidnext") {
        return Ok(());
    }
    // Flags and keywords that were changed since the backup are as they were: whoever asks what changed is told of every entry again.
    tx.execute("UPDATE entries SET modseq = modseq + $1", params![MODSEQ_LEAP])?;
    if has("search_indexes", "building_modseq") {
        // What the index holds stays in it.
        let sql = "UPDATE search_indexes SET modseq = modseq + $1, building_modseq = building_modseq + $1";
        tx.execute(sql, params![MODSEQ_LEAP])?;
    }
    // Views that know of entries that came after the backup learn that these are gone.
    let sql = "INSERT INTO vanished (folder_id, uid, uid_last, bal_id, modseq) \
               SELECT f.id, f.uidnext, f.uidnext + $1 - 1, f.bal_id, b.modseq FROM folders f JOIN bals b ON b.id = f.bal_id \
               WHERE f.uidnext + $1 < $2 ON CONFLICT DO NOTHING";
    tx.execute(sql, params![LEAP, LAST_UID])?;
    let sql = "UPDATE folders SET modseq = (SELECT b.modseq FROM bals b WHERE b.id = folders.bal_id), \
               uidnext = CASE WHEN uidnext + $1 < $2 THEN uidnext + $1 ELSE uidnext END";
    tx.execute(sql, params![LEAP, LAST_UID]).map(drop)
}
