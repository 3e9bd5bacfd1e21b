//! Lines of a part of a file, whatever their length: a long one comes in pieces.
use crate::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Result, Seek, SeekFrom};
use std::path::Path;

/// Octets of a piece.
const PIECE: usize = 64 * 1024;

/// Reads lines.
#[derive(Debug)]
pub struct Lines {
    file: BufReader<File>,
    /// Where the next octet stands.
    at: u64,
    end: u64,
    begins: bool,
    held: Vec<u8>,
}

/// A line, or a piece of one.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Its octets, with the line's end when it is there.
    pub bytes: &'a [u8],
    /// It is the beginning of a line.
    pub begins: bool,
    /// Where it stands in the file.
    pub at: u64,
}

impl Lines {
    /// From `start` to before `end`.
    pub fn open(path: &Path, start: u64, end: u64) -> std::result::Result<Self, Error> {
        let mut file = crate::files::open(path)?;
        file.seek(SeekFrom::Start(start)).map_err(Error::file(path))?;
        Ok(Self { file: BufReader::with_capacity(PIECE, file), at: start, end, begins: true, held: Vec::new() })
    }
    /// Goes on at this place, which is the beginning of a line.
    pub fn go(&mut self, at: u64) -> Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        (self.at, self.begins) = (at, true);
        Ok(())
    }
    /// Octets from this place, without moving: at most `n`.
    pub fn peek(&mut self, at: u64, n: u64) -> Result<Vec<u8>> {
        use std::io::Read;
        let mut out = Vec::new();
        self.file.seek(SeekFrom::Start(at))?;
        self.file.by_ref().take(n.min(self.end.saturating_sub(at))).read_to_end(&mut out)?;
        self.file.seek(SeekFrom::Start(self.at))?;
        Ok(out)
    }
    /// The next piece; none at the end.
    pub fn next(&mut self) -> Result<Option<Piece<'_>>> {
        self.held.clear();
        let (start, begins) = (self.at, self.begins);
        // A beginning is looked at as a whole where it fits: pieces are cut by the line, not by what lay in the buffer.
        while self.held.len() < PIECE && self.at < self.end && (self.held.is_empty() || !self.begins) {
            let here = self.file.fill_buf()?;
            if here.is_empty() {
                break;
            }
            let most =
                usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(here.len()).min(PIECE - self.held.len());
            let n = memchr::memchr(b'\n', &here[..most]).map_or(most, |n| n + 1);
            self.begins = here[n - 1] == b'\n';
            self.held.extend_from_slice(&here[..n]);
            self.file.consume(n);
            self.at += n as u64;
        }
        Ok((!self.held.is_empty()).then_some(Piece { bytes: &self.held, begins, at: start }))
    }
    /// Where the next octet stands.
    pub fn at(&self) -> u64 {
        self.at
    }
}
