//! Parameters of structured fields: `value; name=value; name*0*=utf-8''…` (RFC 2045 §5.1, RFC 2231), read tolerantly.
use crate::decode::{to_utf8, to_utf8_or_1252};
use crate::scan::ScanError;

/// One parameter as it stands in the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Name, lower case, with its RFC 2231 stars.
    pub name: String,
    /// Value without quotes.
    pub value: Vec<u8>,
}

/// The first element of a field, without comments, and its parameters in order. Only too many parameters are an error.
pub(crate) fn split(value: &[u8], limit: usize) -> Result<(Vec<u8>, Vec<Parameter>), ScanError> {
    let value = unfolded(value);
    let mut at = 0;
    let mut head = Vec::new();
    while at < value.len() && value[at] != b';' {
        match value[at] {
            b'(' => at = comment_end(&value, at),
            b'=' if !head.contains(&b'/') => {
                // `Content-Disposition: filename=x`: the first element is missing.
                head.clear();
                at = 0;
                break;
            }
            byte => {
                head.push(byte);
                at += 1;
            }
        }
    }
    let mut parameters = Vec::new();
    while at < value.len() {
        while at < value.len() && matches!(value[at], b';' | b' ' | b'\t' | b'(') {
            at = if value[at] == b'(' { comment_end(&value, at) } else { at + 1 };
        }
        let start = at;
        while at < value.len() && !matches!(value[at], b'=' | b';') {
            at += 1;
        }
        let name = String::from_utf8_lossy(value[start..at].trim_ascii()).to_ascii_lowercase();
        if value.get(at) != Some(&b'=') {
            continue;
        }
        at += 1;
        let text = parameter_value(&value, &mut at);
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()) {
            if parameters.len() >= limit {
                return Err(ScanError::TooComplex);
            }
            parameters.push(Parameter { name, value: text });
        }
    }
    Ok((head, parameters))
}

/// Reads the value that starts at `at`; leaves `at` on the next `;` or at the end.
fn parameter_value(value: &[u8], at: &mut usize) -> Vec<u8> {
    while *at < value.len() && matches!(value[*at], b' ' | b'\t' | b'(') {
        *at = if value[*at] == b'(' { comment_end(value, *at) } else { *at + 1 };
    }
    let mut text = Vec::new();
    if value.get(*at) == Some(&b'"') {
        *at += 1;
        while let Some(&byte) = value.get(*at) {
            *at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    text.extend(value.get(*at));
                    *at += 1;
                }
                _ => text.push(byte),
            }
        }
        *at = (*at).min(value.len());
        *at += memchr::memchr(b';', &value[*at..]).unwrap_or(value.len() - *at);
        return text;
    }
    let end = *at + memchr::memchr(b';', &value[*at..]).unwrap_or(value.len() - *at);
    let raw = value[*at..end].trim_ascii();
    *at = end;
    // `us-ascii (Plain text)` has a comment, `report (1).pdf` has none: a comment stands last.
    let open = memchr::memchr(b'(', raw).filter(|&open| open > 0 && comment_end(raw, open) == raw.len());
    raw[..open.unwrap_or(raw.len())].trim_ascii().to_vec()
}

