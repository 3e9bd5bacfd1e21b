//! Judging an export by its manifest: that it is whole, that each message is what it was, that nothing else is there.
use crate::Error;
use crate::content::{Measure, Measured, PIECE, ToCrlf};
use crate::maildir::there;
use crate::manifest::{Format, Head, Line, Lines, Message, is_inside};
use crate::mbox::lines::Lines as FileLines;
use crate::mbox::{Form, is_empty};
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

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
    let (mut places, mut known): (HashSet<String>, HashSet<String>) = Default::default();
    // An mbox is read from its beginning to its end: where the last message that was judged ends.
    let mut at: Option<(String, u64)> = None;
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
                places.insert(f.place);
            }
            Line::Message(m) => {
                judged.messages += 1;
                judged.bytes += m.size;
                if !places.contains(&m.place) || m.file.as_deref().is_some_and(|f| !is_inside(f)) {
                    return Err(bad());
                }
                match format {
                    Format::Maildir => maildir(dir, &m, &mut judged, &mut known)?,
                    Format::Mbox => {
                        if at.as_ref().is_none_or(|(place, _)| *place != m.place) {
                            end_of(dir, at.take(), &mut judged)?;
                            at = Some((m.place.clone(), 0));
                        }
                        known.insert(m.place.clone());
                        mbox(dir, &m, &mut judged, &mut at)?;
                    }
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
    end_of(dir, at, &mut judged)?;
    if !ended {
        judged.add(Flaw::Unfinished, crate::manifest::NAME, None);
    }
    for place in &places {
        match format {
            Format::Maildir => unlisted(dir, place, &known, &mut judged)?,
            Format::Mbox if !known.contains(place) => match dir.join(place).metadata() {
                Ok(about) if about.len() > 0 => judged.add(Flaw::Unlisted, place, None),
                Ok(_) => {}
                Err(_) => judged.add(Flaw::Missing, place, None),
            },
            Format::Mbox => {}
        }
    }
    Ok(judged)
}

/// The name of a file of a Maildir that stays whatever its flags become.
fn own(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split(':').next().unwrap_or(name)
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

fn maildir(dir: &Path, m: &Message, judged: &mut Judged, known: &mut HashSet<String>) -> Result<(), Error> {
    let file = m.file.as_deref().unwrap_or_default();
    let shown = format!("{}/{file}", m.place);
    known.insert(format!("{}/{}", m.place, own(file)));
    let measured = match there(&dir.join(&m.place).join(file)) {
        Some(path) => {
            let (mut from, mut buffer) = (File::open(&path).map_err(Error::file(&path))?, vec![0; PIECE]);
            let (mut measure, mut lines) = (Measure::default(), ToCrlf::default());
            loop {
                let n = from.read(&mut buffer).map_err(Error::file(&path))?;
                match n {
                    0 => break Some(measure.end()),
                    n if m.exact => measure.push(&buffer[..n]),
                    n => lines.push(&buffer[..n], &mut |b| {
                        measure.push(b);
                        Ok(())
                    })?,
                }
            }
        }
        None => None,
    };
    judge(m, measured, &shown, judged);
    Ok(())
}

fn unlisted(dir: &Path, place: &str, known: &HashSet<String>, judged: &mut Judged) -> Result<(), Error> {
    for part in ["cur", "new"] {
        let path = dir.join(place).join(part);
        if !path.is_dir() {
            judged.add(Flaw::Missing, format!("{place}/{part}"), None);
            continue;
        }
        for entry in path.read_dir().map_err(Error::file(&path))? {
            let name = entry.map_err(Error::file(&path))?.file_name().to_string_lossy().into_owned();
            if !known.contains(&format!("{place}/{}", own(&name))) {
                judged.add(Flaw::Unlisted, format!("{place}/{part}/{name}"), None);
            }
        }
    }
    Ok(())
}

fn mbox(dir: &Path, m: &Message, judged: &mut Judged, at: &mut Option<(String, u64)>) -> Result<(), Error> {
    let path = dir.join(&m.place);
    let offset = m.offset.unwrap_or_default();
    let (start, end) = (offset.saturating_add(m.head), offset.saturating_add(m.length));
    let size = path.metadata().map_or(0, |a| a.len());
    let before = at.as_ref().map_or(0, |(_, end)| *end);
    *at = Some((m.place.clone(), end.saturating_add(1)));
    if end >= size || start > end {
        judged.add(Flaw::Missing, &m.place, Some(m.uid));
        return Ok(());
    }
    // Between two messages stands a separator, and nothing else.
    let mut file = File::open(&path).map_err(Error::file(&path))?;
    let between = offset.checked_sub(before).filter(|n| *n <= BETWEEN);
    let mut separator = Vec::new();
    let read =
        file.seek(SeekFrom::Start(before)).and_then(|_| file.take(between.unwrap_or(0)).read_to_end(&mut separator));
    read.map_err(Error::file(&path))?;
    let lines = separator.iter().filter(|b| **b == b'\n').count();
    if !separator.starts_with(b"From ") || !separator.ends_with(b"\n") || lines != 1 {
        judged.add(Flaw::Unlisted, &m.place, Some(m.uid));
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

/// Behind the last message of an mbox there is nothing.
fn end_of(dir: &Path, at: Option<(String, u64)>, judged: &mut Judged) -> Result<(), Error> {
    if let Some((place, end)) = at
        && dir.join(&place).metadata().is_ok_and(|a| a.len() > end)
    {
        judged.add(Flaw::Unlisted, place, None);
    }
    Ok(())
}
