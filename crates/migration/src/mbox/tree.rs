//! A file, or a folder of files as mail programs leave them: Mozilla's `Name` and `Name.sbd/`, Apple's `Name.mbox/mbox`, Dovecot's folders in folders.
use super::index::is_there;
use super::{Form, Found, each, index};
use crate::Error;
use crate::client::{Outcome, Taker};
use crate::files;
use crate::folders::{LEVELS, Role, decode};
use crate::source::{Folder, Item, Source};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most files below a folder.
const FILES: usize = 50_000;

/// mbox files.
#[derive(Debug)]
pub struct Mbox {
    root: PathBuf,
    form: Form,
    files: Vec<PathBuf>,
    open: Option<(PathBuf, Vec<Found>)>,
}

impl Mbox {
    /// A file, or the files below a folder.
    pub fn new(root: &Path, form: Form) -> Self {
        Self { root: root.to_owned(), form, files: Vec::new(), open: None }
    }
}

/// Does the file begin as an mbox does?
fn is_mbox(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = files::open(path).map(|f| f.take(64).read_to_end(&mut head));
    let begins = head.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(head.len());
    matches!(read, Ok(Ok(_))) && head[begins..].starts_with(b"From ")
}

/// The level that a file's or folder's name stands for.
fn level(name: &str) -> String {
    let name = [".mbox", ".mbx", ".sbd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let name = crate::export::unescaped(name);
    let name = decode(name.as_bytes());
    if name.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { name }
}

impl Source for Mbox {
    fn folders(&mut self) -> Result<Vec<Folder>, Error> {
        let about = self.root.metadata().map_err(Error::file(&self.root))?;
        let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut found: Vec<(Vec<String>, PathBuf)> = Vec::new();
        if about.is_dir() {
            let mut waiting = vec![(Vec::<String>::new(), self.root.clone(), 0)];
            let mut seen = 0;
            while let Some((levels, path, depth)) = waiting.pop() {
                for entry in path.read_dir().map_err(Error::file(&path))? {
                    let entry = entry.map_err(Error::file(&path))?;
                    let Ok(kind) = entry.file_type() else { continue };
                    let name = entry.file_name().to_string_lossy().into_owned();
                    seen += 1;
                    if seen > FILES {
                        return Err(Error::Content(self.root.clone(), "too_many"));
                    }
                    let mut below = levels.clone();
                    // Apple keeps the file itself in the folder that has its name.
                    if !(name == "mbox" && path.extension().is_some_and(|e| e == "mbox")) {
                        below.push(level(&name));
                    }
                    if kind.is_dir() && depth < LEVELS {
                        waiting.push((below, entry.path(), depth + 1));
                    } else if kind.is_file() && is_mbox(&entry.path()) {
                        found.push((below, entry.path()));
                    }
                }
            }
            if found.is_empty() {
                return Err(Error::Content(self.root.clone(), "no_mbox_below"));
            }
        } else {
            found.push((vec![level(&name(&self.root))], self.root.clone()));
        }
        found.sort();
        self.files = found.iter().map(|(_, path)| path.clone()).collect();
        let folder = |(number, (levels, _)): (usize, (Vec<String>, PathBuf))| {
            let role = Role::by_name(&levels);
            Folder { levels, role, is_view: false, number }
        };
        Ok(found.into_iter().enumerate().map(folder).collect())
    }

    fn open(&mut self, folder: &Folder) -> Result<Vec<Item>, Error> {
        let path = self.files.get(folder.number).ok_or(Error::Protocol("no such folder"))?.clone();
        let found = index(&path, self.form)?;
        let item = |(number, f): (usize, &Found)| Item {
            id: (number + 1).to_string(),
            // What is taken out of the file moves the others.
            lasting: false,
            size: None,
            date: f.date,
            flags: f.flags.clone(),
            number,
        };
        let items = found.iter().enumerate().map(item).collect();
        self.open = Some((path, found));
        Ok(items)
    }

    fn path(&self, folder: &Folder) -> Option<&Path> {
        self.files.get(folder.number).map(PathBuf::as_path)
    }

    fn give(&mut self, item: &Item, taker: &mut dyn Taker) -> Result<Outcome, Error> {
        let none = Error::Protocol("no such message");
        let Some((path, found)) = &self.open else { return Err(none) };
        let found = found.get(item.number).ok_or(none)?;
        if !is_there(path, found)? {
            return Err(Error::Content(path.clone(), "changed"));
        }
        let mut size = 0;
        each(path, found, &mut |bytes| {
            size += bytes.len() as u64;
            Ok(())
        })?;
        if let Err(e) = taker.begin(size) {
            return Ok(Outcome::Stopped(e));
        }
        let mut stopped = None;
        each(path, found, &mut |bytes| {
            if stopped.is_none() {
                stopped = taker.piece(bytes).err();
            }
            Ok(())
        })?;
        Ok(stopped.map_or(Outcome::Taken(size), Outcome::Stopped))
    }
}
