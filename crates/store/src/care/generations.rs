//! The folder of a backup: generations side by side, and the blobs that they share.
//!
//! ```text
//! DEST/.lock                            one backup at a time
//! DEST/20261121T100000.000Z/            a generation: rows, list of blobs, manifest.json
//! DEST/20261121T110000.000Z.partial/    one that is being written, or was interrupted
//! DEST/blobs/ab/abcd…                   blobs outside the rows, each once, as they are stored (sealed)
//! DEST/blobs/ab/abcd….damaged           what was found damaged and set aside, as long as a generation names it
//! ```
//! Promises: a generation gets its name by a rename, when everything that it names is on the disk; what an interrupted backup left is
//! never taken for one, and goes with the next.
use super::error::CareError;
use super::manifest::{Manifest, TableFiles};
use crate::blob::{BlobId, id_from};
use crate::engine::Row;
use crate::files;
use sceau_domain::Timestamp;
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const PARTIAL: &str = ".partial";
const REMOVED: &str = ".removed";
/// What the file of a blob is called that was set aside.
const DAMAGED: &str = "damaged";
/// Folder of the blobs.
const BLOBS: &str = "blobs";

/// The folder of a backup.
#[derive(Debug)]
pub(crate) struct Generations {
    folder: PathBuf,
}

/// A folder of a backup that nobody else writes to.
#[derive(Debug)]
pub(crate) struct Writing {
    pub of: Generations,
    _lock: File,
}

/// A blob as a generation lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub id: BlobId,
    pub stored: u64,
    pub sha256: Vec<u8>,
}

impl Listed {
    pub fn row(&self) -> Row {
        let stored = i64::try_from(self.stored).unwrap_or(i64::MAX);
        Row(vec![self.id.as_slice().into(), stored.into(), self.sha256.clone().into()])
    }
    pub fn from_row(row: &Row) -> Result<Self, crate::StoreError> {
        let stored = u64::try_from(row.int(1)?).map_err(|_| crate::StoreError::Invalid("length".into()))?;
        Ok(Self { id: id_from(&row.bytes(0)?)?, stored, sha256: row.bytes(2)? })
    }
}

/// The blobs that a generation lists, by id.
pub(crate) fn listed<'a>(
    list: &'a TableFiles,
    folder: &'a Path,
) -> impl Iterator<Item = Result<Listed, CareError>> + 'a {
    let damaged = || CareError::Damaged(folder.display().to_string());
    list.iter(folder).map(move |row| Listed::from_row(&row?).map_err(|_| damaged()))
}

impl Generations {
    /// Looks at a folder.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
    /// Makes the folder if need be, locks it, and removes what interrupted backups left.
    pub fn write(folder: &Path) -> Result<Writing, CareError> {
        let wrong = |e: std::io::Error| CareError::file(folder, &e);
        files::private_folder(folder).map_err(wrong)?;
        let of = Self::at(folder);
        let lock = of.lock()?;
        for name in of.names()? {
            if name.ends_with(PARTIAL) || name.ends_with(REMOVED) {
                fs::remove_dir_all(folder.join(&name)).map_err(wrong)?;
            }
        }
        files::private_folder(&folder.join(BLOBS)).map_err(wrong)?;
        for first in 0..=u8::MAX {
            files::subfolder(&folder.join(BLOBS).join(hex::encode([first]))).map_err(wrong)?;
        }
        Ok(Writing { of, _lock: lock })
    }
    /// Keeps everybody else from writing, until the file is closed.
    pub fn lock(&self) -> Result<File, CareError> {
        let path = self.folder.join(".lock");
        let wrong = |e: std::io::Error| CareError::file(&path, &e);
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(wrong)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(CareError::Running),
            Err(TryLockError::Error(e)) => Err(wrong(e)),
        }
    }
    /// Takes the name from the damaged file of a blob: the next backup copies it again.
    pub fn set_aside(&self, id: &BlobId) -> Result<(), CareError> {
        let path = self.blob(id);
        fs::rename(&path, path.with_extension(DAMAGED)).map_err(|e| CareError::file(&path, &e))
    }
    fn names(&self) -> Result<Vec<String>, CareError> {
        let wrong = |e: std::io::Error| CareError::file(&self.folder, &e);
        let mut names = Vec::new();
        for entry in self.folder.read_dir().map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            if let (true, Some(name)) = (entry.path().is_dir(), entry.file_name().to_str()) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }
    /// Names of the whole generations, oldest first.
    pub fn whole(&self) -> Result<Vec<String>, CareError> {
        let mut names = self.names()?;
        names.retain(|name| is_name(name) && self.path(name).join(super::manifest::FILE).is_file());
        Ok(names)
    }
    /// Folder of a generation.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
    /// Where a blob is.
    pub fn blob(&self, id: &BlobId) -> PathBuf {
        self.folder.join(BLOBS).join(hex::encode([id[0]])).join(hex::encode(id))
    }
    /// The newest whole generation, or the one asked for.
    pub fn choose(&self, wanted: Option<&str>) -> Result<String, CareError> {
        let none = || CareError::NoBackup(self.folder.join(wanted.unwrap_or_default()).display().to_string());
        let whole = if self.folder.is_dir() { self.whole()? } else { Vec::new() };
        match wanted {
            None => whole.into_iter().next_back().ok_or_else(none),
            Some(wanted) => whole.into_iter().find(|name| name == wanted).ok_or_else(none),
        }
    }
}

