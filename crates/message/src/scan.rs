//! Streaming scan of a message: MIME structure with offsets (RFC 2045, 2046), sizes and line counts, under budget.
//!
//! The scanner accepts CRLF messages (bare CR and bare LF are refused earlier, by the doors); for imported mail it
//! tolerates LF. It works line by line and keeps one header section and the start of one line at a time, so its memory
//! is bounded by [`Limits`] whatever the message; its result is the same however the message is cut into pieces.
//!
//! How it reads what is broken (each choice has a test):
//! - a delimiter is a whole line `--boundary` or `--boundary--`, spaces and tabs after it allowed: a boundary that is the
//!   beginning of another never matches the other's lines;
//! - a delimiter of an outer multipart closes the inner ones, inside a header section too;
//! - a `multipart/*` without a usable boundary is `text/plain` (RFC 2045 §5.2);
//! - a `multipart/*` in which no part was found gets one child, `text/plain`, that holds all of its body: nothing that was
//!   written is out of reach, and BODYSTRUCTURE stays well formed (RFC 9051: a multipart has one part at least);
//! - a `message/rfc822` under base64 or quoted-printable is a leaf: its offsets cannot be pointed at.
use serde::{Deserialize, Serialize};

mod machine;

pub use machine::Scanner;

/// Budgets. Exceeding one is an error, never a truncation.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the message's header section, and of any part's.
    pub header_bytes: usize,
    /// Depth of nested parts (the root part stands at depth 1).
    pub depth: usize,
    /// Number of parts.
    pub parts: usize,
    /// Parameters of one field.
    pub parameters: usize,
    /// Addresses in one field.
    pub addresses: usize,
    /// Bytes of all headers (top and parts) together.
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
    /// A header section is larger than [`Limits::header_bytes`] (or all headers than [`Limits::kept_bytes`]).
    #[error("header section too large")]
    HeaderTooBig,
    /// Too many parts, nested too deeply, or with too many parameters or addresses.
    #[error("message structure too complex")]
    TooComplex,
}

/// `Content-*` fields of a part, parsed (RFC 2045, 2183, 2231 decoded to UTF-8), as IMAP BODYSTRUCTURE needs them.
///
/// No string here holds CR, LF or NUL. A parameter whose value was written with a character set (`filename*=utf-8''…`) is
/// named with the star and holds the decoded value, as RFC 9051 §7.5.2 asks; [`Mime::parameter`] and
/// [`Mime::disposition_parameter`] find it under its plain name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Mime {
    /// Media type, lower case (default `text`).
    pub kind: String,
    /// Subtype, lower case (default `plain`; in `multipart/digest`, `message/rfc822`).
    pub subtype: String,
    /// Parameters of Content-Type, names lower case, in order. Empty when there is no Content-Type.
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

impl Mime {
    /// True for `multipart/*`.
    pub fn is_multipart(&self) -> bool {
        self.kind == "multipart"
    }
    /// The value of a Content-Type parameter (`name` lower case, without star).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        crate::parameter::find(&self.parameters, name)
    }
    /// The value of a Content-Disposition parameter (`name` lower case, without star).
    pub fn disposition_parameter(&self, name: &str) -> Option<&str> {
        self.disposition.as_ref().and_then(|(_, parameters)| crate::parameter::find(parameters, name))
    }
    /// The attachment's name for people: `filename`, otherwise `name`; encoded words, which have no place there but are
    /// common, are decoded. It is what the sender wrote: never use it as a path.
    pub fn file_name(&self) -> Option<String> {
        let raw = self.disposition_parameter("filename").or_else(|| self.parameter("name"))?;
        Some(crate::header::decoded(raw.as_bytes())).filter(|name| !name.is_empty())
    }
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
    /// Children of a `multipart/*` (one at least); for `message/rfc822` and `message/global`, one child: the inner
    /// message's root part (none when the part is encoded, see the module).
    pub children: Vec<Part>,
    /// For `message/rfc822` and `message/global`: the inner message's envelope. `None` on such a part means that it is
    /// encoded: show it as a basic part (`application/octet-stream`).
    pub envelope: Option<Box<crate::envelope::Envelope>>,
}

/// What a finished scan knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The message's own header section, with its final blank line if there was one.
    pub header: Vec<u8>,
    /// The message's own envelope.
    pub envelope: crate::envelope::Envelope,
    /// Root part.
    pub root: Part,
    /// Bytes pushed.
    pub size: u64,
    /// True when a byte above 127 stands in the header section (needs SMTPUTF8).
    pub header_8bit: bool,
    /// True when a byte above 127 stands in the body, headers of parts included (needs 8BITMIME).
    pub body_8bit: bool,
    /// Number of `Received` fields (RFC 5321 §6.3, loop detection).
    pub received: usize,
}
