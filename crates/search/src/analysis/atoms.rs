//! Atoms: the runs of letters and of digits of a text, and what stands between them.
use super::fold::Folded;

/// What stands between an atom and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Nothing: letters touch digits (`10mg`).
    None,
    /// Spaces, on one line.
    Space,
    /// One hyphen.
    Hyphen,
    /// A hyphen at the end of a line.
    Break,
    Apostrophe,
    Dot,
    Comma,
    Slash,
    Underscore,
    At,
    Plus,
    /// Other signs, without white space.
    Tight,
    /// Anything with white space; the beginning.
    Wide,
}

impl Gap {
    /// No white space: what stands on both sides was written as one.
    pub(crate) fn glued(self) -> bool {
        !matches!(self, Gap::Space | Gap::Break | Gap::Wide)
    }
}

/// A run of letters or of digits: a range of folded characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Atom {
    pub from: usize,
    pub to: usize,
    pub digits: bool,
    pub gap: Gap,
}

impl Atom {
    pub(crate) fn len(&self) -> usize {
        self.to - self.from
    }
}

/// Letters touching digits more often than this are a code, not a dose: one atom.
const ALTERNATIONS: usize = 6;

/// Cuts folded text into atoms.
pub(crate) fn atoms(folded: &[Folded]) -> Vec<Atom> {
    let mut out: Vec<Atom> = Vec::with_capacity(folded.len() / 5);
    let (mut at, mut end) = (0, 0);
    while at < folded.len() {
        let Some(digits) = class(folded[at].ch) else {
            at += 1;
            continue;
        };
        let from = at;
        while at < folded.len() && class(folded[at].ch) == Some(digits) {
            at += 1;
        }
        let gap = match out.last() {
            None => Gap::Wide,
            Some(last) => gap(&folded[end..from], last.digits || digits),
        };
        out.push(Atom { from, to: at, digits, gap });
        end = at;
    }
    codes(out)
}

/// True: a digit. False: a letter. None: neither.
fn class(c: char) -> Option<bool> {
    if c.is_ascii_digit() {
        Some(true)
    } else if c.is_alphanumeric() {
        Some(false)
    } else {
        None
    }
}

fn gap(between: &[Folded], digits: bool) -> Gap {
    match between {
        [] => Gap::None,
        [one] if !one.ch.is_whitespace() => match one.ch {
            '-' => Gap::Hyphen,
            '\'' => Gap::Apostrophe,
            '.' => Gap::Dot,
            ',' => Gap::Comma,
            '/' => Gap::Slash,
            '_' => Gap::Underscore,
            '@' => Gap::At,
            '+' => Gap::Plus,
            _ => Gap::Tight,
        },
        [first, rest @ ..] => {
            let line = |f: &Folded| f.ch == '\n' || f.ch == '\r';
            if first.ch == '-' && !digits && rest.iter().any(line) && rest.iter().all(|f| f.ch.is_whitespace()) {
                Gap::Break
            } else if between.iter().all(|f| f.ch.is_whitespace() && !line(f)) {
                Gap::Space
            } else if between.iter().any(|f| f.ch.is_whitespace()) {
                Gap::Wide
            } else {
                Gap::Tight
            }
        }
    }
}

/// Joins the atoms of codes (`a1b2c3d4`).
fn codes(atoms: Vec<Atom>) -> Vec<Atom> {
    let mut out: Vec<Atom> = Vec::with_capacity(atoms.len());
    let mut at = 0;
    while at < atoms.len() {
        let mut end = at + 1;
        while end < atoms.len() && atoms[end].gap == Gap::None {
            end += 1;
        }
        if end - at > ALTERNATIONS {
            out.push(Atom { from: atoms[at].from, to: atoms[end - 1].to, digits: false, gap: atoms[at].gap });
        } else {
            out.extend_from_slice(&atoms[at..end]);
        }
        at = end;
    }
    out
}
