//! Cuts the client's stream into commands, under budget, before parsing (RFC 9051 §2.2.1, §4.3; RFC 7888).
//!
//! Promises: no more than [`Budget::command`] bytes of a command are ever held; each byte is looked at once; a command over
//! budget or ill-framed yields one [`Event::Bad`] with its tag and the stream goes on at the next command, unless what there
//! is to throw away exceeds [`Budget::discard`] ([`Event::Fatal`]). Message literals of APPEND and REPLACE are never collected:
//! the caller takes them with [`Framer::stream`].
use super::budget::Budget;
use super::command::{AppendLiteral, AppendStart, AppendStep, Tagged};
use super::cursor::{Fragment, SyntaxError, is_tag};
use super::parse::{self, Next, Progress};

/// What the framer found.
#[derive(Debug)]
pub enum Event {
    /// Feed more bytes.
    NeedMore,
    /// A synchronising literal is announced and fits: send a continuation request (`+ …`), then feed.
    Continue,
    /// APPEND or REPLACE up to its first literal. Take the literal with [`Framer::stream`] (after a continuation request when
    /// it is synchronising), or give up with [`Framer::abandon`] when it is and no continuation was sent.
    Append(Box<AppendStart>),
    /// What follows in it, up to its next literal.
    AppendSteps(Vec<AppendStep>),
    /// It is over, or it cannot be understood from here on.
    AppendEnd(Result<(), SyntaxError>),
    /// A whole command.
    Command(Box<Tagged>),
    /// A command that cannot be understood; answered `BAD`.
    Bad {
        /// Its tag, when it has a valid one.
        tag: Option<String>,
        /// Why.
        error: SyntaxError,
    },
    /// The stream cannot be followed any more: say BYE and close.
    Fatal(SyntaxError),
}

/// The `{n}`, `{n+}`, `~{n}`, `~{n+}` at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LiteralMark {
    /// Where the mark begins in the line.
    at: usize,
    size: u64,
    /// Non-synchronising: the bytes come without being asked for.
    unasked: bool,
    binary: bool,
}

enum Mode {
    Line,
    Literal {
        left: usize,
        bytes: Vec<u8>,
        binary: bool,
    },
    Stream {
        left: u64,
    },
    /// An APPEND is over.
    Over,
    Skip(Skip),
}

/// Throwing away the rest of a command.
struct Skip {
    tag: Option<String>,
    error: SyntaxError,
    /// It is the rest of an APPEND whose beginning was given out.
    append: bool,
    /// Bytes of a literal still to come.
    literal: u64,
    /// End of the present line, to see whether a literal follows it.
    tail: Vec<u8>,
    /// Bytes thrown away.
    total: u64,
}

/// Longest literal mark: `~{`, 20 digits, `+}`, CR.
const TAIL: usize = 32;
/// What a literal costs beside its bytes: two fragments, with the room that the text before it took. So that empty ones are not free.
const LITERAL_COST: usize = 2 * size_of::<Fragment>() + TAIL;
const TOO_LONG: SyntaxError = SyntaxError("the command is too long");
const LITERAL_TOO_BIG: SyntaxError = SyntaxError("a literal is too large");

/// The incremental framer. Feed bytes, then ask for events until [`Event::NeedMore`].
pub struct Framer {
    budget: Budget,
    input: Vec<u8>,
    /// Bytes of `input` already consumed.
    start: usize,
    /// Bytes after `start` known to hold no line end.
    scanned: usize,
    fragments: Vec<Fragment>,
    /// Bytes of the present command held in `fragments`.
    held: usize,
    /// Within an APPEND, after a literal: how far it has come.
    append: Option<Progress>,
    mode: Mode,
}

