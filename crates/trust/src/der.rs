//! A strict reader of DER (X.690) for the few structures that no library here reads: OCSP answers. Sans-I/O, no allocation. [`write`] writes some.
//!
//! Promises: nothing is read twice in two ways: lengths are definite and minimal, tags have one byte, and whatever is left over
//! where a structure ends is an error. Depth is what the caller asks for: nothing recurses.
pub mod write;

use sceau_domain::Timestamp;

/// Tags used here (X.690 §8.1.2, universal class, and constructed context-specific ones).
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[n]` of a constructed value.
    pub(crate) const fn constructed(n: u8) -> u8 {
        0xa0 | n
    }
    /// `[n]` of a primitive value.
    pub(crate) const fn primitive(n: u8) -> u8 {
        0x80 | n
    }
}

/// It is not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub tag: u8,
    /// Without tag and length.
    pub contents: &'a [u8],
    /// With them.
    pub whole: &'a [u8],
}

/// What is left to read.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
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
    use super::write::element;
    use super::*;

    #[test]
    fn only_minimal_definite_lengths_are_read() {
        for good in [&[0x30, 0][..], &[0x04, 1, 7]] {
            assert!(Reader::new(good).any().is_ok());
        }
        let long = element(tag::OCTET_STRING, &[9; 300]);
        let read = Reader::new(&long).any().unwrap();
        assert_eq!((read.contents.len(), read.whole.len()), (300, 304));
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80, 0, 0],          // indefinite
            &[0x04, 0x81, 1, 7],          // one byte would do
            &[0x04, 0x82, 0, 0x81],       // leading zero
            &[0x04, 0x85, 1, 1, 1, 1, 1], // nobody has that much
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x1f, 0x81, 1, 0], // a tag of several bytes
        ] {
            assert!(Reader::new(bad).any().is_err(), "{bad:x?}");
        }
    }

    #[test]
    fn times_are_whole_seconds_of_utc() {
        let time = |text: &str| Reader::new(&element(tag::GENERALIZED_TIME, text.as_bytes())).time();
        assert_eq!(time("19700101000100Z"), Ok(Timestamp(60_000)));
        for bad in ["", "1970010100010Z", "19700101000100", "197001010001+1Z", "19701301000000Z", "19700230000000Z"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
