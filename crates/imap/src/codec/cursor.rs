//! Reads the tokens of RFC 9051 §9 from a framed command: lines and literals.
use super::budget::{DEPTH_MAX, TAG_MAX};

/// A piece of a framed command.
#[derive(Clone, PartialEq, Eq)]
pub enum Fragment {
    /// Text of a line, without its end and without the `{n}` of the literal that follows it.
    Line(Vec<u8>),
    /// A literal's bytes.
    Literal {
        /// As sent.
        bytes: Vec<u8>,
        /// A literal8 (`~{n}`): may hold NUL.
        binary: bool,
    },
}

impl std::fmt::Debug for Fragment {
    /// Commands may hold secrets: only sizes are shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(l) => write!(f, "Line({} bytes)", l.len()),
            Self::Literal { bytes, binary } => write!(f, "Literal({} bytes, binary {binary})", bytes.len()),
        }
    }
}

/// A grammar error, as a short English phrase that quotes nothing of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub &'static str);

/// Result of reading a token.
pub type Parsed<T> = Result<T, SyntaxError>;

/// ATOM-CHAR: any CHAR but atom-specials.
pub fn is_atom_char(b: u8) -> bool {
    matches!(b, 0x21..=0x7e) && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// ASTRING-CHAR: ATOM-CHAR or `]`.
pub fn is_astring_char(b: u8) -> bool {
    is_atom_char(b) || b == b']'
}

/// True when `tag` is a tag: ASTRING-CHARs but `+`.
pub fn is_tag(tag: &[u8]) -> bool {
    !tag.is_empty() && tag.len() <= TAG_MAX && tag.iter().all(|&b| is_astring_char(b) && b != b'+')
}

/// A position in a framed command.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    fragments: &'a [Fragment],
    index: usize,
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// At the start.
    pub fn new(fragments: &'a [Fragment]) -> Self {
        Self { fragments, index: 0, at: 0, depth: 0 }
    }
    /// What is left of the present line.
    fn rest(&self) -> &'a [u8] {
        match self.fragments.get(self.index) {
            Some(Fragment::Line(line)) => line.get(self.at..).unwrap_or_default(),
            _ => &[],
        }
    }
    /// The next byte of the line; `None` at its end (a literal may follow).
    pub fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }
    /// True when nothing is left, neither text nor literal.
    pub fn at_end(&self) -> bool {
        self.rest().is_empty() && self.index + 1 >= self.fragments.len()
    }
    /// True when a literal stands here.
    fn at_literal(&self) -> bool {
        self.rest().is_empty() && matches!(self.fragments.get(self.index + 1), Some(Fragment::Literal { .. }))
    }
    /// Takes `b` if it is next.
    pub fn eat(&mut self, b: u8) -> bool {
        let hit = self.peek() == Some(b);
        if hit {
            self.at += 1;
        }
        hit
    }
    /// Takes `b` or fails with `why`.
    pub fn expect(&mut self, b: u8, why: &'static str) -> Parsed<()> {
        if self.eat(b) { Ok(()) } else { Err(SyntaxError(why)) }
    }
    /// One space.
    pub fn sp(&mut self) -> Parsed<()> {
        self.expect(b' ', "a space is missing")
    }
    /// The end of the command; spaces before it are forgiven.
    pub fn end(mut self) -> Parsed<()> {
        while self.eat(b' ') {}
        if self.at_end() { Ok(()) } else { Err(SyntaxError("too many arguments")) }
    }
    /// Bytes for which `accept` holds.
    pub fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let n = rest.iter().position(|&b| !accept(b)).unwrap_or(rest.len());
        self.at += n;
        &rest[..n]
    }
    /// An atom.
    pub fn atom(&mut self) -> Parsed<&'a str> {
        let taken = self.take_while(is_atom_char);
        if taken.is_empty() { Err(SyntaxError("a word is missing")) } else { ascii(taken) }
    }
    /// Letters, digits, `.`, `-`, `_`, `=`, `+`: keywords of the protocol, in upper case.
    pub fn keyword(&mut self) -> Parsed<String> {
        let taken = self.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'=' | b'+'));
        if taken.is_empty() {
            return Err(SyntaxError("a keyword is missing"));
        }
        Ok(ascii(taken)?.to_ascii_uppercase())
    }
    /// Takes the word `word` (any case) when it is next and ends there.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let Some(head) = rest.get(..word.len()) else { return false };
        let ends = rest.get(word.len()).is_none_or(|&b| !is_atom_char(b));
        let hit = ends && head.eq_ignore_ascii_case(word.as_bytes());
        if hit {
            self.at += word.len();
        }
        hit
    }
    /// The tag.
    pub fn tag(&mut self) -> Parsed<String> {
        let taken = self.take_while(|b| is_astring_char(b) && b != b'+');
        if !is_tag(taken) {
            return Err(SyntaxError("the tag is not valid"));
        }
        Ok(ascii(taken)?.to_owned())
    }
    /// A number of 64 bits (RFC 9051 number64: 63 bits).
    pub fn number64(&mut self) -> Parsed<u64> {
        let digits = self.take_while(|b| b.is_ascii_digit());
        if digits.is_empty() {
            return Err(SyntaxError("a number is missing"));
        }
        let n: u64 = ascii(digits)?.parse().map_err(|_| SyntaxError("a number is too large"))?;
        if i64::try_from(n).is_err() { Err(SyntaxError("a number is too large")) } else { Ok(n) }
    }
    /// A number of 32 bits.
    pub fn number(&mut self) -> Parsed<u32> {
        u32::try_from(self.number64()?).map_err(|_| SyntaxError("a number is too large"))
    }
    /// A number of 32 bits above zero.
    pub fn nz_number(&mut self) -> Parsed<u32> {
        match self.number()? {
            0 => Err(SyntaxError("a number must not be zero")),
            n => Ok(n),
        }
    }
    /// A quoted string's value. UTF-8 is accepted in it (RFC 9051 QUOTED-CHAR), always.
    pub fn quoted(&mut self) -> Parsed<Vec<u8>> {
        self.expect(b'"', "a quoted string is missing")?;
        let rest = self.rest();
        let mut out = Vec::new();
        let mut i = 0;
        loop {
            match rest.get(i) {
                None => return Err(SyntaxError("a quoted string is not closed")),
                Some(b'"') => break,
                Some(b'\\') => match rest.get(i + 1) {
                    Some(&c @ (b'"' | b'\\')) => {
                        out.push(c);
                        i += 2;
                    }
                    _ => return Err(SyntaxError("a backslash in a quoted string must precede a quote or a backslash")),
                },
                Some(0 | b'\r' | b'\n') => return Err(SyntaxError("a quoted string holds a forbidden character")),
                Some(&c) => {
                    out.push(c);
                    i += 1;
                }
            }
        }
        self.at += i + 1;
        if std::str::from_utf8(&out).is_err() {
            return Err(SyntaxError("a quoted string is not UTF-8"));
        }
        Ok(out)
    }
    /// A string: quoted or literal.
    pub fn string(&mut self) -> Parsed<Vec<u8>> {
        if self.at_literal() {
            let Some(Fragment::Literal { bytes, binary }) = self.fragments.get(self.index + 1) else {
                return Err(SyntaxError("a literal is missing"));
            };
            if !binary && bytes.contains(&0) {
                return Err(SyntaxError("a literal holds NUL"));
            }
            self.index += 2;
            self.at = 0;
            return Ok(bytes.clone());
        }
        self.quoted()
    }
    /// An astring: atom-like or string.
    pub fn astring(&mut self) -> Parsed<Vec<u8>> {
        self.atom_or_string(is_astring_char)
    }
    /// A string, or a run of characters that `accept` takes.
    pub fn atom_or_string(&mut self, accept: impl Fn(u8) -> bool) -> Parsed<Vec<u8>> {
        if self.peek() == Some(b'"') || self.at_literal() {
            return self.string();
        }
        let taken = self.take_while(accept);
        if taken.is_empty() { Err(SyntaxError("an argument is missing")) } else { Ok(taken.to_vec()) }
    }
    /// An nstring: `NIL` or a string.
    pub fn nstring(&mut self) -> Parsed<Option<Vec<u8>>> {
        if self.eat_word("NIL") { Ok(None) } else { self.string().map(Some) }
    }
    /// Enters a level of nesting, under budget; leave with [`Cursor::leave`].
    pub fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(SyntaxError("lists are nested too deeply")) } else { Ok(()) }
    }
    /// Leaves a level of nesting.
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
    /// `( item SP item … )`, at most `max` items; the empty list only when `empty` allows it.
    pub fn list<T>(&mut self, max: usize, empty: bool, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect(b'(', "a list is missing")?;
        self.enter()?;
        let mut out = Vec::new();
        if self.eat(b')') {
            self.leave();
            return if empty { Ok(out) } else { Err(SyntaxError("a list is empty")) };
        }
        loop {
            if out.len() >= max {
                return Err(SyntaxError("a list has too many items"));
            }
            out.push(item(self)?);
            if self.eat(b')') {
                self.leave();
                return Ok(out);
            }
            self.sp()?;
        }
    }
}

/// ASCII bytes as text.
pub fn ascii(bytes: &[u8]) -> Parsed<&str> {
    match std::str::from_utf8(bytes) {
        Ok(s) if s.is_ascii() => Ok(s),
        _ => Err(SyntaxError("a character is not ASCII")),
    }
}

/// Bytes as UTF-8 text.
pub fn utf8(bytes: Vec<u8>) -> Parsed<String> {
    String::from_utf8(bytes).map_err(|_| SyntaxError("a string is not UTF-8"))
}
