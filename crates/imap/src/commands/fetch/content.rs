//! RFC822, RFC822.HEADER, RFC822.TEXT and BODY[…]: content as it is, streamed.
//!
//! The first piece is read before its literal is announced: what is damaged there is told as `NIL`. Damage further on cuts the connection, for a literal
//! cannot be taken back; the operator remembers it, and the message is not opened when the client asks again.
use super::{Message, Missed};
use crate::codec::Out;
use crate::codec::command::{BodySection, FetchItem, Section, SectionText};
use crate::content::section::{Located, Range, cut, locate, pick_fields};
use crate::session::{End, PIECE, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::mailbox::read::{MessageReader, MessageSummary};

/// Largest header of a nested message of which fields are picked (the scanner's own limit).
const HEADER_MAX: u64 = 1 << 20;

/// The section that an item asks for.
fn section_of(item: &FetchItem) -> Option<BodySection> {
    let text = match item {
        FetchItem::Section(section) => return Some(section.clone()),
        FetchItem::Rfc822 => None,
        FetchItem::Rfc822Header => Some(SectionText::Header),
        FetchItem::Rfc822Text => Some(SectionText::Text),
        _ => return None,
    };
    Some(BodySection { section: Section { part: Vec::new(), text }, partial: None, peek: false })
}

/// Does the item need the message's content, beyond its summary?
pub(super) fn needs_reader(item: &FetchItem, summary: Option<&MessageSummary>) -> bool {
    match item {
        FetchItem::Rfc822 => true,
        FetchItem::Binary { .. } | FetchItem::BinarySize(_) => super::binary::found(item, summary),
        _ => match (section_of(item), summary) {
            (Some(section), Some(summary)) => {
                matches!(
                    locate(summary, &section.section),
                    Located::Whole | Located::Range(_) | Located::Fields { of: Some(_), .. }
                )
            }
            _ => false,
        },
    }
}

/// Writes one item with its name and content; why there is none, when it could not be read.
pub(super) async fn write(
    s: &mut Session,
    message: &Message<'_>,
    item: &FetchItem,
    reader: Option<&mut MessageReader>,
) -> Result<Option<Missed>, Stop> {
    let Some(asked) = section_of(item) else { return Ok(None) };
    match item {
        FetchItem::Rfc822 => s.out.raw("RFC822 ").done(),
        FetchItem::Rfc822Header => s.out.raw("RFC822.HEADER ").done(),
        FetchItem::Rfc822Text => s.out.raw("RFC822.TEXT ").done(),
        _ => name(&mut s.out, &asked),
    }
    let located = match message.summary {
        Some(summary) => locate(summary, &asked.section),
        // RFC822 alone needs no summary.
        None => Located::Whole,
    };
    let top = || match message.summary {
        Some(m) => [m.prefix.as_slice(), m.summary.header.as_slice()].concat(),
        None => Vec::new(),
    };
    match (located, reader) {
        (Located::TopHeader, _) => memory(&mut s.out, &top(), asked.partial),
        (Located::Fields { of: None, names, not }, _) => {
            memory(&mut s.out, &pick_fields(&top(), names, not), asked.partial);
        }
        (Located::Fields { of: Some(range), names, not }, Some(reader)) => {
            match unannounced(collect(reader, range).await)? {
                Ok(header) => memory(&mut s.out, &pick_fields(&header, names, not), asked.partial),
                Err(missed) => return Ok(Some(nil(s, missed))),
            }
        }
        (Located::Whole, Some(reader)) => {
            let whole = Range { start: 0, len: reader.size() };
            return stream(s, reader, whole, asked.partial).await;
        }
        (Located::Range(range), Some(reader)) => return stream(s, reader, range, asked.partial).await,
        // Missing; or without reader, which `needs_reader` excludes.
        _ => s.out.raw("NIL").done(),
    }
    Ok(None)
}

fn nil(s: &mut Session, missed: Missed) -> Missed {
    s.out.raw("NIL");
    missed
}

/// `BODY[1.2.HEADER.FIELDS (…)]<0> `.
fn name(out: &mut Out, asked: &BodySection) {
    out.raw("BODY[").set(&dotted(&asked.section.part));
    if let Some(text) = &asked.section.text {
        out.raw(if asked.section.part.is_empty() { "" } else { "." });
        match text {
            SectionText::Header => out.raw("HEADER").done(),
            SectionText::Text => out.raw("TEXT").done(),
            SectionText::Mime => out.raw("MIME").done(),
            SectionText::Fields { names, not } => {
                out.raw(if *not { "HEADER.FIELDS.NOT (" } else { "HEADER.FIELDS (" });
                for (i, name) in names.iter().enumerate() {
                    out.raw(if i > 0 { " " } else { "" }).astring(name);
                }
                out.raw(")");
            }
        }
    }
    out.raw("]");
    origin(out, asked.partial);
    out.raw(" ");
}

/// `1.2`.
pub(super) fn dotted(part: &[u32]) -> String {
    part.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// `<first>` of a partial.
pub(super) fn origin(out: &mut Out, partial: Option<(u64, u64)>) {
    if let Some((first, _)) = partial {
        out.raw("<").num(first).raw(">");
    }
}

/// Content in memory, as a literal: clients expect content as literals.
fn memory(out: &mut Out, bytes: &[u8], partial: Option<(u64, u64)>) {
    let (first, count) = cut(bytes.len() as u64, partial);
    // Both are within the slice, so within usize.
    let piece = &bytes[first as usize..(first + count) as usize];
    out.literal_mark(count, false).literal_bytes(piece);
}

async fn collect(reader: &mut MessageReader, range: Range) -> Result<Vec<u8>, Refusal> {
    let len = range.len.min(HEADER_MAX);
    let mut out = Vec::new();
    while (out.len() as u64) < len {
        let at = out.len() as u64;
        let piece = reader.read(range.start + at, PIECE.min((len - at) as usize)).await?;
        if piece.is_empty() {
            break;
        }
        out.extend_from_slice(&piece);
    }
    Ok(out)
}

/// Streams a range as a literal, by pieces.
async fn stream(
    s: &mut Session,
    reader: &mut MessageReader,
    range: Range,
    partial: Option<(u64, u64)>,
) -> Result<Option<Missed>, Stop> {
    // A summary that disagrees with the content must not break the stream.
    let start = range.start.min(reader.size());
    let (first, mut left) = cut(range.len.min(reader.size() - start), partial);
    let mut at = start + first;
    let want = |left: u64| usize::try_from(left).unwrap_or(PIECE).min(PIECE);
    let mut piece = match unannounced(reader.read(at, want(left)).await)? {
        Ok(piece) => piece,
        Err(missed) => return Ok(Some(nil(s, missed))),
    };
    s.out.literal_mark(left, false);
    while left > 0 {
        if piece.is_empty() || piece.len() as u64 > left {
            return Err(Stop::End(End::Gone));
        }
        s.write_direct(&piece).await?;
        at += piece.len() as u64;
        left -= piece.len() as u64;
        if left > 0 {
            piece = reader.read(at, want(left)).await.map_err(|r| broken(&r))?;
        }
    }
    Ok(None)
}

/// What was read before anything was said of it, or why it is missing.
pub(super) fn unannounced<T>(read: Result<T, Refusal>) -> Result<Result<T, Missed>, Stop> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(refusal) if refusal.code == RefusalCode::MessageDamaged => Ok(Err(Missed::Damaged)),
        Err(refusal) if refusal.code == RefusalCode::EntryUnknown => Ok(Err(Missed::Gone)),
        Err(refusal) => Err(broken(&refusal)),
    }
}

/// Content that cannot be read once its response has begun: the stream cannot go on.
pub(super) fn broken(refusal: &Refusal) -> Stop {
    tracing::error!(code = refusal.code.as_str(), "content could not be read while it was being sent");
    Stop::End(End::Gone)
}
