//! The line machine behind [`super::Scanner`].
//!
//! Invariants: `stack[0]` is the root part once [`Scanner::new`] returned; the part being read is the last of the stack;
//! while `in_header` its header section so far is in `header`. A line is judged when it ends (or at the end of input),
//! never earlier, which is why the cutting of the input cannot matter.
use super::{Limits, Mime, Part, Scan, ScanError};
use crate::envelope::Envelope;
use crate::header::fields;
use crate::mime;

/// Start of a body line that is kept to recognise a delimiter: dashes, boundary, dashes, line end.
const LINE_START: usize = mime::BOUNDARY_MAX + 6;

/// A part that is not closed yet.
#[derive(Debug)]
struct Frame {
    part: Part,
    /// The boundary of a multipart whose final delimiter was not seen yet.
    boundary: Option<Vec<u8>>,
    /// Line ends seen before the body.
    lines_before: u64,
}

/// The streaming scanner. Feed it with [`Scanner::push`] in pieces of any size, end with [`Scanner::finish`].
#[derive(Debug)]
pub struct Scanner {
    limits: Limits,
    stack: Vec<Frame>,
    in_header: bool,
    /// Header section being read.
    header: Vec<u8>,
    /// Bytes of the header sections read before.
    kept: usize,
    parts: usize,
    /// Bytes pushed.
    position: u64,
    /// Where the current line starts.
    line_start: u64,
    /// Start of the current body line, kept while it may be a delimiter.
    line: Vec<u8>,
    may_delimit: bool,
    /// The last byte pushed was CR.
    after_cr: bool,
    /// Line ends seen.
    lines: u64,
    /// Length of the last finished line, without and with its line end.
    previous: (u64, u64),
    /// Multiparts in the stack that still wait for a delimiter.
    boundaries: usize,
    top: Option<(Vec<u8>, Envelope)>,
    header_8bit: bool,
    body_8bit: bool,
}

