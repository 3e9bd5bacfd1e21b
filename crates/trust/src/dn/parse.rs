//! Reading a name's text: RFC 4514, and what hands have written instead of it.
use super::{Attribute, MAX_LENGTH, MAX_RDNS, Rdn, Value, attribute, der};

/// The RDNs of a text, in the order written.
pub(super) fn rdns(text: &str) -> Option<Vec<Rdn>> {
    let text = trim_unescaped(text);
    if text.is_empty() || text.len() > MAX_LENGTH {
        return None;
    }
    let mut rdns: Vec<Rdn> = Vec::new();
    let mut rest = text;
    let mut joined = false;
    loop {
        let (kind, after) = kind(rest, rdns.is_empty() && !joined);
        let (value, end) = value(after);
        let attribute = Attribute { kind, value };
        match rdns.last_mut().filter(|_| joined) {
            Some(rdn) => rdn.push(attribute),
            None => rdns.push(vec![attribute]),
        }
        if rdns.len() > MAX_RDNS {
            return None;
        }
        match end {
            End::Text => return Some(rdns),
            End::Rdn(next) => (rest, joined) = (next, false),
            End::Attribute(next) => (rest, joined) = (next, true),
        }
    }
}

/// What ended a value.
enum End<'a> {
    Text,
    Rdn(&'a str),
    Attribute(&'a str),
}

/// Trims every kind of white space, and the byte-order mark.
fn trim(s: &str) -> &str {
    s.trim_matches(blank)
}

pub(super) fn blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// Type and the text after `=`. Only the first attribute may have a type that is not known: the others were found by
/// [`separator`], which knows theirs. A text without any type is the value of the nameless type.
fn kind(text: &str, first: bool) -> (String, &str) {
    if let Some((name, after)) = head(text).split_once('=').map(|(n, _)| (n, &text[n.len() + 1..])) {
        let name = trim(name);
        if let Some(kind) = if first { attribute::keyword(name) } else { attribute::known(name) } {
            return (kind, after);
        }
    }
    (String::new(), text)
}

/// The beginning of `text` in which a type and its `=` must stand (cut at a character).
fn head(text: &str) -> &str {
    let mut end = text.len().min(attribute::MAX_TYPE + 16);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Does a separator stand at the beginning of `text`: `,`, `;` or `+`, followed by a known type and `=`?
fn separator(text: &str) -> Option<End<'_>> {
    let mark = *text.as_bytes().first()?;
    if !matches!(mark, b',' | b';' | b'+') {
        return None;
    }
    let next = &text[1..];
    let (name, _) = head(next).split_once('=')?;
    attribute::known(trim(name))?;
    Some(if mark == b'+' { End::Attribute(next) } else { End::Rdn(next) })
}

/// The value at the beginning of `text` and what ends it.
fn value(text: &str) -> (Value, End<'_>) {
    let text = text.trim_start();
    if let Some(inner) = text.strip_prefix('"')
        && let Some((quoted, end)) = quoted(inner)
    {
        return (Value::Text(unescape(quoted)), end);
    }
    let (raw, end) = plain(text);
    let raw = trim_unescaped(raw);
    if let Some(der) = raw.strip_prefix('#').and_then(|h| hex::decode(h).ok()).filter(|d| !d.is_empty()) {
        return (der::value_of(&der).unwrap_or(Value::Der(der)), end);
    }
    // `O="CRLCC "PAUL STRAUSS""`: quoted as a whole, with inner quotes that nobody escaped.
    let unquoted = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).unwrap_or(raw);
    (Value::Text(unescape(unquoted)), end)
}

/// A value between quotes as RFC 2253 wrote it: the first quote that is not escaped closes it, and a separator or the
/// end must follow. `None` when that is not how this value is written.
fn quoted(inner: &str) -> Option<(&str, End<'_>)> {
    let close = unescaped(inner).find(|(_, c)| *c == '"')?.0;
    let after = inner[close + 1..].trim_start();
    let end = if after.is_empty() { End::Text } else { separator(after)? };
    Some((&inner[..close], end))
}

/// A value without (meaningful) quotes: up to the first separator that is not escaped.
fn plain(text: &str) -> (&str, End<'_>) {
    for (at, c) in unescaped(text) {
        if matches!(c, ',' | ';' | '+')
            && let Some(end) = separator(&text[at..])
        {
            return (&text[..at], end);
        }
    }
    (text, End::Text)
}

/// Characters that no backslash precedes, with their places.
fn unescaped(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut escaped = false;
    text.char_indices().filter(move |(_, c)| {
        let was = escaped;
        escaped = !was && *c == '\\';
        !was && *c != '\\'
    })
}

/// As [`trim`], but keeps the space of a final `\ `.
pub(super) fn trim_unescaped(raw: &str) -> &str {
    let raw = raw.trim_start_matches(blank);
    let trimmed = raw.trim_end_matches(blank);
    let backslashes = trimmed.len() - trimmed.trim_end_matches('\\').len();
    let kept = if backslashes % 2 == 1 { raw[trimmed.len()..].chars().next().map_or(0, char::len_utf8) } else { 0 };
    &raw[..trimmed.len() + kept]
}

/// Undoes `\c` and `\xx` (bytes of UTF-8). What is no escape, or no UTF-8, stays as written.
fn unescape(raw: &str) -> String {
    if !raw.contains('\\') {
        return raw.to_owned();
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (bytes, used) = hex_run(rest);
        if used > 0 {
            out.push_str(&bytes);
            rest = &rest[used..];
            continue;
        }
        let mut chars = rest.chars();
        chars.next();
        match chars.next() {
            Some(c @ (' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\')) => {
                out.push(c);
                rest = chars.as_str();
            }
            _ => {
                out.push('\\');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The text that a run of `\xx` at the beginning of `text` encodes, as far as it is UTF-8, and the length it takes.
fn hex_run(text: &str) -> (String, usize) {
    let source = text.as_bytes();
    let mut bytes = Vec::new();
    while source.get(bytes.len() * 3) == Some(&b'\\')
        && let Some(pair) = source.get(bytes.len() * 3 + 1..bytes.len() * 3 + 3)
        && let Ok(byte) = hex::decode(pair)
    {
        bytes.extend(byte);
    }
    let valid = bytes.utf8_chunks().next().map_or("", |c| c.valid());
    (valid.to_owned(), valid.len() * 3)
}
