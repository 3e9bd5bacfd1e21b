//! A message for a server that takes less than it needs (RFC 6152, RFC 3030): which parts are encoded anew, and how (RFC 2045 §6).
//!
//! Promises: what is signed is never altered ([`Cannot::Signed`]); what is not to be altered stays byte for byte; what comes out holds no octet above 127
//! ([`Need::SevenBit`]) or no part that is not lines ([`Need::Lines`]); decoded, each part is what it was. Nothing is held in memory but the plan.
use crate::header::fields;
use crate::scan::Part;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What the server needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// No octet above 127: it does not take 8BITMIME.
    SevenBit,
    /// Lines: it does not take BINARYMIME.
    Lines,
}

/// Why a message cannot be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cannot {
    /// It is signed, and the signature would no longer match.
    #[error("signed: {0}")]
    Signed(&'static str),
    /// What must be converted is no body: a header, text between parts.
    #[error("8-bit characters outside the parts' bodies")]
    Outside,
    /// What must be converted stands in a part that may not be encoded (RFC 2045 §6.4).
    #[error("a part that may not be encoded")]
    Composite,
}

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Quoted-printable.
    Quoted,
    /// Base64.
    Base64,
}

/// A piece of the message that comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// These bytes, as they are.
    Copy(u64, u64),
    /// A header section, with another Content-Transfer-Encoding; of the message itself, MIME fields added if it has none.
    Header(u64, u64, &'static str, bool),
    /// A body, encoded.
    Encode(u64, u64, How),
}

/// Where octets above 127, and bodies that are no lines, stand: found in one pass over the message.
#[derive(Debug)]
pub struct Survey {
    /// Regions `(end, eight, loose)`, in order, without gaps.
    regions: Vec<(u64, bool, bool)>,
    current: usize,
    at: u64,
    cr: bool,
    line: usize,
}

/// Longest line, CRLF excluded (RFC 5322 §2.1.1).
const LINE: usize = 998;

impl Survey {
    /// For a message of this structure and size.
    pub fn new(root: &Part, size: u64) -> Self {
        let mut cuts = Vec::new();
        cut(root, &mut cuts);
        cuts.push(size);
        cuts.retain(|c| *c > 0 && *c <= size);
        cuts.sort_unstable();
        cuts.dedup();
        let regions = cuts.into_iter().map(|end| (end, false, false)).collect();
        Self { regions, current: 0, at: 0, cr: false, line: 0 }
    }
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        for &b in bytes {
            while self.current + 1 < self.regions.len() && self.at >= self.regions[self.current].0 {
                self.current += 1;
            }
            let Some(region) = self.regions.get_mut(self.current) else { return };
            region.1 |= b > 127;
            // A CR without LF, a LF without CR, a NUL, a line that is too long.
            region.2 |= (self.cr != (b == b'\n')) || b == 0 || self.line > LINE;
            self.line = if b == b'\n' { 0 } else { self.line + usize::from(b != b'\r') };
            self.cr = b == b'\r';
            self.at += 1;
        }
    }
    /// Of the regions that lie within these bytes, does one…? They are found by halves: a message may have ten thousand parts.
    fn any(&self, from: u64, len: u64, what: impl Fn(&(u64, bool, bool)) -> bool) -> bool {
        let end = from.saturating_add(len);
        let first = self.regions.partition_point(|r| r.0 <= from);
        let start = first.checked_sub(1).map_or(0, |before| self.regions[before].0);
        let mut inside = self.regions[first..].iter().skip(usize::from(start < from)).take_while(|r| r.0 <= end);
        inside.any(what)
    }
    fn needs(&self, from: u64, len: u64, need: Need) -> bool {
        self.any(from, len, |r| if need == Need::SevenBit { r.1 || r.2 } else { r.2 })
    }
}

