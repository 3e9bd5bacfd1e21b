//! APPEND up to its message literal (RFC 9051 §6.3.12, RFC 6855 §4).
use crate::codec::command::AppendStart;
use crate::codec::cursor::{Cursor, Fragment, Parsed, SyntaxError};
use crate::codec::name::MailboxName;
use crate::codec::{date, flags};

/// What a command that stands before a literal is.
#[derive(Debug)]
pub enum AppendPrefix {
    /// Not APPEND, or APPEND whose mailbox is that literal.
    No,
    /// APPEND, and the literal is its message (sizes are the caller's to fill).
    Start(Box<AppendStart>),
    /// APPEND with a grammar error.
    Bad(SyntaxError),
}

/// Looks at the fragments before a literal mark.
pub fn append_prefix(fragments: &[Fragment]) -> AppendPrefix {
    let mut c = Cursor::new(fragments);
    let Ok(tag) = c.tag() else { return AppendPrefix::No };
    if !c.eat(b' ') || !c.eat_word("APPEND") || !c.eat(b' ') || c.at_end() {
        return AppendPrefix::No;
    }
    match start(&mut c, tag) {
        Ok(start) => AppendPrefix::Start(Box::new(start)),
        Err(error) => AppendPrefix::Bad(error),
    }
}

fn start(c: &mut Cursor<'_>, tag: String) -> Parsed<AppendStart> {
    let mailbox = MailboxName::parse(c)?;
    c.sp()?;
    let mut flags = Default::default();
    let mut date = None;
    if c.peek() == Some(b'(') {
        flags = flags::parse_list(c)?;
        c.sp()?;
    }
    if c.peek() == Some(b'"') {
        date = Some(date::parse_date_time(c)?);
        c.sp()?;
    }
    let utf8 = c.eat_word("UTF8");
    if utf8 {
        c.sp()?;
        c.expect(b'(', "UTF8 needs its message in parentheses")?;
    }
    if !c.at_end() {
        return Err(SyntaxError("APPEND takes a mailbox, flags, a date and a literal"));
    }
    Ok(AppendStart { tag, mailbox, flags, date, utf8, size: 0, unasked: false, binary: false })
}
