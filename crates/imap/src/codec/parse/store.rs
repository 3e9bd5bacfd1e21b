//! STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
use crate::codec::command::{Command, Store};
use crate::codec::cursor::{Cursor, Parsed, SyntaxError};
use crate::codec::flags;
use crate::codec::sequence::SequenceSet;
use sceau_operator::mailbox::entries::FlagChange;

/// `STORE set [(UNCHANGEDSINCE n)] [+|-]FLAGS[.SILENT] flags`.
pub(super) fn store(c: &mut Cursor<'_>, uid: bool) -> Parsed<Command> {
    c.sp()?;
    let set = SequenceSet::parse(c)?;
    c.sp()?;
    let mut unchanged_since = None;
    if c.peek() == Some(b'(') {
        c.list(8, false, |c| match c.keyword()?.as_str() {
            "UNCHANGEDSINCE" => {
                c.sp()?;
                unchanged_since = Some(c.number64()?);
                Ok(())
            }
            _ => Err(SyntaxError("a modifier of STORE is unknown")),
        })?;
        c.sp()?;
    }
    let change = if c.eat(b'+') {
        FlagChange::Add
    } else if c.eat(b'-') {
        FlagChange::Remove
    } else {
        FlagChange::Replace
    };
    let silent = match c.keyword()?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return Err(SyntaxError("STORE changes FLAGS only")),
    };
    c.sp()?;
    let flags = flags::parse_list_or_bare(c)?;
    Ok(Command::Store(Store { uid, set, unchanged_since, change, silent, flags }))
}