fn cut(part: &Part, cuts: &mut Vec<u64>) {
    cuts.extend([part.header.0, part.header.0 + part.header.1, part.body.0, part.body.0 + part.body.1]);
    part.children.iter().for_each(|child| cut(child, cuts));
}

/// The steps that make the message fit.
///
/// # Errors
/// See [`Cannot`].
pub fn plan(root: &Part, header: &[u8], size: u64, survey: &Survey, need: Need) -> Result<Vec<Step>, Cannot> {
    if fields(header).any(|f| f.name.eq_ignore_ascii_case("DKIM-Signature")) && survey.needs(0, size, need) {
        return Err(Cannot::Signed("DKIM"));
    }
    let mut steps = Steps { out: Vec::new(), at: 0 };
    visit(root, survey, need, true, &mut steps)?;
    steps.copy_to(size);
    // What is copied must fit as it is.
    let mut left =
        steps.out.iter().filter_map(|s| if let Step::Copy(from, len) = s { Some((*from, *len)) } else { None });
    if left.any(|(from, len)| survey.needs(from, len, need)) {
        return Err(Cannot::Outside);
    }
    Ok(steps.out)
}

#[derive(Debug)]
struct Steps {
    out: Vec<Step>,
    at: u64,
}

impl Steps {
    fn copy_to(&mut self, end: u64) {
        if end > self.at {
            match self.out.last_mut() {
                Some(Step::Copy(_, len)) => *len += end - self.at,
                _ => self.out.push(Step::Copy(self.at, end - self.at)),
            }
            self.at = end;
        }
    }
    fn replace(&mut self, range: (u64, u64), step: Step) {
        self.copy_to(range.0);
        self.out.push(step);
        self.at = range.0 + range.1;
    }
}

fn visit(part: &Part, survey: &Survey, need: Need, root: bool, steps: &mut Steps) -> Result<(), Cannot> {
    let inside = survey.needs(part.header.0, part.body.0 + part.body.1 - part.header.0, need);
    let mime = &part.mime;
    let wide = matches!(mime.encoding.as_str(), "8bit" | "binary");
    if !inside && !(wide && (need == Need::SevenBit || mime.encoding == "binary")) {
        return Ok(());
    }
    if survey.any(part.header.0, part.header.1, |r| r.1) && need == Need::SevenBit {
        return Err(Cannot::Outside);
    }
    let narrower = if need == Need::SevenBit { "7bit" } else { "8bit" };
    if !part.children.is_empty() {
        if mime.is_multipart() && mime.subtype == "signed" && inside {
            return Err(Cannot::Signed("multipart/signed"));
        }
        if wide {
            steps.replace(part.header, Step::Header(part.header.0, part.header.1, narrower, root));
        }
        return part.children.iter().try_for_each(|child| visit(child, survey, need, false, steps));
    }
    if !inside {
        // Called wide, and is not.
        steps.replace(part.header, Step::Header(part.header.0, part.header.1, narrower, root));
        return Ok(());
    }
    if mime.kind == "message" || mime.is_multipart() {
        return Err(Cannot::Composite);
    }
    let loose = survey.any(part.body.0, part.body.1, |r| r.2);
    let (how, name) = match mime.kind == "text" && !loose {
        true => (How::Quoted, "quoted-printable"),
        false => (How::Base64, "base64"),
    };
    steps.replace(part.header, Step::Header(part.header.0, part.header.1, name, root));
    steps.replace(part.body, Step::Encode(part.body.0, part.body.1, how));
    Ok(())
}

/// A header section with this Content-Transfer-Encoding and no other.
pub fn with_encoding(header: &[u8], encoding: &str, of_message: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(header.len() + 64);
    let (mut mime, mut kind) = (false, false);
    for field in fields(header) {
        if field.name.eq_ignore_ascii_case("Content-Transfer-Encoding") {
            continue;
        }
        mime |= field.name.eq_ignore_ascii_case("MIME-Version");
        kind |= field.name.eq_ignore_ascii_case("Content-Type");
        out.extend_from_slice(field.raw);
    }
    if of_message && !mime {
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        if !kind {
            // RFC 1428 §3: octets of which nobody said what they mean.
            out.extend_from_slice(b"Content-Type: text/plain; charset=unknown-8bit\r\n");
        }
    }
    out.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n\r\n").as_bytes());
    out
}

