//! mbox: a file of messages, each behind a line `From `. Files of every custom are read (RFC 4155 and what was before it): quoted once (`mboxo`) or each
//! time (`mboxrd`), with a length that is right (`mboxcl`, `mboxcl2`) or wrong; with LF or CRLF; with the flags of mutt, Dovecot, UW and Mozilla.
//! A length is believed when a separator, or the end of the file, stands where it says; a separator when it stands after an empty line and names a date.
mod index;
pub(crate) mod lines;
mod tree;

pub use index::{Form, Found, index};
pub use tree::Mbox;

use crate::Error;
use crate::content::{Sink, ToCrlf};
use lines::Lines;
use std::path::Path;

/// Fields that a mail program keeps in an mbox for itself: they are no part of the message.
const OWN: [&str; 9] = [
    "status",
    "x-status",
    "x-keywords",
    "x-uid",
    "x-imap",
    "x-imapbase",
    "x-mozilla-status",
    "x-mozilla-status2",
    "x-mozilla-keys",
];

/// Gives a message as it was before it was put into the file, with CRLF.
pub fn each(path: &Path, found: &Found, sink: &mut Sink<'_>) -> Result<(), Error> {
    let mut lines = Lines::open(path, found.start, found.end)?;
    let (mut to_crlf, mut in_header, mut left_out) = (ToCrlf::default(), true, false);
    while let Some(piece) = lines.next().map_err(Error::file(path))? {
        let mut bytes = piece.bytes;
        if piece.begins {
            let goes_on = bytes.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
            if in_header {
                left_out = if goes_on { left_out } else { is_own(bytes, found.form) };
                in_header = !is_empty(bytes);
            } else {
                left_out = false;
                bytes = found.form.unquoted(bytes);
            }
        }
        if !left_out {
            to_crlf.push(bytes, sink)?;
        }
    }
    Ok(())
}

/// Is this line a field that is no part of the message?
fn is_own(line: &[u8], form: Form) -> bool {
    let Some((name, _)) = field(line) else { return false };
    OWN.iter().any(|own| name.eq_ignore_ascii_case(own))
        || (form.has_length() && name.eq_ignore_ascii_case("content-length"))
}

/// A field's name and value.
fn field(line: &[u8]) -> Option<(&str, String)> {
    let colon = memchr::memchr(b':', &line[..line.len().min(80)])?;
    let name = std::str::from_utf8(&line[..colon]).ok()?;
    let value = &line[colon + 1..line.len().min(colon + 4096)];
    (!name.is_empty() && !name.contains([' ', '\t'])).then(|| (name, String::from_utf8_lossy(value).trim().to_owned()))
}

/// Is this line empty but for its end?
pub(crate) fn is_empty(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

#[cfg(test)]
mod tests;
