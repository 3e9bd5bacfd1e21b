//! A strict reader of DER (X.690) for the few structures that no library here reads: OCSP answers, the usage of a card's key, an RSA public key. No
//! allocation.
//!
//! Promises: nothing is read twice in two ways: lengths are definite and minimal, tags have one byte, and whatever is left over where a structure ends is
//! an error, where the caller asks ([`Reader::end`]). Depth is what the caller asks for: nothing recurses.
use crate::Timestamp;

/// Tags (X.690 §8.1.2, universal class, and context-specific ones).
#[allow(missing_docs)] // each is its name in the standard
pub mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const OID: u8 = 0x06;
    pub const ENUMERATED: u8 = 0x0a;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    /// `[n]` of a constructed value.
    pub const fn constructed(n: u8) -> u8 {
        0xa0 | n
    }
    /// `[n]` of a primitive value.
    pub const fn primitive(n: u8) -> u8 {
        0x80 | n
    }
}

/// It is not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the DER that was expected")]
pub struct Broken;

/// One element.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// What it is.
    pub tag: u8,
    /// Without tag and length.
    pub contents: &'a [u8],
    /// With them.
    pub whole: &'a [u8],
}

/// What is left to read.
#[derive(Debug, Clone)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// All of it is left.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The next element, whatever it is.
    pub fn any(&mut self) -> Result<Element<'a>, Broken> {
        let bytes = self.0;
        let (&tag, rest) = bytes.split_first().ok_or(Broken)?;
        // Tags of several bytes occur nowhere in what is read here.
        if tag & 0x1f == 0x1f {
            return Err(Broken);
        }
        let (&first, rest) = rest.split_first().ok_or(Broken)?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(Broken)?;
                let length = digits.iter().fold(0usize, |n, d| (n << 8) | usize::from(*d));
                let minimal = digits[0] != 0 && length > 0x7f;
                (if minimal { length } else { return Err(Broken) }, rest)
            }
            _ => return Err(Broken),
        };
        let (contents, rest) = rest.split_at_checked(length).ok_or(Broken)?;
        self.0 = rest;
        Ok(Element { tag, contents, whole: &bytes[..bytes.len() - rest.len()] })
    }
    /// The next element, which must have this tag.
    pub fn of(&mut self, tag: u8) -> Result<Element<'a>, Broken> {
        self.any().and_then(|e| if e.tag == tag { Ok(e) } else { Err(Broken) })
    }
    /// The contents of the next element, which must have this tag.
    pub fn within(&mut self, tag: u8) -> Result<Self, Broken> {
        self.of(tag).map(|e| Self(e.contents))
    }
    /// The next element if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Broken> {
        if self.0.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }
    /// Nothing may be left.
    pub fn end(&self) -> Result<(), Broken> {
        if self.is_empty() { Ok(()) } else { Err(Broken) }
    }
    /// A number that is above zero, without the zero that says so (X.690 §8.3).
    pub fn positive(&mut self) -> Result<&'a [u8], Broken> {
        match self.of(tag::INTEGER)?.contents {
            [0, rest @ ..] if rest.first().is_some_and(|b| b & 0x80 != 0) => Ok(rest),
            [first, ..] if *first == 0 || first & 0x80 != 0 => Err(Broken),
            [] => Err(Broken),
            number => Ok(number),
        }
    }
    /// `GeneralizedTime` as RFC 5280 §4.1.2.5.2 wants it: `YYYYMMDDHHMMSSZ`.
    pub fn time(&mut self) -> Result<Timestamp, Broken> {
        let text = self.of(tag::GENERALIZED_TIME)?.contents;
        let digits = text.strip_suffix(b"Z").filter(|d| d.len() == 14 && d.iter().all(u8::is_ascii_digit));
        let digits = digits.ok_or(Broken)?;
        let number = |from: usize, to: usize| digits[from..to].iter().fold(0i16, |n, d| n * 10 + i16::from(d - b'0'));
        // Two digits each: they fit.
        #[allow(clippy::cast_possible_truncation)]
        let two = |at: usize| number(at, at + 2) as i8;
        let civil = jiff::civil::DateTime::new(number(0, 4), two(4), two(6), two(8), two(10), two(12), 0);
        let zoned = civil.and_then(|c| c.to_zoned(jiff::tz::TimeZone::UTC)).map_err(|_| Broken)?;
        Ok(Timestamp::from_seconds(zoned.timestamp().as_second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_minimal_definite_lengths_are_read() {
        for good in [&[0x30, 0][..], &[0x04, 1, 7], &[0x04, 1, 7, 9]] {
            assert!(Reader::new(good).any().is_ok());
        }
        let long = [&[0x04, 0x82, 1, 0x2c][..], &[9; 300]].concat();
        let read = Reader::new(&long).any().unwrap();
        assert_eq!((read.tag, read.contents.len(), read.whole.len()), (tag::OCTET_STRING, 300, 304));
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80, 0, 0],          // indefinite
            &[0x04, 0x81, 1, 7],          // one byte would do
            &[0x04, 0x82, 0, 0x81],       // leading zero
            &[0x04, 0x85, 1, 1, 1, 1, 1], // nobody has that much
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x04, 0x83, 0xff, 0xff, 0xff],
            &[0x1f, 0x81, 1, 0], // a tag of several bytes
        ] {
            assert!(Reader::new(bad).any().is_err(), "{bad:x?}");
        }
    }

    #[test]
    fn numbers_have_one_writing() {
        let read = |bytes: &'static [u8]| Reader::new(bytes).positive();
        assert_eq!((read(&[2, 1, 5]), read(&[2, 2, 0, 0x80])), (Ok(&[5u8][..]), Ok(&[0x80u8][..])));
        for bad in [&[2, 1, 0x80][..], &[2, 2, 0, 5], &[2, 0], &[2, 1, 0], &[4, 1, 5]] {
            assert_eq!(Reader::new(bad).positive(), Err(Broken));
        }
    }

    #[test]
    fn times_are_whole_seconds_of_utc() {
        let time = |text: &str| {
            let length = u8::try_from(text.len()).unwrap();
            let der = [&[tag::GENERALIZED_TIME, length][..], text.as_bytes()].concat();
            Reader::new(&der).time()
        };
        assert_eq!(time("19700101000100Z"), Ok(Timestamp(60_000)));
        for bad in ["", "1970010100010Z", "19700101000100", "197001010001+1Z", "19701301000000Z", "19700230000000Z"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        /// Whatever comes: elements that lie one behind the other in it, or an error; never a panic, never more than there is.
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut reader, mut taken) = (Reader::new(&bytes), 0);
            while let Ok(element) = reader.any() {
                prop_assert!(element.whole.len() >= element.contents.len() + 2);
                prop_assert_eq!(element.whole, &bytes[taken..taken + element.whole.len()]);
                taken += element.whole.len();
            }
            prop_assert!(taken <= bytes.len());
        }
    }
}