impl Scanner {
    /// A scanner with these budgets.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            stack: vec![Frame::new(0, "text", "plain")],
            in_header: true,
            header: Vec::new(),
            kept: 0,
            parts: 1,
            position: 0,
            line_start: 0,
            line: Vec::new(),
            may_delimit: false,
            after_cr: false,
            lines: 0,
            previous: (0, 0),
            boundaries: 0,
            top: None,
            header_8bit: false,
            body_8bit: false,
        }
    }

    /// Feeds the next bytes. After an error the scanner must be dropped.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), ScanError> {
        loop {
            bytes = &bytes[self.take_plain_lines(bytes)..];
            let Some(last) = memchr::memchr(b'\n', bytes) else { break };
            let (line, rest) = bytes.split_at(last + 1);
            let crlf = if last > 0 { line[last - 1] == b'\r' } else { self.after_cr };
            self.take(line)?;
            self.end_line(if crlf { 2 } else { 1 })?;
            bytes = rest;
        }
        if bytes.is_empty() { Ok(()) } else { self.take(bytes) }
    }

    /// Ends the message. A message that ends inside a multipart is closed there (never an error: broken mail is still
    /// mail).
    pub fn finish(mut self) -> Result<Scan, ScanError> {
        let unfinished = u64::from(self.line_start < self.position);
        // An unfinished last line may be the final delimiter.
        if unfinished > 0
            && let Some((index, last)) = self.delimiter()
        {
            self.at_delimiter(index, last)?;
        }
        while self.in_header {
            self.end_header(false)?;
        }
        let end = self.position;
        let lines = self.lines;
        self.close(0, end, |before| lines - before + unfinished);
        // The stack holds the root until here, and `end_header` has set `top` for it: neither can be missing.
        let root = self.stack.pop().map_or_else(|| Frame::new(0, "text", "plain").part, |frame| frame.done());
        let (header, envelope) = self.top.unwrap_or_default();
        let received = fields(&header).filter(|f| f.name.eq_ignore_ascii_case("received")).count();
        Ok(Scan {
            header,
            envelope,
            root,
            size: end,
            header_8bit: self.header_8bit,
            body_8bit: self.body_8bit,
            received,
        })
    }

    /// Takes the whole body lines at the beginning of `bytes` that can delimit nothing, all at once; how many bytes.
    fn take_plain_lines(&mut self, bytes: &[u8]) -> usize {
        if self.in_header || self.position != self.line_start {
            return 0;
        }
        // Up to the line end before the first line that begins with a dash.
        let dash = match self.boundaries {
            0 => None,
            _ if bytes.first() == Some(&b'-') => return 0,
            _ => memchr::memmem::find(bytes, b"\n-"),
        };
        let Some(last) = dash.or_else(|| memchr::memrchr(b'\n', bytes)) else { return 0 };
        let lines = &bytes[..=last];
        let begin = memchr::memrchr(b'\n', &bytes[..last]).map_or(0, |end| end + 1);
        let length = (lines.len() - begin) as u64;
        let ending = if lines[begin..].ends_with(b"\r\n") { 2 } else { 1 };
        self.see(lines);
        self.position += lines.len() as u64;
        self.line_start = self.position;
        self.lines += memchr::memchr_iter(b'\n', lines).count() as u64;
        self.previous = (length - ending, length);
        (self.after_cr, self.may_delimit) = (false, false);
        lines.len()
    }

    /// Notes bytes above 127.
    fn see(&mut self, bytes: &[u8]) {
        if !bytes.is_ascii() {
            let flag = if self.top.is_none() { &mut self.header_8bit } else { &mut self.body_8bit };
            *flag = true;
        }
    }

    /// Takes bytes of one line.
    fn take(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        let starts_line = self.position == self.line_start;
        self.position += bytes.len() as u64;
        self.after_cr = bytes.last() == Some(&b'\r');
        self.see(bytes);
        if self.in_header {
            if self.header.len() + bytes.len() > self.limits.header_bytes
                || self.kept + self.header.len() + bytes.len() > self.limits.kept_bytes
            {
                return Err(ScanError::HeaderTooBig);
            }
            self.header.extend_from_slice(bytes);
            return Ok(());
        }
        if starts_line {
            self.line.clear();
            self.may_delimit = self.boundaries > 0;
        }
        if self.may_delimit {
            let room = LINE_START - self.line.len();
            let (kept, rest) = bytes.split_at(room.min(bytes.len()));
            self.line.extend_from_slice(kept);
            let dashes = self.line.len().min(2);
            self.may_delimit = self.line[..dashes] == b"--"[..dashes] && rest.iter().copied().all(is_blank);
        }
        Ok(())
    }

    /// The current line ends with a line end of `ending` bytes.
    fn end_line(&mut self, ending: u64) -> Result<(), ScanError> {
        let length = self.position - self.line_start;
        if self.in_header && length == ending {
            self.end_header(true)?;
        } else if let Some((index, last)) = self.delimiter() {
            self.at_delimiter(index, last)?;
        }
        self.lines += 1;
        self.previous = (length - ending, length);
        self.line_start = self.position;
        Ok(())
    }

    /// Which open multipart the current line delimits, and whether it is its final delimiter.
    fn delimiter(&self) -> Option<(usize, bool)> {
        if self.boundaries == 0 {
            return None;
        }
        let line = if self.in_header {
            let length = usize::try_from(self.position - self.line_start).ok()?;
            &self.header[self.header.len().checked_sub(length)?..]
        } else if self.may_delimit {
            &self.line[..]
        } else {
            return None;
        };
        let end = line.iter().rposition(|&b| !is_blank(b))? + 1;
        let text = line[..end].strip_prefix(b"--")?;
        self.stack.iter().enumerate().rev().find_map(|(index, frame)| {
            let boundary = frame.boundary.as_deref()?;
            match text.strip_prefix(boundary)? {
                b"" => Some((index, false)),
                b"--" => Some((index, true)),
                _ => None,
            }
        })
    }

    /// The current line delimits the multipart at `index` of the stack.
    fn at_delimiter(&mut self, index: usize, last: bool) -> Result<(), ScanError> {
        if self.in_header {
            // The line is no part of the header section it stands in.
            let line = usize::try_from(self.position - self.line_start).unwrap_or(usize::MAX);
            self.header.truncate(self.header.len().saturating_sub(line));
            while self.in_header {
                self.end_header(false)?;
            }
        }
        // The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
        let child = self.stack.get(index + 1).map_or(self.line_start, |frame| frame.part.body.0);
        let (end, cut) = if child < self.line_start {
            (self.line_start - (self.previous.1 - self.previous.0), 1)
        } else {
            (self.line_start, 0)
        };
        let open_end = u64::from(self.previous.0 > 0);
        let lines = self.lines;
        self.close(index + 1, end, |before| (lines - before).saturating_sub(cut) + open_end);
        let frame = &mut self.stack[index];
        if last {
            frame.boundary = None;
            self.boundaries -= 1;
            return Ok(());
        }
        let digest = frame.part.mime.subtype == "digest";
        self.open(self.position, if digest { ("message", "rfc822") } else { ("text", "plain") })
    }

    /// Opens a part whose header section starts at `start`.
    fn open(&mut self, start: u64, default: (&str, &str)) -> Result<(), ScanError> {
        self.parts += 1;
        if self.parts > self.limits.parts || self.stack.len() >= self.limits.depth {
            return Err(ScanError::TooComplex);
        }
        self.stack.push(Frame::new(start, default.0, default.1));
        self.in_header = true;
        Ok(())
    }

    /// The header section in `header` is complete. `blank`: a blank line ended it (it is the current line).
    fn end_header(&mut self, blank: bool) -> Result<(), ScanError> {
        self.in_header = false;
        let header = std::mem::take(&mut self.header);
        self.kept += header.len();
        let depth = self.stack.len();
        let Some(frame) = self.stack.last_mut() else { return Ok(()) };
        let start = frame.part.header.0;
        let body = start + header.len() as u64;
        frame.part.header.1 = header.len() as u64;
        frame.part.body = (body, 0);
        frame.lines_before = self.lines + u64::from(blank);
        let digest = frame.part.mime.kind == "message";
        let read = mime::read(&header, digest, &self.limits)?;
        frame.part.mime = read.mime;
        frame.boundary = read.boundary;
        self.boundaries += usize::from(frame.boundary.is_some());
        let holds_message = mime::holds_message(&frame.part.mime);
        if depth == 1 {
            let envelope = Envelope::read_all(&header, &self.limits)?;
            self.top = Some((header, envelope));
        } else if mime::holds_message(&self.stack[depth - 2].part.mime) {
            let envelope = Envelope::read_all(&header, &self.limits)?;
            self.stack[depth - 2].part.envelope = Some(Box::new(envelope));
        }
        if holds_message {
            self.open(body, ("text", "plain"))?;
        }
        Ok(())
    }

    /// Closes the parts from `from` up (the root stays in the stack, closed) at offset `end`. `lines` gives the lines of a
    /// non-empty body that ends there, from the line ends seen before it.
    fn close(&mut self, from: usize, end: u64, lines: impl Fn(u64) -> u64) {
        let direct = from;
        while self.stack.len() > from {
            let Some(mut frame) = self.stack.pop() else { return };
            self.boundaries -= usize::from(frame.boundary.take().is_some());
            let inner = self.stack.len() > direct;
            let part = &mut frame.part;
            if inner {
                // A part inside the closed one cannot reach beyond it: the line end before the delimiter is not its own.
                part.header.0 = part.header.0.min(end);
                part.header.1 = part.header.1.min(end - part.header.0);
                part.body.0 = part.body.0.min(end);
            }
            part.body.1 = end.saturating_sub(part.body.0);
            part.lines = if part.body.1 == 0 { 0 } else { lines(frame.lines_before) };
            match self.stack.last_mut() {
                Some(parent) => parent.part.children.push(frame.done()),
                None => {
                    self.stack.push(frame);
                    return;
                }
            }
        }
    }
}

