//! Replies (RFC 5321 §4.2), with enhanced status codes (RFC 2034, RFC 3463).
use crate::Failure;
use crate::wire::Wire;

/// Most lines of one reply.
const MOST_LINES: usize = 128;

/// One line of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Code, 200 to 599.
    pub code: u16,
    /// More lines follow.
    pub more: bool,
    /// Text after the code.
    pub text: &'a [u8],
}

/// Reads one line; nothing when it is no reply.
pub fn parse_line(line: &[u8]) -> Option<Line<'_>> {
    let (code, rest) = line.split_at_checked(3)?;
    if !(b'2'..=b'5').contains(&code[0]) || !code[1..].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = code.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
    match rest.split_first() {
        None => Some(Line { code, more: false, text: b"" }),
        Some((b' ', text)) => Some(Line { code, more: false, text }),
        Some((b'-', text)) => Some(Line { code, more: true, text }),
        Some(_) => None,
    }
}

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Code.
    pub code: u16,
    /// Texts of its lines.
    pub lines: Vec<Vec<u8>>,
}

impl Reply {
    /// Reads one.
    pub async fn read(wire: &mut Wire) -> Result<Self, Failure> {
        let mut reply: Option<Self> = None;
        loop {
            let raw = wire.line().await?;
            let line = parse_line(&raw).ok_or(Failure::Protocol("no reply code"))?;
            let reply = reply.get_or_insert(Self { code: line.code, lines: Vec::new() });
            if reply.code != line.code {
                return Err(Failure::Protocol("two codes in one reply"));
            }
            if reply.lines.len() == MOST_LINES {
                return Err(Failure::Protocol("a reply too long"));
            }
            reply.lines.push(line.text.to_vec());
            if !line.more {
                return Ok(std::mem::replace(reply, Self { code: 0, lines: Vec::new() }));
            }
        }
    }
    /// 2xx.
    pub fn good(&self) -> bool {
        self.code / 100 == 2
    }
    /// 4xx: worth another try.
    pub fn transient(&self) -> bool {
        self.code / 100 == 4
    }
    /// What to count it under: `554 5.7.1`, or the bare code.
    pub fn key(&self) -> String {
        match self.lines.first().and_then(|l| enhanced(l)) {
            Some(e) => format!("{} {e}", self.code),
            None => self.code.to_string(),
        }
    }
    /// As a failure of a step that is not the measured one.
    pub fn failure(&self, stage: &'static str) -> Failure {
        Failure::Refused { stage, code: self.key() }
    }
    /// Refuses anything but 2xx.
    pub fn expect_good(self, stage: &'static str) -> Result<Self, Failure> {
        if self.good() { Ok(self) } else { Err(self.failure(stage)) }
    }
}

/// `class.subject.detail` at the start of a text.
fn enhanced(text: &[u8]) -> Option<&str> {
    let word = text.split(|b| *b == b' ').next()?;
    let word = std::str::from_utf8(word).ok()?;
    let mut parts = word.split('.');
    let number = |p: Option<&str>, most: usize| {
        p.is_some_and(|p| (1..=most).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    (number(parts.next(), 1) && number(parts.next(), 3) && number(parts.next(), 3) && parts.next().is_none())
        .then_some(word)
}

/// What EHLO offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offers {
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 1870.
    pub size: bool,
    /// RFC 4954, with PLAIN.
    pub plain: bool,
}

impl Offers {
    /// Reads the reply to EHLO.
    pub fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = String::from_utf8_lossy(line).to_ascii_uppercase();
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("PIPELINING") => offers.pipelining = true,
                Some("SIZE") => offers.size = true,
                Some("AUTH") => offers.plain |= words.any(|w| w == "PLAIN"),
                _ => {}
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(code: u16, lines: &[&str]) -> Reply {
        Reply { code, lines: lines.iter().map(|l| l.as_bytes().to_vec()).collect() }
    }

    #[test]
    fn lines() {
        assert_eq!(parse_line(b"250 ok"), Some(Line { code: 250, more: false, text: b"ok" }));
        assert_eq!(parse_line(b"250-SIZE 10"), Some(Line { code: 250, more: true, text: b"SIZE 10" }));
        assert_eq!(parse_line(b"354"), Some(Line { code: 354, more: false, text: b"" }));
        for bad in ["", "25", "2500", "150 no", "650 no", "abc no", "250\tno", "* OK"] {
            assert_eq!(parse_line(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn keys_hold_the_enhanced_code_only_when_it_is_one() {
        assert_eq!(reply(554, &["5.7.1 not listed"]).key(), "554 5.7.1");
        assert_eq!(reply(450, &["4.2.0"]).key(), "450 4.2.0");
        for odd in ["mailbox full", "5.7 x", "5.7.1.2 x", "55.7.1 x", "5.7.1111 x", "5..1 x", ""] {
            assert_eq!(reply(550, &[odd]).key(), "550", "{odd}");
        }
    }

    #[test]
    fn offers() {
        let r = reply(250, &["mx PIPELINING", "size 1000", "STARTTLS", "AUTH LOGIN PLAIN", "8BITMIME"]);
        assert_eq!(Offers::of(&r), Offers { starttls: true, size: true, plain: true, pipelining: false });
        assert!(!Offers::of(&reply(250, &["mx", "AUTH LOGIN", "AUTH=PLAIN"])).plain);
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Some(l) = parse_line(&line) {
                prop_assert!((200..600).contains(&l.code));
                let code = l.code.to_string();
                prop_assert_eq!(code.as_bytes(), &line[..3]);
                let _ = Reply { code: l.code, lines: vec![l.text.to_vec()] }.key();
            }
        }
    }
}
