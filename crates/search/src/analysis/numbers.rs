//! Units that begin with digits: numbers, health numbers, telephone numbers, dates.
use super::atoms::Gap;
use super::lists;
use super::units::{Kind, Part, Unit, Walk};

/// Reads the unit at atom `at`, which is of digits; and where the next one begins.
pub(super) fn read(walk: &Walk<'_>, at: usize) -> (Unit, usize) {
    health_number(walk, at)
        .or_else(|| telephone(walk, at))
        .or_else(|| date(walk, at))
        .or_else(|| dated_in_words(walk, at))
        .or_else(|| decimal(walk, at))
        .unwrap_or_else(|| (walk.unit(Kind::Number, vec![walk.part(at)], None, at), at + 1))
}

fn one(walk: &Walk<'_>, text: String, from: usize, to: usize) -> (Unit, usize) {
    let part = walk.part_of(text, from, to, false);
    (walk.unit(Kind::Number, vec![part], None, from), to)
}

/// INS or NIR: sex, year, month, department (2A and 2B too), town, rank, and key or not; with or without spaces, dots, hyphens.
fn health_number(walk: &Walk<'_>, at: usize) -> Option<(Unit, usize)> {
    // Written at once it is one atom, but for Corsica's letter.
    let lengths: &[usize] = match walk.atoms[at].len() {
        1 => &[1, 2, 2, 2, 3, 3],
        6 => &[6],
        13 => &[13],
        _ => return None,
    };
    let joins = |gap: Gap| matches!(gap, Gap::Space | Gap::Dot | Gap::Hyphen);
    let mut text = String::new();
    let mut next = at;
    for (i, &length) in lengths.iter().enumerate() {
        let atom = walk.atoms.get(next)?;
        if i > 0 && !joins(atom.gap) || !atom.digits {
            return None;
        }
        // The department may be a digit and a letter.
        let corsica = |digit: usize| {
            let letter = walk.atoms.get(digit + 1)?;
            let name = walk.text(letter);
            (letter.gap == Gap::None && (name == "a" || name == "b")).then_some(name)
        };
        if length == 2 && i == 3 && atom.len() == 1 {
            text.push_str(&walk.text(atom));
            text.push_str(&corsica(next)?);
            next += 2;
            continue;
        }
        if atom.len() != length {
            return None;
        }
        text.push_str(&walk.text(atom));
        next += 1;
        if length == 6 {
            text.push_str(&corsica(next - 1)?);
            next += 1;
            let rest =
                walk.atoms.get(next).filter(|a| a.digits && a.gap == Gap::None && (a.len() == 6 || a.len() == 8))?;
            text.push_str(&walk.text(rest));
            next += 1;
        }
    }
    // The key.
    if text.len() == 13
        && let Some(key) = walk.atoms.get(next)
        && key.digits
        && key.len() == 2
        && joins(key.gap)
    {
        text.push_str(&walk.text(key));
        next += 1;
    }
    let plausible = text.starts_with(['1', '2', '3', '4', '7', '8']) && (text.len() == 13 || text.len() == 15);
    // A lone group of 13 digits needs nothing of this.
    (plausible && next > at + 1).then(|| one(walk, text, at, next))
}

/// A French telephone number written in pairs: ten digits. `+33 6 …` as well.
fn telephone(walk: &Walk<'_>, at: usize) -> Option<(Unit, usize)> {
    let first = walk.text(&walk.atoms[at]);
    let abroad = first == "33" || first == "0033";
    let (mut text, mut next) = match first.as_str() {
        "33" | "0033" => {
            let digit = walk.atoms.get(at + 1).filter(|a| a.digits && a.len() == 1 && a.gap == Gap::Space)?;
            (format!("0{}", walk.text(digit)), at + 2)
        }
        pair if pair.len() == 2 && pair.starts_with('0') => (first.clone(), at + 1),
        _ => return None,
    };
    let gap = walk.atoms.get(next)?.gap;
    if !matches!(gap, Gap::Space | Gap::Dot | Gap::Hyphen) || abroad && gap != Gap::Space {
        return None;
    }
    for _ in 0..4 {
        let pair = walk.atoms.get(next).filter(|a| a.digits && a.len() == 2 && a.gap == gap)?;
        text.push_str(&walk.text(pair));
        next += 1;
    }
    Some(one(walk, text, at, next))
}

