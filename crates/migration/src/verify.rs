//! Judging an export by its manifest: that it is whole, that each message is what it was, that no other mail is there. Flags that a mail program
//! changed in a Maildir since are no flaw.
use crate::Error;
use crate::content::{Measure, Measured, PIECE, ToCrlf};
use crate::flags::Flags;
use crate::maildir::Maildir;
use crate::manifest::{Format, Head, Line, Lines, Message, is_inside};
use crate::mbox::lines::Lines as FileLines;
use crate::mbox::{Form, Mbox, is_empty};
use crate::source::Source;
use crate::{files, time};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Most defects that are told one by one.
const TOLD: usize = 1000;
/// Longest separator between two messages of an mbox.
const BETWEEN: u64 = 1024;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// The manifest has no end: the export was cut.
    Unfinished,
    /// Lines of the manifest were changed, or its counts are wrong.
    Manifest,
    /// A file is not there.
    Missing,
    /// A message is not what it was.
    Altered,
    /// Something is there that the manifest does not name.
    Unlisted,
    /// The server did not give a message when the export was made.
    Unread,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Defect {
    /// What is wrong.
    pub flaw: Flaw,
    /// Where: a path in the export.
    pub path: String,
    /// Which message.
    pub uid: Option<u32>,
}

/// The judgment.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Judged {
    /// Whose export.
    pub login: String,
    /// From where.
    pub server: String,
    /// Folders.
    pub folders: u64,
    /// Messages that the manifest names.
    pub messages: u64,
    /// Their octets.
    pub bytes: u64,
    /// How much is wrong.
    pub defects: u64,
    /// The first of it.
    pub told: Vec<Defect>,
}

impl Judged {
    fn add(&mut self, flaw: Flaw, path: impl Into<String>, uid: Option<u32>) {
        self.defects += 1;
        if self.told.len() < TOLD {
            self.told.push(Defect { flaw, path: path.into(), uid });
        }
    }
}

/// Judges the export in this folder.
pub fn verify(dir: &Path) -> Result<Judged, Error> {
    let mut lines = Lines::open(dir)?;
    let mut judged = Judged::default();
    let bad = || Error::Content(dir.join(crate::manifest::NAME), "no_manifest");
    let Some((Line::Export(Head { version: 1, format, server, login, .. }), _)) = lines.line()? else {
        return Err(bad());
    };
    (judged.server, judged.login) = (server, login);
    let mut ended = false;
    let mut places: HashSet<String> = HashSet::new();
    // mbox: where the last message that was judged ends. A run that goes on comes back to files. Maildir: files of which none was judged.
    let (mut ends, mut waiting): (HashMap<String, u64>, HashMap<String, Waiting>) = Default::default();
    let mut unread: BTreeSet<(String, u32)> = BTreeSet::new();
    while let Some((line, digest)) = lines.line()? {
        if ended {
            judged.add(Flaw::Manifest, crate::manifest::NAME, None);
            break;
        }
        match line {
            Line::Export(_) => return Err(bad()),
            Line::Folder(f) => {
                if !is_inside(&f.place) {
                    return Err(bad());
                }
                judged.folders += 1;
                if format == Format::Maildir && !places.contains(&f.place) {
                    waiting.insert(f.place.clone(), list(dir, &f.place, &mut judged)?);
                }
                places.insert(f.place);
            }
            Line::Unread(u) => {
                unread.insert((u.place, u.uid));
            }
            Line::Message(m) => {
                judged.messages += 1;
                judged.bytes += m.size;
                unread.remove(&(m.place.clone(), m.uid));
                if !places.contains(&m.place) || m.file.as_deref().is_some_and(|f| !is_inside(f)) {
                    return Err(bad());
                }
                match format {
                    Format::Maildir => maildir(&m, waiting.entry(m.place.clone()).or_default(), &mut judged)?,
                    Format::Mbox => mbox(dir, &m, ends.entry(m.place.clone()).or_default(), &mut judged)?,
                }
            }
            Line::End(end) => {
                ended = true;
                if (end.folders, end.messages, end.bytes, end.sha256)
                    != (judged.folders, judged.messages, judged.bytes, digest)
                {
                    judged.add(Flaw::Manifest, crate::manifest::NAME, None);
                }
            }
        }
    }
    if !ended {
        judged.add(Flaw::Unfinished, crate::manifest::NAME, None);
    }
    for (place, uid) in unread {
        judged.add(Flaw::Unread, place, Some(uid));
    }
    for path in waiting.into_values().flat_map(HashMap::into_values).flatten() {
        judged.add(Flaw::Unlisted, shown(dir, &path), None);
    }
    for place in places.iter().filter(|_| format == Format::Mbox) {
        let end = ends.get(place).copied();
        match dir.join(place).metadata() {
            // Behind the last message there is nothing.
            Ok(about) if about.len() > end.unwrap_or(0) => judged.add(Flaw::Unlisted, place, None),
            // Where messages are missing each one is told.
            Err(_) if end.is_none() => judged.add(Flaw::Missing, place, None),
            _ => {}
        }
    }
    // What an import would take from here beyond what the manifest names.
    let mut there: Box<dyn Source> = match format {
        Format::Maildir => Box::new(Maildir::new(dir)),
        Format::Mbox => Box::new(Mbox::new(dir, Form::Rd)),
    };
    match there.folders() {
        Ok(folders) => {
            for path in folders.iter().filter_map(|f| there.path(f)).map(|p| shown(dir, p)) {
                if !places.contains(&path) {
                    judged.add(Flaw::Unlisted, path, None);
                }
            }
        }
        // Nothing.
        Err(Error::Content(_, "no_maildir" | "no_mbox_below")) => {}
        Err(e) => return Err(e),
    }
    Ok(judged)
}

