//! Files of lines as they arrive: read piece by piece, written some lines at a time, so that memory is bounded whatever the file's size.
use aws_lc_rs::digest::{Context, SHA256};
use sceau_domain::csv::{Dialect, Encoding, Line, Reader};
use sceau_domain::{Lang, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

/// Pieces are cut into so many bytes, so that few lines wait at a time.
pub(crate) const PIECE: usize = 64 << 10;
/// Lines written in one transaction.
const SLICE: usize = 500;

/// A line that could not be read.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Fault {
    /// Line of the file.
    pub line: u64,
    /// Stable code.
    pub code: String,
    /// Why, in French.
    pub detail: String,
    /// The same in English.
    pub detail_en: String,
}

impl Fault {
    pub(crate) fn of(line: u64, refusal: &Refusal) -> Self {
        Self {
            line,
            code: refusal.code.as_str().into(),
            detail: refusal.sentence(Lang::Fr),
            detail_en: refusal.sentence(Lang::En),
        }
    }
}

/// A file that is being received: what is written of it waits here, as a `T` a line.
pub(crate) struct Source<T> {
    reader: Reader,
    digest: Context,
    bytes: u64,
    waiting: Vec<T>,
    written: i64,
}

impl<T> std::fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("bytes", &self.bytes).field("written", &self.written).finish_non_exhaustive()
    }
}

impl<T> Source<T> {
    pub fn new(dialect: Dialect) -> Self {
        let (reader, digest) = (Reader::new(dialect), Context::new(&SHA256));
        Self { reader, digest, bytes: 0, waiting: Vec::with_capacity(SLICE), written: 0 }
    }
    /// The lines of a piece.
    pub fn read(&mut self, piece: &[u8]) -> Vec<Line> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        self.digest.update(piece);
        let mut lines = Vec::new();
        self.reader.push(piece, |line| lines.push(line));
        lines
    }
    /// The last lines: the file is over.
    pub fn over(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.reader.end(|line| lines.push(line));
        lines
    }
    /// Bytes that came.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
    /// SHA-256 of what came.
    pub fn digest(&self) -> Vec<u8> {
        self.digest.clone().finish().as_ref().to_vec()
    }
    /// What the characters are.
    pub fn encoding(&self) -> Encoding {
        self.reader.encoding()
    }
    /// Adds what is to be written; true when it is time to write.
    pub fn add(&mut self, item: T) -> bool {
        self.waiting.push(item);
        self.waiting.len() >= SLICE
    }
    /// What is to be written now.
    pub fn take(&mut self) -> Option<Vec<T>> {
        if self.waiting.is_empty() {
            return None;
        }
        self.written += i64::try_from(self.waiting.len()).unwrap_or_default();
        Some(std::mem::replace(&mut self.waiting, Vec::with_capacity(SLICE)))
    }
    /// How many were taken.
    pub fn written(&self) -> i64 {
        self.written
    }
}