/// Joins continuations and decodes character sets (RFC 2231). Names come out without numbers, with a star when the value
/// was written with a character set; a value so written replaces a plain one of the same name.
pub(crate) fn assemble(parameters: Vec<Parameter>) -> Vec<(String, String)> {
    #[derive(Default)]
    struct Gathered {
        base: String,
        plain: Option<Vec<u8>>,
        whole: Option<Vec<u8>>,
        pieces: Vec<(u32, bool, Vec<u8>)>,
    }
    let mut all: Vec<Gathered> = Vec::new();
    for Parameter { name, value } in parameters {
        let mut stars = name.splitn(2, '*');
        let base = stars.next().unwrap_or_default();
        let kind = match stars.next() {
            None => Some(None),
            Some("") => Some(Some((None, true))),
            Some(rest) => {
                let (digits, extended) = rest.strip_suffix('*').map_or((rest, false), |digits| (digits, true));
                digits.parse::<u32>().ok().map(|index| Some((Some(index), extended)))
            }
        };
        // `name*x` is no continuation: an ordinary name.
        let (base, kind) = kind.map_or((name.as_str(), None), |kind| (base, kind));
        let index = all.iter().position(|g| g.base == base).unwrap_or_else(|| {
            all.push(Gathered { base: base.to_owned(), ..Gathered::default() });
            all.len() - 1
        });
        let gathered = &mut all[index];
        match kind {
            None => gathered.plain = gathered.plain.take().or(Some(value)),
            Some((None, _)) => gathered.whole = gathered.whole.take().or(Some(value)),
            Some((Some(number), extended)) => gathered.pieces.push((number, extended, value)),
        }
    }
    let mut out = Vec::with_capacity(all.len());
    for mut gathered in all {
        if let Some(whole) = gathered.whole {
            out.push((format!("{}*", gathered.base), extended(&whole)));
            continue;
        }
        gathered.pieces.sort_by_key(|(number, ..)| *number);
        if gathered.pieces.first().is_some_and(|(number, ..)| *number == 0) {
            let (mut bytes, mut charset, mut next) = (Vec::new(), None, 0);
            for (number, extended, value) in &gathered.pieces {
                if *number != next {
                    break;
                }
                next += 1;
                match (extended, number) {
                    (true, 0) => {
                        let (name, text) = charset_of(value);
                        charset = Some(name.to_owned());
                        percent_decode(text, &mut bytes);
                    }
                    (true, _) => percent_decode(value, &mut bytes),
                    (false, _) => bytes.extend_from_slice(value),
                }
            }
            match charset {
                Some(charset) => out.push((format!("{}*", gathered.base), clean(to_utf8(&charset, &bytes)))),
                None => out.push((gathered.base, clean(to_utf8_or_1252(&bytes)))),
            }
        } else if let Some(plain) = gathered.plain {
            out.push((gathered.base, clean(to_utf8_or_1252(&plain))));
        }
    }
    out
}

/// Finds `name` or `name*`.
pub(crate) fn find<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(n, _)| n.strip_suffix('*').unwrap_or(n) == name).map(|(_, value)| value.as_str())
}

/// `charset'language'percent-encoded` as text.
fn extended(value: &[u8]) -> String {
    let (charset, text) = charset_of(value);
    let mut bytes = Vec::with_capacity(text.len());
    percent_decode(text, &mut bytes);
    clean(to_utf8(charset, &bytes))
}

/// The character set of an extended value and what follows its two quotes. Without quotes: UTF-8 and everything.
fn charset_of(value: &[u8]) -> (&str, &[u8]) {
    let mut pieces = value.splitn(3, |&b| b == b'\'');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(charset), Some(_), Some(text)) => (std::str::from_utf8(charset).unwrap_or("utf-8"), text),
        _ => ("utf-8", value),
    }
}

fn percent_decode(text: &[u8], out: &mut Vec<u8>) {
    let digit = |at: usize| text.get(at).and_then(|&b| char::from(b).to_digit(16));
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            // Two hexadecimal digits are below 256.
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

/// Control characters as spaces: no value can break the line it is written into.
fn clean(text: String) -> String {
    if text.chars().any(char::is_control) { text.replace(char::is_control, " ") } else { text }
}

/// The value without its line ends.
fn unfolded(value: &[u8]) -> Vec<u8> {
    value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect()
}

/// Where the comment that opens at `at` ends (after its last parenthesis, or the end of the text). Iterative: nesting
/// costs nothing.
pub(crate) fn comment_end(text: &[u8], at: usize) -> usize {
    let (mut depth, mut i) = (0usize, at);
    while i < text.len() {
        match text[i] {
            b'\\' => i += 1,
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
        i += 1;
    }
    text.len()
}

/// The value unfolded and without comments.
pub(crate) fn without_comments(value: &[u8]) -> Vec<u8> {
    let value = unfolded(value);
    let (mut out, mut at) = (Vec::with_capacity(value.len()), 0);
    while at < value.len() {
        if value[at] == b'(' {
            at = comment_end(&value, at);
        } else {
            out.push(value[at]);
            at += 1;
        }
    }
    out
}
