//! Ranges of results (RFC 9394 §4): `first:last` from the first result on, `-first:-last` from the last one back. FETCH and SEARCH share them.
use super::cursor::{Cursor, Parsed, SyntaxError};
use std::ops::Range;

const BAD: SyntaxError = SyntaxError("a partial range is not valid");

/// A range of results, as the client wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// First number written, above zero.
    pub from: u32,
    /// Second number written, above zero; may be the smaller one.
    pub to: u32,
    /// Counted back from the last result.
    pub back: bool,
}

impl Partial {
    /// Reads `1:100` or `-1:-100`.
    pub fn parse(c: &mut Cursor<'_>) -> Parsed<Self> {
        let back = c.eat(b'-');
        let from = c.nz_number().map_err(|_| BAD)?;
        c.expect(b':', BAD.0)?;
        if back {
            c.expect(b'-', BAD.0)?;
        }
        let to = c.nz_number().map_err(|_| BAD)?;
        Ok(Self { from, to, back })
    }
    /// Which of so many results, as indexes in their order; empty when the range lies beyond them.
    pub fn window(&self, results: usize) -> Range<usize> {
        let (low, high) = (self.from.min(self.to) as usize, self.from.max(self.to) as usize);
        let (start, end) = ((low - 1).min(results), high.min(results));
        if self.back { results - end..results - start } else { start..end }
    }
    /// How many results at most.
    pub fn most(&self) -> u32 {
        self.from.abs_diff(self.to).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cursor::Fragment;

    fn parse(text: &str) -> Parsed<Partial> {
        let fragments = [Fragment::Line(text.as_bytes().to_vec())];
        let mut c = Cursor::new(&fragments);
        let range = Partial::parse(&mut c)?;
        c.end()?;
        Ok(range)
    }
    fn window(text: &str) -> Range<usize> {
        parse(text).unwrap().window(5)
    }

    #[test]
    fn windows_are_counted_from_either_end() {
        for (text, want) in [
            ("1:2", 0..2),
            ("2:1", 0..2),
            ("4:9", 3..5),
            ("6:9", 5..5),
            ("-1:-2", 3..5),
            ("-2:-1", 3..5),
            ("-4:-10", 0..2),
            ("-6:-10", 0..0),
            ("1:4294967295", 0..5),
        ] {
            assert_eq!(window(text), want, "{text}");
        }
        assert_eq!(parse("-1:-100").unwrap().most(), 100);
        assert_eq!(parse("1:4294967295").unwrap().most(), u32::MAX);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in ["", "5", "0:1", "1:0", "1:*", "-1:5", "1:-5", "1:4294967296", "1:2:3", "\"1:2\""] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
