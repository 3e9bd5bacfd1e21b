//! What a generation of a backup holds, written last: a generation without its manifest is none.
//!
//! Promises: every file that it names has its length and SHA-256 in it, and it has its own digest, so that a damaged backup is
//! found out before anything is written from it.
use super::error::CareError;
use super::judge::{self, Fault};
use super::rows::{self, Malformed};
use super::tables::Shape;
use crate::engine::Row;
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Version of the format that this program writes.
pub(crate) const FORMAT: u32 = 1;
/// Its file, in the folder of the generation.
pub(crate) const FILE: &str = "manifest.json";
/// A chunk is written when its rows have taken so many bytes.
const CHUNK: usize = 4 << 20;
/// No chunk is read that says that it is larger than this, packed or not.
const LARGEST: u64 = 256 << 20;
/// No manifest is read that is larger than this.
const MANIFEST: u64 = 64 << 20;
/// What a chunk begins with.
const MAGIC: &[u8] = b"sceau rows 1\n";

/// What a generation holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// Schema of the data.
    pub schema: i64,
    /// Engine that the rows came from (`sqlite`, `postgres`); they go into either.
    pub engine: String,
    /// When its snapshot was taken, milliseconds since 1970.
    pub at: i64,
    /// Tables, in the order in which they are written again.
    pub tables: Vec<TableFiles>,
    /// Blobs outside the rows, as a table of three columns: id, stored length, SHA-256.
    pub blobs: TableFiles,
    /// Stored bytes of all blobs outside the rows.
    pub blob_bytes: u64,
    /// Blobs that rows name and that could not be read, hexadecimal (at most a hundred are listed).
    pub missing: Vec<String>,
    /// How many could not be read.
    pub missing_count: u64,
}

/// Rows of a table and the files that hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFiles {
    /// Name of the table.
    pub name: String,
    /// Columns, in the order of the rows' values.
    pub columns: Vec<String>,
    /// Rows in all files.
    pub rows: u64,
    /// Files, in order.
    pub chunks: Vec<Chunk>,
}

/// A file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Name in the folder of the generation.
    pub file: String,
    /// Length, bytes.
    pub bytes: u64,
    /// Length unpacked, bytes.
    pub clear: u64,
    /// Rows in it.
    pub rows: u64,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signed {
    manifest: Manifest,
    sha256: String,
}

/// Names of the columns of the list of blobs.
pub(crate) const BLOB_COLUMNS: [&str; 3] = ["id", "stored", "sha256"];

/// SHA-256, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

impl Manifest {
    /// Writes it beside its final place and puts it there by a rename, durably.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), CareError> {
        let path = folder.join(FILE);
        let wrong = |e: serde_json::Error| CareError::file(&path, &e.into());
        let sha256 = self.digest()?;
        let text = serde_json::to_vec_pretty(&Signed { manifest: self.clone(), sha256 }).map_err(wrong)?;
        let beside = folder.join("manifest.json.new");
        write_file(&beside, &text)?;
        fs::rename(&beside, &path)
            .and_then(|()| crate::files::sync_folder(folder))
            .map_err(|e| CareError::file(&path, &e))
    }
    /// What tells it from every other.
    pub(crate) fn digest(&self) -> Result<String, CareError> {
        let text = serde_json::to_vec(self).map_err(|e| CareError::file(Path::new(FILE), &e.into()))?;
        Ok(sha256(&text))
    }
    /// Reads it and checks its digest and names.
    pub(crate) fn read(folder: &Path) -> Result<Self, CareError> {
        let path = folder.join(FILE);
        let damaged = || CareError::Damaged(path.display().to_string());
        let bytes = read_file(&path, MANIFEST)?.ok_or_else(damaged)?;
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        // Said before anything else is looked at: a newer form may read differently.
        let format = value["manifest"]["format"].as_u64().and_then(|f| u32::try_from(f).ok()).ok_or_else(damaged)?;
        if format > FORMAT {
            return Err(CareError::NewerFormat(format));
        }
        let signed: Signed = serde_json::from_value(value).map_err(|_| damaged())?;
        let again = serde_json::to_vec(&signed.manifest).map_err(|_| damaged())?;
        let tables = signed.manifest.tables.iter().chain([&signed.manifest.blobs]);
        // Names go into paths and statements: ours are plain words.
        let plain = |s: &str, also: &[u8]| {
            let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || also.contains(&b);
            !s.is_empty() && s.len() <= 100 && s.bytes().all(word) && !s.starts_with('.')
        };
        let named = tables.into_iter().all(|t| {
            plain(&t.name, b"")
                && t.columns.iter().all(|c| plain(c, b""))
                && t.chunks.iter().all(|c| plain(&c.file, b"-."))
        });
        if sha256(&again) != signed.sha256 || !named {
            return Err(damaged());
        }
        Ok(signed.manifest)
    }
    /// Rows in all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|t| t.rows).sum()
    }
}

