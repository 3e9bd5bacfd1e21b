//! APPEND (RFC 9051 §6.3.12, RFC 6855 §4), MULTIAPPEND (RFC 3502), CATENATE (RFC 4469) and REPLACE (RFC 8508), segment by
//! segment: a segment is what stands between two streamed literals.
use crate::codec::command::{AppendLiteral, AppendStart, AppendStep, Replaced};
use crate::codec::cursor::{Cursor, Fragment, Parsed, SyntaxError};
use crate::codec::name::MailboxName;
use crate::codec::sequence::{Bound, SequenceSet};
use crate::codec::{date, flags};

/// Most parts of one CATENATE.
const PARTS_MAX: usize = 500;

/// How far an APPEND has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    at: At,
    /// REPLACE: one message, no more.
    replace: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the mailbox.
    Start,
    /// After a message's literal.
    Literal,
    /// Within the parentheses of `UTF8 (~{n} …)`; in CATENATE, or not.
    Utf8 { catenate: bool },
    /// After a part of CATENATE.
    Part,
}

impl Progress {
    /// Nothing was read yet.
    pub const START: Self = Self { at: At::Start, replace: false };
}

/// What a segment says.
#[derive(Debug, PartialEq, Eq)]
pub struct Segment {
    /// In the first segment: the command's head, without steps.
    pub start: Option<AppendStart>,
    /// What to do.
    pub steps: Vec<AppendStep>,
    /// What comes next.
    pub next: Next,
}

/// What comes after a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The bytes of a message or part; the next segment goes on from here.
    Stream(Progress),
    /// The bytes of an argument: read the segment again when they are there.
    Argument,
    /// Nothing: the command is over.
    End,
}

/// Does an APPEND or a REPLACE begin so?
pub fn begins(fragments: &[Fragment]) -> bool {
    let mut c = Cursor::new(fragments);
    if c.tag().is_err() || !c.eat(b' ') {
        return false;
    }
    let replace = |c: &mut Cursor<'_>| c.eat_word("REPLACE") && c.eat(b' ');
    (c.eat_word("APPEND") && c.eat(b' ')) || replace(&mut c) || (c.eat_word("UID") && c.eat(b' ') && replace(&mut c))
}

/// Reads a segment. `literal` is the mark that ends it, if one does.
pub fn segment(fragments: &[Fragment], from: Progress, literal: Option<AppendLiteral>) -> Parsed<Segment> {
    let mut reader = Reader { c: Cursor::new(fragments), literal, replace: from.replace, parts: 0, steps: Vec::new() };
    let mut start = None;
    let next = match reader.read(from.at, &mut start) {
        Ok(next) => next,
        Err(Halt::Argument) => return Ok(Segment { start: None, steps: Vec::new(), next: Next::Argument }),
        Err(Halt::Bad(error)) => return Err(error),
    };
    Ok(Segment { start, steps: reader.steps, next })
}

/// Why reading stops in the middle.
enum Halt {
    /// The literal that follows is the argument wanted here.
    Argument,
    Bad(SyntaxError),
}
impl From<SyntaxError> for Halt {
    fn from(e: SyntaxError) -> Self {
        Self::Bad(e)
    }
}

struct Reader<'a> {
    c: Cursor<'a>,
    literal: Option<AppendLiteral>,
    replace: bool,
    parts: usize,
    steps: Vec<AppendStep>,
}

