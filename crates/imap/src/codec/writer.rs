//! Writes responses (RFC 9051 §7, §9).
//!
//! Promise: no CR, LF or NUL of a value reaches a line. Protocol text is `&'static str`; every value goes through a method
//! that encodes it (quoted string, literal, modified UTF-7, number) or cleans it ([`Out::text`]).
use super::cursor::is_atom_char;
use super::flags::SYSTEM;
use super::name;
use sceau_domain::Refusal;
use sceau_domain::text::{Lang, to_ascii};
use sceau_operator::mailbox::entries::FlagSet;

/// Longest value written as a quoted string; longer ones are literals.
const QUOTED_MAX: usize = 1000;

/// A buffer of responses.
#[derive(Debug, Default)]
pub struct Out {
    buf: Vec<u8>,
    utf8: bool,
    uid_only: bool,
}

impl Out {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }
    /// The client enabled UTF-8 (IMAP4rev2 or UTF8=ACCEPT): names and texts are UTF-8.
    pub fn set_utf8(&mut self, on: bool) {
        self.utf8 = on;
    }
    /// True when UTF-8 is enabled.
    pub fn utf8(&self) -> bool {
        self.utf8
    }
    /// The client enabled UIDONLY (RFC 9586): no response holds a message sequence number.
    pub fn set_uid_only(&mut self, on: bool) {
        self.uid_only = on;
    }
    /// True when UIDONLY is enabled.
    pub fn uid_only(&self) -> bool {
        self.uid_only
    }
    /// `* 12 FETCH (`, or `* 4711 UIDFETCH (` once UIDONLY is enabled (RFC 9586 §3.3).
    pub fn fetch(&mut self, number: u32, uid: u32) -> &mut Self {
        if self.uid_only {
            self.raw("* ").num(uid).raw(" UIDFETCH (")
        } else {
            self.raw("* ").num(number).raw(" FETCH (")
        }
    }
    /// Bytes waiting.
    pub fn len(&self) -> usize {
        self.buf.len()
    }
    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }
    /// The bytes waiting.
    pub fn bytes(&self) -> &[u8] {
        &self.buf
    }
    /// Forgets the bytes waiting, once sent.
    pub fn clear(&mut self) {
        self.buf.clear();
    }
    /// Gives memory back while the session is parked.
    pub fn park(&mut self) {
        self.buf.shrink_to(0);
    }
    /// Protocol text, without line ends.
    pub fn raw(&mut self, text: &'static str) -> &mut Self {
        debug_assert!(!text.contains(['\r', '\n']));
        self.buf.extend_from_slice(text.as_bytes());
        self
    }
    /// A number.
    pub fn num(&mut self, n: impl Into<u64>) -> &mut Self {
        let n: u64 = n.into();
        self.buf.extend_from_slice(n.to_string().as_bytes());
        self
    }
    /// Numbers and the punctuation of sets and part numbers; anything else is left out.
    pub fn set(&mut self, set: &str) -> &mut Self {
        self.buf
            .extend(set.bytes().filter(|b| b.is_ascii_digit() || matches!(b, b',' | b':' | b'.' | b'*' | b'<' | b'>')));
        self
    }
    /// A tag (checked by the parser; anything else is left out).
    pub fn tag(&mut self, tag: &str) -> &mut Self {
        self.buf.extend(tag.bytes().filter(|&b| is_atom_char(b) || b == b']'));
        self
    }
    /// A string: quoted when it can be, else a literal. NUL, which neither can hold, becomes `?`.
    pub fn string(&mut self, value: &[u8]) -> &mut Self {
        let plain = value.len() <= QUOTED_MAX && !value.iter().any(|b| matches!(b, 0 | b'\r' | b'\n'));
        let quotable = plain && (value.is_ascii() || (self.utf8 && std::str::from_utf8(value).is_ok()));
        if quotable {
            self.buf.push(b'"');
            for &b in value {
                if matches!(b, b'"' | b'\\') {
                    self.buf.push(b'\\');
                }
                self.buf.push(b);
            }
            self.buf.push(b'"');
        } else {
            self.literal_mark(value.len() as u64, false);
            self.buf.extend(value.iter().map(|&b| if b == 0 { b'?' } else { b }));
        }
        self
    }
    /// A URL as a client wrote it, in a quoted string that can stand in a response code: what cannot is left out.
    pub fn url(&mut self, url: &[u8]) -> &mut Self {
        self.buf.push(b'"');
        let plain = |b: &&u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b']');
        self.buf.extend(url.iter().filter(plain).take(QUOTED_MAX));
        self.buf.push(b'"');
        self
    }
    /// An object id (RFC 8474 §7): letters, digits, `_` and `-`; anything else is left out.
    pub fn object(&mut self, id: &str) -> &mut Self {
        self.buf.extend(id.bytes().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')));
        self
    }
    /// A string or `NIL`.
    pub fn nstring(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(v) => self.string(v.as_bytes()),
            None => self.raw("NIL"),
        }
    }
    /// An astring: bare when it is an atom, else a string.
    pub fn astring(&mut self, value: &str) -> &mut Self {
        if !value.is_empty() && value.bytes().all(is_atom_char) && !value.eq_ignore_ascii_case("NIL") {
            self.buf.extend_from_slice(value.as_bytes());
            self
        } else {
            self.string(value.as_bytes())
        }
    }
    /// A mailbox name.
    pub fn mailbox(&mut self, path: &str) -> &mut Self {
        let wire = name::encode(path, self.utf8);
        self.string(wire.as_bytes())
    }
    /// `(\Seen keyword …)`. A keyword that cannot stand as an atom is left out.
    pub fn flags(&mut self, flags: &FlagSet) -> &mut Self {
        self.buf.push(b'(');
        let mut first = true;
        let system = SYSTEM.iter().filter(|(flag, _)| flags.system.has(*flag)).map(|(_, name)| *name);
        let keywords = flags.keywords.iter().filter(|k| super::flags::is_keyword(k));
        for name in system.chain(keywords) {
            if !std::mem::take(&mut first) {
                self.buf.push(b' ');
            }
            self.buf.extend_from_slice(name.as_bytes());
        }
        self.buf.push(b')');
        self
    }
    /// `{n}` and line end: `size` bytes must follow through [`Out::literal_bytes`] or directly on the connection.
    pub fn literal_mark(&mut self, size: u64, binary: bool) -> &mut Self {
        self.raw(if binary { "~{" } else { "{" }).num(size).raw("}");
        self.buf.extend_from_slice(b"\r\n");
        self
    }
    /// Bytes of a literal whose mark was written.
    pub fn literal_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.buf.extend_from_slice(bytes);
        self
    }
    /// Human-readable text in one line; ASCII unless UTF-8 is enabled.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let clean = if self.utf8 { clean } else { to_ascii(&clean) };
        self.buf.extend_from_slice(clean.as_bytes());
        self
    }
    /// Sentences of a refusal, French first, and its stable code in parentheses; no response code.
    pub fn refusal(&mut self, refusal: &Refusal) -> &mut Self {
        if self.utf8 {
            let (fr, en) = (refusal.sentence(Lang::Fr), refusal.sentence(Lang::En));
            self.text(&fr).raw(" / ").text(&en)
        } else {
            self.text(&refusal.smtp_text())
        };
        self.raw(" (").raw(refusal.code.as_str()).raw(")")
    }
    /// `[CODE] ` when the refusal has a response code (RFC 5530).
    pub fn refusal_code(&mut self, refusal: &Refusal) -> &mut Self {
        match refusal.code.imap() {
            "" => self,
            code => self.raw("[").raw(code).raw("] "),
        }
    }
    /// Ends a chain of calls where no value is wanted.
    pub fn done(&mut self) {}
    /// Ends the line.
    pub fn end(&mut self) {
        self.buf.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cursor::{Cursor, Fragment};
    use proptest::prelude::*;
    use sceau_domain::RefusalCode;
    use sceau_operator::mailbox::entries::Flags;

    fn written(f: impl FnOnce(&mut Out)) -> String {
        let mut out = Out::new();
        f(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    #[test]
    fn strings_are_quoted_or_literal() {
        assert_eq!(written(|o| o.string(b"a\"b\\c").done()), "\"a\\\"b\\\\c\"");
        assert_eq!(written(|o| o.string("é".as_bytes()).done()), "{2}\r\né");
        assert_eq!(written(|o| o.string(b"a\r\nb").done()), "{4}\r\na\r\nb");
        assert_eq!(written(|o| o.string(b"a\0").done()), "{2}\r\na?");
        assert_eq!(written(|o| o.nstring(None).done()), "NIL");
        assert_eq!(written(|o| o.astring("Subject").done()), "Subject");
        assert_eq!(written(|o| o.astring("nil").done()), "\"nil\"");
        let mut out = Out::new();
        out.set_utf8(true);
        out.string("é".as_bytes()).mailbox("Envoyés");
        assert_eq!(out.bytes(), "\"é\"\"Envoyés\"".as_bytes());
        assert_eq!(written(|o| o.mailbox("Envoyés").done()), "\"Envoy&AOk-s\"");
    }

    #[test]
    fn flags_and_texts_cannot_break_the_line() {
        let set = FlagSet { system: Flags::SEEN, keywords: vec!["ok", "a\r\nb", "c d"].into() };
        assert_eq!(written(|o| o.flags(&set).done()), "(\\Seen ok)");
        assert_eq!(written(|o| o.text("a\r\n* BYE é").done()), "a  * BYE e");
        assert_eq!(written(|o| o.tag("a\r\nb c").done()), "abc");
        assert_eq!(written(|o| o.set("1:2,3\r\n4").done()), "1:2,34");
        let refusal = Refusal::new(RefusalCode::FolderUnknown).with("name", "x\r\ny");
        let line = written(|o| o.refusal_code(&refusal).refusal(&refusal).done());
        assert!(line.starts_with("[NONEXISTENT] ") && line.ends_with(" (folder.unknown)"), "{line}");
        assert!(!line.contains(['\r', '\n']));
    }

    proptest! {
        #[test]
        fn any_string_is_read_back(value in proptest::collection::vec(1u8.., 0..60), utf8: bool) {
            let mut out = Out::new();
            out.set_utf8(utf8);
            out.string(&value);
            let fragments = if out.bytes().first() == Some(&b'{') {
                let end = out.bytes().iter().position(|&b| b == b'\n').unwrap();
                let literal = Fragment::Literal { bytes: out.bytes()[end + 1..].to_vec(), binary: false };
                vec![Fragment::Line(vec![]), literal, Fragment::Line(vec![])]
            } else {
                vec![Fragment::Line(out.bytes().to_vec())]
            };
            prop_assert_eq!(Cursor::new(&fragments).string(), Ok(value));
        }
    }
}
