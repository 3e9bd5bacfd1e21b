//! A strict reader of DER (X.690) for the two structures that are looked into here: a certificate's extensions and an RSA public key. No allocation.
//!
//! Promises: lengths are definite and minimal, tags have one byte, nothing recurses.

/// Tags used here (X.690 §8.1.2).
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
}

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The next element: its tag and its contents. `None` when it is not DER, or nothing is left.
    pub(crate) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits.iter().fold(0usize, |n, d| (n << 8) | usize::from(*d));
                if digits[0] == 0 || length <= 0x7f {
                    return None;
                }
                (length, rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }
    /// The contents of the next element, which must have this tag.
    pub(crate) fn of(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|(t, _)| *t == tag).map(|(_, contents)| contents)
    }
    /// The inside of the next element, which must have this tag.
    pub(crate) fn within(&mut self, tag: u8) -> Option<Self> {
        self.of(tag).map(Self)
    }
    /// The contents of the next element if it has this tag. Outer `None`: it is not DER.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if self.0.first() == Some(&tag) { self.of(tag).map(Some) } else { Some(None) }
    }
    /// The next element, a number that is not negative, without the zero that says so.
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        match self.of(tag::INTEGER)? {
            [0, rest @ ..] if rest.first().is_some_and(|b| b & 0x80 != 0) => Some(rest),
            [first, ..] if *first == 0 || first & 0x80 != 0 => None,
            [] => None,
            number => Some(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_minimal_definite_lengths_are_read() {
        assert_eq!(Reader::new(&[0x04, 1, 7, 9]).any(), Some((4, &[7u8][..])));
        let long = [&[0x04, 0x82, 1, 0][..], &[9; 256]].concat();
        assert_eq!(Reader::new(&long).of(tag::OCTET_STRING).unwrap().len(), 256);
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80, 0, 0],
            &[0x04, 0x81, 1, 7],
            &[0x04, 0x82, 0, 0x81],
            &[0x04, 0x84, 0, 0, 0, 1, 1],
            &[0x04, 0x83, 0xff, 0xff, 0xff],
            &[0x1f, 0x81, 1, 0],
        ] {
            assert_eq!(Reader::new(bad).any(), None, "{bad:x?}");
        }
    }

    #[test]
    fn numbers_have_one_writing() {
        let read = |bytes: &'static [u8]| Reader::new(bytes).unsigned();
        assert_eq!((read(&[2, 1, 5]), read(&[2, 2, 0, 0x80])), (Some(&[5u8][..]), Some(&[0x80u8][..])));
        for bad in [&[2, 1, 0x80][..], &[2, 2, 0, 5], &[2, 0], &[2, 1, 0], &[4, 1, 5]] {
            assert_eq!(Reader::new(bad).unsigned(), None);
        }
    }
}