impl Frame {
    fn new(start: u64, kind: &str, subtype: &str) -> Self {
        let mime = Mime { kind: kind.to_owned(), subtype: subtype.to_owned(), ..Mime::default() };
        let part = Part { mime, header: (start, 0), body: (start, 0), lines: 0, children: Vec::new(), envelope: None };
        Self { part, boundary: None, lines_before: 0 }
    }

    /// The finished part; a multipart without any part gets the one that holds all of its body.
    fn done(self) -> Part {
        let mut part = self.part;
        if part.mime.is_multipart() && part.children.is_empty() {
            let mut only = Self::new(part.body.0, "text", "plain").part;
            only.mime.encoding = "7bit".to_owned();
            only.body = part.body;
            only.lines = part.lines;
            part.children.push(only);
        }
        part
    }
}

/// White space that may follow a delimiter, line end included.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that the scanner holds, parts aside.
    fn held(scanner: &Scanner) -> usize {
        scanner.line.capacity() + scanner.header.capacity() + scanner.top.as_ref().map_or(0, |(h, _)| h.capacity())
    }

    #[test]
    fn a_body_takes_no_memory() {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n").unwrap();
        for piece in [&b"x"[..], b"--", b"\r\n--bb", b" ", b"\r\n"] {
            for _ in 0..200 {
                scanner.push(&piece.repeat(5_000)).unwrap();
                assert!(held(&scanner) < 2_000);
            }
        }
        assert!(scanner.finish().unwrap().size > 10_000_000);
    }
}