impl Framer {
    /// A framer with a budget.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            input: Vec::new(),
            start: 0,
            scanned: 0,
            fragments: Vec::new(),
            held: 0,
            append: None,
            mode: Mode::Line,
        }
    }
    /// Changes the budget (after login).
    pub fn set_budget(&mut self, budget: Budget) {
        self.budget = budget;
    }
    /// Adds received bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.compact();
        self.input.extend_from_slice(bytes);
    }
    /// Bytes of the present command that are in memory, those not understood yet included; a message literal that waits to be taken too. While the framer asks for
    /// more, and all of such a literal was taken, no more than [`Budget::command`] and a line end.
    pub fn in_memory(&self) -> usize {
        let fragment = |f: &Fragment| match f {
            Fragment::Line(bytes) | Fragment::Literal { bytes, .. } => bytes.len(),
        };
        let mode = match &self.mode {
            Mode::Literal { bytes, .. } => bytes.capacity(),
            Mode::Skip(skip) => skip.tail.len(),
            Mode::Line | Mode::Stream { .. } | Mode::Over => 0,
        };
        self.fragments.iter().map(fragment).sum::<usize>() + mode + self.input.len() - self.start
    }
    /// True when received bytes wait to be understood (pipelining; STARTTLS injection check).
    pub fn has_input(&self) -> bool {
        self.start < self.input.len()
    }
    /// True when a command has begun and its end has not come.
    pub fn in_command(&self) -> bool {
        self.has_input() || self.held > 0 || !matches!(self.mode, Mode::Line)
    }
    /// True inside a literal: what comes next are bytes, not a line.
    pub fn wants_bytes(&self) -> bool {
        match &self.mode {
            Mode::Literal { .. } => true,
            Mode::Stream { left } => *left > 0,
            Mode::Skip(skip) => skip.literal > 0,
            Mode::Line | Mode::Over => false,
        }
    }
    /// Gives memory back while the session is parked.
    pub fn park(&mut self) {
        self.compact();
        self.input.shrink_to_fit();
        self.fragments = Vec::new();
    }
    /// Takes one raw line (AUTHENTICATE's and IDLE's continuations), without its end. `None`: feed more.
    /// An error when it is longer than `max`.
    pub fn raw_line(&mut self, max: usize) -> Option<Result<Vec<u8>, SyntaxError>> {
        match self.find_line(max) {
            Found::No => None,
            Found::TooLong => Some(Err(TOO_LONG)),
            Found::Line(line) => Some(if line.len() > max { Err(TOO_LONG) } else { Ok(line) }),
        }
    }
    /// Bytes of the message literal not taken yet.
    pub fn stream_left(&self) -> u64 {
        match self.mode {
            Mode::Stream { left } => left,
            _ => 0,
        }
    }
    /// Takes what has come of the message literal, at most `max` bytes; empty: feed more, or all was taken.
    pub fn stream(&mut self, max: usize) -> Vec<u8> {
        let Mode::Stream { left } = &mut self.mode else { return Vec::new() };
        let waiting = self.input.len() - self.start;
        let n = waiting.min(max).min(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= n as u64;
        if *left == 0 {
            self.mode = Mode::Line;
        }
        let piece = self.input[self.start..self.start + n].to_vec();
        self.start += n;
        self.scanned = 0;
        piece
    }
    /// Gives up a synchronising literal that was not asked for: the command ends here.
    pub fn abandon(&mut self) {
        self.reset();
    }
    /// The next event.
    pub fn next_event(&mut self) -> Event {
        loop {
            let step = match &mut self.mode {
                Mode::Line => self.step_line(),
                Mode::Literal { .. } => self.step_literal(),
                Mode::Stream { left: 0 } => {
                    self.mode = Mode::Line;
                    None
                }
                Mode::Stream { .. } => Some(Event::NeedMore),
                Mode::Over => {
                    self.reset();
                    Some(Event::AppendEnd(Ok(())))
                }
                Mode::Skip(_) => self.step_skip(),
            };
            if let Some(event) = step {
                return event;
            }
        }
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.input.drain(..self.start);
            self.start = 0;
        }
    }
    fn reset(&mut self) {
        self.fragments.clear();
        self.held = 0;
        self.append = None;
        self.mode = Mode::Line;
    }
    fn find_line(&mut self, max: usize) -> Found {
        let rest = &self.input[self.start..];
        let Some(i) = rest[self.scanned..].iter().position(|&b| b == b'\n') else {
            self.scanned = rest.len();
            // CR may still be the line end's.
            return if rest.len() > max + 1 { Found::TooLong } else { Found::No };
        };
        let end = self.scanned + i;
        let line = &rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        self.start += end + 1;
        self.scanned = 0;
        Found::Line(line)
    }
    fn step_line(&mut self) -> Option<Event> {
        let room = self.budget.command.saturating_sub(self.held);
        let mut line = match self.find_line(room) {
            Found::No => return Some(Event::NeedMore),
            Found::TooLong => {
                let tag = self.tag(&self.input[self.start..]);
                return self.skip(tag, TOO_LONG, 0);
            }
            Found::Line(line) => line,
        };
        let mark = literal_mark(&line);
        if line.len() > room {
            let tag = self.tag(&line);
            return self.refuse(tag, TOO_LONG, mark);
        }
        self.held += line.len();
        if let Some(mark) = mark {
            line.truncate(mark.at);
        }
        self.fragments.push(Fragment::Line(line));
        if self.append.is_some() || (self.budget.stream_append && parse::append_begins(&self.fragments)) {
            return self.step_append(mark);
        }
        let Some(mark) = mark else {
            let parsed = parse::command(&self.fragments);
            let tag = self.tag(&[]);
            self.reset();
            return Some(match parsed {
                Ok(tagged) => Event::Command(Box::new(tagged)),
                Err(error) => Event::Bad { tag, error },
            });
        };
        self.collect(mark)
    }
    /// A line of APPEND or REPLACE has come.
    fn step_append(&mut self, mark: Option<LiteralMark>) -> Option<Event> {
        let literal = mark.map(|m| AppendLiteral { size: m.size, unasked: m.unasked, binary: m.binary });
        let from = self.append.unwrap_or(Progress::START);
        let segment = match parse::append_segment(&self.fragments, from, literal) {
            Ok(segment) => segment,
            Err(error) => {
                let tag = self.tag(&[]);
                return self.refuse(tag, error, mark);
            }
        };
        match (segment.next, mark) {
            (Next::Argument, Some(mark)) => return self.collect(mark),
            (Next::Stream(progress), Some(mark)) => {
                self.append = Some(progress);
                self.mode = Mode::Stream { left: mark.size };
            }
            _ => self.mode = Mode::Over,
        }
        self.fragments.clear();
        match segment.start {
            Some(start) => Some(Event::Append(Box::new(AppendStart { steps: segment.steps, ..start }))),
            None => Some(Event::AppendSteps(segment.steps)),
        }
    }
    /// A literal that is an argument: it is held, under budget.
    fn collect(&mut self, mark: LiteralMark) -> Option<Event> {
        let left = usize::try_from(mark.size).unwrap_or(usize::MAX);
        let weight = left.saturating_add(LITERAL_COST);
        if mark.size > self.budget.literal || weight > self.budget.command.saturating_sub(self.held) {
            let tag = self.tag(&[]);
            return self.refuse(tag, LITERAL_TOO_BIG, Some(mark));
        }
        self.held += weight;
        self.mode = Mode::Literal { left, bytes: Vec::with_capacity(left), binary: mark.binary };
        (!mark.unasked).then_some(Event::Continue)
    }
    fn step_literal(&mut self) -> Option<Event> {
        let Mode::Literal { left, bytes, binary } = &mut self.mode else { return None };
        let n = (*left).min(self.input.len() - self.start);
        bytes.extend_from_slice(&self.input[self.start..self.start + n]);
        *left -= n;
        self.start += n;
        if *left > 0 {
            return Some(Event::NeedMore);
        }
        let fragment = Fragment::Literal { bytes: std::mem::take(bytes), binary: *binary };
        self.fragments.push(fragment);
        self.scanned = 0;
        self.mode = Mode::Line;
        None
    }
    /// Answers a bad command; when its literal comes unasked, throws that away first.
    fn refuse(&mut self, tag: Option<String>, error: SyntaxError, mark: Option<LiteralMark>) -> Option<Event> {
        match mark {
            Some(mark) if mark.unasked => self.skip(tag, error, mark.size),
            _ => {
                let append = self.append.is_some();
                self.reset();
                Some(if append { Event::AppendEnd(Err(error)) } else { Event::Bad { tag, error } })
            }
        }
    }
    fn skip(&mut self, tag: Option<String>, error: SyntaxError, literal: u64) -> Option<Event> {
        let append = self.append.is_some();
        self.reset();
        if literal > self.budget.discard {
            return Some(Event::Fatal(error));
        }
        self.scanned = 0;
        self.mode = Mode::Skip(Skip { tag, error, append, literal, tail: Vec::new(), total: 0 });
        None
    }
    fn step_skip(&mut self) -> Option<Event> {
        let discard = self.budget.discard;
        let Mode::Skip(skip) = &mut self.mode else { return None };
        let rest = &self.input[self.start..];
        if skip.literal > 0 {
            let n = usize::try_from(skip.literal).unwrap_or(usize::MAX).min(rest.len());
            skip.literal -= n as u64;
            skip.total += n as u64;
            self.start += n;
            if skip.literal > 0 {
                return Some(Event::NeedMore);
            }
            return None;
        }
        let end = rest.iter().position(|&b| b == b'\n');
        let taken = end.map_or(rest.len(), |i| i + 1);
        let text = &rest[..end.unwrap_or(rest.len())];
        skip.tail.extend_from_slice(&text[text.len().saturating_sub(TAIL)..]);
        let over = skip.tail.len().saturating_sub(TAIL);
        skip.tail.drain(..over);
        skip.total += taken as u64;
        self.start += taken;
        let (error, total) = (skip.error, skip.total);
        if total > discard {
            return Some(Event::Fatal(error));
        }
        if end.is_none() {
            return Some(Event::NeedMore);
        }
        let tail = std::mem::take(&mut skip.tail);
        let tail = tail.strip_suffix(b"\r").unwrap_or(&tail);
        match literal_mark(tail) {
            Some(mark) if mark.unasked => {
                skip.literal = mark.size;
                (mark.size > discard).then_some(Event::Fatal(error))
            }
            _ => {
                let (tag, append) = (skip.tag.take(), skip.append);
                self.reset();
                Some(if append { Event::AppendEnd(Err(error)) } else { Event::Bad { tag, error } })
            }
        }
    }
    /// The tag of the present command: from what is held, else from `line`.
    fn tag(&self, line: &[u8]) -> Option<String> {
        let first = match self.fragments.first() {
            Some(Fragment::Line(l)) => l,
            _ => line,
        };
        let word = first.split(|&b| b == b' ').next().unwrap_or_default();
        if is_tag(word) { String::from_utf8(word.to_vec()).ok() } else { None }
    }
}

impl std::fmt::Debug for Framer {
    /// What was received may hold secrets: only counts are shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Framer")
            .field("budget", &self.budget)
            .field("waiting", &(self.input.len() - self.start))
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

enum Found {
    No,
    TooLong,
    Line(Vec<u8>),
}

/// The literal mark that ends `line`, if one does.
fn literal_mark(line: &[u8]) -> Option<LiteralMark> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&b| b == b'{')?;
    let digits = &inner[open + 1..];
    let (digits, unasked) = digits.strip_suffix(b"+").map_or((digits, false), |d| (d, true));
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let binary = open > 0 && line[open - 1] == b'~';
    Some(LiteralMark { at: if binary { open - 1 } else { open }, size, unasked, binary })
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
