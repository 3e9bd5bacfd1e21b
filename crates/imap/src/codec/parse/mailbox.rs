//! SELECT, EXAMINE, CREATE, RENAME, STATUS and commands on one mailbox.
use crate::codec::budget::ITEMS_MAX;
use crate::codec::command::{Command, Qresync, StatusItem};
use crate::codec::cursor::{Cursor, Parsed, SyntaxError};
use crate::codec::name::MailboxName;
use crate::codec::sequence::SequenceSet;
use sceau_operator::mailbox::folders::SpecialUse;

/// ` mailbox`.
pub(super) fn one(c: &mut Cursor<'_>) -> Parsed<MailboxName> {
    c.sp()?;
    MailboxName::parse(c)
}

/// `SELECT mailbox [(CONDSTORE QRESYNC (…))]` (RFC 9051 §6.3.2, RFC 7162 §3.1.8, §3.2.5).
pub(super) fn select(c: &mut Cursor<'_>, read_only: bool) -> Parsed<Command> {
    let mailbox = one(c)?;
    let mut condstore = false;
    let mut qresync = None;
    if c.eat(b' ') && !c.at_end() {
        c.list(ITEMS_MAX, true, |c| match c.keyword()?.as_str() {
            "CONDSTORE" => {
                condstore = true;
                Ok(())
            }
            "QRESYNC" if qresync.is_none() => {
                c.sp()?;
                qresync = Some(Box::new(known(c)?));
                Ok(())
            }
            _ => Err(SyntaxError("a parameter of SELECT is unknown")),
        })?;
    }
    Ok(Command::Select { mailbox, read_only, condstore, qresync })
}

/// `(uidvalidity modseq [known-uids] [(known-sequence-set known-uid-set)])` (RFC 7162 §7).
fn known(c: &mut Cursor<'_>) -> Parsed<Qresync> {
    c.expect(b'(', "QRESYNC takes a list")?;
    let uidvalidity = c.nz_number()?;
    c.sp()?;
    let modseq = c.number64()?;
    let mut qresync = Qresync { uidvalidity, modseq, known: None, matches: None };
    if c.eat(b' ') {
        if c.peek() != Some(b'(') {
            qresync.known = Some(SequenceSet::parse_known(c)?);
        }
        if qresync.known.is_none() || c.eat(b' ') {
            c.expect(b'(', "the sequence match data is a list")?;
            let numbers = SequenceSet::parse_known(c)?;
            c.sp()?;
            qresync.matches = Some((numbers, SequenceSet::parse_known(c)?));
            c.expect(b')', "the sequence match data is not closed")?;
        }
    }
    c.expect(b')', "QRESYNC is not closed")?;
    Ok(qresync)
}

/// `CREATE mailbox [(USE (\Sent …))]` (RFC 9051 §6.3.4, RFC 6154 §3).
pub(super) fn create(c: &mut Cursor<'_>) -> Parsed<Command> {
    let mailbox = one(c)?;
    let mut uses = Vec::new();
    if c.eat(b' ') && !c.at_end() {
        c.list(ITEMS_MAX, true, |c| match c.keyword()?.as_str() {
            "USE" => {
                c.sp()?;
                uses = c.list(ITEMS_MAX, true, special_use)?;
                Ok(())
            }
            _ => Err(SyntaxError("a parameter of CREATE is unknown")),
        })?;
    }
    Ok(Command::Create { mailbox, uses })
}

fn special_use(c: &mut Cursor<'_>) -> Parsed<SpecialUse> {
    c.expect(b'\\', "a special use begins with a backslash")?;
    match c.atom()?.to_ascii_uppercase().as_str() {
        "ARCHIVE" => Ok(SpecialUse::Archive),
        "DRAFTS" => Ok(SpecialUse::Drafts),
        "JUNK" => Ok(SpecialUse::Junk),
        "SENT" => Ok(SpecialUse::Sent),
        "TRASH" => Ok(SpecialUse::Trash),
        _ => Err(SyntaxError("a special use is unknown")),
    }
}

/// `RENAME from to` (RFC 9051 §6.3.6).
pub(super) fn rename(c: &mut Cursor<'_>) -> Parsed<Command> {
    let from = one(c)?;
    let to = one(c)?;
    Ok(Command::Rename(from, to))
}

/// `STATUS mailbox (items)` (RFC 9051 §6.3.11).
pub(super) fn status(c: &mut Cursor<'_>) -> Parsed<Command> {
    let mailbox = one(c)?;
    c.sp()?;
    Ok(Command::Status(mailbox, status_items(c)?))
}

/// `(MESSAGES …)`.
pub(super) fn status_items(c: &mut Cursor<'_>) -> Parsed<Vec<StatusItem>> {
    c.list(ITEMS_MAX, false, |c| {
        Ok(match c.keyword()?.as_str() {
            "MESSAGES" => StatusItem::Messages,
            "UIDNEXT" => StatusItem::UidNext,
            "UIDVALIDITY" => StatusItem::UidValidity,
            "UNSEEN" => StatusItem::Unseen,
            "DELETED" => StatusItem::Deleted,
            "DELETED-STORAGE" => StatusItem::DeletedStorage,
            "SIZE" => StatusItem::Size,
            "RECENT" => StatusItem::Recent,
            "HIGHESTMODSEQ" => StatusItem::HighestModSeq,
            "APPENDLIMIT" => StatusItem::AppendLimit,
            "MAILBOXID" => StatusItem::MailboxId,
            _ => return Err(SyntaxError("a status item is unknown")),
        })
    })
}