/// `12/03/2026`, `12.03.2026`, `12-03-2026`, `2026-03-12`, `12/03/26`.
fn date(walk: &Walk<'_>, at: usize) -> Option<(Unit, usize)> {
    let (a, b, c) = (walk.atoms.get(at)?, walk.atoms.get(at + 1)?, walk.atoms.get(at + 2)?);
    let gap = b.gap;
    let apart = matches!(gap, Gap::Slash | Gap::Dot | Gap::Hyphen) && c.gap == gap && b.digits && c.digits;
    // More of the same is something else (an address of a machine, a version).
    if !apart || walk.atoms.get(at + 3).is_some_and(|d| d.gap == gap && d.digits) {
        return None;
    }
    let number = |i: usize| walk.text(&walk.atoms[i]).parse::<u32>().ok();
    let (x, y, z) = (number(at)?, number(at + 1)?, number(at + 2)?);
    let (day, month, year) = match (a.len(), b.len(), c.len()) {
        (4, 1..=2, 1..=2) => (z, y, x),
        (1..=2, 1..=2, 4) => (x, y, z),
        (1..=2, 1..=2, 2) if gap == Gap::Slash => (x, y, if z < 50 { 2000 + z } else { 1900 + z }),
        _ => return None,
    };
    Some(dated(walk, at, at + 3, whole(day, month, year)?))
}

/// `12 mars 2026`, `1er mars 2026`.
fn dated_in_words(walk: &Walk<'_>, at: usize) -> Option<(Unit, usize)> {
    let mut next = at + 1;
    if walk.atoms.get(next).is_some_and(|a| a.gap == Gap::None && walk.text(a) == "er") {
        next += 1;
    }
    let spaced = |i: usize| walk.atoms.get(i).filter(|a| a.gap == Gap::Space);
    let month = lists::month(&walk.text(spaced(next)?))?;
    let year = spaced(next + 1).filter(|a| a.digits && a.len() == 4)?;
    let day = walk.text(&walk.atoms[at]).parse().ok()?;
    Some(dated(walk, at, next + 2, whole(day, month, walk.text(year).parse().ok()?)?))
}

fn dated(walk: &Walk<'_>, from: usize, to: usize, whole: String) -> (Unit, usize) {
    let parts: Vec<Part> = (from..to).map(|i| walk.part(i)).collect();
    (walk.unit(Kind::Date, parts, Some(whole), from), to)
}

fn whole(day: u32, month: u32, year: u32) -> Option<String> {
    let fits = (1..=31).contains(&day) && (1..=12).contains(&month) && (1000..=9999).contains(&year);
    fits.then(|| format!("{year:04}{month:02}{day:02}"))
}

/// `1,5` and `1.5` are one number.
fn decimal(walk: &Walk<'_>, at: usize) -> Option<(Unit, usize)> {
    let separated = |i: usize| walk.atoms.get(i).is_some_and(|a| a.digits && matches!(a.gap, Gap::Dot | Gap::Comma));
    // A list (1,2,3) is not a decimal.
    if separated(at) || !separated(at + 1) || separated(at + 2) {
        return None;
    }
    let (whole, rest) = (&walk.atoms[at], &walk.atoms[at + 1]);
    if whole.len() > 12 || rest.len() > 6 {
        return None;
    }
    let text = format!("{}.{}", walk.text(whole), walk.text(rest));
    Some(one(walk, text, at, at + 2))
}
