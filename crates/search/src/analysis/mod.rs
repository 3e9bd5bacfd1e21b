//! The analyzer: from text to words. One for index, scan, questions and excerpts, so that they cannot disagree.
//!
//! A text becomes *tokens*. Each has its exact form (folded), for phrases, prefixes and names; and a stem, for words in prose.
pub(crate) mod atoms;
pub(crate) mod fold;
pub(crate) mod lists;
mod numbers;
pub(crate) mod stem;
pub(crate) mod units;

use units::Kind;

/// Tokens of one field are cut off after so many positions.
const LONGEST_FIELD: u32 = 250_000;
/// Values of one field (two addresses, two attachments) are so far apart that no phrase spans them.
const APART: u32 = 8;

/// A token of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// Exact form.
    pub text: String,
    /// Stem, in prose; none for addresses and dates as a whole.
    pub stem: Option<String>,
    /// Place in the field, counted in words.
    pub position: u32,
    /// Bytes of the original.
    pub start: usize,
    pub end: usize,
}

/// Names and addresses are not stemmed: `Martine` is not `Martin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Names,
    Prose,
}

/// Makes the tokens of one field, a value after the other.
pub(crate) struct Tokens {
    style: Style,
    position: u32,
    pub(crate) list: Vec<Token>,
}

impl Tokens {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, position: 0, list: Vec::new() }
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, text: &str) {
        let prose = self.style == Style::Prose;
        let mut elided: Option<units::Part> = None;
        units::units(text, &mut |unit| {
            let first = self.position;
            let (start, end) = match (unit.parts.first(), unit.parts.last()) {
                (Some(first), Some(last)) => (first.start, last.end),
                _ => return true,
            };
            let at_first =
                |text: String, stem: Option<String>, start| Token { text, stem, position: first, start, end };
            if let Some(whole) = unit.whole {
                let stem = (prose && unit.kind == Kind::Compound).then(|| stem::stem(&whole));
                self.list.push(at_first(whole, stem, start));
            }
            // A name after an apostrophe is found written as one, too (D'Almeida, Dalmeida).
            if let Some(before) = elided.take()
                && unit.glued
                && let Some(part) = unit.parts.first()
            {
                self.list.push(at_first(format!("{}{}", before.text, part.text), None, before.start));
            }
            if self.style == Style::Names && unit.kind == Kind::Elided {
                elided = unit.parts.first().cloned();
            }
            for part in unit.parts {
                let stem = match (prose, part.letters) {
                    (false, _) => None,
                    (true, true) => Some(stem::stem(&part.text)),
                    (true, false) => Some(part.text.clone()),
                };
                self.list.push(Token {
                    text: part.text,
                    stem,
                    position: self.position,
                    start: part.start,
                    end: part.end,
                });
                self.position += 1;
            }
            self.position < LONGEST_FIELD
        });
        self.position += APART;
    }

    /// Adds a mark that no text can make (`.pdf`).
    pub(crate) fn mark(&mut self, text: String) {
        self.list.push(Token { text, stem: None, position: self.position, start: 0, end: 0 });
        self.position += APART;
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
