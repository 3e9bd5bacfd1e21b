//! What an export wrote: a line of JSON for each folder and message, the end last. An export without its end was cut short; run again, it goes on.
use crate::Error;
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// Its name in the export's folder.
pub const NAME: &str = "manifest.jsonl";
/// Longest line, octets.
const LINE: u64 = 64 * 1024;

/// Form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A file a message (Maildir++).
    Maildir,
    /// A file a folder (mboxrd).
    Mbox,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first one.
    Export(Head),
    /// A folder.
    Folder(Folder),
    /// A message of a folder that was named before.
    Message(Message),
    /// A message that the server did not give. One that it gave in a later run stands behind as a [`Line::Message`].
    Unread(Unread),
    /// The last one: everything that the server gave was written and is on the disk.
    End(End),
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// 1.
    pub version: u32,
    /// Its form.
    pub format: Format,
    /// From where.
    pub server: String,
    /// Whose.
    pub login: String,
    /// When it began.
    pub began: String,
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Folder (Maildir) or file (mbox) of the export.
    pub place: String,
    /// Its name in the BAL, `/` between levels.
    pub name: String,
    /// What it is for: `sent`, `drafts`, `trash`, `junk`, `archive`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<String>,
    /// UIDVALIDITY.
    pub validity: u32,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its folder's.
    pub place: String,
    /// UID.
    pub uid: u32,
    /// Octets, as the server sends it.
    pub size: u64,
    /// SHA-256 of them.
    pub sha256: String,
    /// When it came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub date: Option<String>,
    /// Flags and keywords.
    pub flags: Vec<String>,
    /// Octets in the file.
    pub length: u64,
    /// Maildir: the file, in its folder; flags may have changed its name since.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// mbox: where it begins, behind its separator.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offset: Option<u64>,
    /// mbox: so many octets at its beginning are fields that say its flags, and none of its own.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub head: u64,
    /// Its ends of lines stand in the file as the server sends them; else each CRLF is an LF.
    #[serde(skip_serializing_if = "is_false", default)]
    pub exact: bool,
    /// mbox: its last line had no end, the one in the file is none of its own.
    #[serde(skip_serializing_if = "is_false", default)]
    pub open_end: bool,
}

/// A message that is not in the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Its folder's.
    pub place: String,
    /// UID.
    pub uid: u32,
    /// Why, in the server's words.
    pub reason: String,
}

/// The end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How many folders.
    pub folders: u64,
    /// How many messages.
    pub messages: u64,
    /// Their octets, as the server sends them.
    pub bytes: u64,
    /// When it ended.
    pub ended: String,
    /// SHA-256 of all lines before this one, their ends included.
    pub sha256: String,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_zero(n: &u64) -> bool {
    *n == 0
}
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_false(b: &bool) -> bool {
    !*b
}

/// A path that leads nowhere but below.
pub(crate) fn is_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir))
}

/// Two exports do not write into one folder at the same time. Where files cannot be locked nobody knows.
fn alone(file: &File, path: &Path) -> Result<(), Error> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::Content(path.to_owned(), "in_use")),
        _ => Ok(()),
    }
}

/// Reads lines, with the digest of those before.
#[derive(Debug)]
pub struct Lines {
    file: BufReader<File>,
    path: PathBuf,
    digest: Digest,
    read: u64,
}

struct Digest(Context);

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

impl Digest {
    fn now(&self) -> String {
        hex::encode(self.0.clone().finish())
    }
}

impl Lines {
    /// Of the export in this folder.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(NAME);
        let file = BufReader::new(File::open(&path).map_err(Error::file(&path))?);
        Ok(Self { file, path, digest: Digest(Context::new(&SHA256)), read: 0 })
    }
    /// The next line, and the digest of all before it; none at the end, or where a cut left an unfinished one.
    pub fn line(&mut self) -> Result<Option<(Line, String)>, Error> {
        let mut line = Vec::new();
        let read = (&mut self.file).take(LINE).read_until(b'\n', &mut line).map_err(Error::file(&self.path))?;
        if line.last() != Some(&b'\n') {
            return if read as u64 == LINE { Err(self.bad()) } else { Ok(None) };
        }
        let before = self.digest.now();
        self.digest.0.update(&line);
        self.read += read as u64;
        let line = serde_json::from_slice(&line).map_err(|_| self.bad())?;
        Ok(Some((line, before)))
    }
    fn bad(&self) -> Error {
        Error::Content(self.path.clone(), "no_manifest")
    }
}

/// Writes lines.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    digest: Digest,
}

impl Writer {
    /// Begins one in this folder, for its owner's eyes only; none may be there.
    pub fn begin(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(NAME);
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(Error::file(&path))?;
        alone(&file, &path)?;
        Ok(Self { file, path, digest: Digest(Context::new(&SHA256)) })
    }
    /// Goes on behind the lines that were read; what a cut left of another is taken away.
    pub fn go_on(lines: Lines) -> Result<Self, Error> {
        let Lines { path, digest, read, .. } = lines;
        let mut file = OpenOptions::new().write(true).open(&path).map_err(Error::file(&path))?;
        alone(&file, &path)?;
        let back = file.set_len(read).and_then(|()| file.seek(SeekFrom::End(0)));
        back.map_err(Error::file(&path))?;
        Ok(Self { file, path, digest })
    }
    /// Writes a line.
    pub fn write(&mut self, line: &Line) -> Result<(), Error> {
        let mut bytes = serde_json::to_vec(line).map_err(|e| Error::File(self.path.clone(), e.into()))?;
        bytes.push(b'\n');
        self.digest.0.update(&bytes);
        self.file.write_all(&bytes).map_err(Error::file(&self.path))
    }
    /// Digest of the lines so far.
    pub fn digest(&self) -> String {
        self.digest.now()
    }
    /// Makes it durable.
    pub fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(Error::file(&self.path))
    }
}
