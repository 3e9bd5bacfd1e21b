//! A binary message (RFC 3030, BODY=BINARYMIME) written anew as lines: the parts that say `Content-Transfer-Encoding: binary` become base64.
//!
//! Neither IMAP (RFC 9051 §7.5.2: what is not text is encoded before it is sent to a client) nor a server without BINARYMIME can be given it as it
//! came, so it is done once, on arrival, and everything behind sees lines. What a reader decodes is what the sender encoded, octet for octet.
//!
//! Promises: what comes out is lines ([`crate::lines`]) or nothing does: octets that are no lines outside of a part that says `binary` spoil the
//! message; what is signed is not touched; memory is one header section; the same input gives the same output however it is cut.
use crate::header;
use crate::lines::{Flaw, LINE, LineCheck};
use crate::scan::Part;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Octets of one line of base64.
const ENCODED: usize = 57;

/// Why it cannot be written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    /// Octets that are no lines stand where no part is that says `binary`.
    #[error("octets that are no lines outside of a binary part")]
    Flaw(Flaw),
    /// A binary part stands in something signed: changing it would break the signature.
    #[error("a binary part in a signed one")]
    Signed,
}

/// What becomes of the octets up to `end`.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    end: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// They stay, and are lines.
    Lines,
    /// A header section that gets this encoding.
    Header(&'static str),
    /// They become base64.
    Base64,
}

/// The writer. Feed it the whole message, in pieces of any size.
#[derive(Debug)]
pub struct Rewriter {
    /// What is ahead, the last first.
    pieces: Vec<Piece>,
    at: u64,
    check: LineCheck,
    header: Vec<u8>,
    /// Octets that do not fill a line of base64 yet.
    rest: Vec<u8>,
    /// A line of base64 was written and another one may follow.
    encoded: bool,
    /// How the output ends so far.
    tail: [u8; 2],
}

impl Rewriter {
    /// For a message of this structure.
    ///
    /// # Errors
    /// [`BinaryError::Signed`].
    pub fn new(root: &Part) -> Result<Self, BinaryError> {
        let mut pieces = Vec::new();
        plan(root, false, &mut pieces)?;
        pieces.push(Piece { end: u64::MAX, kind: Kind::Lines });
        pieces.reverse();
        let check = LineCheck::new(LINE);
        Ok(Self { pieces, at: 0, check, header: Vec::new(), rest: Vec::new(), encoded: false, tail: [0; 2] })
    }

    /// Takes the next octets and appends what they become.
    ///
    /// # Errors
    /// [`BinaryError::Flaw`]; the writer must be dropped.
    pub fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), BinaryError> {
        let from = out.len();
        while !input.is_empty() {
            let Some(piece) = self.pieces.last() else { break };
            let (kind, end) = (piece.kind, piece.end);
            let left = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let (mine, rest) = input.split_at(left.min(input.len()));
            input = rest;
            self.at += mine.len() as u64;
            match kind {
                Kind::Lines => {
                    self.look(mine)?;
                    out.extend_from_slice(mine);
                }
                Kind::Header(_) => {
                    self.look(mine)?;
                    self.header.extend_from_slice(mine);
                }
                Kind::Base64 => self.encode(mine, out),
            }
            if self.at == end {
                self.end_piece(out);
            }
        }
        self.note(&out[from..]);
        Ok(())
    }

    /// Ends the message.
    ///
    /// # Errors
    /// [`BinaryError::Flaw`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), BinaryError> {
        let from = out.len();
        while self.pieces.last().is_some_and(|p| p.end <= self.at) {
            self.end_piece(out);
        }
        if let Some(flaw) = self.check.finish() {
            return Err(BinaryError::Flaw(flaw));
        }
        self.note(&out[from..]);
        if self.tail != *b"\r\n" {
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn look(&mut self, lines: &[u8]) -> Result<(), BinaryError> {
        self.check.push(lines).map_or(Ok(()), |flaw| Err(BinaryError::Flaw(flaw)))
    }

    /// Remembers how the output ends.
    fn note(&mut self, written: &[u8]) {
        for byte in &written[written.len().saturating_sub(2)..] {
            self.tail = [self.tail[1], *byte];
        }
    }

    fn encode(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        self.rest.extend_from_slice(octets);
        let whole = self.rest.len() - self.rest.len() % ENCODED;
        for line in self.rest[..whole].chunks(ENCODED) {
            Self::line(line, &mut self.encoded, out);
        }
        self.rest.drain(..whole);
    }

    fn line(octets: &[u8], another: &mut bool, out: &mut Vec<u8>) {
        if std::mem::replace(another, true) {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(STANDARD.encode(octets).as_bytes());
    }

    /// The present piece is complete.
    fn end_piece(&mut self, out: &mut Vec<u8>) {
        let Some(piece) = self.pieces.pop() else { return };
        match piece.kind {
            Kind::Lines => {}
            Kind::Header(encoding) => with_encoding(&std::mem::take(&mut self.header), encoding, out),
            Kind::Base64 => {
                let rest = std::mem::take(&mut self.rest);
                if !rest.is_empty() {
                    Self::line(&rest, &mut self.encoded, out);
                }
                self.encoded = false;
                // Octets of the body may have ended in what would begin a line end: what follows begins anew.
                self.check = LineCheck::new(LINE);
            }
        }
    }
}

/// The pieces of a part whose encoding changes, and of its parts; the octets between are lines.
fn plan(part: &Part, signed: bool, pieces: &mut Vec<Piece>) -> Result<(), BinaryError> {
    let mut keep = |end: u64, kind| {
        let from = pieces.last().map_or(0, |p: &Piece| p.end);
        if end > from {
            pieces.push(Piece { end, kind });
        }
    };
    if part.mime.encoding == "binary" {
        if signed {
            return Err(BinaryError::Signed);
        }
        let leaf = part.children.is_empty();
        keep(part.header.0, Kind::Lines);
        keep(part.header.0 + part.header.1, Kind::Header(if leaf { "base64" } else { "8bit" }));
        if leaf {
            keep(part.body.0, Kind::Lines);
            keep(part.body.0 + part.body.1, Kind::Base64);
        }
    }
    let signed = signed || part.mime.is_multipart() && part.mime.subtype == "signed";
    part.children.iter().try_for_each(|child| plan(child, signed, pieces))
}

/// A header section with another Content-Transfer-Encoding.
fn with_encoding(section: &[u8], encoding: &str, out: &mut Vec<u8>) {
    let mut said = false;
    for entry in header::entries(section) {
        match entry {
            Ok(field) if field.name.eq_ignore_ascii_case("content-transfer-encoding") => {
                if !std::mem::replace(&mut said, true) {
                    out.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n").as_bytes());
                }
            }
            Ok(field) => out.extend_from_slice(field.raw),
            Err(raw) => out.extend_from_slice(raw),
        }
    }
    // The blank line, where there is one.
    if section.ends_with(b"\r\n\r\n") || section == b"\r\n" {
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
#[path = "binary_tests.rs"]
mod tests;
