//! Content as lines (RFC 5322 §2.3): CRLF and nothing else ends one, no NUL, none too long.
//!
//! What is not announced as binary is held to this wherever it comes from, because a server that it goes on to finds the end of a message by its
//! lines: a sender and a receiver that disagree about lines is how mail is smuggled (CVE-2023-51764, -51765, -51766).

/// Longest line, CRLF included (RFC 5321 §4.5.3.1.6).
pub const LINE: usize = 1000;

/// What spoils content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// CR without LF, or LF without CR.
    BareNewline,
    /// A NUL.
    Nul,
    /// A line longer than the limit.
    LineTooLong,
}

impl Flaw {
    /// The refusal that says it.
    pub fn refusal(self) -> sceau_domain::RefusalCode {
        use sceau_domain::RefusalCode as R;
        match self {
            Self::BareNewline => R::MessageBareNewline,
            Self::Nul => R::MessageNul,
            Self::LineTooLong => R::MessageLineTooLong,
        }
    }
}

/// Is there a NUL?
pub fn has_nul(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_some()
}

/// Looks at content as it passes, in pieces of any size.
#[derive(Debug)]
pub struct LineCheck {
    /// Octets of the current line so far.
    line: usize,
    max_line: usize,
    /// The last octet was CR.
    cr: bool,
    flaw: Option<Flaw>,
}

impl LineCheck {
    /// Accepts lines of at most `max_line` octets, CRLF included.
    pub fn new(max_line: usize) -> Self {
        Self { line: 0, max_line, cr: false, flaw: None }
    }
    /// Looks at the next piece; the first thing that spoils the content, if any so far.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Flaw> {
        let mut rest = bytes;
        while self.flaw.is_none() && !rest.is_empty() {
            if self.cr {
                self.cr = false;
                if rest[0] != b'\n' {
                    self.flaw = Some(Flaw::BareNewline);
                    break;
                }
                self.line = 0;
                rest = &rest[1..];
                continue;
            }
            let run = memchr::memchr3(b'\r', b'\n', 0, rest).unwrap_or(rest.len());
            self.line = self.line.saturating_add(run);
            // The CRLF to come counts.
            if self.line + 2 > self.max_line {
                self.flaw = Some(Flaw::LineTooLong);
                break;
            }
            match rest.get(run) {
                None => break,
                Some(b'\r') => self.cr = true,
                Some(b'\n') => self.flaw = Some(Flaw::BareNewline),
                Some(_) => self.flaw = Some(Flaw::Nul),
            }
            rest = &rest[run + 1..];
        }
        self.flaw
    }
    /// The content ends here.
    pub fn finish(&self) -> Option<Flaw> {
        self.flaw.or(self.cr.then_some(Flaw::BareNewline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flaw(pieces: &[&[u8]]) -> Option<Flaw> {
        let mut check = LineCheck::new(12);
        for piece in pieces {
            check.push(piece);
        }
        check.finish()
    }

    #[test]
    fn lines_wherever_they_are_cut() {
        assert_eq!(flaw(&[]), None);
        assert_eq!(flaw(&[b"0123456789\r\n.\r\nlast"]), None);
        assert_eq!(flaw(&[b"a\r", b"\nb\r", b"\n"]), None);
        assert_eq!(flaw(&[b"01234567890\r\n"]), Some(Flaw::LineTooLong));
        for bad in [&[&b"a\nb"[..]][..], &[b"a\r", b"b"], &[b"a\r"], &[b"\n"], &[b"a\r\r\n"]] {
            assert_eq!(flaw(bad), Some(Flaw::BareNewline), "{bad:?}");
        }
        assert_eq!(flaw(&[b"a\0\r\n"]), Some(Flaw::Nul));
    }

    proptest! {
        #[test]
        fn the_same_verdict_however_it_is_cut(
            bytes in prop::collection::vec(prop::sample::select(b"ab.\r\n\0".to_vec()), 0..40),
            cut in 0usize..40,
        ) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(flaw(&[&bytes]), flaw(&[&bytes[..cut], &bytes[cut..]]));
        }
    }
}
