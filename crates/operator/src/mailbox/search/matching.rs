//! Substrings without case, in text that arrives in pieces.
//!
//! Needle and text are compared as `i;unicode-casemap` says (RFC 5255 §3). Promise: what is found does not depend on how the text was cut.
use sceau_message::casemap::{casemap as fold, stands_alone};

/// Text held back so that a letter and its accents are never parted, in bytes: more marks than any script puts on a letter.
const HELD: usize = 512;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needle {
    /// Folded.
    pub text: String,
    /// In the headers of parts too (TEXT), not in what they hold alone (BODY).
    pub in_headers: bool,
}

/// Looks for several folded needles in one pass.
#[derive(Debug)]
pub(super) struct Finder<'a> {
    needles: &'a [Needle],
    /// The text is that of a part's header.
    in_header: bool,
    found: Vec<bool>,
    /// Longest needle, bytes.
    longest: usize,
    /// Not folded yet: its last letter may still get accents.
    raw: String,
    /// End of the folded text so far: shorter than the longest needle.
    tail: String,
}

impl<'a> Finder<'a> {
    /// For these folded needles; the empty one is found at once.
    pub fn new(needles: &'a [Needle]) -> Self {
        Self {
            needles,
            in_header: false,
            found: needles.iter().map(|n| n.text.is_empty()).collect(),
            longest: needles.iter().map(|n| n.text.len()).max().unwrap_or(0),
            raw: String::new(),
            tail: String::new(),
        }
    }
    /// True when every needle was found.
    pub fn done(&self) -> bool {
        self.found.iter().all(|f| *f)
    }
    /// Which were found, in the needles' order.
    pub fn into_found(self) -> Vec<bool> {
        self.found
    }
    /// True when what was not found yet may stand in the headers of parts.
    pub fn wants_headers(&self) -> bool {
        self.needles.iter().zip(&self.found).any(|(needle, found)| needle.in_headers && !found)
    }
    /// What comes, up to the next call, is (or is not) of a part's header.
    pub fn in_header(&mut self, on: bool) {
        self.in_header = on;
    }
    /// Takes the next text.
    pub fn push(&mut self, text: &str) {
        if self.done() {
            return;
        }
        self.raw.push_str(text);
        // Cut before the last character that starts something new, better an ASCII one: nothing before it changes by what follows.
        let end = self.raw.char_indices().rev();
        let from = self.raw.len().saturating_sub(HELD);
        let ascii = end.clone().take_while(|(at, _)| *at >= from).find(|(_, c)| c.is_ascii());
        let cut = ascii.or_else(|| end.clone().find(|(_, c)| stands_alone(*c))).map_or(0, |(at, _)| at);
        let cut = if cut == 0 && self.raw.len() > HELD { self.raw.len() } else { cut };
        let rest = self.raw.split_off(cut);
        let ready = std::mem::replace(&mut self.raw, rest);
        self.look(&ready);
    }
    /// Ends a text: what follows is another one, and no needle spans both.
    pub fn end(&mut self) {
        let last = std::mem::take(&mut self.raw);
        self.look(&last);
        self.tail.clear();
    }
    fn look(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.tail.push_str(&fold(text));
        for (needle, found) in self.needles.iter().zip(&mut self.found) {
            *found = *found || ((needle.in_headers || !self.in_header) && self.tail.contains(needle.text.as_str()));
        }
        let mut cut = self.tail.len().saturating_sub(self.longest.saturating_sub(1));
        while !self.tail.is_char_boundary(cut) {
            cut -= 1;
        }
        self.tail.drain(..cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needle(text: &str) -> Needle {
        Needle { text: fold(text), in_headers: false }
    }
    fn found(text: &str, pieces: &[&str]) -> bool {
        let needles = [needle(text)];
        let mut finder = Finder::new(&needles);
        for piece in pieces {
            finder.push(piece);
        }
        finder.end();
        finder.into_found()[0]
    }

    #[test]
    fn case_and_form_do_not_count() {
        assert!(found("ÉTÉ", &["un bel e\u{301}te\u{301}."]));
        assert!(found("straße", &["STRASSE", " Straße"]));
        assert!(!found("été", &["ete"]));
        assert!(found("", &[]));
        assert!(!found("x", &[]));
    }

    #[test]
    fn accents_and_words_over_a_cut_are_found() {
        assert!(found("été", &["e", "\u{301}te", "\u{301}"]));
        assert!(!found("ete", &["e", "\u{301}te", "\u{301}"]));
        assert!(found("ordonnance", &["ordon", "nan", "ce"]));
    }

    #[test]
    fn headers_of_parts_are_for_those_who_look_there() {
        let needles = [needle("nom"), Needle { text: fold("NOM"), in_headers: true }];
        let mut finder = Finder::new(&needles);
        finder.in_header(true);
        finder.push("Content-Type: x; name=nom");
        finder.end();
        assert!(!finder.wants_headers());
        assert_eq!(finder.into_found(), [false, true]);
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        let needles = [needle("ab")];
        let mut finder = Finder::new(&needles);
        finder.push("a");
        finder.end();
        finder.push("b");
        finder.end();
        assert!(!finder.done());
    }

    #[test]
    fn a_flood_of_marks_is_not_held() {
        let needles = [needle("zz")];
        let mut finder = Finder::new(&needles);
        for _ in 0..100 {
            finder.push(&"\u{301}".repeat(1000));
            assert!(finder.raw.len() <= HELD + 4);
        }
    }

    proptest! {
        #[test]
        fn cutting_changes_nothing(text in "[aAbBeéÉ\u{301}\u{327}が日 ]{0,40}", sought in "[aAbBeéÉ\u{301}が ]{1,4}", cuts in proptest::collection::vec(0usize..41, 0..6)) {
            let chars: Vec<char> = text.chars().collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(chars.len())).collect();
            cuts.sort_unstable();
            let needles = [needle(&sought)];
            let mut finder = Finder::new(&needles);
            let mut from = 0;
            for cut in cuts.into_iter().chain([chars.len()]) {
                finder.push(&chars[from..cut].iter().collect::<String>());
                from = cut;
            }
            finder.end();
            prop_assert_eq!(finder.into_found()[0], fold(&text).contains(&needles[0].text));
        }
    }
}
