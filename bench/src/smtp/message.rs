//! Unique messages of a wanted size, valid and refused by no sane server: 7-bit lines of 76 characters, no leading dots.
use clap::ValueEnum;
use std::fmt::Write;

/// What bodies are made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Body {
    /// Words: what a compressor likes
    #[default]
    Text,
    /// Random bytes in base64: what it does not like
    Base64,
}

/// What all messages of a run have in common.
#[derive(Debug, Clone)]
pub struct Template {
    /// Name of the run, in each Message-ID.
    pub run: String,
    /// Sender.
    pub from: String,
    /// Wanted size, bytes, of the whole message. Reached exactly unless the headers alone are longer.
    pub size: usize,
    /// Body.
    pub body: Body,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Message-ID, without brackets.
    pub id: String,
    /// Everything, lines ended by CRLF.
    pub bytes: Vec<u8>,
}

const LINE: usize = 78;
const PAD: &str = "X-Load-Padding: ";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const WORDS: [&str; 32] = [
    "le",
    "patient",
    "de",
    "la",
    "consultation",
    "du",
    "jour",
    "avec",
    "un",
    "compte",
    "rendu",
    "et",
    "des",
    "examens",
    "pour",
    "suivi",
    "dans",
    "service",
    "une",
    "lettre",
    "sur",
    "prise",
    "en",
    "charge",
    "sans",
    "traitement",
    "au",
    "domicile",
    "resultat",
    "normal",
    "par",
    "ordonnance",
];

/// SplitMix64: fast, and each message's content is its own.
struct Random(u64);
impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Template {
    /// The message of this number. Two calls differ in their Date only.
    pub fn build(&self, number: u64, recipients: &[&str]) -> Message {
        let id = format!("{}.{number}@load.invalid", self.run);
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
        let mut head = String::with_capacity(self.size + LINE);
        let (kind, encoding) = match self.body {
            Body::Text => ("text/plain; charset=us-ascii", "7bit"),
            Body::Base64 => ("application/octet-stream", "base64"),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            head,
            "From: <{from}>\r\nTo: <{to}>\r\nSubject: Load {number} of run {run}\r\nDate: {date}\r\nMessage-ID: <{id}>\r\n\
             MIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n",
            from = self.from,
            to = recipients.join(">,\r\n <"),
            run = self.run,
        );
        // Whole lines of body; what is over goes into a padding header, never shorter than itself.
        let room = self.size.saturating_sub(head.len() + 2);
        let (mut lines, mut over) = (room / LINE, room % LINE);
        let least = PAD.len() + 2;
        if over != 0 && over < least && lines > 0 {
            lines -= 1;
            over += LINE;
        }
        if over >= least {
            let _ = write!(head, "{PAD}{:x<width$}\r\n", "", width = over - least);
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        let mut random =
            Random(self.run.bytes().fold(number, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3)));
        for _ in 0..lines {
            match self.body {
                Body::Text => words(&mut bytes, &mut random),
                Body::Base64 => base64(&mut bytes, &mut random),
            }
            bytes.extend_from_slice(b"\r\n");
        }
        Message { id, bytes }
    }
}

/// A line of words, cut at its length; the first is never a dot.
fn words(bytes: &mut Vec<u8>, random: &mut Random) {
    let end = bytes.len() + LINE - 2;
    while bytes.len() < end {
        let mut dice = random.next();
        for _ in 0..12 {
            bytes.extend_from_slice(WORDS[(dice & 31) as usize].as_bytes());
            bytes.push(b' ');
            dice >>= 5;
        }
    }
    bytes.truncate(end);
    // No blank at a line's end: some programs cut it.
    bytes[end - 1] = b'.';
}

/// A line of 57 random bytes in base64.
fn base64(bytes: &mut Vec<u8>, random: &mut Random) {
    let end = bytes.len() + LINE - 2;
    while bytes.len() < end {
        let mut dice = random.next();
        for _ in 0..10 {
            bytes.push(ALPHABET[(dice & 63) as usize]);
            dice >>= 6;
        }
    }
    bytes.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::base64::{Engine, engine::general_purpose::STANDARD};
    use proptest::prelude::*;

    fn template(size: usize, body: Body) -> Template {
        Template { run: "r".into(), from: "a@b.example".into(), size, body }
    }

    #[test]
    fn messages_differ_and_a_number_gives_the_same_content_again() {
        let t = template(4096, Body::Base64);
        let body = |n| {
            let m = t.build(n, &["c@d.example"]);
            let at = m.bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
            (m.id, m.bytes[at..].to_vec())
        };
        assert_eq!(body(1), body(1));
        assert_ne!(body(1).0, body(2).0);
        assert_ne!(body(1).1, body(2).1);
    }

    #[test]
    fn random_bodies_are_base64() {
        let m = template(4096, Body::Base64).build(7, &["c@d.example"]);
        let text = String::from_utf8(m.bytes).unwrap();
        let body: String = text.split_once("\r\n\r\n").unwrap().1.split("\r\n").collect();
        assert_eq!(STANDARD.decode(body).unwrap().len() % 57, 0);
    }

    #[test]
    fn one_from_and_every_recipient() {
        let m = template(0, Body::Text).build(7, &["c@d.example", "e@f.example"]);
        let text = String::from_utf8(m.bytes).unwrap();
        assert_eq!(text.matches("From: <a@b.example>\r\n").count(), 1);
        assert!(text.contains("To: <c@d.example>,\r\n <e@f.example>\r\n"), "{text}");
        assert!(text.contains("Message-ID: <r.7@load.invalid>\r\n"));
    }

    proptest! {
        #[test]
        fn exact_size_and_clean_lines(size in 600usize..20_000, random: bool, number: u64) {
            let body = if random { Body::Base64 } else { Body::Text };
            let m = template(size, body).build(number, &["c@d.example"]);
            prop_assert_eq!(m.bytes.len(), size);
            prop_assert!(m.bytes.is_ascii() && m.bytes.ends_with(b"\r\n"));
            let text = String::from_utf8(m.bytes).unwrap();
            for line in text.split("\r\n") {
                prop_assert!(!line.starts_with('.') && line.len() < 200 && !line.contains(['\r', '\n', '\0']));
            }
        }
    }
}
