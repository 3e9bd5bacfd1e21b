//! `sceau backup verify`: every file of a generation against the lengths and SHA-256 of its manifest, without keys, store or server.
//!
//! Promises: it only reads, unless damaged contents are to be set aside; what is set aside is renamed, never removed, so that the next
//! backup copies that content again from a store that still has it.
use super::backup::off;
use super::error::CareError;
use super::generations::Generations;
use super::judge::{Fault, Faulty, faults};
use super::manifest::Manifest;
use super::progress::Progress;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Faults told at most.
pub const MOST: usize = 10_000;

/// What a look at a generation found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Name of the generation.
    pub generation: String,
    /// When its snapshot was taken, milliseconds since 1970.
    pub at: i64,
    /// Rows that it holds.
    pub rows: u64,
    /// Blobs outside the rows that it names.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Blobs that the backup itself could not find.
    pub missing: u64,
    /// Files that are not what the manifest says.
    pub found: u64,
    /// How many of them were set aside.
    pub set_aside: u64,
    /// Them, at most [`MOST`].
    pub faults: Vec<FaultyFile>,
}

/// A file that is not what the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultyFile {
    /// Its path in the folder of the backup.
    pub file: String,
    /// What is wrong with it.
    pub fault: Fault,
    /// It is a content: everything else of the generation can be restored without it. Otherwise it is rows, and nothing can.
    pub content: bool,
    /// It was set aside.
    pub set_aside: bool,
}

/// Looks at a generation (the newest when none is named). With `set_aside`, damaged contents lose their names: [`CareError::Running`] while
/// a backup is written into the folder.
pub async fn verify(
    from: &Path,
    generation: Option<&str>,
    set_aside: bool,
    progress: &Arc<Progress>,
) -> Result<Verified, CareError> {
    let (from, generation, progress) = (from.to_owned(), generation.map(str::to_owned), Arc::clone(progress));
    off(move || look(&from, generation.as_deref(), set_aside, &progress)).await
}

fn look(from: &PathBuf, generation: Option<&str>, set_aside: bool, progress: &Progress) -> Result<Verified, CareError> {
    let source = Generations::at(from);
    let name = source.choose(generation)?;
    let _lock = if set_aside { Some(source.lock()?) } else { None };
    let folder = source.path(&name);
    let manifest = Manifest::read(&folder)?;
    let mut done = Verified {
        generation: name,
        at: manifest.at,
        rows: manifest.rows(),
        blobs: manifest.blobs.rows,
        blob_bytes: manifest.blob_bytes,
        missing: manifest.missing_count,
        found: 0,
        set_aside: 0,
        faults: Vec::new(),
    };
    faults(&source, &manifest, &folder, progress, |faulty| {
        let (path, fault, content, aside) = match faulty {
            Faulty::Rows(path, fault) => (path, fault, false, false),
            Faulty::Blob(blob, fault) => {
                let aside = set_aside && fault == Fault::Damaged;
                if aside {
                    source.set_aside(&blob.id)?;
                }
                (source.blob(&blob.id), fault, true, aside)
            }
        };
        done.found += 1;
        done.set_aside += u64::from(aside);
        if done.faults.len() < MOST {
            let file = path.strip_prefix(from).unwrap_or(&path).display().to_string();
            done.faults.push(FaultyFile { file, fault, content, set_aside: aside });
        }
        Ok(())
    })?;
    // A backup that ran meanwhile may have removed this generation: then its files are not missing.
    if done.found > 0 && source.choose(Some(&done.generation)).is_err() {
        return Err(CareError::NoBackup(folder.display().to_string()));
    }
    Ok(done)
}
