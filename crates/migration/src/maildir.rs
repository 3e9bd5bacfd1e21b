//! Maildir: a folder of files, a file a message. Both ways of nesting are read: names with dots below one folder (Maildir++), folders within folders.
use crate::Error;
use crate::client::{Outcome, Taker};
use crate::content::{PIECE, ToCrlf};
use crate::files;
use crate::flags::Flags;
use crate::folders::{LEVELS, Role, decode};
use crate::source::{Folder, Item, Source};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Most folders below one.
const FOLDERS: usize = 50_000;
/// Longest list of keywords, octets.
const KEYWORDS: u64 = 64 * 1024;
/// How a dot within a level is written in a name of Maildir++: as no encoder writes it.
pub const DOT: &str = "&AC4-";

/// A Maildir and what is below it.
#[derive(Debug)]
pub struct Maildir {
    root: PathBuf,
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Maildir {
    /// Of this folder.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), folders: Vec::new(), files: Vec::new() }
    }
}

/// Has this folder the parts of a Maildir?
fn is_maildir(path: &Path) -> bool {
    ["cur", "new"].iter().any(|part| path.join(part).is_dir())
}

/// Levels of a folder's own name.
fn levels_of(name: &str) -> Vec<String> {
    match name.strip_prefix('.') {
        Some(dotted) => {
            dotted.split('.').map(|l| decode(l.replace(DOT, ".").as_bytes())).filter(|l| !l.is_empty()).collect()
        }
        None => vec![decode(name.as_bytes())],
    }
}

impl Source for Maildir {
    fn folders(&mut self) -> Result<Vec<Folder>, Error> {
        let mut found: Vec<(Vec<String>, PathBuf)> = Vec::new();
        let mut waiting = vec![(Vec::<String>::new(), self.root.clone(), 0)];
        let mut seen = 0;
        while let Some((levels, path, depth)) = waiting.pop() {
            if is_maildir(&path) {
                let levels = if levels.is_empty() { vec!["INBOX".to_owned()] } else { levels.clone() };
                found.push((levels, path.clone()));
            }
            if depth == LEVELS {
                continue;
            }
            for entry in path.read_dir().map_err(Error::file(&path))? {
                let entry = entry.map_err(Error::file(&path))?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                // A link may lead back here.
                let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
                if !is_folder || (["cur", "new", "tmp"].contains(&&*name) && is_maildir(&path)) {
                    continue;
                }
                seen += 1;
                if seen > FOLDERS {
                    return Err(Error::Content(self.root.clone(), "too_many"));
                }
                let mut below = levels.clone();
                below.extend(levels_of(&name));
                if let Some(first) = below.first_mut().filter(|f| f.eq_ignore_ascii_case("INBOX")) {
                    "INBOX".clone_into(first);
                }
                waiting.push((below, entry.path(), depth + 1));
            }
        }
        if found.is_empty() {
            return Err(Error::Content(self.root.clone(), "no_maildir"));
        }
        found.sort();
        self.folders = found.iter().map(|(_, path)| path.clone()).collect();
        let folder = |(number, (levels, _)): (usize, (Vec<String>, PathBuf))| {
            let role = Role::by_name(&levels);
            Folder { levels, role, is_view: false, number }
        };
        Ok(found.into_iter().enumerate().map(folder).collect())
    }

    fn open(&mut self, folder: &Folder) -> Result<Vec<Item>, Error> {
        let path = self.folders.get(folder.number).ok_or(Error::Protocol("no such folder"))?.clone();
        let named = keywords(&path.join("dovecot-keywords"))?;
        let mut found: Vec<(String, PathBuf, Flags, Option<i64>)> = Vec::new();
        for part in ["new", "cur"] {
            let part = path.join(part);
            if !part.is_dir() {
                continue;
            }
            for entry in part.read_dir().map_err(Error::file(&part))? {
                let entry = entry.map_err(Error::file(&part))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with('.') || !entry.file_type().is_ok_and(|t| t.is_file()) {
                    continue;
                }
                // Gone since: a mail program moved it.
                let Ok(about) = entry.metadata() else { continue };
                let came = about.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
                let came = came.and_then(|t| i64::try_from(t.as_secs()).ok());
                let (own, letters) = name.split_once(":2,").or_else(|| name.split_once(";2,")).unwrap_or((&name, ""));
                let letters = letters.split(',').next().unwrap_or_default();
                found.push((own.to_owned(), entry.path(), Flags::from_maildir(letters, &named), came));
            }
        }
        found.sort_by(|a, b| (a.3, &a.0).cmp(&(b.3, &b.0)));
        self.files = found.iter().map(|(_, path, ..)| path.clone()).collect();
        let item = |(number, (id, _, flags, date))| Item { id, lasting: true, size: None, date, flags, number };
        Ok(found.into_iter().enumerate().map(item).collect())
    }

    fn path(&self, folder: &Folder) -> Option<&Path> {
        self.folders.get(folder.number).map(PathBuf::as_path)
    }