impl Writing {
    /// A folder for a generation that is being written, empty.
    pub fn begin(&self, at: Timestamp) -> Result<(String, PathBuf), CareError> {
        // Names in order are generations in order, also when the clock went back: what is newest is restored first and removed last.
        let newest = self.of.whole()?.last().and_then(|name| instant_of(name));
        let mut at = newest.map_or(at, |newest| at.max(newest.plus_ms(1)));
        while self.of.path(&name_of(at)).exists() {
            at = at.plus_ms(1);
        }
        let name = name_of(at);
        let partial = self.of.path(&(name.clone() + PARTIAL));
        let made = || {
            if partial.exists() {
                fs::remove_dir_all(&partial)?;
            }
            files::private_folder(&partial)
        };
        made().map_err(|e| CareError::file(&partial, &e))?;
        Ok((name, partial))
    }
    /// Everything is written: makes the folders of blobs durable, then gives the generation its name.
    pub fn finish(&self, name: &str, partial: &Path) -> Result<(), CareError> {
        let folder = self.of.path(name);
        let done = || {
            for first in 0..=u8::MAX {
                files::sync_folder(&self.of.folder.join(BLOBS).join(hex::encode([first])))?;
            }
            files::sync_folder(&self.of.folder.join(BLOBS))?;
            files::sync_folder(partial)?;
            fs::rename(partial, &folder)?;
            files::sync_folder(&self.of.folder)
        };
        done().map_err(|e| CareError::file(&folder, &e))
    }
    /// Keeps the newest `keep` generations (one at least) and the blobs that they name. How many generations and blobs went.
    pub fn prune(&self, keep: usize) -> Result<(u64, u64), CareError> {
        let whole = self.of.whole()?;
        let (gone, kept) = whole.split_at(whole.len().saturating_sub(keep.max(1)));
        let manifests: Vec<(PathBuf, Manifest)> = kept
            .iter()
            .map(|name| Ok((self.of.path(name), Manifest::read(&self.of.path(name))?)))
            .collect::<Result<_, CareError>>()?;
        for name in gone {
            let (path, removed) = (self.of.path(name), self.of.path(&format!("{name}{REMOVED}")));
            // Out of the list first: what is half removed is no generation.
            let remove = || {
                fs::rename(&path, &removed)?;
                files::sync_folder(&self.of.folder)?;
                fs::remove_dir_all(&removed)
            };
            remove().map_err(|e| CareError::file(&path, &e))?;
        }
        let mut lists: Vec<_> = manifests.iter().map(|(folder, m)| listed(&m.blobs, folder).peekable()).collect();
        let mut blobs = 0;
        // Lists and folders go by the first byte of the id: one folder's names are in memory at a time.
        for first in 0..=u8::MAX {
            let mut named = HashSet::new();
            for list in &mut lists {
                while let Some(next) = list.next_if(|l| l.as_ref().is_ok_and(|l| l.id[0] == first) || l.is_err()) {
                    named.insert(hex::encode(next?.id));
                }
            }
            let folder = self.of.folder.join(BLOBS).join(hex::encode([first]));
            let wrong = |e: std::io::Error| CareError::file(&folder, &e);
            for entry in folder.read_dir().map_err(wrong)? {
                let entry = entry.map_err(wrong)?;
                let of = |name: &str| {
                    name.strip_suffix(DAMAGED).and_then(|n| n.strip_suffix('.')).unwrap_or(name).to_owned()
                };
                if entry.file_name().to_str().is_some_and(|name| !named.contains(&of(name))) {
                    fs::remove_file(entry.path()).map_err(wrong)?;
                    blobs += 1;
                }
            }
        }
        Ok((gone.len() as u64, blobs))
    }
}

/// How names are written: names in order are instants in order.
const FORM: &str = "%Y%m%dT%H%M%S%.3fZ";

/// `20261121T100000.000Z`.
fn name_of(at: Timestamp) -> String {
    // Whatever a clock says that no calendar reaches becomes its first day.
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    at.strftime(FORM).to_string()
}

/// The instant of a name.
fn instant_of(name: &str) -> Option<Timestamp> {
    let at = jiff::civil::DateTime::strptime(FORM, name).ok()?;
    Some(Timestamp(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond()))
}

fn is_name(name: &str) -> bool {
    let form = "00000000T000000.000Z";
    let fits = |(n, f): (u8, u8)| if f == b'0' { n.is_ascii_digit() } else { n == f };
    name.len() == form.len() && name.bytes().zip(form.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_named_by_their_instant() {
        assert_eq!(name_of(Timestamp(1_795_255_200_123)), "20261121T100000.123Z");
        assert_eq!(name_of(Timestamp(0)), "19700101T000000.000Z");
        assert_eq!(name_of(Timestamp(951_782_400_000)), "20000229T000000.000Z");
        assert!(is_name("20261121T100000.123Z"));
        for at in [0, 1_795_255_200_123, 951_782_400_000] {
            assert_eq!(instant_of(&name_of(Timestamp(at))), Some(Timestamp(at)));
        }
        assert_eq!(instant_of("20269921T100000.123Z"), None);
        for other in ["20261121T100000.123Z.partial", "blobs", "", "20261121T1000000123Z", "../../../../etcpassw"] {
            assert!(!is_name(other), "{other}");
        }
    }
}
