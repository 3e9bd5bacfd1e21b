//! Replies that a server writes (RFC 5321 §4.2, RFC 2034): one or more lines, each within 512 octets, printable by construction.
use sceau_domain::Refusal;

/// Longest reply line, CRLF included (RFC 5321 §4.5.3.1.5).
pub const MAX_LINE: usize = 512;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<&'static str>,
    lines: Vec<String>,
}

impl Reply {
    /// A reply of one line. `enhanced` is empty where RFC 2034 wants none (greeting, EHLO, 354, 334).
    pub fn new(code: u16, enhanced: &'static str, text: impl Into<String>) -> Self {
        Self { code, enhanced: (!enhanced.is_empty()).then_some(enhanced), lines: vec![text.into()] }
    }
    /// A reply of several lines (EHLO, HELP).
    pub fn lines(code: u16, lines: Vec<String>) -> Self {
        Self { code, enhanced: None, lines }
    }
    /// What a refusal says at this door: its code, enhanced status, both sentences and stable code.
    pub fn refusal(refusal: &Refusal) -> Self {
        Self::refusal_as(refusal.code.smtp(), refusal.code.enhanced(), refusal)
    }
    /// A refusal's sentences and stable code under a more exact reply code (`502`, `504`, `555`…).
    pub fn refusal_as(code: u16, enhanced: &'static str, refusal: &Refusal) -> Self {
        Self::new(code, enhanced, format!("{} [{}]", refusal.smtp_text(), refusal.code.as_str()))
    }
    /// The reply code.
    pub fn code(&self) -> u16 {
        self.code
    }
    /// True when the session ends after it (RFC 5321 §4.2.1: 221, 421).
    pub fn closes(&self) -> bool {
        matches!(self.code, 221 | 421)
    }
    /// The bytes to send. A line that is too long is continued on the next; what is not printable ASCII becomes `?`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let status = self.enhanced.map(|e| format!("{e} ")).unwrap_or_default();
        let room = MAX_LINE - 4 - status.len() - 2;
        let mut pieces: Vec<Vec<u8>> = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let clean: Vec<u8> = line.chars().map(|c| if matches!(c, ' '..='~') { c as u8 } else { b'?' }).collect();
            if clean.is_empty() {
                pieces.push(clean);
            } else {
                pieces.extend(clean.chunks(room).map(<[u8]>::to_vec));
            }
        }
        if pieces.is_empty() {
            pieces.push(Vec::new());
        }
        let mut out = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            let mark = if i + 1 == pieces.len() { ' ' } else { '-' };
            out.extend_from_slice(format!("{:03}{mark}{status}", self.code % 1000).as_bytes());
            out.extend_from_slice(piece);
            out.extend_from_slice(b"\r\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::response::ReplyParser;
    use proptest::prelude::*;
    use sceau_domain::RefusalCode;

    #[test]
    fn one_line_and_several() {
        assert_eq!(Reply::new(250, "2.1.0", "Ok").to_bytes(), b"250 2.1.0 Ok\r\n");
        assert_eq!(Reply::new(354, "", "Go").to_bytes(), b"354 Go\r\n");
        let ehlo = Reply::lines(250, vec!["mx.alpha.test".into(), "PIPELINING".into(), "SIZE 10".into()]);
        assert_eq!(ehlo.to_bytes(), b"250-mx.alpha.test\r\n250-PIPELINING\r\n250 SIZE 10\r\n");
        assert_eq!(Reply::lines(250, Vec::new()).to_bytes(), b"250 \r\n");
    }

    #[test]
    fn a_refusal_keeps_its_stable_code() {
        let refusal = Refusal::new(RefusalCode::SyntaxError);
        let said = String::from_utf8(Reply::refusal(&refusal).to_bytes()).unwrap();
        assert!(said.starts_with("501 5.5.2 ") && said.ends_with("[syntax.error]\r\n"), "{said}");
        let said = String::from_utf8(Reply::refusal_as(555, "5.5.4", &refusal).to_bytes()).unwrap();
        assert!(said.starts_with("555 5.5.4 ") && said.ends_with("[syntax.error]\r\n"), "{said}");
        for code in RefusalCode::ALL {
            let bytes = Reply::refusal(&Refusal::new(*code)).to_bytes();
            assert!(bytes.len() <= MAX_LINE && bytes.iter().filter(|b| **b == b'\n').count() == 1, "{}", code.as_str());
        }
    }

    proptest! {
        #[test]
        fn whatever_the_text_lines_are_lines_and_a_client_reads_them(lines in prop::collection::vec(".{0,700}", 1..5)) {
            let reply = Reply { code: 554, enhanced: Some("5.7.1"), lines };
            let mut parser = ReplyParser::default();
            let mut read = None;
            for line in reply.to_bytes().split_inclusive(|b| *b == b'\n') {
                prop_assert!(line.len() <= MAX_LINE && line.ends_with(b"\r\n"));
                prop_assert!(line[..line.len() - 2].iter().all(|b| (32..127).contains(b)));
                prop_assert!(read.is_none());
                read = parser.push(line).unwrap();
            }
            let read = read.unwrap();
            prop_assert_eq!((read.code, read.status.as_deref()), (554, Some("5.7.1")));
        }
    }
}
