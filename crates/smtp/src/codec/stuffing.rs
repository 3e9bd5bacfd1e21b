//! The content of a message as a client sends it (RFC 5321 §4.5.2): dots stuffed, lines ended by CRLF, then the end.
//!
//! What comes out can hold no bare CR or LF and no early end, whatever goes in: each bare CR or LF leaves as CRLF, so that no
//! receiver, strict or not, sees another end than ours.

/// The encoder. Feed it pieces of any size, then [`DotStuffer::finish`].
#[derive(Debug)]
pub struct DotStuffer {
    line_start: bool,
    /// A CR was taken: its CRLF goes out with the next byte.
    cr: bool,
}

impl Default for DotStuffer {
    fn default() -> Self {
        Self { line_start: true, cr: false }
    }
}

impl DotStuffer {
    /// Takes content and appends what to send to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len() + input.len() / 32);
        let mut rest = input;
        while let Some(first) = rest.first() {
            if self.cr {
                self.cr = false;
                self.end_line(out);
                if *first == b'\n' {
                    rest = &rest[1..];
                    continue;
                }
            }
            match first {
                b'\r' => {
                    self.cr = true;
                    rest = &rest[1..];
                }
                b'\n' => {
                    self.end_line(out);
                    rest = &rest[1..];
                }
                _ => {
                    if self.line_start && *first == b'.' {
                        out.push(b'.');
                    }
                    self.line_start = false;
                    let run = rest.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(rest.len());
                    out.extend_from_slice(&rest[..run]);
                    rest = &rest[run..];
                }
            }
        }
    }
    /// Ends the last line if it is open, and the message.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        if self.cr || !self.line_start {
            self.end_line(out);
        }
        out.extend_from_slice(b".\r\n");
    }
    fn end_line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.line_start = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut stuffer, mut out) = (DotStuffer::default(), Vec::new());
        for piece in pieces {
            stuffer.push(piece, &mut out);
        }
        stuffer.finish(&mut out);
        out
    }

    #[test]
    fn dots_are_stuffed_and_the_last_line_is_ended() {
        assert_eq!(wire(&[]), b".\r\n");
        assert_eq!(wire(&[b"a\r\n"]), b"a\r\n.\r\n");
        assert_eq!(wire(&[b"a"]), b"a\r\n.\r\n");
        assert_eq!(wire(&[b".\r\n..a\r\nb.\r\n"]), b"..\r\n...a\r\nb.\r\n.\r\n");
        assert_eq!(wire(&[b"a\r", b"\n", b".", b"b"]), b"a\r\n..b\r\n.\r\n");
    }

    #[test]
    fn bare_newlines_leave_as_crlf() {
        assert_eq!(wire(&[b"a\n.\nb\r.\rc"]), b"a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n");
        assert_eq!(wire(&[b"a\r"]), b"a\r\n.\r\n");
        assert_eq!(wire(&[b"a\r\r\n.\r\n"]), b"a\r\n\r\n..\r\n.\r\n");
    }
}
