//! NOTIFY (RFC 5465 §8).
use super::fetch;
use crate::codec::budget::ITEMS_MAX;
use crate::codec::command::{Command, FetchItem};
use crate::codec::cursor::{Cursor, Parsed, SyntaxError};
use crate::codec::name::MailboxName;
use crate::codec::notify::{EventGroup, Events, MailboxFilter, Notify};

/// Most groups in one NOTIFY: each is asked about each mailbox.
const GROUPS_MAX: usize = 64;

/// `NOTIFY NONE`, `NOTIFY SET [STATUS] (mailboxes events) …`.
pub(super) fn notify(c: &mut Cursor<'_>) -> Parsed<Command> {
    c.sp()?;
    let notify = match c.keyword()?.as_str() {
        "NONE" => Notify::None,
        "SET" => {
            c.sp()?;
            let status = c.eat_word("STATUS");
            if status {
                c.sp()?;
            }
            let mut groups = vec![group(c)?];
            while c.eat(b' ') && !c.at_end() {
                if groups.len() >= GROUPS_MAX {
                    return Err(SyntaxError("a list has too many items"));
                }
                groups.push(group(c)?);
            }
            // RFC 5465 §6.1: only one of the two, once.
            let selected = |g: &&EventGroup| matches!(g.mailboxes, MailboxFilter::Selected { .. });
            if groups.iter().filter(selected).count() > 1 {
                return Err(SyntaxError("the selected mailbox is named twice"));
            }
            Notify::Set { status, groups }
        }
        _ => return Err(SyntaxError("NOTIFY is followed by SET or NONE")),
    };
    Ok(Command::Notify(Box::new(notify)))
}

/// `(mailboxes events)`.
fn group(c: &mut Cursor<'_>) -> Parsed<EventGroup> {
    c.expect(b'(', "a list is missing")?;
    c.enter()?;
    let mailboxes = match c.keyword()?.as_str() {
        "SELECTED" => MailboxFilter::Selected { delayed: false },
        "SELECTED-DELAYED" => MailboxFilter::Selected { delayed: true },
        "INBOXES" => MailboxFilter::Inboxes,
        "PERSONAL" => MailboxFilter::Personal,
        "SUBSCRIBED" => MailboxFilter::Subscribed,
        "SUBTREE" => MailboxFilter::Subtree(names(c)?),
        "MAILBOXES" => MailboxFilter::Mailboxes(names(c)?),
        _ => return Err(SyntaxError("it is not said of which mailboxes")),
    };
    c.sp()?;
    let events = if c.eat_word("NONE") { Events::default() } else { events(c)? };
    let beside = events.names || events.subscriptions || events.metadata || events.server;
    if matches!(mailboxes, MailboxFilter::Selected { .. }) && beside {
        return Err(SyntaxError("only events of messages are told of the selected mailbox"));
    }
    c.expect(b')', "a list is not closed")?;
    c.leave();
    Ok(EventGroup { mailboxes, events })
}

/// ` mailbox` or ` (mailbox …)`.
fn names(c: &mut Cursor<'_>) -> Parsed<Vec<MailboxName>> {
    c.sp()?;
    if c.peek() == Some(b'(') { c.list(ITEMS_MAX, false, MailboxName::parse) } else { Ok(vec![MailboxName::parse(c)?]) }
}

/// `(event …)`.
fn events(c: &mut Cursor<'_>) -> Parsed<Events> {
    let mut events = Events::default();
    let (mut new, mut gone) = (false, false);
    c.list(ITEMS_MAX, false, |c| {
        match c.keyword()?.as_str() {
            "MESSAGENEW" => {
                new = true;
                let mut ahead = c.clone();
                if ahead.eat(b' ') && ahead.peek() == Some(b'(') {
                    *c = ahead;
                    c.list(ITEMS_MAX, false, |c| fetch::one(c, &mut events.fetch, false))?;
                }
            }
            "MESSAGEEXPUNGE" => gone = true,
            "FLAGCHANGE" => events.flags = true,
            "MAILBOXNAME" => events.names = true,
            "SUBSCRIPTIONCHANGE" => events.subscriptions = true,
            "MAILBOXMETADATACHANGE" => events.metadata = true,
            "SERVERMETADATACHANGE" => events.server = true,
            _ => events.unsupported = true,
        }
        Ok(())
    })?;
    // RFC 5465 §5.
    if new != gone || (events.flags && !new) {
        return Err(SyntaxError("MessageNew and MessageExpunge come together, and FlagChange with them"));
    }
    events.messages = new;
    events.fetch.iter_mut().try_for_each(quietly)?;
    Ok(events)
}

/// Nobody asked to read it: what is told of a new message never sets `\Seen` (RFC 5465 §5.2).
fn quietly(item: &mut FetchItem) -> Parsed<()> {
    match item {
        FetchItem::Section(section) => section.peek = true,
        FetchItem::Binary { peek, .. } => *peek = true,
        FetchItem::Rfc822 | FetchItem::Rfc822Text => return Err(SyntaxError("this item would set \\Seen")),
        _ => {}
    }
    Ok(())
}
