//! Streaming scan of a message: MIME structure with offsets (RFC 2045, 2046), sizes and line counts, under budget.
//!
//! The scanner accepts CRLF messages (bare CR and bare LF are refused earlier, by the doors); for imported mail it tolerates LF.
use serde::{Deserialize, Serialize};

/// Budgets. Exceeding one is an error, never a truncation.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the message's header section, and of any part's.
    pub header_bytes: usize,
    /// Depth of nested parts.
    pub depth: usize,
    /// Number of parts.
    pub parts: usize,
    /// Parameters of one field.
    pub parameters: usize,
    /// Addresses in one field.
    pub addresses: usize,
    /// Bytes of all headers kept (top and parts) together.
    pub kept_bytes: usize,
}
impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 1 << 20,
            depth: 100,
            parts: 10_000,
            parameters: 128,
            addresses: 10_000,
            kept_bytes: 4 << 20,
        }
    }
}

/// Which budget was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// A header section is larger than [`Limits::header_bytes`] (or all kept headers than [`Limits::kept_bytes`]).
    #[error("header section too large")]
    HeaderTooBig,
    /// Too many parts, nested too deeply, or with too many parameters.
    #[error("message structure too complex")]
    TooComplex,
}

/// `Content-*` fields of a part, parsed (RFC 2045, 2183, 2231 decoded to UTF-8), as IMAP BODYSTRUCTURE needs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Mime {
    /// Media type, lower case (default `text`).
    pub kind: String,
    /// Subtype, lower case (default `plain`).
    pub subtype: String,
    /// Parameters of Content-Type, names lower case, in order.
    pub parameters: Vec<(String, String)>,
    /// Content-ID as written.
    pub id: Option<String>,
    /// Content-Description as written (encoded words kept).
    pub description: Option<String>,
    /// Content-Transfer-Encoding, lower case (default `7bit`).
    pub encoding: String,
    /// Content-MD5.
    pub md5: Option<String>,
    /// Content-Disposition, lower case, and its parameters.
    pub disposition: Option<(String, Vec<(String, String)>)>,
    /// Content-Language tags.
    pub language: Vec<String>,
    /// Content-Location.
    pub location: Option<String>,
}

/// One MIME part. Offsets are bytes from the start of the message as scanned (0 = first byte of its header).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Parsed content fields.
    pub mime: Mime,
    /// Where the part's header starts, and its length with the blank line.
    pub header: (u64, u64),
    /// Where the part's body starts, and its length (without the CRLF that belongs to the next boundary).
    pub body: (u64, u64),
    /// Lines of the body (CRLF count, plus one for an unfinished last line).
    pub lines: u64,
    /// Children of a `multipart/*`; for `message/rfc822` and `message/global`, one child: the inner message's root part.
    pub children: Vec<Part>,
    /// For `message/rfc822` and `message/global`: the inner message's envelope.
    pub envelope: Option<Box<crate::envelope::Envelope>>,
}

/// What a finished scan knows.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The message's own header section, with its final blank line if there was one.
    pub header: Vec<u8>,
    /// Root part.
    pub root: Part,
    /// Bytes pushed.
    pub size: u64,
    /// True when a byte above 127 stands in the header section (needs SMTPUTF8).
    pub header_8bit: bool,
    /// True when a byte above 127 stands in a body (needs 8BITMIME).
    pub body_8bit: bool,
    /// Number of `Received` fields (RFC 5321 §6.3, loop detection).
    pub received: usize,
}

/// The streaming scanner. Feed it with [`Scanner::push`] in pieces of any size, end with [`Scanner::finish`].
#[derive(Debug)]
pub struct Scanner {
    limits: Limits,
}

impl Scanner {
    /// A scanner with these budgets.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }
    /// Feeds the next bytes. After an error the scanner must be dropped.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        let _ = (bytes, self.limits);
        todo!()
    }
    /// Ends the message. A message that ends inside a multipart is closed there (never an error: broken mail is still mail).
    pub fn finish(self) -> Result<Scan, ScanError> {
        todo!()
    }
}
