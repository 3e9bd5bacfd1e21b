//! ZIP archives: IHE_XDM, office documents, whatever was packed. Each entry goes through the same readers as a document of its own.
//!
//! No path is ever used as one: names are words of the text. What an archive unfolds to is bounded for the archive and all
//! archives in it together ([`Room`]): entries, bytes, ratio, nesting. An entry that is over its bounds, damaged or protected costs
//! its own text.
use super::office::{self, Family, Role};
use super::{Text, read};
use crate::{Kind, Limits, Why};
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::result::ZipError;

/// Bytes that any entry may unfold to, whatever its ratio: a page of blanks is no bomb.
const SMALL: u64 = 64 << 10;
/// Bytes that an entry and its name need in an archive's directory, at least.
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";

/// What is left of a document's budget.
#[derive(Debug)]
pub struct Room {
    entries: u32,
    unfolded: u64,
    nesting: u8,
}

impl Room {
    /// Of a whole document.
    pub fn new(limits: &Limits) -> Self {
        Self { entries: limits.entries, unfolded: limits.unfolded, nesting: limits.nesting }
    }
}

/// Pushes names and texts of an archive's entries.
pub fn text(content: &[u8], limits: &Limits, room: &mut Room, out: &mut Text) -> Result<(), Why> {
    room.nesting = room.nesting.checked_sub(1).ok_or(Why::Excess)?;
    let result = entries(content, limits, room, out);
    room.nesting += 1;
    result
}

fn entries(content: &[u8], limits: &Limits, room: &mut Room, out: &mut Text) -> Result<(), Why> {
    // The directory is read as a whole, some hundred bytes of memory an entry: an archive of a million of them is not opened.
    if memmem(content, DIRECTORY_ENTRY) > limits.entries.saturating_mul(8) as usize {
        return Err(Why::Excess);
    }
    let mut archive = ZipArchive::new(Cursor::new(content)).map_err(|_| Why::Broken)?;
    let names: Vec<String> = (0..archive.len())
        .map(|i| archive.name_for_index(i).and_then(Result::ok).unwrap_or_default().into_owned())
        .collect();
    let family = Family::of(names.iter().map(String::as_str));
    let mut encrypted = 0;
    for (index, name) in names.iter().enumerate() {
        let role = family.role(name);
        if out.is_full() || (family != Family::None && role == Role::Other) {
            continue;
        }
        let Some(left) = room.entries.checked_sub(1) else { return Err(Why::Excess) };
        room.entries = left;
        if family == Family::None {
            out.apart();
            out.push(name);
            out.apart();
        }
        let bytes = match unfold(&mut archive, index, limits, room) {
            Ok(bytes) => bytes,
            Err(Why::Encrypted) => {
                encrypted += 1;
                continue;
            }
            Err(_) => continue,
        };
        // What cannot be read of an entry costs its own text.
        let _ = match role {
            Role::Other if !bytes.is_empty() => one(name, &bytes, limits, room, out),
            role => office::text(&bytes, role, limits, out),
        };
    }
    // Only names can be read of an archive under a password.
    if encrypted > 0 && encrypted == names.len() { Err(Why::Encrypted) } else { Ok(()) }
}

/// Reads one entry.
fn one(name: &str, bytes: &[u8], limits: &Limits, room: &mut Room, out: &mut Text) -> Result<(), Why> {
    if Kind::guess("", name, bytes) == Kind::Unknown {
        return Err(Why::Unsupported);
    }
    let result = read("", name, bytes, limits, room, out);
    out.apart();
    result
}

/// The bytes of an entry, as far as the bounds allow any.
fn unfold(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    limits: &Limits,
    room: &mut Room,
) -> Result<Vec<u8>, Why> {
    let entry = archive.by_index(index).map_err(|e| match e {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => Why::Encrypted,
        _ => Why::Broken,
    })?;
    if !entry.is_file() {
        return Ok(Vec::new());
    }
    let fair = entry.compressed_size().saturating_mul(limits.ratio).max(SMALL);
    let most = fair.min(room.unfolded).min(limits.input as u64);
    // What the header declares is not believed: what comes out is counted.
    let mut bytes = Vec::new();
    let read = entry.take(most + 1).read_to_end(&mut bytes);
    room.unfolded = room.unfolded.saturating_sub(bytes.len() as u64);
    match read {
        Ok(n) if n as u64 <= most => Ok(bytes),
        Ok(_) => Err(Why::Excess),
        Err(_) => Err(Why::Broken),
    }
}

/// How many times a pattern stands in the bytes.
fn memmem(bytes: &[u8], pattern: &[u8]) -> usize {
    bytes.windows(pattern.len()).filter(|w| *w == pattern).count()
}
