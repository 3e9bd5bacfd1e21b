//! Where the sections of BODY[…] and BINARY[…] lie in a message (RFC 9051 §6.4.5.1).
use super::structure::message;
use crate::codec::command::{Section, SectionText};
use sceau_message::header;
use sceau_message::scan::Part;
use sceau_operator::mailbox::read::MessageSummary;

/// Bytes of a message: start and length, the server's prefix counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// How many.
    pub len: u64,
}

/// Where a section is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located<'a> {
    /// There is no such section.
    Missing,
    /// The whole message.
    Whole,
    /// A range of it.
    Range(Range),
    /// The message's own header: prefix and header, in memory.
    TopHeader,
    /// Fields of a header: of the message's own when `of` is none, else of the one in that range.
    Fields {
        /// Where the header is.
        of: Option<Range>,
        /// Names.
        names: &'a [String],
        /// All but these.
        not: bool,
    },
}

/// A part found by its number.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The part.
    pub part: &'a Part,
    /// True for part 1 of a message that is no multipart: its header is the message's.
    pub message: bool,
}

/// Finds a part by its number (RFC 9051 §6.4.5.1): children of multiparts; 1 is the body of what is no multipart; numbers
/// go on into the message that a `message/rfc822` part holds.
pub fn find<'a>(root: &'a Part, number: &[u32]) -> Option<Found<'a>> {
    // What the next number counts in: a message (its root part), or a multipart.
    let mut inside: Option<&'a Part> = Some(root);
    let mut found: Option<Found<'a>> = None;
    for &n in number {
        let container = inside?;
        let index = usize::try_from(n).ok()?.checked_sub(1)?;
        let next = if container.mime.kind == "multipart" {
            Found { part: container.children.get(index)?, message: false }
        } else if index == 0 {
            Found { part: container, message: true }
        } else {
            return None;
        };
        inside = match message(next.part) {
            Some((inner, _)) => Some(inner),
            None if next.part.mime.kind == "multipart" => Some(next.part),
            None => None,
        };
        found = Some(next);
    }
    found
}

/// Locates a section.
pub fn locate<'a>(summary: &MessageSummary, section: &'a Section) -> Located<'a> {
    let shift = summary.prefix.len() as u64;
    let root = &summary.summary.root;
    let range = |(start, len): (u64, u64)| Located::Range(Range { start: start + shift, len });
    if section.part.is_empty() {
        return match &section.text {
            None => Located::Whole,
            Some(SectionText::Header) => Located::TopHeader,
            Some(SectionText::Fields { names, not }) => Located::Fields { of: None, names, not: *not },
            Some(SectionText::Text) => range(root.body),
            Some(SectionText::Mime) => Located::Missing,
        };
    }
    let Some(found) = find(root, &section.part) else { return Located::Missing };
    let top = found.message && std::ptr::eq(found.part, root);
    match &section.text {
        None => range(found.part.body),
        Some(SectionText::Mime) if top => Located::TopHeader,
        Some(SectionText::Mime) => range(found.part.header),
        Some(text) => {
            // HEADER, HEADER.FIELDS and TEXT of a part speak of the message that it holds.
            let Some((inner, _)) = message(found.part) else { return Located::Missing };
            match text {
                SectionText::Header => range(inner.header),
                SectionText::Fields { names, not } => Located::Fields {
                    of: Some(Range { start: inner.header.0 + shift, len: inner.header.1 }),
                    names,
                    not: *not,
                },
                _ => range(inner.body),
            }
        }
    }
}

/// The fields of `header` named (or not named), as written, with the blank line that ends a header.
pub fn pick_fields(header: &[u8], names: &[String], not: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for field in header::fields(header) {
        let named = names.iter().any(|n| n.eq_ignore_ascii_case(field.name));
        if named != not {
            out.extend_from_slice(field.raw);
            if !field.raw.ends_with(b"\n") {
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The part of `len` bytes that a partial asks for: first byte and count, cut to what there is.
pub fn cut(len: u64, partial: Option<(u64, u64)>) -> (u64, u64) {
    match partial {
        None => (0, len),
        Some((first, count)) => {
            let first = first.min(len);
            (first, count.min(len - first))
        }
    }
}

#[cfg(test)]
#[path = "section_tests.rs"]
mod tests;
