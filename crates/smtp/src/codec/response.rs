//! Replies that a client reads (RFC 5321 §4.2.1), line by line, under budget. The same code on every line, CRLF at each end.

/// Longest line taken, CRLF included. RFC 5321 says 512; some servers exceed it.
pub const MAX_LINE: usize = 2048;
/// Most lines of one reply.
pub const MAX_LINES: usize = 128;

/// A server's reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Three digits.
    pub code: u16,
    /// Enhanced status (RFC 2034) when its class agrees with the code.
    pub status: Option<String>,
    /// Texts, one a line, without code; control characters and broken UTF-8 replaced.
    pub lines: Vec<String>,
}

impl Response {
    /// `2yz`.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }
    /// `4yz`.
    pub fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }
    /// `5yz`.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }
    /// Code and texts in one line, as a person reads it in the queue and in reports.
    pub fn text(&self) -> String {
        let text = self.lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ");
        format!("{} {text}", self.code).trim_end().to_owned()
    }
    /// The enhanced status, or what follows from the code alone.
    pub fn status_or_default(&self) -> String {
        self.status.clone().unwrap_or_else(|| format!("{}.0.0", self.code / 100))
    }
}

/// Why this is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Not three digits and a space or hyphen, not one code, or not ended by CRLF.
    #[error("malformed reply")]
    Malformed,
    /// Too long, or too many lines.
    #[error("reply too long")]
    TooLong,
}

/// Collects the lines of a reply.
#[derive(Debug, Default)]
pub struct ReplyParser {
    code: Option<u16>,
    lines: Vec<String>,
}

impl ReplyParser {
    /// Takes one line, CRLF included; gives the reply after its last line and is then ready for the next.
    ///
    /// # Errors
    /// See [`ReplyError`]; the connection must be closed.
    pub fn push(&mut self, line: &[u8]) -> Result<Option<Response>, ReplyError> {
        if line.len() > MAX_LINE || self.lines.len() == MAX_LINES {
            return Err(ReplyError::TooLong);
        }
        let line = line.strip_suffix(b"\r\n").ok_or(ReplyError::Malformed)?;
        if line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(ReplyError::Malformed);
        }
        let code = match line {
            [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
                u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
            }
            _ => return Err(ReplyError::Malformed),
        };
        if self.code.is_some_and(|known| known != code) {
            return Err(ReplyError::Malformed);
        }
        let more = match line.get(3) {
            // RFC 5321 §4.2: a client takes a code without text too.
            None | Some(b' ') => false,
            Some(b'-') => true,
            _ => return Err(ReplyError::Malformed),
        };
        let text = String::from_utf8_lossy(line.get(4..).unwrap_or_default());
        self.lines.push(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
        if more {
            self.code = Some(code);
            return Ok(None);
        }
        self.code = None;
        let lines = std::mem::take(&mut self.lines);
        Ok(Some(Response { code, status: status(code, &lines), lines }))
    }
}

/// `class.subject.detail` at the beginning of the last line's text, when the class is the code's.
fn status(code: u16, lines: &[String]) -> Option<String> {
    let word = lines.last()?.split(' ').next()?;
    let parts: Vec<&str> = word.split('.').collect();
    let digits = |s: &str, most| (1..=most).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    match parts.as_slice() {
        [class, subject, detail] if *class == (code / 100).to_string() && digits(subject, 3) && digits(detail, 3) => {
            Some(word.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Response>, ReplyError> {
        let mut parser = ReplyParser::default();
        let mut last = Ok(None);
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            last = parser.push(line);
            if last.is_err() {
                break;
            }
        }
        last
    }

    #[test]
    fn replies_of_one_line_and_several() {
        let one = read(b"250 2.1.5 Ok\r\n").unwrap().unwrap();
        assert_eq!((one.code, one.status.as_deref(), one.text().as_str()), (250, Some("2.1.5"), "250 2.1.5 Ok"));
        assert_eq!(read(b"220\r\n").unwrap().unwrap().text(), "220");
        let many = read(b"550-5.1.1 No\r\n550 5.1.1 such user\r\n").unwrap().unwrap();
        assert_eq!(many.text(), "550 5.1.1 No 5.1.1 such user");
        assert!(many.is_permanent() && !many.is_temporary() && !many.is_positive());
        assert_eq!(read(b"451 5.7.1 class of another code\r\n").unwrap().unwrap().status_or_default(), "4.0.0");
        assert_eq!(read(b"250-a\r\n").unwrap(), None);
    }

    #[test]
    fn a_parser_serves_reply_after_reply() {
        let mut parser = ReplyParser::default();
        parser.push(b"250-a\r\n").unwrap();
        assert_eq!(parser.push(b"250 b\r\n").unwrap().unwrap().lines, ["a", "b"]);
        assert_eq!(parser.push(b"354 go\r\n").unwrap().unwrap().lines, ["go"]);
    }

    #[test]
    fn what_is_no_reply() {
        for bytes in [
            &b"250 ok\n"[..],
            b"250 ok",
            b"hello\r\n",
            b"99 x\r\n",
            b"150 x\r\n",
            b"650 x\r\n",
            b"250x\r\n",
            b"250-a\r\n251 b\r\n",
            b"250 a\rb\r\n",
            b"250 \0\r\n",
            b"\r\n",
        ] {
            assert_eq!(read(bytes), Err(ReplyError::Malformed), "{bytes:?}");
        }
        let endless = b"250-x\r\n".repeat(MAX_LINES + 1);
        assert_eq!(read(&endless), Err(ReplyError::TooLong));
        let long = [b"250 ".as_slice(), &[b'x'; MAX_LINE], b"\r\n"].concat();
        assert_eq!(read(&long), Err(ReplyError::TooLong));
    }

    #[test]
    fn controls_never_reach_a_log_or_a_report() {
        let reply = read(b"550 \x1b[31mred\x07 \xff\r\n").unwrap().unwrap();
        assert!(!reply.text().chars().any(char::is_control), "{:?}", reply.text());
    }
}
