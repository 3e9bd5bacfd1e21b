//! Finding messages in a file.
use super::lines::Lines;
use super::{field, is_empty};
use crate::Error;
use crate::flags::Flags;
use crate::time::read_asctime;
use std::path::Path;

/// Most messages of a file.
const MESSAGES: usize = 2_000_000;
/// Longest line that is looked at for a separator, octets.
const SEPARATOR: usize = 1024;

/// How lines of messages that look like separators are told from separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// By its length where one is right, else as [`Form::Rd`].
    #[default]
    Any,
    /// Quoted once: `>From ` was `From `.
    O,
    /// Quoted each time: `>>From ` was `>From `.
    Rd,
    /// By a length, and quoted once.
    Cl,
    /// By a length alone.
    Cl2,
}

impl Form {
    /// Is the length of a message believed?
    pub fn has_length(self) -> bool {
        matches!(self, Self::Any | Self::Cl | Self::Cl2)
    }
    /// A line of a body as it was before it was quoted.
    pub fn unquoted(self, line: &[u8]) -> &[u8] {
        let Some(rest) = line.strip_prefix(b">") else { return line };
        let quoted = match self {
            Self::Any | Self::Rd => {
                let from = rest.iter().position(|b| *b != b'>').unwrap_or(rest.len());
                rest[from..].starts_with(b"From ")
            }
            Self::O | Self::Cl => rest.starts_with(b"From "),
            Self::Cl2 => false,
        };
        if quoted { rest } else { line }
    }
}

/// A message of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where its separator begins.
    pub at: u64,
    /// Where its header begins.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// The date of its separator, seconds since 1970.
    pub date: Option<i64>,
    /// What the file says of it.
    pub flags: Flags,
    /// How it is quoted.
    pub form: Form,
}

/// A message whose end is looked for.
#[derive(Debug)]
struct Open {
    found: Found,
    in_header: bool,
    length: Option<u64>,
    /// Only fields that a mail program puts before a message's own were read of it. What a sender wrote stands behind what servers added.
    at_head: bool,
    /// Mozilla says its flags.
    mozilla: bool,
    /// It was removed, and not yet taken out of the file.
    removed: bool,
    /// Signs that it is what UW keeps for itself at the beginning of a file.
    is_data: [bool; 2],
}

/// Every message of the file.
pub fn index(path: &Path, form: Form) -> Result<Vec<Found>, Error> {
    let size = path.metadata().map_err(Error::file(path))?.len();
    let mut lines = Lines::open(path, 0, size)?;
    let mut all: Vec<Found> = Vec::new();
    let mut open: Option<Open> = None;
    // Where the empty line stands that is the last one read; the beginning of the file counts as one.
    let mut empty: Option<u64> = Some(0);
    while let Some(piece) = lines.next().map_err(Error::file(path))? {
        if !piece.begins {
            empty = None;
            continue;
        }
        if let Some(before) = empty
            && let Some(date) = separator(piece.bytes, piece.at == 0)
        {
            close(&mut all, open.take(), before);
            if all.len() == MESSAGES {
                return Err(Error::Content(path.to_owned(), "too_many"));
            }
            let found = Found { at: piece.at, start: lines.at(), end: 0, date, flags: Flags::default(), form };
            open = Some(Open {
                found,
                in_header: true,
                length: None,
                at_head: true,
                mozilla: false,
                removed: false,
                is_data: [false; 2],
            });
            empty = None;
            continue;
        }
        let is_blank = is_empty(piece.bytes);
        let at = piece.at;
        let Some(message) = &mut open else {
            // Empty lines may stand before the first message, nothing else.
            if !is_blank {
                return Err(Error::Content(path.to_owned(), "no_mbox"));
            }
            empty = Some(at);
            continue;
        };
        if message.in_header {
            if is_blank {
                message.in_header = false;
                if let Some(end) = ends(&mut lines, message, size).map_err(Error::file(path))? {
                    message.found.end = end;
                    message.found.form = if form == Form::Any { Form::Cl2 } else { form };
                    let next = lines.peek(end, 2).map_err(Error::file(path))?;
                    let next = end + if next.starts_with(b"\r\n") { 2 } else { u64::from(next.starts_with(b"\n")) };
                    lines.go(next).map_err(Error::file(path))?;
                    empty = Some(end);
                    continue;
                }
            } else {
                header(message, piece.bytes);
            }
        }
        empty = is_blank.then_some(at);
    }
    close(&mut all, open, empty.unwrap_or(size));
    Ok(all)
}