    fn give(&mut self, item: &Item, taker: &mut dyn Taker) -> Result<Outcome, Error> {
        let path = self.files.get(item.number).ok_or(Error::Protocol("no such message"))?;
        let Some(path) = there(path) else { return Ok(Outcome::Gone) };
        let size = each(&path, &mut |_| Ok(()))?;
        if let Err(e) = taker.begin(size) {
            return Ok(Outcome::Stopped(e));
        }
        let mut stopped = None;
        let given = each(&path, &mut |bytes| match &stopped {
            None => {
                stopped = taker.piece(bytes).err();
                Ok(())
            }
            Some(_) => Ok(()),
        })?;
        Ok(stopped.map_or(Outcome::Taken(given), Outcome::Stopped))
    }
}

/// The file, under the name that it has now: a program that reads the folder changes what stands behind the colon, and takes it out of `new`.
pub(crate) fn there(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    let own = |p: &Path| -> Option<String> {
        let name = p.file_name()?.to_string_lossy().into_owned();
        Some(name.split([':', ';']).next().unwrap_or_default().to_owned())
    };
    let (wanted, cur) = (own(path)?, path.parent()?.with_file_name("cur"));
    cur.read_dir().ok()?.flatten().map(|e| e.path()).find(|p| own(p).as_ref() == Some(&wanted))
}

/// Every piece of a file with CRLF; its size then.
fn each(path: &Path, sink: &mut crate::content::Sink<'_>) -> Result<u64, Error> {
    let mut file = files::open(path)?;
    let (mut buffer, mut lines, mut size) = (vec![0; PIECE], ToCrlf::default(), 0);
    loop {
        let n = file.read(&mut buffer).map_err(Error::file(path))?;
        if n == 0 {
            return Ok(size);
        }
        lines.push(&buffer[..n], &mut |bytes| {
            size += bytes.len() as u64;
            sink(bytes)
        })?;
    }
}

/// Dovecot's names of keywords, by letter.
pub(crate) fn keywords(path: &Path) -> Result<Vec<String>, Error> {
    let mut text = String::new();
    match files::open(path) {
        Ok(file) => file.take(KEYWORDS).read_to_string(&mut text).map(drop).unwrap_or_default(),
        Err(Error::File(_, e)) if e.kind() == std::io::ErrorKind::NotFound => {}
        // No program's list.
        Err(Error::Content(..)) => {}
        Err(e) => return Err(e),
    }
    let mut named = Vec::new();
    for line in text.lines() {
        if let Some((place, name)) = line.split_once(' ')
            && let Ok(place) = place.parse::<usize>()
            && place < 26
        {
            named.resize(named.len().max(place + 1), String::new());
            named[place] = name.trim().to_owned();
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::measure;
    use std::fs;

    fn file(root: &Path, name: &str, content: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn both_ways_of_nesting_flags_and_keywords() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        file(root, "cur/1.a.host:2,RS", "Subject: un\n\nun\n");
        file(root, "new/2.b.host", "Subject: deux\r\n\r\ndeux\r\n");
        file(root, "tmp/3.c.host", "non");
        file(root, "cur/.hidden", "non");
        file(root, ".Envoy&AOk-s.v1&AC4-2/cur/4.d.host,S=3:2,Sab", "x\n\n");
        file(root, ".Envoy&AOk-s.v1&AC4-2/dovecot-keywords", "0 $Forwarded\n1 projet\nx\n99 y\n");
        file(root, "Patients/Dr A/new/5.e.host", "y\n\n");
        file(root, "maildirfolder", "");
        // A pipe where a list of keywords should stand is not waited for.
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, root.join("dovecot-keywords"), fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        std::os::unix::fs::symlink(root, root.join("Patients/retour")).unwrap();
        let mut maildir = Maildir::new(root);
        let folders = maildir.folders().unwrap();
        let names: Vec<String> = folders.iter().map(|f| f.levels.join("|")).collect();
        assert_eq!(names, ["Envoyés|v1.2", "INBOX", "Patients|Dr A"]);
        let items = maildir.open(&folders[0]).unwrap();
        assert_eq!(items[0].flags.imap(), ["\\Seen", "$Forwarded", "projet"]);
        assert_eq!((items[0].id.as_str(), items[0].lasting), ("4.d.host,S=3", true));
        let mut items = maildir.open(&folders[1]).unwrap();
        items.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(items.iter().map(|i| i.id.as_str()).collect::<Vec<_>>(), ["1.a.host", "2.b.host"]);
        assert_eq!(items[0].flags.imap(), ["\\Seen", "\\Answered"]);
        let measured = maildir.measure(&items[0]).unwrap();
        assert_eq!(measured, Some(measure(b"Subject: un\r\n\r\nun\r\n")));
        assert_eq!(maildir.measure(&items[1]).unwrap(), Some(measure(b"Subject: deux\r\n\r\ndeux\r\n")));
        // A program reads the folder meanwhile, another one empties it.
        fs::rename(root.join("new/2.b.host"), root.join("cur/2.b.host:2,S")).unwrap();
        assert!(maildir.measure(&items[1]).unwrap().is_some());
        fs::remove_file(root.join("cur/1.a.host:2,RS")).unwrap();
        assert_eq!(maildir.measure(&items[0]).unwrap(), None);
        assert!(matches!(Maildir::new(&root.join("tmp")).folders(), Err(Error::Content(..))));
        assert!(matches!(Maildir::new(&root.join("nulle-part")).folders(), Err(Error::File(..))));
    }
}
