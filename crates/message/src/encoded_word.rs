//! Encoded words (RFC 2047) read as people's programs write them: split inside a character, with spaces, next to text.
use crate::decode::{to_utf8, to_utf8_or_1252, transfer_decoded};

/// Longest character set name that is tried.
const CHARSET_MAX: usize = 64;

/// `value` (unfolded) with its encoded words decoded; white space between two of them disappears (RFC 2047 §6.2), and
/// neighbours in the same character set are joined before they are decoded. Linear in the length of `value`.
pub(crate) fn decode(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    // Encoded words not yet written: one character set, bytes.
    let mut open: Option<(String, Vec<u8>)> = None;
    let (mut text_start, mut at) = (0, 0);
    while let Some(found) = memchr::memmem::find(&value[at..], b"=?") {
        let start = at + found;
        let word = match read(value, start) {
            Ok(word) => word,
            // Nothing closes this word, so nothing closes a later one: looking again would make this quadratic.
            Err(true) => break,
            Err(false) => {
                at = start + 2;
                continue;
            }
        };
        let between = &value[text_start..start];
        let adjacent = open.is_some() && between.iter().all(u8::is_ascii_whitespace);
        match &mut open {
            Some((charset, bytes)) if adjacent && charset.eq_ignore_ascii_case(word.charset) => {
                bytes.extend_from_slice(&word.bytes);
            }
            _ => {
                flush(&mut open, &mut out);
                if !adjacent {
                    out.push_str(&to_utf8_or_1252(between));
                }
                open = Some((word.charset.to_owned(), word.bytes));
            }
        }
        (at, text_start) = (word.end, word.end);
    }
    flush(&mut open, &mut out);
    out.push_str(&to_utf8_or_1252(&value[text_start..]));
    out
}

fn flush(open: &mut Option<(String, Vec<u8>)>, out: &mut String) {
    if let Some((charset, bytes)) = open.take() {
        out.push_str(&to_utf8(&charset, &bytes));
    }
}

struct Word<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
    /// Offset after `?=`.
    end: usize,
}

/// The encoded word at `start`. `Err(true)`: nothing from there on closes a word.
fn read(value: &[u8], start: usize) -> Result<Word<'_>, bool> {
    let rest = &value[start + 2..];
    let mark = memchr::memchr(b'?', &rest[..rest.len().min(CHARSET_MAX)]).ok_or(false)?;
    // RFC 2231 §5: a language may follow the character set.
    let name = rest[..mark].split(|&b| b == b'*').next().unwrap_or_default();
    let charset = std::str::from_utf8(name).ok().filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_graphic()));
    let charset = charset.ok_or(false)?;
    let (Some(kind), Some(b'?')) = (rest.get(mark + 1), rest.get(mark + 2)) else { return Err(false) };
    let base64 = match kind {
        b'b' | b'B' => true,
        b'q' | b'Q' => false,
        _ => return Err(false),
    };
    let text = &rest[mark + 3..];
    let length = memchr::memmem::find(text, b"?=").ok_or(true)?;
    let text = &text[..length];
    let bytes = if base64 { transfer_decoded("base64", text) } else { q(text) };
    Ok(Word { charset, bytes, end: start + 2 + mark + 3 + length + 2 })
}

/// The Q encoding (RFC 2047 §4.2).
fn q(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|&b: &u8| char::from(b).to_digit(16));
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while at < text.len() {
        match text[at] {
            // Two hexadecimal digits are below 256.
            b'=' => match (digit(at + 1), digit(at + 2)) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    at += 2;
                }
                _ => out.push(b'='),
            },
            b'_' => out.push(b' '),
            byte => out.push(byte),
        }
        at += 1;
    }
    out
}