/// Ends a message: before the empty line that stands before the next separator, where its length did not say.
fn close(all: &mut Vec<Found>, open: Option<Open>, before: u64) {
    // The subject alone is a sender's to choose.
    let is_none = |o: &Open| o.removed || (o.found.at == 0 && o.is_data == [true; 2]);
    if let Some(mut open) = open.filter(|o| !is_none(o)) {
        if open.found.end == 0 {
            open.found.end = before.max(open.found.start);
            if open.found.form == Form::Any {
                open.found.form = Form::Rd;
            }
        }
        all.push(open.found);
    }
}

/// Where the message ends whose header was just read, when its length is right.
fn ends(lines: &mut Lines, message: &Open, size: u64) -> std::io::Result<Option<u64>> {
    let Some(length) = message.length.filter(|_| message.found.form.has_length()) else { return Ok(None) };
    let end = lines.at().saturating_add(length);
    if end > size {
        return Ok(None);
    }
    let next = lines.peek(end, SEPARATOR as u64)?;
    let next = next.strip_prefix(b"\r\n").or_else(|| next.strip_prefix(b"\n")).unwrap_or(&next);
    let line = next.split_inclusive(|b| *b == b'\n').next().unwrap_or_default();
    Ok((line.is_empty() || separator(line, false).is_some()).then_some(end))
}

/// Takes a line of a header for what it says of the message.
fn header(message: &mut Open, line: &[u8]) {
    let Some((name, value)) = field(line) else { return };
    let starts = |with: &str| name.get(..with.len()).is_some_and(|n| n.eq_ignore_ascii_case(with));
    message.at_head &= starts("x-") || name.eq_ignore_ascii_case("status");
    if starts("x-mozilla-") {
        // Anywhere else a sender wrote it, who might have the message taken for removed.
        if message.at_head {
            message.mozilla = true;
            let _ = message.found.flags.mbox_field(name, &value);
            // Mozilla leaves what was removed in the file until it is compacted.
            let bits = || u32::from_str_radix(&value, 16).unwrap_or(0);
            message.removed |= name.eq_ignore_ascii_case("x-mozilla-status") && bits() & 0x8 != 0;
        }
        return;
    }
    message.is_data[0] |= starts("x-imap");
    if !message.mozilla {
        let _ = message.found.flags.mbox_field(name, &value);
    }
    if name.eq_ignore_ascii_case("content-length") {
        message.length = value.parse().ok();
    } else if name.eq_ignore_ascii_case("subject") {
        // What UW keeps for itself in the first place.
        message.is_data[1] |= value == "DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA";
    }
}

/// Stands the separator of a message still where it was found?
pub(super) fn is_there(path: &Path, found: &Found) -> Result<bool, Error> {
    let mut lines = Lines::open(path, found.at, found.at.saturating_add(5))?;
    Ok(lines.next().map_err(Error::file(path))?.is_some_and(|piece| piece.bytes == b"From "))
}

/// Is this line a separator? The date that it names, if any: at the beginning of a file one without is believed.
fn separator(line: &[u8], first: bool) -> Option<Option<i64>> {
    let rest = line.strip_prefix(b"From ")?;
    if line.len() > SEPARATOR {
        return None;
    }
    let rest = String::from_utf8_lossy(rest);
    let rest = rest.trim_end();
    // The sender may hold spaces.
    let mut dates = rest.match_indices(' ').take(12).map(|(at, _)| read_asctime(&rest[at..]));
    match dates.find_map(|d| d) {
        Some(date) => Some(Some(date)),
        None => first.then_some(None),
    }
}
