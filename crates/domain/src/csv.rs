//! Files of lines with columns, as spreadsheets and registers write them: read as they arrive, whatever their size.
//!
//! Bytes in, lines out, no I/O. The separator is found in the first line when it is not given (`;`, `,`, tab, `|`); characters are UTF-8 (with or
//! without a byte order mark) or Windows-1252, which Latin-1 is a part of: the first line with an accent tells which, and a line that is written
//! otherwise is told, so that nobody is called `ZoÃ©`. UTF-16 is refused.
//!
//! Promises: memory is bounded by [`LINE`] and [`FIELDS`] whatever comes; a line that cannot be read is told with its number and the others go on;
//! nothing panics; the same bytes give the same lines however they are cut into pieces.
use crate::text::to_ascii;
use crate::{Refusal, RefusalCode};
use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest line, in bytes.
pub const LINE: usize = 64 << 10;
/// Most fields of a line.
pub const FIELDS: usize = 256;
/// Separators that are looked for, the likeliest first.
const SEPARATORS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// How a file separates fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Separator; `None`: the first line tells.
    pub separator: Option<u8>,
    /// May fields stand in quotes? Registers with `|` write quotes as any character.
    pub quotes: bool,
}

/// What the characters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Nothing but ASCII so far.
    #[default]
    Ascii,
    /// UTF-8.
    Utf8,
    /// Windows-1252.
    Windows1252,
}
impl Encoding {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Utf8 => "utf-8",
            Self::Windows1252 => "windows-1252",
        }
    }
}

/// A line: its number in the file (the first is 1), and its fields or why they cannot be read.
pub type Line = (u64, Result<Vec<String>, Refusal>);

/// Reads a file piece by piece.
pub struct Reader {
    dialect: Dialect,
    core: Option<csv_core::Reader>,
    /// The first line, until it is whole.
    first: Vec<u8>,
    bytes: Box<[u8]>,
    ends: Box<[usize]>,
    used: usize,
    fields: usize,
    too_long: bool,
    /// Line ends within the present record.
    inner: u64,
    encoding: Encoding,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("dialect", &self.dialect)
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}

fn fault(code: RefusalCode, cause: &str) -> Refusal {
    Refusal::new(code).with("cause", cause)
}

impl Reader {
    /// For a file of this dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            core: None,
            first: Vec::new(),
            bytes: vec![0; LINE].into(),
            ends: vec![0; FIELDS].into(),
            used: 0,
            fields: 0,
            too_long: false,
            inner: 0,
            encoding: Encoding::default(),
        }
    }
    /// What the characters are, as far as the file was read.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }
    /// Reads a piece; each line that is whole is given to `take`. Lines without anything in them are left out.
    pub fn push(&mut self, piece: &[u8], mut take: impl FnMut(Line)) {
        let mut piece = piece;
        if self.core.is_none() {
            let until = piece.iter().position(|b| *b == b'\n').map_or(piece.len(), |i| i + 1);
            let room = LINE + 1 - self.first.len();
            self.first.extend_from_slice(&piece[..until.min(room)]);
            let whole = self.first.ends_with(b"\n") || self.first.len() > LINE;
            if !whole {
                return;
            }
            piece = &piece[until.min(room)..];
            self.begin(&mut take);
        }
        self.feed(piece, &mut take);
    }
    /// The file is over.
    pub fn finish(mut self, take: impl FnMut(Line)) -> Encoding {
        self.end(take);
        self.encoding
    }
    /// As [`Self::finish`], for whoever still asks for the encoding. Nothing may be read after it.
    pub fn end(&mut self, mut take: impl FnMut(Line)) {
        if self.core.is_none() {
            self.begin(&mut take);
        }
        // An empty piece tells that it is over; twice, for a last line without its end.
        for _ in 0..2 {
            self.step(&[], &mut take);
        }
    }

    /// The first line is whole: what the file is like is known.
    fn begin(&mut self, take: &mut impl FnMut(Line)) {
        let first = std::mem::take(&mut self.first);
        let text = match first.as_slice() {
            [0xEF, 0xBB, 0xBF, rest @ ..] => {
                self.encoding = Encoding::Utf8;
                rest
            }
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
                take((1, Err(fault(RefusalCode::CsvEncoding, "UTF-16"))));
                &[]
            }
            rest => rest,
        };
        let separator = self.dialect.separator.unwrap_or_else(|| likely(text));
        let mut core = ReaderBuilder::new();
        core.delimiter(separator).quoting(self.dialect.quotes).terminator(Terminator::Any(b'\n'));
        self.core = Some(core.build());
        self.feed(text, take);
    }

    fn feed(&mut self, mut piece: &[u8], take: &mut impl FnMut(Line)) {
        while !piece.is_empty() {
            let read = self.step(piece, take);
            piece = &piece[read..];
        }
    }

    /// One step of the reader beneath; how much of the piece it took.
    fn step(&mut self, piece: &[u8], take: &mut impl FnMut(Line)) -> usize {
        let Some(core) = &mut self.core else { return piece.len() };
        let (what, read, written, ended) =
            core.read_record(piece, &mut self.bytes[self.used..], &mut self.ends[self.fields..]);
        let new = &self.bytes[self.used..self.used + written];
        self.inner += new.iter().filter(|b| **b == b'\n').count() as u64;
        self.used += written;
        self.fields += ended;
        match what {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                // What is left of it goes the same way, and is forgotten.
                self.too_long = true;
                (self.used, self.fields) = (0, 0);
            }
            ReadRecordResult::Record => {
                // With its end read, the reader stands on the next line.
                let over = u64::from(!piece.is_empty());
                let line = core.line().saturating_sub(over).saturating_sub(self.inner).max(1);
                if let Some(read) = self.record() {
                    take((line, read));
                }
                (self.used, self.fields, self.inner, self.too_long) = (0, 0, 0, false);
            }
            ReadRecordResult::End => {}
        }
        read
    }

    /// The record in hand; none when nothing is in it.
    fn record(&mut self) -> Option<Result<Vec<String>, Refusal>> {
        if self.too_long {
            // A quote that nothing closes swallows what follows.
            let open = if self.inner > 0 { format!("\" … : {} lines, ", self.inner + 1) } else { String::new() };
            let cause = format!("{open}> {LINE} bytes, > {FIELDS} columns");
            return Some(Err(Refusal::new(RefusalCode::CsvLine).with("cause", cause)));
        }
        let bytes = &self.bytes[..self.used];
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.is_empty() && self.fields <= 1 {
            return None;
        }
        if bytes.contains(&0) {
            return Some(Err(fault(RefusalCode::CsvLine, "NUL")));
        }
        if self.encoding == Encoding::Ascii && !bytes.is_ascii() {
            let is_utf8 = std::str::from_utf8(bytes).is_ok();
            self.encoding = if is_utf8 { Encoding::Utf8 } else { Encoding::Windows1252 };
        } else if self.encoding == Encoding::Windows1252 && !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok() {
            // No name is written so in Windows-1252: the file is UTF-8 with a damaged line before, or put together from two.
            return Some(Err(fault(RefusalCode::CsvEncoding, "UTF-8 / Windows-1252")));
        }
        let mut fields = Vec::with_capacity(self.fields);
        let mut from = 0;
        for end in &self.ends[..self.fields] {
            let end = (*end).min(bytes.len());
            match decoded(&bytes[from.min(end)..end], self.encoding) {
                Some(field) => fields.push(field),
                None => return Some(Err(fault(RefusalCode::CsvEncoding, "UTF-8"))),
            }
            from = end;
        }
        Some(Ok(fields))
    }
}