/// Encodes a body that comes by pieces.
#[derive(Debug)]
pub struct Encoder {
    how: How,
    held: Vec<u8>,
    column: usize,
}

impl Encoder {
    /// From the start of a body.
    pub fn new(how: How) -> Self {
        Self { how, held: Vec::new(), column: 0 }
    }
    /// Takes bytes, appends what is ready.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        match self.how {
            How::Base64 => {
                let whole = self.held.len() - self.held.len() % 57;
                for line in self.held[..whole].chunks(57) {
                    out.extend_from_slice(STANDARD.encode(line).as_bytes());
                    out.extend_from_slice(b"\r\n");
                }
                self.held.drain(..whole);
            }
            How::Quoted => {
                // What a character becomes depends on what follows: blanks before a line's end, CR before LF.
                let keep = self.held.iter().rev().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
                // A run of blanks that does not end is not held for ever: its own encoding is always right.
                let keep = if keep > LINE { 0 } else { keep };
                let ready: Vec<u8> = self.held.drain(..self.held.len() - keep).collect();
                self.quote(&ready, out);
            }
        }
    }
    /// Ends the body: no line end is added to what had none.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        match self.how {
            How::Base64 => out.extend_from_slice(STANDARD.encode(&held).as_bytes()),
            How::Quoted => self.quote(&held, out),
        }
    }
    fn quote(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((&b, after)) = rest.split_first() {
            if b == b'\r' && after.first() == Some(&b'\n') {
                out.extend_from_slice(b"\r\n");
                self.column = 0;
                rest = &after[1..];
                continue;
            }
            let ends_line = after.is_empty() || after.starts_with(b"\r\n");
            let plain = match b {
                b' ' | b'\t' => !ends_line,
                b'=' => false,
                _ => b.is_ascii_graphic(),
            };
            if self.column + if plain { 1 } else { 3 } > 75 {
                out.extend_from_slice(b"=\r\n");
                self.column = 0;
            }
            if plain {
                out.push(b);
                self.column += 1;
            } else {
                out.extend_from_slice(format!("={b:02X}").as_bytes());
                self.column += 3;
            }
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::transfer_decoded;
    use crate::scan::{Limits, Scan, Scanner};
    use proptest::prelude::*;

    fn scan(message: &[u8]) -> Scan {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(message).unwrap();
        scanner.finish().unwrap()
    }

    fn converted(message: &[u8], need: Need) -> Result<Vec<u8>, Cannot> {
        let found = scan(message);
        let mut survey = Survey::new(&found.root, found.size);
        message.chunks(7).for_each(|piece| survey.push(piece));
        let steps = plan(&found.root, &found.header, found.size, &survey, need)?;
        let slice = |from: u64, len: u64| &message[from as usize..(from + len) as usize];
        let mut out = Vec::new();
        for step in steps {
            match step {
                Step::Copy(from, len) => out.extend_from_slice(slice(from, len)),
                Step::Header(from, len, encoding, root) => out.extend(with_encoding(slice(from, len), encoding, root)),
                Step::Encode(from, len, how) => {
                    let mut encoder = Encoder::new(how);
                    slice(from, len).chunks(5).for_each(|piece| encoder.push(piece, &mut out));
                    encoder.finish(&mut out);
                }
            }
        }
        Ok(out)
    }

    fn bodies(message: &[u8]) -> Vec<Vec<u8>> {
        fn leaves(part: &Part, message: &[u8], out: &mut Vec<Vec<u8>>) {
            if part.children.is_empty() {
                let body = &message[part.body.0 as usize..(part.body.0 + part.body.1) as usize];
                out.push(transfer_decoded(&part.mime.encoding, body));
            }
            part.children.iter().for_each(|c| leaves(c, message, out));
        }
        let mut out = Vec::new();
        leaves(&scan(message).root, message, &mut out);
        out
    }

    const MIXED: &str = "From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        --x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nété = chaud \r\nfin\r\n\
        --x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n\
        --x\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: y\r\nContent-Transfer-Encoding: 8bit\r\n\r\nnoël\r\n--x--\r\n";

    #[test]
    fn bodies_are_encoded_where_they_must_be_and_mean_the_same() {
        let out = converted(MIXED.as_bytes(), Need::SevenBit).unwrap();
        assert!(out.is_ascii());
        assert_eq!(bodies(&out), bodies(MIXED.as_bytes()));
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("quoted-printable").count(), 2, "{text}");
        assert_eq!((text.matches(": 7bit").count(), text.matches(": 8bit").count()), (2, 0), "{text}");
        assert!(text.contains("=C3=A9t=C3=A9 =3D chaud=20\r\nfin"), "{text}");
    }

    #[test]
    fn what_fits_is_not_touched() {
        let plain = b"Subject: x\r\n\r\nabc\r\n";
        assert_eq!(converted(plain, Need::SevenBit).unwrap(), plain);
        assert_eq!(converted(MIXED.as_bytes(), Need::Lines).unwrap(), MIXED.as_bytes());
    }

    #[test]
    fn what_is_signed_or_no_body_is_refused() {
        let signed = "Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nété\r\n--x\r\n\r\nsig\r\n--x--\r\n";
        assert_eq!(converted(signed.as_bytes(), Need::SevenBit), Err(Cannot::Signed("multipart/signed")));
        let within = format!("Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n{signed}--y--\r\n");
        assert_eq!(converted(within.as_bytes(), Need::SevenBit), Err(Cannot::Signed("multipart/signed")));
        let dkim = "DKIM-Signature: v=1\r\n\r\nété\r\n";
        assert_eq!(converted(dkim.as_bytes(), Need::SevenBit), Err(Cannot::Signed("DKIM")));
        let between = "Content-Type: multipart/mixed; boundary=y\r\n\r\nété\r\n--y\r\n\r\nx\r\n--y--\r\n";
        assert_eq!(converted(between.as_bytes(), Need::SevenBit), Err(Cannot::Outside));
        let header =
            "Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\nContent-Description: été\r\n\r\nx\r\n--y--\r\n";
        assert_eq!(converted(header.as_bytes(), Need::SevenBit), Err(Cannot::Outside));
    }

    #[test]
    fn a_message_without_mime_becomes_one() {
        let out = converted("Subject: x\r\n\r\nété\r\n".as_bytes(), Need::SevenBit).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"),
            "{text}"
        );
        assert!(text.ends_with("\r\n\r\n=C3=A9t=C3=A9\r\n"), "{text}");
    }

    #[test]
    fn what_is_no_lines_becomes_base64() {
        let binary = b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\rc\x00\xff";
        let out = converted(binary, Need::Lines).unwrap();
        assert_eq!(bodies(&out), [b"a\nb\rc\x00\xff".to_vec()]);
        assert!(String::from_utf8_lossy(&out).contains("base64"));
    }

    proptest! {
        #[test]
        fn any_body_comes_back(body in prop::collection::vec(any::<u8>(), 0..400), text: bool) {
            let kind = if text { "text/plain" } else { "application/pdf" };
            let mut message = format!("MIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\n\r\n").into_bytes();
            message.extend(&body);
            let out = converted(&message, Need::SevenBit).unwrap();
            prop_assert!(out.is_ascii());
            prop_assert!(out.split(|b| *b == b'\n').all(|line| line.len() <= 200));
            prop_assert_eq!(bodies(&out), vec![body]);
        }
    }
}