impl Reader<'_> {
    fn read(&mut self, from: At, start: &mut Option<AppendStart>) -> Result<Next, Halt> {
        let mut part = match from {
            At::Start => {
                *start = Some(self.head()?);
                self.c.sp()?;
                match self.message()? {
                    Some(next) => return Ok(next),
                    None => true,
                }
            }
            At::Literal => {
                self.steps.push(AppendStep::End);
                false
            }
            At::Utf8 { catenate } => {
                self.c.expect(b')', "UTF8 is not closed")?;
                if !catenate {
                    self.steps.push(AppendStep::End);
                }
                catenate
            }
            At::Part => true,
        };
        // `part`: within CATENATE, after a part (or before the first one).
        loop {
            if part {
                let first = matches!(self.steps.last(), Some(AppendStep::Message { .. }));
                if !first && self.c.eat(b')') {
                    self.steps.push(AppendStep::End);
                    part = false;
                    continue;
                }
                if !first {
                    self.c.sp()?;
                }
                if let Some(next) = self.part()? {
                    return Ok(next);
                }
                continue;
            }
            // Spaces at the end are forgiven.
            if self.literal.is_none() && self.c.clone().end().is_ok() {
                return Ok(Next::End);
            }
            if self.replace {
                return Err(SyntaxError("REPLACE takes one message").into());
            }
            self.c.sp()?;
            match self.message()? {
                Some(next) => return Ok(next),
                None => part = true,
            }
        }
    }

    /// Tag, name, what is replaced, mailbox.
    fn head(&mut self) -> Result<AppendStart, Halt> {
        let tag = self.c.tag()?;
        self.c.sp()?;
        let uid = self.c.eat_word("UID");
        if uid {
            self.c.sp()?;
        }
        let mut replaces = None;
        if self.c.keyword()? == "REPLACE" {
            self.replace = true;
            self.c.sp()?;
            let bound = if self.c.eat(b'*') { Bound::Last } else { Bound::Number(self.c.nz_number()?) };
            replaces = Some(Replaced { uid, set: SequenceSet::Ranges(vec![(bound, bound)]) });
        }
        self.c.sp()?;
        self.argument()?;
        let mailbox = MailboxName::parse(&mut self.c)?;
        Ok(AppendStart { tag, replaces, mailbox, steps: Vec::new() })
    }

    /// Options and data of a message; `None` before the first part of a CATENATE.
    fn message(&mut self) -> Result<Option<Next>, Halt> {
        let (mut flags, mut date) = (Default::default(), None);
        if self.c.peek() == Some(b'(') {
            flags = flags::parse_list(&mut self.c)?;
            self.c.sp()?;
        }
        if self.c.peek() == Some(b'"') {
            date = Some(date::parse_date_time(&mut self.c)?);
            self.c.sp()?;
        }
        let catenate = self.c.eat_word("CATENATE");
        self.steps.push(AppendStep::Message { flags, date, catenate });
        if catenate {
            self.c.sp()?;
            self.c.expect(b'(', "CATENATE needs its parts in parentheses")?;
            return Ok(None);
        }
        let at = if self.utf8()? { At::Utf8 { catenate: false } } else { At::Literal };
        self.stream(at).map(Some)
    }

    /// A part of CATENATE; `None` when nothing is to be streamed for it.
    fn part(&mut self) -> Result<Option<Next>, Halt> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(SyntaxError("CATENATE has too many parts").into());
        }
        if self.c.eat_word("URL") {
            self.c.sp()?;
            self.argument()?;
            let url = self.c.astring()?;
            self.steps.push(AppendStep::Url(url));
            return Ok(None);
        }
        if self.c.eat_word("TEXT") {
            self.c.sp()?;
            return self.stream(At::Part).map(Some);
        }
        if self.utf8()? {
            return self.stream(At::Utf8 { catenate: true }).map(Some);
        }
        Err(SyntaxError("a part of CATENATE is URL or TEXT").into())
    }

    /// `UTF8 (`.
    fn utf8(&mut self) -> Parsed<bool> {
        let utf8 = self.c.eat_word("UTF8");
        if utf8 {
            self.c.sp()?;
            self.c.expect(b'(', "UTF8 needs its message in parentheses")?;
        }
        Ok(utf8)
    }

    /// The literal of a message or part is next.
    fn stream(&mut self, at: At) -> Result<Next, Halt> {
        match self.literal {
            Some(literal) if self.c.at_end() => {
                self.steps.push(AppendStep::Literal(literal));
                Ok(Next::Stream(Progress { at, replace: self.replace }))
            }
            _ => Err(SyntaxError("APPEND takes a mailbox, flags, a date and a literal").into()),
        }
    }

    /// An argument is next: is it the literal that follows?
    fn argument(&self) -> Result<(), Halt> {
        if self.literal.is_some() && self.c.at_end() { Err(Halt::Argument) } else { Ok(()) }
    }
}
