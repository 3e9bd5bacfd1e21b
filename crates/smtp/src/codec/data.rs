//! The content of a message as a server receives it (RFC 5321 §4.5.2): dots unstuffed, the end found, strictly.
//!
//! The end is CRLF `.` CRLF and nothing else. A CR without LF, an LF without CR, a NUL or an endless line spoils the message
//! ([`Flaw`]) but never moves its end: a sender and a receiver that disagree about the end is how mail is smuggled
//! (CVE-2023-51764, -51765, -51766). What follows a flaw is read and thrown away until the true end.

pub use sceau_message::lines::{Flaw, LINE};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// After CRLF, or at the very beginning (the CRLF of the DATA command).
    LineStart,
    /// A dot at the beginning of a line: the end, or stuffing.
    Dot,
    /// That dot, then CR.
    DotCr,
    /// Inside a line.
    Text,
    /// CR inside a line, not yet given out.
    Cr,
    /// The end was seen.
    End,
}

/// The decoder. Feed it pieces of any size.
#[derive(Debug)]
pub struct DataDecoder {
    state: State,
    /// Octets of the current line so far.
    line: usize,
    max_line: usize,
    flaw: Option<Flaw>,
}

impl DataDecoder {
    /// A decoder that accepts lines of at most `max_line` octets, CRLF included ([`LINE`]).
    pub fn new(max_line: usize) -> Self {
        Self { state: State::LineStart, line: 0, max_line, flaw: None }
    }
    /// Takes `input` and appends clear content to `out` (nothing more once there is a flaw). Gives how many bytes it took: all
    /// of them, unless the end stands before.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while at < input.len() && self.state != State::End {
            at += self.plain_lines(&input[at..], out);
            if self.state == State::Text {
                at += self.text(&input[at..], out);
            }
            if let Some(b) = input.get(at) {
                self.step(*b, out);
                at += 1;
            }
        }
        at
    }
    /// True when the end was seen.
    pub fn is_done(&self) -> bool {
        self.state == State::End
    }
    /// The first thing that spoils the message, if any.
    pub fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// Takes whole lines at the beginning of `input` in one go, as long as nothing is to be said of them: ended by CRLF, no dot before, not too long. All
    /// else is for [`Self::step`].
    fn plain_lines(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        if !matches!(self.state, State::Text | State::LineStart) || self.flaw.is_some() {
            return 0;
        }
        let mut taken = 0;
        while let Some(run) = special(&input[taken..]) {
            let line = &input[taken..];
            let dotted = self.state == State::LineStart && line[0] == b'.';
            if dotted || line.get(run..run + 2) != Some(b"\r\n") || self.line + run + 2 > self.max_line {
                break;
            }
            (self.state, self.line) = (State::LineStart, 0);
            taken += run + 2;
        }
        out.extend_from_slice(&input[..taken]);
        taken
    }
    /// Takes the run of plain bytes at the beginning of `input`.
    fn text(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let run = special(input).unwrap_or(input.len());
        self.give(&input[..run], out);
        run
    }
    fn step(&mut self, b: u8, out: &mut Vec<u8>) {
        self.state = match (self.state, b) {
            (State::Cr, b'\n') => {
                if self.flaw.is_none() {
                    out.extend_from_slice(b"\r\n");
                }
                self.line = 0;
                State::LineStart
            }
            (State::DotCr, b'\n') => State::End,
            (State::LineStart, b'.') => State::Dot,
            (State::Dot, b'\r') => State::DotCr,
            // A CR that no LF follows; it may itself be followed by CRLF.
            (State::Cr | State::DotCr, b'\r') => {
                self.spoil(Flaw::BareNewline);
                State::Cr
            }
            (State::LineStart | State::Text, b'\r') => State::Cr,
            (_, b'\n') => {
                // Not the beginning of a line: a dot after it is text.
                self.spoil(Flaw::BareNewline);
                State::Text
            }
            (state, b) => {
                if matches!(state, State::Cr | State::DotCr) {
                    self.spoil(Flaw::BareNewline);
                }
                if b == 0 {
                    self.spoil(Flaw::Nul);
                }
                self.give(&[b], out);
                State::Text
            }
        };
    }
    /// Counts bytes of a line and gives them out.
    fn give(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.line = self.line.saturating_add(bytes.len());
        // The CRLF to come counts.
        if self.line + 2 > self.max_line {
            self.spoil(Flaw::LineTooLong);
        }
        if self.flaw.is_none() {
            out.extend_from_slice(bytes);
        }
    }
    fn spoil(&mut self, flaw: Flaw) {
        self.flaw.get_or_insert(flaw);
    }
}

/// Where the first byte is that is no text.
fn special(input: &[u8]) -> Option<usize> {
    memchr::memchr3(b'\r', b'\n', 0, input)
}

#[cfg(test)]
#[path = "data_tests.rs"]
mod tests;
