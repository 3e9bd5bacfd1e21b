//! Mailbox names as clients write them, and what they mean here: paths in UTF-8 NFC with `/` between levels.
use super::cursor::{Cursor, Parsed, is_astring_char, is_atom_char};
use super::utf7;
use unicode_normalization::UnicodeNormalization;

/// A mailbox name as sent, not decoded yet: how depends on what the session enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxName(Vec<u8>);

impl MailboxName {
    /// From bytes as sent.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }
    /// Reads a mailbox argument.
    pub fn parse(c: &mut Cursor<'_>) -> Parsed<Self> {
        c.atom_or_string(is_astring_char).map(Self)
    }
    /// Reads a mailbox pattern (list-mailbox: wildcards allowed outside of strings).
    pub fn parse_pattern(c: &mut Cursor<'_>) -> Parsed<Self> {
        c.atom_or_string(|b| is_atom_char(b) || matches!(b, b'%' | b'*' | b']')).map(Self)
    }
    /// As sent.
    pub fn raw(&self) -> &[u8] {
        &self.0
    }
    /// The name in UTF-8 NFC; `INBOX` in upper case whatever the client wrote. With `utf8` (IMAP4rev2 or UTF8=ACCEPT
    /// enabled) names are UTF-8, else modified UTF-7, where raw UTF-8 is forgiven. `None` when it cannot be decoded or
    /// holds control characters.
    pub fn decode(&self, utf8: bool) -> Option<String> {
        let name = self.decode_pattern(utf8)?;
        Some(if name.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { name })
    }
    /// Like [`MailboxName::decode`], for patterns: `INBOX` is left as written.
    pub fn decode_pattern(&self, utf8: bool) -> Option<String> {
        let text =
            if utf8 || !self.0.is_ascii() { String::from_utf8(self.0.clone()).ok()? } else { utf7::decode(&self.0)? };
        if text.chars().any(char::is_control) { None } else { Some(text.nfc().collect()) }
    }
}

/// `name` as the wire wants it.
pub fn encode(name: &str, utf8: bool) -> String {
    if utf8 { name.to_owned() } else { utf7::encode(name) }
}

/// Does `pattern` (`*`: anything, `%`: anything but `/`) match `name` (RFC 9051 §6.3.9)? A first level `INBOX` compares without case.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let chars: Vec<char> = name.chars().collect();
    let inbox = name == "INBOX";
    // Linear matching with one point of return for each kind of wildcard.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let mut percent: Option<(usize, usize)> = None;
    loop {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                percent = None;
                p += 1;
                continue;
            }
            Some('%') => {
                percent = Some((p, n));
                p += 1;
                continue;
            }
            Some(&c) if chars.get(n).is_some_and(|&d| c == d || (inbox && c.eq_ignore_ascii_case(&d))) => {
                p += 1;
                n += 1;
                continue;
            }
            None if n == chars.len() => return true,
            _ => {}
        }
        // Let the innermost wildcard take one more character.
        if let Some((at, from)) = percent {
            if chars.get(from).is_some_and(|&c| c != '/') {
                percent = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
                continue;
            }
            percent = None;
        }
        let Some((at, from)) = star else { return false };
        if from >= chars.len() {
            return false;
        }
        star = Some((at, from + 1));
        p = at + 1;
        n = from + 1;
    }
}

/// Can `pattern` match any name that begins with `start`? Tells which parts of a hierarchy a LIST has to look at.
pub fn reaches(pattern: &str, start: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    // Where in the pattern one can be; a wildcard is passed without taking anything.
    let mut at = vec![false; pattern.len() + 1];
    let pass = |at: &mut Vec<bool>| {
        for p in 0..pattern.len() {
            if at[p] && matches!(pattern[p], '*' | '%') {
                at[p + 1] = true;
            }
        }
    };
    at[0] = true;
    pass(&mut at);
    for c in start.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for p in (0..pattern.len()).filter(|&p| at[p]) {
            match pattern[p] {
                '*' => next[p] = true,
                '%' => next[p] |= c != '/',
                other if other == c => next[p + 1] = true,
                _ => {}
            }
        }
        pass(&mut next);
        at = next;
    }
    at.contains(&true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, slowly.
    fn reference(p: &[char], n: &[char]) -> bool {
        match p.first() {
            None => n.is_empty(),
            Some('*') => (0..=n.len()).any(|i| reference(&p[1..], &n[i..])),
            Some('%') => (0..=n.len()).take_while(|&i| i == 0 || n[i - 1] != '/').any(|i| reference(&p[1..], &n[i..])),
            Some(c) => n.first() == Some(c) && reference(&p[1..], &n[1..]),
        }
    }

    #[test]
    fn wildcards() {
        for (pattern, name, hit) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("a*", "a/b/c", true),
            ("a/%", "a/b/c", false),
            ("*%", "a/b", true),
            ("%*c", "a/b/c", true),
            ("inbox", "INBOX", true),
            ("iN%", "INBOX", true),
            ("inbox", "Inbox2", false),
            ("Envoy%s", "Envoyés", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), hit, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_reach_below_a_start() {
        for (pattern, start, hit) in [
            ("*", "Autres BAL/x@y.fr/", true),
            ("%", "Autres BAL", true),
            ("%", "Autres BAL/", false),
            ("%/%", "Autres BAL/x", true),
            ("%/%", "Autres BAL/x/", false),
            ("A*/INBOX", "Autres BAL/x/", true),
            ("Autres BAL/%", "Autres BAL", true),
            ("Autres", "Autres BAL", false),
            ("INBOX", "Autres BAL", false),
            ("", "Autres BAL", false),
            ("", "", true),
        ] {
            assert_eq!(reaches(pattern, start), hit, "{pattern} {start}");
        }
    }

    #[test]
    fn names_decode_by_mode() {
        assert_eq!(MailboxName::new("inBox").decode(false).as_deref(), Some("INBOX"));
        assert_eq!(MailboxName::new("Envoy&AOk-s").decode(false).as_deref(), Some("Envoyés"));
        assert_eq!(MailboxName::new("Envoy&AOk-s").decode(true).as_deref(), Some("Envoy&AOk-s"));
        assert_eq!(MailboxName::new("Envoye\u{301}s").decode(true).as_deref(), Some("Envoyés"));
        assert_eq!(MailboxName::new("Envoyés").decode(false).as_deref(), Some("Envoyés"));
        assert_eq!(MailboxName::new("a&b").decode(false), None);
        assert_eq!(MailboxName::new("a\nb").decode(true), None);
        assert_eq!(MailboxName::new(b"\xff".to_vec()).decode(true), None);
    }

    proptest! {
        #[test]
        fn whatever_matches_was_reached(p in "[ab/*%]{0,8}", n in "[ab/]{0,8}", cut in 0..9usize) {
            if matches(&p, &n) {
                prop_assert!(reaches(&p, &n[..cut.min(n.len())]));
            }
        }

        #[test]
        fn matching_is_as_defined(p in "[ab/%*]{0,8}", n in "[ab/]{0,8}") {
            let (pc, nc): (Vec<char>, Vec<char>) = (p.chars().collect(), n.chars().collect());
            prop_assert_eq!(matches(&p, &n), reference(&pc, &nc), "{} {}", p, n);
        }
    }
}