/// The separator that the first line has most of.
fn likely(first: &[u8]) -> u8 {
    let count = |separator: u8| {
        let mut quoted = false;
        let outside = |b: &&u8| {
            quoted ^= **b == b'"';
            !quoted && **b == separator
        };
        first.iter().filter(outside).count()
    };
    // Of equals, the last that `max_by_key` sees: the likeliest.
    SEPARATORS.into_iter().rev().max_by_key(|s| count(*s)).unwrap_or(b';')
}

fn decoded(bytes: &[u8], encoding: Encoding) -> Option<String> {
    match encoding {
        Encoding::Windows1252 => Some(bytes.iter().map(|b| windows_1252(*b)).collect()),
        Encoding::Ascii | Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
    }
}

/// A character of Windows-1252 (WHATWG Encoding §9.1); what it leaves open is a control, which no field takes.
fn windows_1252(b: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match b {
        0x80..=0x9F => HIGH[usize::from(b - 0x80)],
        _ => char::from(b),
    }
}

/// A column that a file may or must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, as examples show it.
    pub name: &'static str,
    /// Other names, already as [`key`] writes them.
    pub also: &'static [&'static str],
    /// Must it be there?
    pub required: bool,
}

/// A column's name as it is compared: without case, accents, spaces and signs.
pub fn key(name: &str) -> String {
    to_ascii(name).chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Finds columns in a header: for each its place. `csv.header`, naming what is expected, when a required one is missing, one is there twice, or
/// (unless `others` may be) one is none of these.
pub fn columns(header: &[String], expected: &[Column], others: bool) -> Result<Vec<Option<usize>>, Refusal> {
    let wrong = |name: &str| {
        let names: Vec<String> =
            expected.iter().map(|c| if c.required { c.name.to_owned() } else { format!("[{}]", c.name) }).collect();
        let refusal = Refusal::new(RefusalCode::CsvHeader).with("cause", names.join(", "));
        if name.is_empty() { refusal } else { refusal.with("name", name) }
    };
    let mut places = vec![None; expected.len()];
    for (i, name) in header.iter().enumerate() {
        let key = key(name);
        let is_it = |c: &Column| self::key(c.name) == key || c.also.contains(&key.as_str());
        match expected.iter().position(is_it) {
            Some(column) if places[column].is_some() => return Err(wrong(name)),
            Some(column) => places[column] = Some(i),
            None if others => {}
            None => return Err(wrong(name)),
        }
    }
    match expected.iter().zip(&places).find(|(c, place)| c.required && place.is_none()) {
        Some((missing, _)) => Err(wrong(missing.name)),
        None => Ok(places),
    }
}

/// A text as it is looked up by: without case, accents and doubled spaces; every script stays.
pub fn folded(text: &str) -> String {
    let plain = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    let plain: String = plain.map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A field for a file that a spreadsheet opens: always quoted, in one line, and never taken for a formula: where a cell could begin (at its start,
/// and after each character that some reader takes for a separator), what looks like a formula gets an apostrophe.
pub fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut begins = true;
    for c in text.chars() {
        // Controls drive terminals, and no field of a report needs one.
        let c = if c.is_control() { ' ' } else { c };
        if begins && matches!(c, '=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠') {
            out.push('\'');
        }
        begins = matches!(c, ';' | ',' | '|') || (begins && (c.is_whitespace() || c == '"'));
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
