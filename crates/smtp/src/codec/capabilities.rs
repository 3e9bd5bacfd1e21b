//! What a server announced in its EHLO reply (RFC 5321 §4.1.1.1).
use super::response::Response;

/// Extensions that the client side uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the keywords of the same names
pub struct Capabilities {
    pub starttls: bool,
    pub pipelining: bool,
    pub eight_bit: bool,
    pub smtputf8: bool,
    pub enhanced: bool,
    pub size: bool,
    /// The size limit, when a finite one was announced.
    pub max_size: Option<u64>,
    pub dsn: bool,
    pub chunking: bool,
    pub binary: bool,
    pub requiretls: bool,
    /// Most messages of a session (LIMITS MAILMAX, RFC 9422).
    pub mail_max: Option<u32>,
    /// Most recipients of a message (LIMITS RCPTMAX).
    pub rcpt_max: Option<u32>,
}

impl Capabilities {
    /// Reads an EHLO reply; its first line is the server's name.
    pub fn of(reply: &Response) -> Self {
        let mut out = Self::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "STARTTLS" => out.starttls = true,
                "PIPELINING" => out.pipelining = true,
                "8BITMIME" => out.eight_bit = true,
                "SMTPUTF8" => out.smtputf8 = true,
                "ENHANCEDSTATUSCODES" => out.enhanced = true,
                "SIZE" => {
                    out.size = true;
                    // RFC 1870 §3: zero, or nothing, is no fixed limit.
                    out.max_size = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                }
                "DSN" => out.dsn = true,
                "CHUNKING" => out.chunking = true,
                "BINARYMIME" => out.binary = true,
                "REQUIRETLS" => out.requiretls = true,
                "LIMITS" => words.for_each(|word| out.limit(word)),
                _ => {}
            }
        }
        // RFC 3030 §3: without CHUNKING there is no way to send what is binary.
        out.binary &= out.chunking;
        out
    }

    /// `NAME=number` of LIMITS. What is no number, or nothing, limits nothing (RFC 9422 §4).
    fn limit(&mut self, word: &str) {
        let Some((name, value)) = word.split_once('=') else { return };
        let value = value.parse::<u32>().ok().filter(|n| *n > 0);
        match name.to_ascii_uppercase().as_str() {
            "MAILMAX" => self.mail_max = value,
            "RCPTMAX" => self.rcpt_max = value,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Capabilities {
        Capabilities::of(&Response { code: 250, status: None, lines: lines.iter().map(|l| (*l).to_owned()).collect() })
    }

    #[test]
    fn keywords_in_any_case_and_never_from_the_greeting() {
        let c = of(&["STARTTLS", "pipelining", "Size 1000", "8BITMIME", "SMTPUTF8", "X-OTHER y"]);
        assert!(!c.starttls && c.pipelining && c.eight_bit && c.smtputf8 && !c.enhanced);
        assert_eq!(c.max_size, Some(1000));
        assert_eq!(of(&["a", "SIZE 0"]), Capabilities { size: true, ..Capabilities::default() });
        assert_eq!(of(&["a", "SIZE"]).max_size, None);
        assert!(of(&["a", "STARTTLS"]).starttls);
        let c =
            of(&["a", "DSN", "CHUNKING", "BINARYMIME", "REQUIRETLS", "LIMITS MAILMAX=5 rcptmax=20 RCPTDOMAINMAX=1 X"]);
        assert!(c.dsn && c.chunking && c.binary && c.requiretls);
        assert_eq!((c.mail_max, c.rcpt_max), (Some(5), Some(20)));
        assert!(!of(&["a", "BINARYMIME"]).binary, "nothing carries it");
        assert_eq!(of(&["a", "LIMITS MAILMAX=0 RCPTMAX=many"]), Capabilities::default());
    }
}
