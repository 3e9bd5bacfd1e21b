//! `sceau restore`: a generation of a backup into an empty store, of either engine and with either place of blobs.
//!
//! Promises: everything is compared with its digests before anything is written; damaged rows are refused, and damaged contents too unless
//! they may be left out, in which case everything else is restored and whose they are is told and traced; what is being restored is opened
//! by nobody until it is whole; a run that was cut short goes on where it stopped; nothing is written when there is no keyring that opens.
//! Mail programs that saw what was lost since the backup are not misled: UIDs and modseqs given since then are never given again
//! ([`LEAP`]), and every earlier view is told to begin anew (`journal_floor`). Sessions of browsers and OAuth grants do not come back to life: what ended
//! since the backup stays ended, and whoever was in signs in again.
use super::backup::off;
use super::error::CareError;
use super::generations::{Generations, Listed, listed};
use super::judge::{Fault, Faulty, faults, judge};
use super::left_out::{self, LeftOut, Lost};
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
    /// Contents of the backup that were damaged or missing and were left out.
    pub left_out: u64,
    /// Whose they were, at most [`left_out::MOST`].
    pub lost: Vec<Lost>,
}

/// What to restore.
#[derive(Debug, Clone, Copy)]
pub struct From<'a> {
    /// Folder of the backup.
    pub folder: &'a Path,
    /// Generation; the newest when none is named.
    pub generation: Option<&'a str>,
    /// Restore what is whole when contents are damaged or missing. Without it, [`CareError::DamagedContents`].
    pub leave_out_damaged: bool,
}

/// What is said of the log to which a restore goes back, signed: the pair in force, leaves, root (none: no leaf), instant.
pub type Attest = dyn Fn(&Signer, i64, Option<Vec<u8>>, i64) -> serde_json::Value + Send + Sync;

/// Files that a refusal names.
const NAMED: u64 = 5;

