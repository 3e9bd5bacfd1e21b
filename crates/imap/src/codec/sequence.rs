//! Sequence sets (RFC 9051 §9 sequence-set, seq-range; `$` of RFC 5182): parsing, writing, meaning.
use super::budget::RANGES_MAX;
use super::cursor::{Cursor, Parsed, SyntaxError};
use std::fmt::Write as _;

/// A number or `*`, the largest in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A number above zero.
    Number(u32),
    /// `*`.
    Last,
}

/// A sequence set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceSet {
    /// Ranges as written; a single number is a range of one.
    Ranges(Vec<(Bound, Bound)>),
    /// `$`: the saved result of a search.
    Saved,
}

impl SequenceSet {
    /// Reads a set.
    pub fn parse(c: &mut Cursor<'_>) -> Parsed<Self> {
        if c.eat(b'$') {
            return Ok(Self::Saved);
        }
        let mut ranges = Vec::new();
        loop {
            if ranges.len() >= RANGES_MAX {
                return Err(SyntaxError("a sequence set has too many ranges"));
            }
            let first = bound(c)?;
            let last = if c.eat(b':') { bound(c)? } else { first };
            ranges.push((first, last));
            if !c.eat(b',') {
                return Ok(Self::Ranges(ranges));
            }
        }
    }
    /// Reads a set of plain numbers: no `*`, no `$` (RFC 7162 §7 known-uids).
    pub fn parse_known(c: &mut Cursor<'_>) -> Parsed<Self> {
        let set = Self::parse(c)?;
        let plain = |b: &Bound| *b != Bound::Last;
        match &set {
            Self::Ranges(ranges) if ranges.iter().all(|(a, b)| plain(a) && plain(b)) => Ok(set),
            _ => Err(SyntaxError("a set of known numbers takes neither * nor $")),
        }
    }
    /// The ranges as sorted, merged, inclusive pairs, with `*` standing for `last`. `None` for `$`.
    pub fn resolve(&self, last: u32) -> Option<Vec<(u32, u32)>> {
        let Self::Ranges(ranges) = self else { return None };
        let number = |b: Bound| match b {
            Bound::Number(n) => n,
            Bound::Last => last,
        };
        let mut out: Vec<(u32, u32)> =
            ranges.iter().map(|&(a, b)| (number(a), number(b))).map(|(a, b)| (a.min(b), a.max(b))).collect();
        out.sort_unstable();
        out.dedup_by(|next, kept| {
            let joins = next.0 <= kept.1.saturating_add(1);
            if joins {
                kept.1 = kept.1.max(next.1);
            }
            joins
        });
        Some(out)
    }
}

fn bound(c: &mut Cursor<'_>) -> Parsed<Bound> {
    if c.eat(b'*') {
        return Ok(Bound::Last);
    }
    match c.number() {
        Ok(0) => Err(SyntaxError("a sequence number must not be zero")),
        Ok(n) => Ok(Bound::Number(n)),
        Err(_) => Err(SyntaxError("a sequence set is not valid")),
    }
}

/// The run (first, last) with which numbers begin, and those after it.
pub fn first_run(numbers: &[u32]) -> Option<((u32, u32), &[u32])> {
    let first = *numbers.first()?;
    let (mut last, mut length) = (first, 1);
    while let Some(next) = numbers.get(length).filter(|n| Some(**n) == last.checked_add(1)) {
        (last, length) = (*next, length + 1);
    }
    Some(((first, last), numbers.get(length..).unwrap_or_default()))
}

/// Numbers as runs (first, last), in their order.
pub fn runs(numbers: &[u32]) -> Vec<(u32, u32)> {
    let mut rest = numbers;
    std::iter::from_fn(|| {
        let (run, after) = first_run(rest)?;
        rest = after;
        Some(run)
    })
    .collect()
}

/// Writes runs as a set.
pub fn write_runs(runs: &[(u32, u32)]) -> String {
    let mut out = String::new();
    for (first, last) in runs {
        if !out.is_empty() {
            out.push(',');
        }
        // Writing to a String cannot fail.
        let _ = if first == last { write!(out, "{first}") } else { write!(out, "{first}:{last}") };
    }
    out
}

/// Writes ascending numbers as a set, ranges folded: `1:3,7`. Empty input yields an empty text.
pub fn write_set(numbers: &[u32]) -> String {
    write_runs(&runs(numbers))
}

/// Writes two lists of numbers that correspond one to one (COPYUID, RFC 4315 §3), folding only runs that run in both.
pub fn write_pairs(pairs: &[(u32, u32)]) -> (String, String) {
    let (mut from, mut to) = (String::new(), String::new());
    let mut i = 0;
    while let Some(&first) = pairs.get(i) {
        let mut last = first;
        while let Some(&next) = pairs.get(i + 1) {
            if Some(next.0) != last.0.checked_add(1) || Some(next.1) != last.1.checked_add(1) {
                break;
            }
            i += 1;
            last = next;
        }
        i += 1;
        for (out, a, b) in [(&mut from, first.0, last.0), (&mut to, first.1, last.1)] {
            if !out.is_empty() {
                out.push(',');
            }
            // Writing to a String cannot fail.
            let _ = if a == b { write!(out, "{a}") } else { write!(out, "{a}:{b}") };
        }
    }
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cursor::Fragment;
    use proptest::prelude::*;

    fn parse(text: &str) -> Parsed<SequenceSet> {
        let fragments = [Fragment::Line(text.as_bytes().to_vec())];
        let mut c = Cursor::new(&fragments);
        let set = SequenceSet::parse(&mut c)?;
        c.end()?;
        Ok(set)
    }

    #[test]
    fn ranges_are_sorted_swapped_and_merged() {
        let set = parse("2,4:7,9,12:*").unwrap();
        assert_eq!(set.resolve(15).unwrap(), [(2, 2), (4, 7), (9, 9), (12, 15)]);
        assert_eq!(parse("*:4,5:7").unwrap().resolve(10).unwrap(), [(4, 10)]);
        assert_eq!(parse("3:1,2,4").unwrap().resolve(9).unwrap(), [(1, 4)]);
        assert_eq!(parse("4294967295,*").unwrap().resolve(u32::MAX).unwrap(), [(u32::MAX, u32::MAX)]);
        assert_eq!(parse("$").unwrap(), SequenceSet::Saved);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for bad in ["", "0", "1:0", "a", "1,", ",1", "1:", "1::2", "4294967296", "-1", "1:2:3", "$,1", "1 2"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let many = vec!["1"; RANGES_MAX + 1].join(",");
        assert_eq!(parse(&many), Err(SyntaxError("a sequence set has too many ranges")));
    }

    #[test]
    fn pairs_fold_only_when_both_run() {
        assert_eq!(
            write_pairs(&[(1, 10), (2, 11), (4, 12), (5, 20)]),
            ("1:2,4,5".to_owned(), "10:11,12,20".to_owned())
        );
        assert_eq!(write_set(&[]), "");
        assert_eq!(write_set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(numbers in proptest::collection::btree_set(1u32..500, 1..80)) {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            let ranges = parse(&write_set(&numbers)).unwrap().resolve(u32::MAX).unwrap();
            let back: Vec<u32> = ranges.into_iter().flat_map(|(a, b)| a..=b).collect();
            prop_assert_eq!(back, numbers);
        }
    }
}
