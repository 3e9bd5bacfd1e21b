//! Units: words, compounds, numbers, dates, addresses; what a reader takes for one thing.
//!
//! A unit has *parts*, one a position in the text, and may have a *whole*: its other spelling (`rendezvous` for `rendez-vous`, `20260312`
//! for `12/03/2026`, a complete address), which stands at the first part's position.
use super::atoms::{Atom, Gap, atoms};
use super::fold::{Folded, fold};
use super::lists;
use super::numbers;

/// A word is cut after so many bytes, an address after twice as many.
pub(crate) const LONGEST: usize = 64;

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters.
    Word,
    /// `l'`, `d'`, `qu'`.
    Elided,
    /// Words joined by hyphens or an apostrophe; the whole is them joined.
    Compound,
    /// Digits; `1,5`; a health number, a telephone number written with spaces.
    Number,
    /// A date; the whole is YYYYMMDD.
    Date,
    /// An address; the whole is it.
    Address,
}

/// A part: text and its bytes in the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub text: String,
    pub start: usize,
    pub end: usize,
    pub letters: bool,
}

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    pub kind: Kind,
    pub parts: Vec<Part>,
    pub whole: Option<String>,
    /// Written without white space after the unit before.
    pub glued: bool,
}

/// Calls `each` with every unit of a text, in order; stops when it says so.
pub(crate) fn units(text: &str, each: &mut dyn FnMut(Unit) -> bool) {
    let mut base = 0;
    while base < text.len() {
        let block = block(&text[base..]);
        let folded = fold(block);
        let atoms = atoms(&folded);
        let walk = Walk { folded: &folded, atoms: &atoms, base };
        if !walk.run(each) {
            return;
        }
        base += block.len();
    }
}

/// The next block: at most 16 KiB, cut at white space, so that memory does not grow with the text.
fn block(text: &str) -> &str {
    const BLOCK: usize = 16 << 10;
    if text.len() <= BLOCK {
        return text;
    }
    let mut cut = BLOCK;
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    match text[..cut].rfind(char::is_whitespace) {
        Some(space) if space > 0 => &text[..space],
        _ => &text[..cut],
    }
}

/// Atoms of one block.
pub(super) struct Walk<'a> {
    pub(super) folded: &'a [Folded],
    pub(super) atoms: &'a [Atom],
    base: usize,
}

impl Walk<'_> {
    fn run(&self, each: &mut dyn FnMut(Unit) -> bool) -> bool {
        let mut at = 0;
        let mut addresses = self.addresses().into_iter().peekable();
        while at < self.atoms.len() {
            while addresses.next_if(|(from, _)| *from < at).is_some() {}
            let (unit, next) = match addresses.next_if(|(from, _)| *from == at) {
                Some((from, to)) => (self.address(from, to), to),
                None if self.atoms[at].digits => numbers::read(self, at),
                None => self.word(at),
            };
            // What cannot happen must not loop.
            at = next.max(at + 1);
            if !each(unit) {
                return false;
            }
        }
        true
    }

    pub(super) fn text(&self, atom: &Atom) -> String {
        let text: String = self.folded[atom.from..atom.to].iter().map(|f| f.ch).collect();
        bounded(text, LONGEST)
    }

    pub(super) fn part(&self, at: usize) -> Part {
        let atom = &self.atoms[at];
        let text = self.text(atom);
        let text = if atom.digits { text } else { lists::respelt(&text).to_owned() };
        self.part_of(text, at, at + 1, !atom.digits)
    }

    pub(super) fn part_of(&self, text: String, from: usize, to: usize, letters: bool) -> Part {
        let start = self.base + self.folded[self.atoms[from].from].start as usize;
        let end = self.base + self.folded[self.atoms[to - 1].to - 1].end as usize;
        Part { text, start, end, letters }
    }

    pub(super) fn unit(&self, kind: Kind, parts: Vec<Part>, whole: Option<String>, at: usize) -> Unit {
        Unit { kind, parts, whole, glued: self.atoms[at].gap.glued() }
    }

    /// Ranges of atoms that are an address.
    fn addresses(&self) -> Vec<(usize, usize)> {
        const WIDEST: usize = 32;
        let mut out: Vec<(usize, usize)> = Vec::new();
        for at in 1..self.atoms.len() {
            if self.atoms[at].gap != Gap::At {
                continue;
            }
            let floor = out.last().map_or(0, |(_, to)| *to);
            let mut from = at - 1;
            let local =
                |gap| matches!(gap, Gap::None | Gap::Dot | Gap::Hyphen | Gap::Underscore | Gap::Plus | Gap::Apostrophe);
            while from > floor && local(self.atoms[from].gap) && at - from < WIDEST {
                from -= 1;
            }
            let (mut to, mut dots) = (at + 1, 0);
            while let Some(atom) = self.atoms.get(to)
                && matches!(atom.gap, Gap::None | Gap::Dot | Gap::Hyphen)
                && to - at < WIDEST
            {
                dots += usize::from(atom.gap == Gap::Dot);
                to += 1;
            }
            if dots > 0 && from >= floor {
                out.push((from, to));
            }
        }
        out
    }

    fn address(&self, from: usize, to: usize) -> Unit {
        let chars = &self.folded[self.atoms[from].from..self.atoms[to - 1].to];
        let whole = bounded(chars.iter().map(|f| f.ch).collect(), 2 * LONGEST);
        let parts = (from..to).map(|at| self.part(at)).collect();
        self.unit(Kind::Address, parts, Some(whole), from)
    }

    fn word(&self, at: usize) -> (Unit, usize) {
        const WIDEST: usize = 5;
        let letters = |at: usize| self.atoms.get(at).is_some_and(|a| !a.digits);
        // I.R.M. is IRM.
        let mut end = at + 1;
        while self.atoms[at].len() == 1 && letters(end) && self.atoms[end].gap == Gap::Dot && self.atoms[end].len() == 1
        {
            end += 1;
        }
        if end > at + 1 {
            let text: String = (at..end).map(|i| self.text(&self.atoms[i])).collect();
            let part = self.part_of(bounded(text, LONGEST), at, end, true);
            return (self.unit(Kind::Word, vec![part], None, at), end);
        }
        let mut end = at + 1;
        while letters(end) && end - at < WIDEST {
            match self.atoms[end].gap {
                Gap::Hyphen | Gap::Break => {}
                Gap::Apostrophe if lists::elision(&self.text(&self.atoms[end - 1])) => {
                    if end == at + 1 {
                        return (self.unit(Kind::Elided, vec![self.part(at)], None, at), end);
                    }
                    end -= 1;
                    break;
                }
                Gap::Apostrophe => {}
                _ => break,
            }
            end += 1;
        }
        let parts: Vec<Part> = (at..end).map(|i| self.part(i)).collect();
        if parts.len() == 1 {
            return (self.unit(Kind::Word, parts, None, at), end);
        }
        let whole = bounded(parts.iter().map(|p| p.text.as_str()).collect(), LONGEST);
        (self.unit(Kind::Compound, parts, Some(whole), at), end)
    }
}

/// Cuts a text after `most` bytes, between characters.
fn bounded(mut text: String, most: usize) -> String {
    if text.len() > most {
        let mut cut = most;
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        text.truncate(cut);
    }
    text
}
