//! Parameters of addresses and forms (application/x-www-form-urlencoded; RFC 6749 appendix B), read strictly: a broken escape or text that is not
//! UTF-8 is refused, where browsers would guess.
use crate::url::escape;

/// Longest text that is read, octets.
pub const MAX_BYTES: usize = 32 * 1024;
/// Most parameters in one.
pub const MAX_PARAMETERS: usize = 64;

/// The parameters in their order, as they are named and valued once decoded. `None` beyond the budgets, and for escapes or text that are none.
pub fn read(text: &str) -> Option<Vec<(String, String)>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut out = Vec::new();
    for pair in text.split('&').filter(|p| !p.is_empty()) {
        if out.len() == MAX_PARAMETERS {
            return None;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        out.push((decoded(name)?, decoded(value)?));
    }
    Some(out)
}

/// One name or value.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        match b {
            b'+' => out.push(b' '),
            b'%' => {
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                out.push(high << 4 | low);
            }
            b => out.push(b),
        }
    }
    String::from_utf8(out).ok()
}

/// The value of a hexadecimal digit.
fn digit(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

/// `name=value&…`, everything but unreserved characters (RFC 3986 §2.3) escaped.
pub fn write(parameters: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in parameters {
        if !out.is_empty() {
            out.push('&');
        }
        escape(name, &mut out);
        out.push('=');
        escape(value, &mut out);
    }
    out
}

/// The value of a parameter that may be there once. `Err` when it is there twice: whoever reads the first and whoever reads the last would not agree.
pub fn once<'a>(parameters: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Twice> {
    let mut found = parameters.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let first = found.next();
    if found.next().is_some() { Err(Twice) } else { Ok(first) }
}

/// Is any parameter there twice?
pub fn repeated(parameters: &[(String, String)]) -> bool {
    parameters.iter().enumerate().any(|(i, (name, _))| parameters[..i].iter().any(|(n, _)| n == name))
}

/// A parameter is there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a parameter twice")]
pub struct Twice;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn rfc6749_appendix_b() {
        let written = write(&[("q", " %&+£€")]);
        assert_eq!(written, "q=%20%25%26%2B%C2%A3%E2%82%AC");
        assert_eq!(read(&written).unwrap(), pairs(&[("q", " %&+£€")]));
        assert_eq!(read("q=+%25%26%2B%C2%A3%E2%82%AC").unwrap(), pairs(&[("q", " %&+£€")]));
    }

    #[test]
    fn what_is_broken_is_refused() {
        for bad in ["a=%", "a=%4", "a=%4g", "a=%ff", "%zz=1", "a=%C3", "a=%+1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read("&a&=b&&c=d=e").unwrap(), pairs(&[("a", ""), ("", "b"), ("c", "d=e")]));
        assert!(read(&"a=1&".repeat(MAX_PARAMETERS)).is_some() && read(&"a=1&".repeat(MAX_PARAMETERS + 1)).is_none());
        assert!(read(&"a".repeat(MAX_BYTES)).is_some() && read(&"a".repeat(MAX_BYTES + 1)).is_none());
    }

    #[test]
    fn twice_is_seen_however_it_is_escaped() {
        let read = read("a=1&%61=1&b=2").unwrap();
        assert_eq!((once(&read, "a"), once(&read, "b"), once(&read, "c")), (Err(Twice), Ok(Some("2")), Ok(None)));
        assert!(repeated(&read) && !repeated(&read[1..]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(of in prop::collection::vec((".{1,20}", ".{0,20}"), 0..10)) {
            let borrowed: Vec<(&str, &str)> = of.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            prop_assert_eq!(read(&write(&borrowed)), Some(of));
        }
    }
}