/// A private file, empty, for writing.
pub(crate) fn private_file(path: &Path) -> std::io::Result<fs::File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Writes a new private file durably.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CareError> {
    let write = || {
        let mut file = private_file(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e| CareError::file(path, &e))
}

/// A file of at most `most` bytes; none when it is longer, or when the disk cannot read it.
fn read_file(path: &Path, most: u64) -> Result<Option<Vec<u8>>, CareError> {
    let read = || {
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= most).then_some(bytes))
    };
    read().or_else(|e| Fault::of(&e).map(|_| None).ok_or_else(|| CareError::file(path, &e)))
}

/// Writes the rows of one table into files.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    stem: String,
    files: TableFiles,
    clear: Vec<u8>,
    rows: u64,
}

impl Writer {
    /// For a table; `number` puts its files in order.
    pub fn new(folder: &Path, number: usize, name: &str, columns: Vec<String>) -> Self {
        let files = TableFiles { name: name.to_owned(), columns, rows: 0, chunks: Vec::new() };
        let stem = format!("{number:02}-{name}");
        Self { folder: folder.to_owned(), stem, files, clear: MAGIC.to_vec(), rows: 0 }
    }
    /// Of a table's shape.
    pub fn of(folder: &Path, number: usize, shape: &Shape) -> Self {
        Self::new(folder, number, &shape.name, shape.columns.clone())
    }
    /// Adds a row.
    pub fn push(&mut self, row: &Row) -> Result<(), CareError> {
        rows::encode(row, &mut self.clear);
        self.rows += 1;
        if self.clear.len() >= CHUNK { self.flush() } else { Ok(()) }
    }
    fn flush(&mut self) -> Result<(), CareError> {
        let file = format!("{}-{:05}.rows.zst", self.stem, self.files.chunks.len());
        let path = self.folder.join(&file);
        let packed = zstd::bulk::compress(&self.clear, 3).map_err(|e| CareError::file(&path, &e))?;
        write_file(&path, &packed)?;
        let (bytes, clear) = (packed.len() as u64, self.clear.len() as u64);
        self.files.chunks.push(Chunk { file, bytes, clear, rows: self.rows, sha256: sha256(&packed) });
        self.files.rows += self.rows;
        self.clear.truncate(MAGIC.len());
        self.rows = 0;
        Ok(())
    }
    /// The files written.
    pub fn finish(mut self) -> Result<TableFiles, CareError> {
        if self.rows > 0 {
            self.flush()?;
        }
        Ok(self.files)
    }
}

impl Chunk {
    /// Its bytes, if they are what the manifest says.
    fn packed(&self, folder: &Path) -> Result<Vec<u8>, CareError> {
        let path = folder.join(&self.file);
        let damaged = || CareError::Damaged(path.display().to_string());
        if self.bytes > LARGEST || self.clear > LARGEST {
            return Err(damaged());
        }
        let bytes = read_file(&path, self.bytes)?.ok_or_else(damaged)?;
        if sha256(&bytes) != self.sha256 {
            return Err(damaged());
        }
        Ok(bytes)
    }
    /// What keeps the file from being what the manifest says.
    pub(crate) fn fault(&self, folder: &Path) -> Result<Option<Fault>, CareError> {
        Ok(match judge::read(&folder.join(&self.file), |_| Ok(()))? {
            Ok((length, sha256)) => {
                let same = length == self.bytes && length <= LARGEST && hex::encode(sha256) == self.sha256;
                (!same).then_some(Fault::Damaged)
            }
            Err(fault) => Some(fault),
        })
    }
    /// Its rows.
    pub(crate) fn rows(&self, folder: &Path, columns: usize) -> Result<Vec<Row>, CareError> {
        let damaged = || CareError::Damaged(folder.join(&self.file).display().to_string());
        let capacity = usize::try_from(self.clear).map_err(|_| damaged())?;
        let clear = zstd::bulk::decompress(&self.packed(folder)?, capacity).map_err(|_| damaged())?;
        let mut rest = clear.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let mut rows = Vec::new();
        while let Some(row) = rows::decode(&mut rest, columns).map_err(|Malformed| damaged())? {
            rows.push(row);
        }
        if rows.len() as u64 == self.rows { Ok(rows) } else { Err(damaged()) }
    }
}

impl TableFiles {
    /// Every row, a chunk in memory at a time.
    pub(crate) fn iter<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = Result<Row, CareError>> + 'a {
        self.chunks.iter().flat_map(move |chunk| {
            let (rows, failed) = match chunk.rows(folder, self.columns.len()) {
                Ok(rows) => (rows, None),
                Err(e) => (Vec::new(), Some(Err(e))),
            };
            rows.into_iter().map(Ok).chain(failed)
        })
    }
}
