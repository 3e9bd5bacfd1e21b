//! Names of folders: what is possible, and the one writing each has.
//!
//! A name is a path with `/`, in NFC. `INBOX` is one folder whatever the case it is asked in (RFC 9051 §5.1), as a first
//! level too. Names never stand in a refusal, a trace or a log: they are content.
use sceau_domain::{Refusal, RefusalCode};
use unicode_normalization::UnicodeNormalization;

/// The folder where mail arrives.
pub(crate) const INBOX: &str = "INBOX";
/// Longest path, in bytes of UTF-8.
const MAX_PATH: usize = 1000;
/// Longest level of a path, in bytes of UTF-8.
const MAX_LEVEL: usize = 255;
/// Most levels.
const MAX_DEPTH: usize = 30;

/// The canonical writing of a name to look up; `None` when no folder can have it.
pub(crate) fn canonical(name: &str) -> Option<String> {
    if name.is_empty() || name.len() > 4 * MAX_PATH {
        return None;
    }
    let name: String = name.nfc().collect();
    let (first, rest) = name.split_once('/').map_or((name.as_str(), None), |(f, r)| (f, Some(r)));
    if !first.eq_ignore_ascii_case(INBOX) {
        return Some(name);
    }
    Some(rest.map_or_else(|| INBOX.to_owned(), |rest| format!("{INBOX}/{rest}")))
}

/// The canonical writing of a name to be given to a folder. One `/` at the end is dropped (RFC 9051 §6.3.4).
/// `folder.name` when it is impossible: too long or deep, an empty level, a control or line separator, a wildcard of LIST,
/// or `#` at the start (reserved for namespaces).
pub(crate) fn new_name(name: &str) -> Result<String, Refusal> {
    let name = canonical(name.strip_suffix('/').unwrap_or(name)).ok_or(RefusalCode::FolderName)?;
    let forbidden = |c: char| c.is_control() || matches!(c, '%' | '*' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let level_is_wrong = |level: &str| level.is_empty() || level.len() > MAX_LEVEL;
    if name.len() > MAX_PATH
        || name.starts_with('#')
        || name.contains(forbidden)
        || name.split('/').any(level_is_wrong)
        || name.split('/').count() > MAX_DEPTH
    {
        return Err(RefusalCode::FolderName.into());
    }
    Ok(name)
}

/// The folders above a name, from the top.
pub(crate) fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

/// True when `name` is below `parent`.
pub(crate) fn is_below(name: &str, parent: &str) -> bool {
    name.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/'))
}

/// Order of listings: INBOX and what is below it first, then by name.
pub(crate) fn order(a: &str, b: &str) -> std::cmp::Ordering {
    let other = |name: &str| name != INBOX && !is_below(name, INBOX);
    (other(a), a).cmp(&(other(b), b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbox_is_one_folder_in_any_case_and_names_are_nfc() {
        assert_eq!(canonical("inBox").as_deref(), Some("INBOX"));
        assert_eq!(canonical("inbox/Reçus").as_deref(), Some("INBOX/Reçus"));
        assert_eq!(canonical("inboxes").as_deref(), Some("inboxes"));
        assert_eq!(canonical("e\u{301}te\u{301}").as_deref(), Some("été"));
        assert_eq!(canonical(""), None);
    }

    #[test]
    fn impossible_names_are_refused() {
        let long = "x".repeat(256);
        let deep = "a/".repeat(31);
        for bad in ["", "/", "/a", "a//b", "a/", "a%b", "a*", "a\r\nb", "a\0", "#news", "a\u{2028}b", &long, &deep] {
            let wrong = if bad == "a/" { Ok("a".to_owned()) } else { Err(RefusalCode::FolderName.into()) };
            assert_eq!(new_name(bad), wrong, "{bad:?}");
        }
        assert_eq!(new_name("Résultats/2026 & suite").as_deref(), Ok("Résultats/2026 & suite"));
        assert!(new_name(&"x".repeat(255)).is_ok());
    }

    #[test]
    fn parents_and_descendants() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(parents("a").count(), 0);
        assert!(is_below("a/b", "a") && is_below("a/b/c", "a") && !is_below("ab", "a") && !is_below("a", "a"));
        let mut names = vec!["Archive", "INBOX/x", "a", "INBOX"];
        names.sort_by(|a, b| order(a, b));
        assert_eq!(names, ["INBOX", "INBOX/x", "Archive", "a"]);
    }
}
