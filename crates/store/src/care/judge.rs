//! Whether the files of a generation are what its manifest says: asked before a restore, while it copies, and by itself ([`super::verify`]).
//!
//! Promises: everything is looked at, also after the first fault; a file that is absent or that the disk can no longer read is a fault of
//! the backup like one whose bytes changed, while any other error (rights, a program out of files) is told as what it is; a piece of a blob
//! and a chunk of rows are in memory at a time.
use super::error::CareError;
use super::generations::{Generations, Listed};
use super::manifest::Manifest;
use super::progress::{Phase, Progress};
use aws_lc_rs::digest;
use serde::Serialize;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Bytes of a blob read at a time.
const PIECE: usize = 256 << 10;
/// What a system says of bytes that a disk lost: EIO, EBADMSG, EUCLEAN.
const ROTTEN: [i32; 3] = [5, 74, 117];

/// Why a file of a backup cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is not there.
    Missing,
    /// Its length or its SHA-256 is another, or the disk cannot read it.
    Damaged,
}

impl Fault {
    /// Key of its word, below `care.fault`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Damaged => "damaged",
        }
    }
    /// What an error says of a file; none when it says nothing of it.
    pub(crate) fn of(e: &io::Error) -> Option<Self> {
        match e.raw_os_error() {
            _ if e.kind() == ErrorKind::NotFound => Some(Self::Missing),
            Some(code) if ROTTEN.contains(&code) => Some(Self::Damaged),
            _ => None,
        }
    }
}

/// A file that is not what the manifest says.
#[derive(Debug)]
pub(crate) enum Faulty {
    /// Rows, or a part of the list of blobs.
    Rows(PathBuf, Fault),
    /// A content.
    Blob(Listed, Fault),
}

/// Reads a file to its end, piece by piece: its length and SHA-256, or the fault that keeps it from being read.
pub(crate) fn read(
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), CareError>,
) -> Result<Result<(u64, Vec<u8>), Fault>, CareError> {
    let told = |e: io::Error| Fault::of(&e).ok_or_else(|| CareError::file(path, &e));
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) => return told(e).map(Err),
    };
    let (mut hash, mut length, mut piece) = (digest::Context::new(&digest::SHA256), 0, vec![0; PIECE]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Ok((length, hash.finish().as_ref().to_vec()))),
            Ok(n) => {
                hash.update(&piece[..n]);
                take(&piece[..n])?;
                length += n as u64;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return told(e).map(Err),
        }
    }
}

/// Reads the file of a blob, and says what is wrong with it.
pub(crate) fn judge(
    path: &Path,
    blob: &Listed,
    take: impl FnMut(&[u8]) -> Result<(), CareError>,
) -> Result<Option<Fault>, CareError> {
    Ok(match read(path, take)? {
        Ok((length, sha256)) => (length != blob.stored || sha256 != blob.sha256).then_some(Fault::Damaged),
        Err(fault) => Some(fault),
    })
}

/// Looks at every file that a manifest names, and hands over those that are not what it says.
pub(crate) fn faults(
    source: &Generations,
    manifest: &Manifest,
    folder: &Path,
    progress: &Progress,
    mut found: impl FnMut(Faulty) -> Result<(), CareError>,
) -> Result<(), CareError> {
    let chunks: usize = manifest.tables.iter().map(|t| t.chunks.len()).sum();
    progress.begin(Phase::Verifying, chunks as u64 + manifest.blobs.rows);
    for chunk in manifest.tables.iter().flat_map(|t| &t.chunks) {
        if let Some(fault) = chunk.fault(folder)? {
            found(Faulty::Rows(folder.join(&chunk.file), fault))?;
        }
        progress.add(1);
    }
    for chunk in &manifest.blobs.chunks {
        let listed: Result<Vec<Listed>, ()> = match chunk.rows(folder, manifest.blobs.columns.len()) {
            Ok(rows) => rows.iter().map(|row| Listed::from_row(row).map_err(drop)).collect(),
            Err(CareError::Damaged(_)) => Err(()),
            Err(e) => return Err(e),
        };
        let Ok(listed) = listed else {
            // What it lists is not known.
            let fault = chunk.fault(folder)?.unwrap_or(Fault::Damaged);
            found(Faulty::Rows(folder.join(&chunk.file), fault))?;
            progress.add(chunk.rows);
            continue;
        };
        for blob in listed {
            if let Some(fault) = judge(&source.blob(&blob.id), &blob, |_| Ok(()))? {
                found(Faulty::Blob(blob, fault))?;
            }
            progress.add(1);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_cannot_read_is_damage_and_a_lack_of_rights_is_none() {
        let of = |code| Fault::of(&io::Error::from_raw_os_error(code));
        // ENOENT, EIO, EACCES, EMFILE.
        assert_eq!([2, 5, 13, 24].map(of), [Some(Fault::Missing), Some(Fault::Damaged), None, None]);
    }
}
