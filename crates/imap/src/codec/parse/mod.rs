//! From a framed command to a [`Command`].
mod append;
mod auth;
mod extras;
mod fetch;
mod list;
mod mailbox;
mod notify;
mod search;
mod store;

pub use append::{Next, Progress, Segment, begins as append_begins, segment as append_segment};

pub use fetch::section_text;

use super::command::{Command, Copy, Tagged};
use super::cursor::{Cursor, Fragment, Parsed, SyntaxError};
use super::name::MailboxName;
use super::sequence::SequenceSet;

/// Reads a whole command (APPEND and REPLACE excepted: see [`append_segment`]).
pub fn command(fragments: &[Fragment]) -> Parsed<Tagged> {
    let mut c = Cursor::new(fragments);
    let tag = c.tag()?;
    c.sp()?;
    let name = c.keyword()?;
    let command = match name.as_str() {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop,
        "LOGOUT" => Command::Logout,
        "STARTTLS" => Command::StartTls,
        "AUTHENTICATE" => auth::authenticate(&mut c)?,
        "UNAUTHENTICATE" => Command::Unauthenticate,
        "LOGIN" => auth::login(&mut c)?,
        "ID" => auth::id(&mut c)?,
        "COMPRESS" => {
            c.sp()?;
            Command::Compress(c.keyword()?)
        }
        "NOTIFY" => notify::notify(&mut c)?,
        "ENABLE" => auth::enable(&mut c)?,
        "SELECT" => mailbox::select(&mut c, false)?,
        "EXAMINE" => mailbox::select(&mut c, true)?,
        "CREATE" => mailbox::create(&mut c)?,
        "DELETE" => Command::Delete(mailbox::one(&mut c)?),
        "RENAME" => mailbox::rename(&mut c)?,
        "SUBSCRIBE" => Command::Subscribe(mailbox::one(&mut c)?, true),
        "UNSUBSCRIBE" => Command::Subscribe(mailbox::one(&mut c)?, false),
        "LIST" => list::list(&mut c)?,
        "LSUB" => list::lsub(&mut c)?,
        "NAMESPACE" => Command::Namespace,
        "STATUS" => mailbox::status(&mut c)?,
        "APPEND" => return Err(SyntaxError("APPEND needs its message as a literal")),
        "IDLE" => Command::Idle,
        "CHECK" => Command::Check,
        "CLOSE" => Command::Close,
        "UNSELECT" => Command::Unselect,
        "EXPUNGE" => Command::Expunge(None),
        "ESEARCH" => search::multisearch(&mut c)?,
        "UID" => {
            c.sp()?;
            let name = c.keyword()?;
            if name == "EXPUNGE" {
                c.sp()?;
                Command::Expunge(Some(SequenceSet::parse(&mut c)?))
            } else {
                on_messages(&mut c, &name, true)?
            }
        }
        other => match extras::command(&mut c, other) {
            Some(read) => read?,
            None => on_messages(&mut c, other, false)?,
        },
    };
    c.end()?;
    Ok(Tagged { tag, command })
}

/// Commands that have a UID form.
fn on_messages(c: &mut Cursor<'_>, name: &str, uid: bool) -> Parsed<Command> {
    match name {
        "FETCH" => fetch::fetch(c, uid),
        "STORE" => store::store(c, uid),
        "COPY" => copy(c, uid, false),
        "MOVE" => copy(c, uid, true),
        "SEARCH" => search::search(c, uid),
        "SORT" => search::sort(c, uid),
        "THREAD" => search::thread(c, uid),
        _ => Err(SyntaxError("the command is unknown")),
    }
}

fn copy(c: &mut Cursor<'_>, uid: bool, moving: bool) -> Parsed<Command> {
    c.sp()?;
    let set = SequenceSet::parse(c)?;
    c.sp()?;
    let to = MailboxName::parse(c)?;
    Ok(Command::Copy(Copy { uid, moving, set, to }))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
