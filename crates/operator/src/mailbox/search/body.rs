//! The text parts of a message, as they stream out of their blob: transfer decoding, charset, HTML. A part of 10 MB costs 64 KiB at a
//! time. Who listens ([`Listener`]) looks for words, or keeps the text for the index.
use crate::mailbox::search::matching::{Finder, Needle};
use encoding_rs::{CoderResult, Decoder, Encoding, WINDOWS_1252};
use sceau_message::decode::TransferDecoder;
use sceau_message::header;
use sceau_message::html::Stripper;
use sceau_message::scan::Part;
use sceau_store::StoreError;
use sceau_store::blob::BlobReader;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;
/// Largest header of a part or an inner message that is looked at, in bytes.
const INNER_HEADER: u64 = 1 << 20;

/// Where clear bytes of a message come from.
pub(crate) trait Source {
    /// `len` bytes from `offset`, fewer at the end.
    fn read(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError>;
}
impl Source for BlobReader {
    fn read(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        // A search reads on a blocking thread.
        self.read_at_blocking(offset, len)
    }
}

/// Who takes the text.
pub(crate) trait Listener {
    /// True when nothing more is wanted.
    fn done(&self) -> bool;
    /// Are the headers of parts wanted?
    fn wants_headers(&self) -> bool {
        false
    }
    /// What comes, up to the next call, is (or is not) of a part's header.
    fn in_header(&mut self, on: bool) {
        let _ = on;
    }
    /// A part without parts: is its text wanted?
    fn wants(&mut self, part: &Part) -> bool;
    /// The next piece of a text.
    fn push(&mut self, text: &str);
    /// The text is over; what follows is another one.
    fn end(&mut self);
}

impl Listener for Finder<'_> {
    fn done(&self) -> bool {
        Finder::done(self)
    }
    fn wants_headers(&self) -> bool {
        Finder::wants_headers(self)
    }
    fn in_header(&mut self, on: bool) {
        Finder::in_header(self, on);
    }
    fn wants(&mut self, part: &Part) -> bool {
        part.mime.kind == "text"
    }
    fn push(&mut self, text: &str) {
        Finder::push(self, text);
    }
    fn end(&mut self) {
        Finder::end(self);
    }
}

/// Which of the needles stand in the text parts (and the headers of inner messages) below `root`.
pub(super) fn scan(source: &mut impl Source, root: &Part, needles: &[Needle]) -> Result<Vec<bool>, StoreError> {
    let mut finder = Finder::new(needles);
    walk(source, root, &mut finder)?;
    Ok(finder.into_found())
}

/// Gives the text of the parts (and the headers of inner messages) below `root`, in their order.
pub(crate) fn walk(source: &mut impl Source, root: &Part, to: &mut impl Listener) -> Result<(), StoreError> {
    // Depth and number of parts were bounded when the message was received.
    let mut parts = vec![root];
    while let Some(part) = parts.pop() {
        if to.done() {
            break;
        }
        if part.envelope.is_some() {
            for inner in &part.children {
                header_of(source, inner, to)?;
            }
        } else if to.wants_headers() {
            // Those of the parts of a multipart (RFC 9051 §6.4.4 TEXT: "including MIME header fields").
            to.in_header(true);
            for inner in &part.children {
                header_of(source, inner, to)?;
                if let Some(name) = inner.mime.file_name() {
                    // As people read it, however it was written.
                    to.push(&name);
                    to.end();
                }
            }
            to.in_header(false);
        }
        if part.children.is_empty() && to.wants(part) {
            text_part(source, part, to)?;
        }
        parts.extend(part.children.iter().rev());
    }
    Ok(())
}

/// The decoded content of a part; none when it has more than `most` bytes.
pub(crate) fn content(source: &mut impl Source, part: &Part, most: usize) -> Result<Option<Vec<u8>>, StoreError> {
    let (mut at, end) = (part.body.0, part.body.0 + part.body.1);
    let (mut transfer, mut out) = (TransferDecoder::new(&part.mime.encoding), Vec::new());
    while at < end {
        let piece = source.read(at, piece_to(at, end))?;
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        match &mut transfer {
            Some(transfer) => transfer.push(&piece, &mut out),
            None => out.extend_from_slice(&piece),
        }
        if out.len() > most {
            return Ok(None);
        }
    }
    if let Some(transfer) = &mut transfer {
        transfer.finish(&mut out);
    }
    Ok((out.len() <= most).then_some(out))
}