/// A path as the manifest writes it.
fn shown(dir: &Path, path: &Path) -> String {
    match path.strip_prefix(dir).unwrap_or(path) {
        here if here.as_os_str().is_empty() => ".".to_owned(),
        below => below.to_string_lossy().into_owned(),
    }
}

/// Files of a Maildir that are no message of the manifest yet, by the name that stays whatever their flags become.
type Waiting = HashMap<String, Vec<PathBuf>>;

fn own(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split(':').next().unwrap_or(name)
}

fn list(dir: &Path, place: &str, judged: &mut Judged) -> Result<Waiting, Error> {
    let mut waiting = Waiting::new();
    for part in ["cur", "new"] {
        let path = dir.join(place).join(part);
        if !path.is_dir() {
            judged.add(Flaw::Missing, format!("{place}/{part}"), None);
            continue;
        }
        for entry in path.read_dir().map_err(Error::file(&path))? {
            let entry = entry.map_err(Error::file(&path))?;
            waiting.entry(own(&entry.file_name().to_string_lossy()).to_owned()).or_default().push(entry.path());
        }
    }
    Ok(waiting)
}

fn judge(m: &Message, measured: Option<Measured>, path: &str, judged: &mut Judged) {
    match measured {
        None => judged.add(Flaw::Missing, path, Some(m.uid)),
        Some(got) if got.size != m.size || hex::encode(got.digest) != m.sha256 => {
            judged.add(Flaw::Altered, path, Some(m.uid))
        }
        Some(_) => {}
    }
}

fn maildir(m: &Message, waiting: &mut Waiting, judged: &mut Judged) -> Result<(), Error> {
    let file = m.file.as_deref().unwrap_or_default();
    // Of two files of one name the one that the manifest names.
    let found = waiting.get_mut(own(file)).and_then(|paths| {
        let at = paths.iter().position(|p| p.ends_with(file)).unwrap_or(0);
        (at < paths.len()).then(|| paths.swap_remove(at))
    });
    let Some(path) = found else {
        judge(m, None, &format!("{}/{file}", m.place), judged);
        return Ok(());
    };
    let (mut measure, mut lines) = (Measure::default(), ToCrlf::default());
    // What is no file is no message.
    if let Ok(mut from) = files::open(&path) {
        let mut buffer = vec![0; PIECE];
        loop {
            let n = from.read(&mut buffer).map_err(Error::file(&path))?;
            match n {
                0 => break,
                n if m.exact => measure.push(&buffer[..n]),
                n => lines.push(&buffer[..n], &mut |b| {
                    measure.push(b);
                    Ok(())
                })?,
            }
        }
    }
    judge(m, Some(measure.end()), &format!("{}/{file}", m.place), judged);
    Ok(())
}

fn mbox(dir: &Path, m: &Message, at: &mut u64, judged: &mut Judged) -> Result<(), Error> {
    let path = dir.join(&m.place);
    let offset = m.offset.unwrap_or_default();
    let (start, end) = (offset.saturating_add(m.head), offset.saturating_add(m.length));
    let size = path.metadata().map_or(0, |a| a.len());
    let before = std::mem::replace(at, end.saturating_add(1));
    if end >= size || start > end {
        judged.add(Flaw::Missing, &m.place, Some(m.uid));
        return Ok(());
    }
    // Between two messages stands a separator, with its date, and nothing else; then the fields that say the flags.
    let mut file = files::open(&path)?;
    let date = m.date.as_deref().and_then(time::read_manifest).unwrap_or(0);
    let separator = format!("From MAILER-DAEMON {}\n", time::asctime(date));
    let head = Flags::from_imap(&m.flags).mbox();
    let mut said = Vec::new();
    let between = start.checked_sub(before).filter(|n| *n <= BETWEEN + head.len() as u64).unwrap_or(0);
    let read = file.seek(SeekFrom::Start(before)).and_then(|_| file.take(between).read_to_end(&mut said));
    read.map_err(Error::file(&path))?;
    if said != [separator.as_bytes(), head.as_bytes()].concat() {
        let is_more = said.len() != separator.len() + head.len();
        judged.add(if is_more { Flaw::Unlisted } else { Flaw::Altered }, &m.place, Some(m.uid));
    }
    let mut lines = FileLines::open(&path, start, end - u64::from(m.open_end))?;
    let (mut measure, mut to_crlf, mut in_header) = (Measure::default(), ToCrlf::default(), true);
    while let Some(piece) = lines.next().map_err(Error::file(&path))? {
        let mut bytes = piece.bytes;
        if piece.begins {
            if in_header {
                in_header = !is_empty(bytes);
            } else {
                bytes = Form::Rd.unquoted(bytes);
            }
        }
        if m.exact {
            measure.push(bytes);
        } else {
            to_crlf.push(bytes, &mut |b| {
                measure.push(b);
                Ok(())
            })?;
        }
    }
    judge(m, Some(measure.end()), &m.place, judged);
    Ok(())
}