/// Restores a generation. What `attest` says stands in the trace, as `statement`: it goes in with the rows, so
/// that there is no restored database that does not say so.
pub async fn restore(
    config: &StoreConfig,
    from: From<'_>,
    attest: Arc<Attest>,
    progress: &Arc<Progress>,
) -> Result<Restored, CareError> {
    let source = Generations::at(from.folder);
    let name = source.choose(from.generation)?;
    let folder = source.path(&name);
    let manifest = Manifest::read(&folder)?;
    let Keyring { destroyed, signer } = open_keyring(config).await?;
    // By its content: two backups may have a generation of one name.
    let origin = format!("backup {name} {}", manifest.digest()?);
    Loader::check(&config.data, &DATA_SET, manifest.schema, origin.clone()).await?;
    let (source, manifest, folder) = (Arc::new(source), Arc::new(manifest), Arc::new(folder));
    verify(&source, &manifest, &folder, from.leave_out_damaged, progress).await?;
    let place = objects(&config.blobs)?;
    let owner = owner(&manifest, &folder)?;
    if place.look().await?.is_some_and(|mark| owner.as_ref() != Some(&mark)) {
        return Err(CareError::NotEmpty);
    }
    let mut loader = Loader::begin(&config.data, &DATA_SET, manifest.schema, origin).await?;
    // From before places were marked: the first start marks it.
    place.prepare(owner.as_deref().unwrap_or_default()).await?;
    let left = put_blobs(config, &place, &source, &manifest, &folder, from.leave_out_damaged, progress).await?;
    progress.begin(Phase::Rows, manifest.rows());
    for table in &manifest.tables {
        load_table(&mut loader, table, &folder, progress).await?;
    }
    let at = config.clock.now().0;
    let shapes = loader.shapes().to_vec();
    let mut data = serde_json::json!({
        "generation": name, "taken": manifest.at, "rows": manifest.rows(), "blobs": manifest.blobs.rows,
        "missing": manifest.missing_count, "left_out": left.count, "program": manifest.program,
    });
    let (config, left_out) = (config.clone(), left.count);
    let (to_close, lost) = loader
        .engine
        .write(move |tx| {
            let newest = tx.query_opt("SELECT COALESCE(MAX(id), 0) FROM traces", &[])?.map_or(Ok(0), |r| r.int(0))?;
            let ids = IdMaker::new(config.node, config.clock.clone(), newest);
            leap(tx, &shapes)?;
            end_sessions(tx, &shapes, at)?;
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
            let closed = destroyed.iter().copied().collect();
            let lost = left_out::tell(tx, &shapes, &left, &closed, at, &ids)?;
            load::finished(tx)?;
            Ok::<_, StoreError>((to_close, lost))
        })
        .await?;
    let done = Restored {
        generation: name,
        at: manifest.at,
        rows: manifest.rows(),
        blobs: manifest.blobs.rows,
        missing: manifest.missing_count,
        to_close,
        left_out,
        lost,
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

/// Compares every file with its digest. Nothing is written yet.
async fn verify(
    source: &Arc<Generations>,
    manifest: &Arc<Manifest>,
    folder: &Arc<PathBuf>,
    leave_out: bool,
    progress: &Arc<Progress>,
) -> Result<(), CareError> {
    let (source, manifest, folder, progress) =
        (Arc::clone(source), Arc::clone(manifest), Arc::clone(folder), Arc::clone(progress));
    off(move || {
        let (mut count, mut first) = (0, Vec::new());
        faults(&source, &manifest, &folder, &progress, |faulty| match faulty {
            Faulty::Rows(path, _) => Err(CareError::Damaged(path.display().to_string())),
            Faulty::Blob(blob, _) => {
                count += 1;
                if count <= NAMED {
                    first.push(source.blob(&blob.id).display().to_string());
                }
                Ok(())
            }
        })?;
        if count == 0 || leave_out {
            return Ok(());
        }
        if count > NAMED {
            first.push("…".into());
        }
        Err(CareError::DamagedContents { count, first: first.join(", ") })
    })
    .await
}

/// Puts every blob that is not there yet. What is not as the manifest says is left out, or refused.
async fn put_blobs(
    config: &StoreConfig,
    place: &Arc<dyn Objects>,
    source: &Arc<Generations>,
    manifest: &Arc<Manifest>,
    folder: &Arc<PathBuf>,
    leave_out: bool,
    progress: &Progress,
) -> Result<LeftOut, CareError> {
    progress.begin(Phase::Blobs, manifest.blobs.rows);
    let fresh = is_empty(place, config).await?;
    let (mut blobs, mut left) = (Vec::new(), LeftOut::default());
    for chunk in &manifest.blobs.chunks {
        blobs.clear();
        let rows = TableFiles { chunks: vec![chunk.clone()], ..manifest.blobs.clone() };
        blobs.extend(listed(&rows, folder).collect::<Result<Vec<Listed>, _>>()?);
        for blob in &blobs {
            if fresh || stored(place, blob).await? != Some(blob.stored) {
                let from = source.blob(&blob.id);
                match put_file(place, blob, from.clone(), config).await? {
                    Some(fault) if leave_out => left.add(blob.id, fault),
                    // Since it was compared.
                    Some(_) => {
                        return Err(CareError::DamagedContents { count: 1, first: from.display().to_string() });
                    }
                    None => {}
                }
            }
            progress.add(1);
        }
    }
    Ok(left)
}

/// Stored length of a blob in a place, if it is there.
async fn stored(place: &Arc<dyn Objects>, blob: &Listed) -> Result<Option<u64>, CareError> {
    match place.open(blob.id, Caller::Task).await {
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

/// Copies a blob's file into the place, unless it is not what it should be.
async fn put_file(
    place: &Arc<dyn Objects>,
    blob: &Listed,
    from: PathBuf,
    config: &StoreConfig,
) -> Result<Option<Fault>, CareError> {
    let copy = config.spools.join(format!("{}.restore.spool", hex::encode(blob.id)));
    let (spools, wanted) = (config.spools.clone(), blob.clone());
    let (file, fault) = off(move || {
        let io = |e: std::io::Error| CareError::file(&copy, &e);
        crate::files::private_folder(&spools).and_then(|()| crate::files::remove(&copy)).map_err(io)?;
        let file = NewFile::create(copy.clone()).map_err(io)?;
        let fault = judge(&from, &wanted, |piece| file.write_all(piece).map_err(io))?;
        Ok((Arc::new(file), fault))
    })
    .await?;
    let put = match fault {
        None => place.put(blob.id, &file, config.clock.now()).await,
        Some(_) => Ok(()),
    };
    // Renamed, or uploaded, or of no use.
    let _ = crate::files::remove(file.path());
    put?;
    Ok(fault)
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

/// Ends what was open when the backup was taken: it may have been ended since, and a refresh token that was spent since would be good again.
fn end_sessions(tx: &mut dyn Tx, shapes: &[Shape], at: i64) -> Result<(), StoreError> {
    if !shapes.iter().any(|s| s.name == "web_sessions") {
        return Ok(());
    }
    let sql = "UPDATE tokens SET revoked = $1 WHERE purpose IN ('web', 'oauth') AND revoked IS NULL";
    tx.execute(sql, params![at]).map(drop)
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
