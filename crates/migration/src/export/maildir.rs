//! A folder of an export as Maildir: a file a message, with LF where that can be turned back.
use super::{Place, listed, make};
use crate::Error;
use crate::client::{Client, Entry, Outcome, Taker};
use crate::content::{Measure, ToLf};
use crate::files::{self, Start};
use crate::maildir::keywords;
use crate::manifest::Message;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Where Dovecot looks for names of keywords.
const KEYWORDS: &str = "dovecot-keywords";

#[derive(Debug)]
pub(super) struct Maildir {
    path: PathBuf,
    place: String,
    validity: u32,
    named: Vec<String>,
}

impl Maildir {
    pub(super) fn open(dir: &Path, place: &str, validity: u32) -> Result<Self, Error> {
        let path = dir.join(place);
        for part in ["cur", "new", "tmp"] {
            make(&path.join(part))?;
        }
        let named = keywords(&path.join(KEYWORDS))?;
        Ok(Self { path, place: place.to_owned(), validity, named })
    }

    /// Says which letter is which keyword, before a file has the letter.
    fn name_keywords(&self) -> Result<(), Error> {
        let (path, new) = (self.path.join(KEYWORDS), self.path.join("tmp").join(KEYWORDS));
        let mut file = create(&new)?;
        let lines: String = self.named.iter().enumerate().map(|(n, name)| format!("{n} {name}\n")).collect();
        file.write_all(lines.as_bytes()).and_then(|()| std::fs::rename(&new, &path)).map_err(Error::file(&path))
    }
}

fn create(path: &Path) -> Result<File, Error> {
    files::write(path, Start::Empty)
}

impl Place for Maildir {
    fn put(&mut self, client: &mut Client, uid: u32, entry: &Entry) -> Result<Option<Message>, Error> {
        let known = self.named.len();
        let letters = entry.flags.maildir(&mut self.named);
        if self.named.len() > known {
            self.name_keywords()?;
        }
        let own = format!("{}.U{uid}V{}.sceau", entry.date.unwrap_or(0).max(0), self.validity);
        let new = self.path.join("tmp").join(&own);
        // First as files are; where that could not be turned back, as it comes.
        for exact in [false, true] {
            let mut writing = Writing {
                file: create(&new)?,
                path: &new,
                measure: Measure::default(),
                lines: ToLf::default(),
                exact,
                length: 0,
            };
            match client.content(uid, entry.size, &mut writing) {
                Ok(Outcome::Taken(_)) => {}
                Ok(Outcome::Gone) => {
                    std::fs::remove_file(&new).map_err(Error::file(&new))?;
                    return Ok(None);
                }
                Ok(Outcome::Stopped(e)) | Err(e) => {
                    // What cannot be removed either is told by why it is to be.
                    let _ = std::fs::remove_file(&new);
                    return Err(e);
                }
            }
            writing.end()?;
            if writing.lines.flawed {
                continue;
            }
            let file = format!("cur/{own}:2,{letters}");
            let (length, measured) = (writing.length, writing.measure.end());
            let came = entry.date.and_then(|at| u64::try_from(at).ok()).map(|at| UNIX_EPOCH + Duration::from_secs(at));
            if let Some(came) = came {
                writing.file.set_modified(came).map_err(Error::file(&new))?;
            }
            std::fs::rename(&new, self.path.join(&file)).map_err(Error::file(&new))?;
            return Ok(Some(Message { length, file: Some(file), exact, ..listed(&self.place, uid, entry, &measured) }));
        }
        // As it comes nothing is turned.
        Err(Error::Protocol("a message that cannot be written"))
    }
}

struct Writing<'a> {
    file: File,
    path: &'a Path,
    measure: Measure,
    lines: ToLf,
    exact: bool,
    length: u64,
}

impl Writing<'_> {
    fn end(&mut self) -> Result<(), Error> {
        let Self { file, lines, length, path, .. } = self;
        lines.end(&mut |bytes| {
            *length += bytes.len() as u64;
            file.write_all(bytes).map_err(Error::file(path))
        })
    }
}

impl Taker for Writing<'_> {
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.measure.push(bytes);
        let Self { file, lines, length, path, .. } = self;
        let mut write = |bytes: &[u8]| {
            *length += bytes.len() as u64;
            file.write_all(bytes).map_err(Error::file(path))
        };
        if self.exact { write(bytes) } else { lines.push(bytes, &mut write) }
    }
}
