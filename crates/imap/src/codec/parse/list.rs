//! LIST (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440) and LSUB (RFC 3501 §6.3.9).
use super::mailbox;
use crate::codec::budget::ITEMS_MAX;
use crate::codec::command::{Command, List};
use crate::codec::cursor::{Cursor, Parsed, SyntaxError};
use crate::codec::name::MailboxName;

/// Most patterns in one LIST.
const PATTERNS_MAX: usize = 100;

/// `LIST [(selection)] reference pattern|(patterns) [RETURN (options)]`.
pub(super) fn list(c: &mut Cursor<'_>) -> Parsed<Command> {
    let mut list = List::default();
    c.sp()?;
    if c.peek() == Some(b'(') {
        list.extended = true;
        c.list(ITEMS_MAX, true, |c| {
            match c.keyword()?.as_str() {
                "SUBSCRIBED" => list.select_subscribed = true,
                "RECURSIVEMATCH" => list.recursive_match = true,
                "SPECIAL-USE" => list.select_special_use = true,
                // There are no remote mailboxes here: nothing to add.
                "REMOTE" => {}
                _ => return Err(SyntaxError("a selection option of LIST is unknown")),
            }
            Ok(())
        })?;
        c.sp()?;
    }
    if list.recursive_match && !list.select_subscribed && !list.select_special_use {
        return Err(SyntaxError("RECURSIVEMATCH needs another selection option"));
    }
    list.reference = MailboxName::parse(c)?.raw().to_vec();
    c.sp()?;
    list.patterns = if c.peek() == Some(b'(') {
        list.extended = true;
        c.list(PATTERNS_MAX, false, MailboxName::parse_pattern)?
    } else {
        vec![MailboxName::parse_pattern(c)?]
    };
    if c.eat(b' ') && !c.at_end() {
        list.extended = true;
        if !c.eat_word("RETURN") {
            return Err(SyntaxError("RETURN is missing"));
        }
        c.sp()?;
        c.list(ITEMS_MAX, true, |c| {
            match c.keyword()?.as_str() {
                "SUBSCRIBED" => list.return_subscribed = true,
                "CHILDREN" => list.return_children = true,
                "SPECIAL-USE" => list.return_special_use = true,
                "MYRIGHTS" => list.return_my_rights = true,
                "STATUS" => {
                    c.sp()?;
                    list.return_status = mailbox::status_items(c)?;
                }
                _ => return Err(SyntaxError("a return option of LIST is unknown")),
            }
            Ok(())
        })?;
    }
    Ok(Command::List(list))
}

/// `LSUB reference pattern`.
pub(super) fn lsub(c: &mut Cursor<'_>) -> Parsed<Command> {
    c.sp()?;
    let reference = MailboxName::parse(c)?;
    c.sp()?;
    Ok(Command::Lsub(reference, MailboxName::parse_pattern(c)?))
}
