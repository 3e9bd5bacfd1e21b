//! A folder of an export as mbox (mboxrd): messages behind separators, lines that look like separators quoted each time.
use super::{Place, listed, make};
use crate::Error;
use crate::client::{Client, Entry, Outcome, Taker};
use crate::content::{Measure, Sink, ToLf, gather};
use crate::files::{self, Start};
use crate::manifest::Message;
use crate::time;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Mbox {
    file: File,
    path: PathBuf,
    place: String,
    /// Where the last whole message ends.
    end: u64,
}

impl Mbox {
    /// Opens the file; what stands behind `end` is of a message that a cut left unfinished.
    pub(super) fn open(dir: &Path, place: &str, end: u64) -> Result<Self, Error> {
        let path = dir.join(place);
        if let Some(folder) = path.parent() {
            make(folder)?;
        }
        let file = files::write(&path, Start::Kept)?;
        if file.metadata().map_err(Error::file(&path))?.len() < end {
            return Err(Error::Content(path, "shorter"));
        }
        Ok(Self { file, path, place: place.to_owned(), end })
    }
}

impl Place for Mbox {
    fn put(&mut self, client: &mut Client, uid: u32, entry: &Entry) -> Result<Option<Message>, Error> {
        for exact in [false, true] {
            let at = self.file.set_len(self.end).and_then(|()| self.file.seek(SeekFrom::Start(self.end)));
            at.map_err(Error::file(&self.path))?;
            let separator = format!("From MAILER-DAEMON {}\n", time::asctime(entry.date.unwrap_or(0)));
            let head = entry.flags.mbox();
            let mut writing = Writing {
                file: BufWriter::new(&self.file),
                path: &self.path,
                measure: Measure::default(),
                lines: ToLf::default(),
                quote: Quote::default(),
                exact,
                written: 0,
                last: b'\n',
            };
            writing.raw(separator.as_bytes())?;
            writing.raw(head.as_bytes())?;
            match client.content(uid, entry.size, &mut writing) {
                Ok(Outcome::Taken(_)) => {}
                other => {
                    drop(writing);
                    let back = self.file.set_len(self.end).map_err(Error::file(&self.path));
                    return match other {
                        Ok(Outcome::Stopped(e)) | Err(e) => Err(e),
                        Ok(_) => back.map(|()| None),
                    };
                }
            }
            writing.end()?;
            if writing.lines.flawed {
                continue;
            }
            let open_end = writing.last != b'\n';
            writing.raw(if open_end { b"\n\n" } else { b"\n" })?;
            writing.file.flush().map_err(Error::file(&self.path))?;
            let (written, measure) = (writing.written, std::mem::take(&mut writing.measure));
            drop(writing);
            let measured = measure.end();
            let offset = self.end + separator.len() as u64;
            self.end += written;
            return Ok(Some(Message {
                length: self.end - 1 - offset,
                offset: Some(offset),
                head: head.len() as u64,
                exact,
                open_end,
                ..listed(&self.place, uid, entry, &measured)
            }));
        }
        // As it comes nothing is turned.
        Err(Error::Protocol("a message that cannot be written"))
    }
}

struct Writing<'a> {
    file: BufWriter<&'a File>,
    path: &'a Path,
    measure: Measure,
    lines: ToLf,
    quote: Quote,
    exact: bool,
    written: u64,
    last: u8,
}

impl Writing<'_> {
    fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.written += bytes.len() as u64;
        self.file.write_all(bytes).map_err(Error::file(self.path))
    }
    /// What ends the message: everything that was held back.
    fn end(&mut self) -> Result<(), Error> {
        let mut rest = Vec::new();
        self.lines.end(&mut gather(&mut rest))?;
        self.quoted(&rest)?;
        let mut held = Vec::new();
        self.quote.end(&mut gather(&mut held))?;
        self.last = held.last().copied().unwrap_or(self.last);
        self.raw(&held)
    }
    fn quoted(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Self { file, path, quote, written, last, .. } = self;
        quote.push(bytes, &mut |bytes| {
            *written += bytes.len() as u64;
            *last = bytes.last().copied().unwrap_or(*last);
            file.write_all(bytes).map_err(Error::file(path))
        })
    }
}

impl Taker for Writing<'_> {
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.measure.push(bytes);
        if self.exact {
            return self.quoted(bytes);
        }
        let mut lines = Vec::with_capacity(bytes.len() + 1);
        self.lines.push(bytes, &mut gather(&mut lines))?;
        self.quoted(&lines)
    }
}

/// Quotes lines of a body that look like separators, however they are cut.
#[derive(Debug)]
struct Quote {
    in_header: bool,
    /// The line, behind its quotes, as far as it is not known whether it looks like one; none within a line of which that is known.
    held: Option<Vec<u8>>,
}

impl Default for Quote {
    fn default() -> Self {
        Self { in_header: true, held: Some(Vec::new()) }
    }
}

impl Quote {
    fn push(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Error> {
        while !bytes.is_empty() {
            let Some(held) = &mut self.held else {
                let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |n| n + 1);
                sink(&bytes[..end])?;
                if bytes[end - 1] == b'\n' {
                    self.held = Some(Vec::new());
                }
                bytes = &bytes[end..];
                continue;
            };
            held.push(bytes[0]);
            bytes = &bytes[1..];
            if self.in_header {
                // Only the empty line that ends it matters.
                match held.as_slice() {
                    b"\n" | b"\r\n" => self.in_header = false,
                    b"\r" => continue,
                    _ => {}
                }
            } else if held.as_slice() == b">" {
                // One more among them is one more, wherever it stands.
                held.clear();
                sink(b">")?;
                continue;
            } else if held.as_slice() == b"From " {
                sink(b">")?;
            } else if b"From ".starts_with(held) {
                continue;
            }
            let line = std::mem::take(held);
            let ended = line.last() == Some(&b'\n');
            self.held = ended.then(Vec::new);
            sink(&line)?;
        }
        Ok(())
    }
    fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        sink(&self.held.take().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mbox::Form;
    use proptest::prelude::*;

    fn quoted(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut quote, mut out) = (Quote::default(), Vec::new());
        for piece in pieces {
            quote.push(piece, &mut gather(&mut out)).unwrap();
        }
        quote.end(&mut gather(&mut out)).unwrap();
        out
    }

    #[test]
    fn lines_of_a_body_are_quoted_each_time() {
        let text = "From x\nS: y\n\nFrom a\n>From b\n> From\nFromage\nFrom ";
        assert_eq!(quoted(&[text.as_bytes()]), b"From x\nS: y\n\n>From a\n>>From b\n> From\nFromage\n>From ");
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(body in "(From |>|\n|\r\n|a|F)*", cut in 0usize..60) {
            let text = format!("S: x\n\n{body}");
            let (a, b) = text.as_bytes().split_at(cut.min(text.len()));
            let once = quoted(&[a, b]);
            prop_assert_eq!(&once, &quoted(&[text.as_bytes()]));
            let lines = once["S: x\n\n".len()..].split_inclusive(|b| *b == b'\n');
            prop_assert_eq!(lines.flat_map(|l| Form::Rd.unquoted(l).to_vec()).collect::<Vec<u8>>(), body.as_bytes());
        }
    }
}
