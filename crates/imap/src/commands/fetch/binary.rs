//! BINARY[…] and BINARY.SIZE[…] (RFC 9051 §6.4.5, RFC 3516): a part with its transfer encoding undone. Decoded twice, once
//! for the size that the literal announces and once to send it, so that nothing is held.
use super::content::{broken, dotted, origin, unannounced};
use super::{Message, Missed};
use crate::codec::command::FetchItem;
use crate::content::section::{Range, cut, find};
use crate::session::{End, PIECE, Session, Stop};
use sceau_domain::Refusal;
use sceau_message::decode::TransferDecoder;
use sceau_operator::mailbox::read::{MessageReader, MessageSummary};

/// The part of an item: where it lies and how it is encoded. The whole message is `None` in its encoding.
fn part<'a>(item: &FetchItem, summary: Option<&'a MessageSummary>) -> Option<(Range, Option<&'a str>)> {
    let (FetchItem::Binary { part, .. } | FetchItem::BinarySize(part)) = item else { return None };
    let summary = summary?;
    let shift = summary.prefix.len() as u64;
    let root = &summary.summary.root;
    if part.is_empty() {
        let end = root.body.0 + root.body.1;
        return Some((Range { start: 0, len: shift + end }, None));
    }
    let found = find(root, part)?;
    let range = Range { start: found.part.body.0 + shift, len: found.part.body.1 };
    // Composite parts are not encoded (RFC 2045 §6.4), whatever their header says.
    let composite = matches!(found.part.mime.kind.as_str(), "multipart" | "message");
    let plain = matches!(found.part.mime.encoding.as_str(), "" | "7bit" | "8bit" | "binary");
    Some((range, if composite || plain { None } else { Some(&found.part.mime.encoding) }))
}

/// Is there such a part?
pub(super) fn found(item: &FetchItem, summary: Option<&MessageSummary>) -> bool {
    part(item, summary).is_some()
}

/// A BINARY item on a part whose encoding is unknown here?
pub(super) fn unknown_encoding(item: &FetchItem, summary: Option<&MessageSummary>) -> bool {
    matches!(part(item, summary), Some((_, Some(encoding))) if TransferDecoder::new(encoding).is_none())
}

/// Writes one item with its name and content; why there is none, when it could not be read.
pub(super) async fn write(
    s: &mut Session,
    message: &Message<'_>,
    item: &FetchItem,
    reader: Option<&mut MessageReader>,
) -> Result<Option<Missed>, Stop> {
    let (number, partial, size_only) = match item {
        FetchItem::Binary { part, partial, .. } => (part, *partial, false),
        FetchItem::BinarySize(part) => (part, None, true),
        _ => return Ok(None),
    };
    s.out.raw(if size_only { "BINARY.SIZE[" } else { "BINARY[" }).set(&dotted(number)).raw("]");
    origin(&mut s.out, partial);
    s.out.raw(" ");
    let (Some((range, encoding)), Some(reader)) = (part(item, message.summary), reader) else {
        s.out.raw(if size_only { "0" } else { "NIL" });
        return Ok(None);
    };
    let range = if number.is_empty() { Range { start: 0, len: reader.size() } } else { range };
    let (wanted, most) = partial.unwrap_or((0, u64::MAX));
    let mut size = 0;
    let mut nul = false;
    let mut source = Source::new(range, encoding);
    loop {
        let piece = match unannounced(source.next(reader).await)? {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(missed) => {
                s.out.raw(if size_only { "0" } else { "NIL" });
                return Ok(Some(missed));
            }
        };
        nul |= window(&piece, size, wanted, most).contains(&0);
        size += piece.len() as u64;
        // Of a range nothing needs to be known beyond it.
        if partial.is_some() && size >= wanted.saturating_add(most) {
            break;
        }
    }
    if size_only {
        s.out.num(size);
        return Ok(None);
    }
    let (first, count) = cut(size, partial);
    // A literal cannot hold NUL; a literal8 can.
    s.out.literal_mark(count, nul);
    let mut source = Source::new(range, encoding);
    let (mut at, mut left) = (0, count);
    while let Some(piece) = source.next(reader).await.map_err(|r| broken(&r))? {
        let wanted = window(&piece, at, first, count);
        at += piece.len() as u64;
        left -= wanted.len() as u64;
        s.write_direct(wanted).await?;
        if left == 0 {
            break;
        }
    }
    if left == 0 { Ok(None) } else { Err(Stop::End(End::Gone)) }
}

/// What of a piece that begins at `at` lies in the `count` bytes from `first`.
fn window(piece: &[u8], at: u64, first: u64, count: u64) -> &[u8] {
    let len = piece.len() as u64;
    let from = first.saturating_sub(at).min(len);
    let to = first.saturating_add(count).saturating_sub(at).clamp(from, len);
    // Both are within the piece, so within usize.
    &piece[from as usize..to as usize]
}

/// Decoded content by pieces.
struct Source {
    range: Range,
    at: u64,
    decoder: Option<TransferDecoder>,
    finished: bool,
}

impl Source {
    fn new(range: Range, encoding: Option<&str>) -> Self {
        Self { range, at: 0, decoder: encoding.and_then(TransferDecoder::new), finished: false }
    }
    /// The next piece, maybe empty; `None` at the end.
    async fn next(&mut self, reader: &mut MessageReader) -> Result<Option<Vec<u8>>, Refusal> {
        if self.finished {
            return Ok(None);
        }
        let want = usize::try_from(self.range.len - self.at).unwrap_or(PIECE).min(PIECE);
        let raw = if want == 0 { Vec::new() } else { reader.read(self.range.start + self.at, want).await? };
        self.at += raw.len() as u64;
        self.finished = raw.is_empty() || self.at >= self.range.len;
        let Some(decoder) = &mut self.decoder else { return Ok(Some(raw)) };
        let mut out = Vec::with_capacity(raw.len());
        decoder.push(&raw, &mut out);
        if self.finished {
            decoder.finish(&mut out);
        }
        Ok(Some(out))
    }
}