fn header_of(source: &mut impl Source, part: &Part, to: &mut impl Listener) -> Result<(), StoreError> {
    let (from, length) = part.header;
    let (mut bytes, end) = (Vec::new(), from + length.min(INNER_HEADER));
    while from + (bytes.len() as u64) < end {
        let at = from + bytes.len() as u64;
        let piece = source.read(at, piece_to(at, end))?;
        if piece.is_empty() {
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    for field in header::fields(&bytes) {
        to.push(field.name);
        to.push(": ");
        to.push(&header::decoded(field.value));
        to.end();
    }
    Ok(())
}

/// Length of the next piece on the way from `at` to `end`.
fn piece_to(at: u64, end: u64) -> usize {
    usize::try_from(end - at).unwrap_or(PIECE).min(PIECE)
}

fn text_part(source: &mut impl Source, part: &Part, to: &mut impl Listener) -> Result<(), StoreError> {
    let (mut at, end) = (part.body.0, part.body.0 + part.body.1);
    let mut transfer = TransferDecoder::new(&part.mime.encoding);
    let mut charset = Charset::named(part.mime.parameter("charset").unwrap_or_default());
    let mut html = (part.mime.subtype == "html").then(Stripper::default);
    let mut text = String::new();
    while at < end && !to.done() {
        let piece = source.read(at, piece_to(at, end))?;
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        let mut decoded = Vec::new();
        match &mut transfer {
            Some(transfer) => transfer.push(&piece, &mut decoded),
            // An encoding nobody knows: as it stands.
            None => decoded = piece,
        }
        charset.push(&decoded, false, &mut text);
        give(&mut text, html.as_mut(), to);
    }
    let mut decoded = Vec::new();
    if let Some(transfer) = &mut transfer {
        transfer.finish(&mut decoded);
    }
    charset.push(&decoded, true, &mut text);
    give(&mut text, html.as_mut(), to);
    if let Some(stripper) = &mut html {
        stripper.end(&mut text);
        to.push(&text);
    }
    to.end();
    Ok(())
}

/// From the bytes of a charset to text, piece by piece.
enum Charset {
    Named(Decoder),
    /// Nothing is said, or ASCII, or UTF-8: UTF-8, and what is none is Windows-1252, as in headers. Much mail says nothing or the wrong thing.
    Guessed {
        /// The beginning of a character whose end has not come.
        held: Vec<u8>,
        begun: bool,
    },
}

impl Charset {
    fn named(label: &str) -> Self {
        let encoding = match label.trim().to_ascii_lowercase().as_str() {
            "" | "us-ascii" | "ascii" => encoding_rs::UTF_8,
            label => Encoding::for_label_no_replacement(label.as_bytes()).unwrap_or(WINDOWS_1252),
        };
        if encoding == encoding_rs::UTF_8 {
            Self::Guessed { held: Vec::new(), begun: false }
        } else {
            Self::Named(encoding.new_decoder_with_bom_removal())
        }
    }
    /// Appends to `out`; errors become replacement characters, or Windows-1252.
    fn push(&mut self, bytes: &[u8], last: bool, out: &mut String) {
        match self {
            Self::Named(decoder) => to_text(decoder, bytes, last, out),
            Self::Guessed { held, begun } => {
                held.extend_from_slice(bytes);
                let from = out.len();
                let left = guess(held, last, out);
                held.drain(..held.len() - left);
                if !*begun && out.len() > from {
                    *begun = true;
                    if out[from..].starts_with('\u{feff}') {
                        out.replace_range(from..from + '\u{feff}'.len_utf8(), "");
                    }
                }
            }
        }
    }
}

/// Reads UTF-8, and as Windows-1252 what is none. How many bytes at the end may be the beginning of a character.
fn guess(bytes: &[u8], last: bool, out: &mut String) -> usize {
    let mut rest = bytes;
    loop {
        let Err(e) = std::str::from_utf8(rest).map(|text| out.push_str(text)) else { return 0 };
        let (good, after) = rest.split_at(e.valid_up_to());
        // It is valid up to here.
        out.push_str(std::str::from_utf8(good).unwrap_or_default());
        let bad = match e.error_len() {
            None if !last => return after.len(),
            length => length.unwrap_or(after.len()),
        };
        out.push_str(&WINDOWS_1252.decode_without_bom_handling(&after[..bad]).0);
        rest = &after[bad..];
    }
}

/// Decodes bytes of a charset, appending to `out`; errors become replacement characters.
fn to_text(decoder: &mut Decoder, mut bytes: &[u8], last: bool, out: &mut String) {
    loop {
        let room = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(PIECE).clamp(16, 4 * PIECE);
        out.reserve(room);
        let (result, read, _) = decoder.decode_to_string(bytes, out, last);
        bytes = &bytes[read..];
        if result == CoderResult::InputEmpty {
            return;
        }
    }
}

/// Gives the text to the listener, through the stripper when there is one.
fn give(text: &mut String, html: Option<&mut Stripper>, to: &mut impl Listener) {
    match html {
        Some(stripper) => {
            let mut stripped = String::with_capacity(text.len());
            stripper.push(text, &mut stripped);
            to.push(&stripped);
        }
        None => to.push(text),
    }
    text.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_message::casemap::casemap as fold;
    use sceau_message::scan::{Limits, Scanner};

    /// Serves a few bytes at a time, whatever is asked.
    struct Slow<'a>(&'a [u8], usize);
    impl Source for Slow<'_> {
        fn read(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
            let rest = &self.0[(offset as usize).min(self.0.len())..];
            Ok(rest[..rest.len().min(len).min(self.1)].to_vec())
        }
    }

    fn has(message: &[u8], needle: &str) -> bool {
        stands(message, needle, false)
    }
    fn stands(message: &[u8], needle: &str, in_headers: bool) -> bool {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(message).unwrap();
        let root = scanner.finish().unwrap().root;
        let needles = [Needle { text: fold(needle), in_headers }];
        let answers: Vec<bool> =
            [1, 3, 7, 10_000].map(|n| scan(&mut Slow(message, n), &root, &needles).unwrap()[0]).to_vec();
        assert!(answers.iter().all(|a| *a == answers[0]), "cutting changed the answer for {needle}: {answers:?}");
        answers[0]
    }

    #[test]
    fn encoded_text_is_searched_decoded() {
        let qp = b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nPrescription de m=E9dica=\r\nments\r\n";
        assert!(has(qp, "MÉDICAMENTS"));
        assert!(!has(qp, "=E9"));
        let b64 = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw4l0YXQgZ8OpbsOp\r\ncmFsIHN0YWJsZQ==\r\n";
        assert!(has(b64, "état général"));
        assert!(!has(b64, "w4l0"));
        let utf16 =
            b"Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\n6QB0AOkA\r\n";
        assert!(has(utf16, "été"));
    }

    #[test]
    fn html_is_searched_as_text() {
        let html = b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Consul<b>tation</b> du pr&eacute;sent</p><style>xyz</style>\r\n";
        assert!(has(html, "consultation du présent"));
        assert!(!has(html, "xyz") && !has(html, "<p>"));
    }

    #[test]
    fn every_text_part_and_inner_header_is_searched_and_nothing_else() {
        let m = b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\nfirst words\r\n--b\r\n\
Content-Type: application/pdf\r\n\r\nbinary words\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
Subject: =?utf-8?Q?inner_=C3=A9nigme?=\r\n\r\ninner body\r\n--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment\r\n\r\na;b\r\n--b--\r\n";
        for there in ["first words", "inner énigme", "inner body", "a;b"] {
            assert!(has(m, there), "{there}");
        }
        for not in ["preamble", "binary", "words\r\n--b", "boundary"] {
            assert!(!has(m, not), "{not}");
        }
    }

    #[test]
    fn headers_of_parts_are_searched_with_text_alone() {
        let m = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Description: =?utf-8?Q?Sch=C3=A9ma?=\r\n\r\nfirst\r\n--b\r\n\
Content-Type: application/pdf\r\nContent-Disposition: attachment;\r\n filename*=utf-8''compte%20rendu%20%C3%A9t%C3%A9.pdf\r\n\r\nx\r\n--b--\r\n";
        for there in ["schéma", "compte rendu été.pdf", "content-type: application/pdf"] {
            assert!(stands(m, there, true) && !stands(m, there, false), "{there}");
        }
        assert!(stands(m, "first", true));
    }

    #[test]
    fn bytes_that_are_not_what_is_said_are_read_all_the_same() {
        for head in ["", "Content-Type: text/plain; charset=us-ascii", "Content-Type: text/plain; charset=utf-8"] {
            let message =
                [head.as_bytes(), b"\r\n\r\nR\xe9sultat et d\xc3\xa9cision \xe2\x82\xac, \xe0 l'h\xf4pital \xe9"]
                    .concat();
            let message = if head.is_empty() { message[2..].to_vec() } else { message };
            for there in ["RÉSULTAT", "décision €, à", "l'hôpital é"] {
                assert!(has(&message, there), "{head}: {there}");
            }
        }
        assert!(has("Content-Type: text/html; charset*=utf-8''iso-8859-2\r\n\r\n\u{a0}".as_bytes(), "Â"));
        // A byte order mark is no text, and a charset that no browser reads is no reason to find nothing.
        let marked = b"Content-Type: text/plain\r\n\r\n\xef\xbb\xbfxyz";
        assert!(has(marked, "xyz") && !has(marked, "\u{feff}"));
        assert!(has(b"Content-Type: text/plain; charset=iso-2022-kr\r\n\r\nxyz", "xyz"));
    }

    #[test]
    fn an_unknown_encoding_and_charset_are_read_as_they_stand() {
        let m = b"Content-Type: text/plain; charset=x-none\r\nContent-Transfer-Encoding: x-odd\r\n\r\nplain \xe9\r\n";
        assert!(has(m, "PLAIN É"));
    }
}
