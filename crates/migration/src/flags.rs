//! What is said of a message: IMAP's system flags and keywords, as IMAP, Maildir and mbox write them.

/// Most keywords of a message that are brought along.
pub const KEYWORDS: usize = 64;
/// Longest keyword, octets.
const LONGEST: usize = 100;
/// The keyword of what was forwarded; Maildir's `P`.
pub const FORWARDED: &str = "$Forwarded";

/// Flags of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flags {
    /// `\Seen`.
    pub seen: bool,
    /// `\Answered`.
    pub answered: bool,
    /// `\Flagged`.
    pub flagged: bool,
    /// `\Draft`.
    pub draft: bool,
    /// `\Deleted`.
    pub deleted: bool,
    /// Keywords, each once.
    pub keywords: Vec<String>,
}

impl Flags {
    /// As IMAP lists them; `\Recent` and what nobody knows are left out.
    pub fn from_imap<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut flags = Self::default();
        for name in names {
            flags.add(name.as_ref());
        }
        flags
    }
    /// Adds one by its name in IMAP.
    pub fn add(&mut self, name: &str) {
        match name.to_ascii_lowercase().as_str() {
            "\\seen" => self.seen = true,
            "\\answered" => self.answered = true,
            "\\flagged" => self.flagged = true,
            "\\draft" => self.draft = true,
            "\\deleted" => self.deleted = true,
            _ => self.keyword(name),
        }
    }
    fn keyword(&mut self, name: &str) {
        let special = |b: u8| b <= b' ' || b >= 0x7f || b"(){%*\"\\]".contains(&b);
        let good = !name.is_empty() && name.len() <= LONGEST && !name.bytes().any(special);
        let known = || self.keywords.iter().any(|k| k.eq_ignore_ascii_case(name));
        if good && self.keywords.len() < KEYWORDS && !known() {
            self.keywords.push(name.to_owned());
        }
    }
    /// Names in IMAP.
    pub fn imap(&self) -> Vec<&str> {
        let system = [
            (self.seen, "\\Seen"),
            (self.answered, "\\Answered"),
            (self.flagged, "\\Flagged"),
            (self.draft, "\\Draft"),
            (self.deleted, "\\Deleted"),
        ];
        let system = system.into_iter().filter_map(|(set, name)| set.then_some(name));
        system.chain(self.keywords.iter().map(String::as_str)).collect()
    }
    /// The same without keywords.
    #[must_use]
    pub fn system(&self) -> Self {
        Self { keywords: Vec::new(), ..self.clone() }
    }
    /// Letters of a Maildir name (`:2,…`); lower-case ones are keywords by their place in `named`.
    pub fn from_maildir(letters: &str, named: &[String]) -> Self {
        let mut flags = Self::default();
        for letter in letters.chars() {
            match letter {
                'S' => flags.seen = true,
                'R' => flags.answered = true,
                'F' => flags.flagged = true,
                'D' => flags.draft = true,
                'T' => flags.deleted = true,
                'P' => flags.keyword(FORWARDED),
                'a'..='z' => {
                    if let Some(name) = named.get(usize::from(letter as u8 - b'a')).filter(|n| !n.is_empty()) {
                        flags.keyword(name);
                    }
                }
                _ => {}
            }
        }
        flags
    }
    /// Letters for a Maildir name, in ASCII order; keywords take, or are given, a place in `named` while there are letters.
    pub fn maildir(&self, named: &mut Vec<String>) -> String {
        let forwarded = self.keywords.iter().any(|k| k.eq_ignore_ascii_case(FORWARDED));
        let letters = [
            (self.draft, 'D'),
            (self.flagged, 'F'),
            (forwarded, 'P'),
            (self.answered, 'R'),
            (self.seen, 'S'),
            (self.deleted, 'T'),
        ];
        let mut out: String = letters.into_iter().filter_map(|(set, letter)| set.then_some(letter)).collect();
        let mut places: Vec<usize> = Vec::new();
        for keyword in self.keywords.iter().filter(|k| !k.eq_ignore_ascii_case(FORWARDED)) {
            let known = named.iter().position(|n| n.eq_ignore_ascii_case(keyword));
            let place = known.unwrap_or_else(|| {
                if named.len() < 26 {
                    named.push(keyword.clone());
                    named.len() - 1
                } else {
                    26
                }
            });
            places.push(place);
        }
        places.sort_unstable();
        out.extend(
            places.iter().filter_map(|p| u8::try_from(*p).ok().filter(|p| *p < 26)).map(|p| char::from(b'a' + p)),
        );
        out
    }
    /// Lines that say them at the head of a message in an mbox, with their LF.
    pub fn mbox(&self) -> String {
        let mut out = format!("Status: {}O\n", if self.seen { "R" } else { "" });
        let letters = [(self.answered, 'A'), (self.deleted, 'D'), (self.flagged, 'F'), (self.draft, 'T')];
        let letters: String = letters.into_iter().filter_map(|(set, letter)| set.then_some(letter)).collect();
        if !letters.is_empty() {
            out.push_str(&format!("X-Status: {letters}\n"));
        }
        if !self.keywords.is_empty() {
            out.push_str(&format!("X-Keywords: {}\n", self.keywords.join(" ")));
        }
        out
    }
    /// Takes a field of a message in an mbox: those of [`Flags::mbox`], and Mozilla's. Is it one of them?
    pub fn mbox_field(&mut self, name: &str, value: &str) -> bool {
        let hexadecimal = || u32::from_str_radix(value.trim(), 16).unwrap_or(0);
        match name.to_ascii_lowercase().as_str() {
            "status" => self.seen |= value.contains('R'),
            "x-status" => {
                self.answered |= value.contains('A');
                self.deleted |= value.contains('D');
                self.flagged |= value.contains('F');
                self.draft |= value.contains('T');
            }
            "x-keywords" | "x-mozilla-keys" => value.split_ascii_whitespace().for_each(|k| self.keyword(k)),
            "x-mozilla-status" => {
                let bits = hexadecimal();
                self.seen |= bits & 0x1 != 0;
                self.answered |= bits & 0x2 != 0;
                self.flagged |= bits & 0x4 != 0;
                self.deleted |= bits & 0x8 != 0;
                if bits & 0x1000 != 0 {
                    self.keyword(FORWARDED);
                }
            }
            "x-mozilla-status2" => {}
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_flags_in_every_form() {
        let flags = Flags::from_imap([
            "\\seen",
            "\\Recent",
            "\\Flagged",
            "$Forwarded",
            "projet-a",
            "Projet-A",
            "un deux",
            "\\X",
        ]);
        assert_eq!(flags.imap(), ["\\Seen", "\\Flagged", "$Forwarded", "projet-a"]);
        let mut named = vec!["autre".to_owned()];
        assert_eq!(flags.maildir(&mut named), "FPSb");
        assert_eq!(Flags::from_maildir("FPSbz", &named), flags);
        assert_eq!(flags.mbox(), "Status: RO\nX-Status: F\nX-Keywords: $Forwarded projet-a\n");
        let mut mozilla = Flags::default();
        assert!(mozilla.mbox_field("X-Mozilla-Status", "1007") && mozilla.mbox_field("X-Mozilla-Keys", "$label1   "));
        assert_eq!(mozilla.imap(), ["\\Seen", "\\Answered", "\\Flagged", "$Forwarded", "$label1"]);
        assert!(!mozilla.mbox_field("Subject", "x"));
        let many = Flags::from_imap((0..1000).map(|n| format!("k{n}")));
        assert_eq!(many.keywords.len(), KEYWORDS);
        assert_eq!(many.maildir(&mut Vec::new()).len(), 26);
    }

    proptest! {
        #[test]
        fn letters_are_read_back(letters in "D?F?P?R?S?T?a?b?c?") {
            let mut named = vec!["un".to_owned(), "deux".to_owned(), "trois".to_owned()];
            let flags = Flags::from_maildir(&letters, &named);
            prop_assert_eq!(flags.maildir(&mut named), letters);
        }
        #[test]
        fn lines_are_read_back(names in proptest::collection::vec("\\\\(Seen|Answered|Flagged|Draft|Deleted)|[a-z$]{1,8}", 0..6)) {
            let flags = Flags::from_imap(&names);
            let mut back = Flags::default();
            for line in flags.mbox().lines() {
                let (name, value) = line.split_once(": ").unwrap();
                prop_assert!(back.mbox_field(name, value));
            }
            prop_assert_eq!(back, flags);
        }
    }
}
