//! What a server sends, cut into responses (RFC 9051 §4, §7): lines and literals, under budgets, before anything is kept.
use crate::Error;
use std::io::Read;

/// Octets of one response, literals included, but a message's.
pub const RESPONSE: usize = 256 * 1024;
/// Octets asked of the connection at a time.
const BUFFER: usize = 16 * 1024;

/// A piece of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Part of a line, without CRLF nor the announcement of the literal that follows.
    Text(Vec<u8>),
    /// A literal.
    Literal(Vec<u8>),
    /// A literal that was handed on, not kept.
    Streamed,
}

/// How a part of a response ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Cut {
    /// The response is whole.
    End,
    /// A literal of so many octets comes next, and it is the content of a message: read it by [`Wire::take`], then go on with [`Wire::next`].
    Message(u64),
}

/// Reads responses.
#[derive(Debug, Default)]
pub struct Wire {
    buffer: Vec<u8>,
    at: usize,
    /// Octets of a streamed literal that were not taken yet.
    left: u64,
}

impl Wire {
    /// Has the server said something that nobody read?
    pub fn is_ahead(&self) -> bool {
        self.at < self.buffer.len()
    }

    fn more(&mut self, from: &mut dyn Read) -> Result<(), Error> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let held = self.buffer.len();
        self.buffer.resize(held + BUFFER, 0);
        let read = from.read(&mut self.buffer[held..]);
        self.buffer.truncate(held + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(0) => Err(Error::Cut(std::io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// A line without its CRLF, of at most `most` octets.
    fn line(&mut self, from: &mut dyn Read, most: usize) -> Result<Vec<u8>, Error> {
        let mut looked = 0;
        loop {
            let held = &self.buffer[self.at..];
            if let Some(end) = memchr::memchr(b'\n', &held[looked..]).map(|n| n + looked) {
                let line = held[..end].strip_suffix(b"\r").unwrap_or(&held[..end]);
                if line.len() > most {
                    return Err(TOO_LONG);
                }
                let line = line.to_vec();
                self.at += end + 1;
                return Ok(line);
            }
            looked = held.len();
            if looked > most {
                return Err(TOO_LONG);
            }
            self.more(from)?;
        }
    }

    /// Reads on until the response is whole, or until the content of a message comes. `pieces`: what was read of this response so far.
    pub fn next(&mut self, from: &mut dyn Read, pieces: &mut Vec<Piece>) -> Result<Cut, Error> {
        if self.left > 0 {
            return Err(Error::Protocol("a message was not taken to its end"));
        }
        let weighs = |p: &Piece| if let Piece::Text(b) | Piece::Literal(b) = p { b.len() + 32 } else { 32 };
        let mut held: usize = pieces.iter().map(weighs).sum();
        loop {
            let left = RESPONSE.checked_sub(held).ok_or(TOO_LONG)?;
            let mut line = self.line(from, left)?;
            held += line.len() + 64;
            let Some((end, size)) = announced(&line) else {
                pieces.push(Piece::Text(line));
                return Ok(Cut::End);
            };
            line.truncate(end);
            let is_content = is_content(pieces, &line);
            let left = left - line.len();
            pieces.push(Piece::Text(line));
            if is_content {
                pieces.push(Piece::Streamed);
                self.left = size;
                return Ok(Cut::Message(size));
            }
            let size = usize::try_from(size).ok().filter(|s| *s <= left).ok_or(TOO_LONG)?;
            while self.buffer.len() - self.at < size {
                self.more(from)?;
            }
            pieces.push(Piece::Literal(self.buffer[self.at..self.at + size].to_vec()));
            held += size;
            self.at += size;
        }
    }

    /// The next octets of the message that is coming; empty at its end.
    pub fn take(&mut self, from: &mut dyn Read) -> Result<&[u8], Error> {
        if self.left == 0 {
            return Ok(&[]);
        }
        if self.at == self.buffer.len() {
            self.more(from)?;
        }
        let here = self.buffer.len() - self.at;
        let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(here);
        let start = self.at;
        self.at += n;
        self.left -= n as u64;
        Ok(&self.buffer[start..start + n])
    }
}

const TOO_LONG: Error = Error::Protocol("a response is longer than may be");

/// A literal announced at the end of a line: where its announcement begins, and its size.
fn announced(line: &[u8]) -> Option<(usize, u64)> {
    let digits = line.strip_suffix(b"}")?;
    let open = digits.iter().rposition(|b| *b == b'{')?;
    let digits = std::str::from_utf8(&digits[open + 1..]).ok()?;
    if digits.is_empty() || digits.len() > 18 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // A literal8 (RFC 3516) has a tilde before.
    let start = if open > 0 && line[open - 1] == b'~' { open - 1 } else { open };
    Some((start, digits.parse().ok()?))
}

/// Does a response that reads so until here go on with the content of a message?
fn is_content(before: &[Piece], line: &[u8]) -> bool {
    let begins = match before.first() {
        Some(Piece::Text(first)) => first,
        _ => line,
    };
    begins.starts_with(b"* ") && line.to_ascii_uppercase().ends_with(b"BODY[] ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives one octet at a time.
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let n = self.0.len().min(1);
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn read(mut from: &mut dyn Read) -> Result<(Vec<Piece>, Vec<u8>), Error> {
        let (mut wire, mut pieces, mut content) = (Wire::default(), Vec::new(), Vec::new());
        while let Cut::Message(_) = wire.next(&mut from, &mut pieces)? {
            loop {
                let piece = wire.take(&mut from)?;
                if piece.is_empty() {
                    break;
                }
                content.extend_from_slice(piece);
            }
        }
        Ok((pieces, content))
    }

    #[test]
    fn a_message_is_handed_on_and_the_rest_is_kept() {
        let sent = b"* 1 FETCH (UID 5 BODY[] {7}\r\na\r\n{3}\r X {2}\r\n{})\r\n";
        let text = |t: &str| Piece::Text(t.into());
        let expected = vec![
            text("* 1 FETCH (UID 5 BODY[] "),
            Piece::Streamed,
            text(" X "),
            Piece::Literal(b"{}".to_vec()),
            text(")"),
        ];
        for (pieces, content) in [read(&mut &sent[..]).unwrap(), read(&mut Slow(sent)).unwrap()] {
            assert_eq!((pieces, content), (expected.clone(), b"a\r\n{3}\r".to_vec()));
        }
        // Announced by a tagged line or in another place, it is a literal like any other.
        assert_eq!(read(&mut &b"a BODY[] {1}\r\nx\r\n"[..]).unwrap().0[1], Piece::Literal(b"x".to_vec()));
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_kept() {
        let flood = std::io::Read::take(std::io::repeat(b'x'), 1 << 30);
        assert!(matches!(read(&mut { flood }), Err(Error::Protocol(_))));
        assert!(matches!(read(&mut &b"* LIST () {999999999}\r\n"[..]), Err(Error::Protocol(_))));
        let literals = b"* LIST () {9}\r\n123456789 ".repeat(20_000);
        assert!(matches!(read(&mut &literals[..]), Err(Error::Protocol(_))));
        let empty = b"{0}\r\n".repeat(100_000);
        assert!(matches!(read(&mut &empty[..]), Err(Error::Protocol(_))));
        assert!(matches!(read(&mut &b"* OK {99999999999999999999}\r\n"[..]), Ok((p, _)) if p.len() == 1));
        assert!(matches!(read(&mut &b"* OK"[..]), Err(Error::Cut(_))));
    }

    proptest! {
        #[test]
        fn how_it_is_cut_changes_nothing(sent in "[a-z{}0-3\r\n \\[\\]]{0,60}") {
            let sent = format!("* 1 FETCH (BODY[] {{3}}\r\nabc {sent}\r\n");
            let (whole, slow) = (read(&mut sent.as_bytes()), read(&mut Slow(sent.as_bytes())));
            prop_assert_eq!(format!("{whole:?}"), format!("{slow:?}"));
        }
    }
}
