//! Commands on rights (RFC 4314 §4), room (RFC 9208 §7) and annotations (RFC 5464 §5).
use super::mailbox::one;
use crate::codec::command::Command;
use crate::codec::cursor::{Cursor, Parsed, SyntaxError, utf8};
use crate::codec::extras::{AclCommand, Depth, MetadataCommand, QuotaCommand, RightsChange};
use crate::codec::name::MailboxName;

/// Longest identifier, root and entry name, bytes.
const NAME_MAX: usize = 1000;
/// Most entries in one command.
const ENTRIES_MAX: usize = 100;

/// Reads one of these commands; none when the name is another's.
pub(super) fn command(c: &mut Cursor<'_>, name: &str) -> Option<Parsed<Command>> {
    let acl = |read: Parsed<AclCommand>| read.map(Command::Acl);
    Some(match name {
        "MYRIGHTS" => acl(one(c).map(AclCommand::MyRights)),
        "GETACL" => acl(one(c).map(AclCommand::Get)),
        "LISTRIGHTS" => acl(whom(c).map(|(m, who)| AclCommand::List(m, who))),
        "DELETEACL" => acl(whom(c).map(|(m, who)| AclCommand::Delete(m, who))),
        "SETACL" => acl(set_acl(c)),
        "GETQUOTA" => root(c).map(|root| Command::Quota(QuotaCommand::Root(root))),
        "GETQUOTAROOT" => one(c).map(|m| Command::Quota(QuotaCommand::Mailbox(m))),
        "GETMETADATA" => get_metadata(c).map(Command::Metadata),
        "SETMETADATA" => set_metadata(c).map(Command::Metadata),
        _ => return None,
    })
}

/// ` mailbox identifier`.
fn whom(c: &mut Cursor<'_>) -> Parsed<(MailboxName, String)> {
    let mailbox = one(c)?;
    c.sp()?;
    Ok((mailbox, text(c)?))
}

/// An astring of UTF-8, not endless.
fn text(c: &mut Cursor<'_>) -> Parsed<String> {
    let bytes = c.astring()?;
    if bytes.len() > NAME_MAX { Err(SyntaxError("a name is too long")) } else { utf8(bytes) }
}

/// `SETACL mailbox identifier [+|-]rights`. An unknown right is `BAD` (RFC 4314 §3.1).
fn set_acl(c: &mut Cursor<'_>) -> Parsed<AclCommand> {
    let (mailbox, who) = whom(c)?;
    c.sp()?;
    let rights = text(c)?;
    let (change, letters): (fn(String) -> RightsChange, &str) = match rights.as_bytes().first() {
        Some(b'+') => (RightsChange::Add, &rights[1..]),
        Some(b'-') => (RightsChange::Remove, &rights[1..]),
        _ => (RightsChange::Replace, &rights),
    };
    if letters.bytes().any(|b| !b"lrswipkxteacd".contains(&b)) {
        return Err(SyntaxError("a right is unknown"));
    }
    Ok(AclCommand::Set(mailbox, who, change(letters.to_owned())))
}

/// ` root`.
fn root(c: &mut Cursor<'_>) -> Parsed<Vec<u8>> {
    c.sp()?;
    let root = c.astring()?;
    if root.len() > NAME_MAX { Err(SyntaxError("a name is too long")) } else { Ok(root) }
}

/// The mailbox, or none for the server.
fn mailbox_or_server(c: &mut Cursor<'_>) -> Parsed<Option<MailboxName>> {
    Ok(Some(MailboxName::parse(c)?).filter(|m| !m.raw().is_empty()))
}

/// `GETMETADATA [(options)] mailbox entry|(entries)`. Options after the mailbox, as the RFC's own examples have them, are understood too.
fn get_metadata(c: &mut Cursor<'_>) -> Parsed<MetadataCommand> {
    let (mut max_size, mut depth) = (None, Depth::Zero);
    c.sp()?;
    if c.peek() == Some(b'(') {
        options(c, &mut max_size, &mut depth)?;
        c.sp()?;
    }
    let mailbox = mailbox_or_server(c)?;
    c.sp()?;
    // Entry names begin with a slash, options do not.
    let mut ahead = c.clone();
    if ahead.eat(b'(') && ahead.keyword().is_ok() {
        options(c, &mut max_size, &mut depth)?;
        c.sp()?;
    }
    let entries = if c.peek() == Some(b'(') { c.list(ENTRIES_MAX, false, entry)? } else { vec![entry(c)?] };
    Ok(MetadataCommand::Get { mailbox, entries, max_size, depth })
}

fn options(c: &mut Cursor<'_>, max_size: &mut Option<u64>, depth: &mut Depth) -> Parsed<()> {
    c.list(8, false, |c| {
        match c.keyword()?.as_str() {
            "MAXSIZE" => {
                c.sp()?;
                *max_size = Some(c.number64()?);
            }
            "DEPTH" => {
                c.sp()?;
                *depth = match c.keyword()?.as_str() {
                    "0" => Depth::Zero,
                    "1" => Depth::One,
                    "INFINITY" => Depth::Infinity,
                    _ => return Err(SyntaxError("a depth is 0, 1 or infinity")),
                };
            }
            _ => return Err(SyntaxError("an option of GETMETADATA is unknown")),
        }
        Ok(())
    })
    .map(drop)
}

/// An entry name, in lower case: names compare without case (RFC 5464 §3.2). Begins with `/`, does not end with it, has no empty level, no wildcard,
/// nothing but printable ASCII.
fn entry(c: &mut Cursor<'_>) -> Parsed<String> {
    // `*` and `%` would be wildcards: an astring cannot hold them, a string must not.
    let name = text(c)?.to_ascii_lowercase();
    let good = |level: &str| !level.is_empty();
    if !name.bytes().all(|b| (0x20..0x7f).contains(&b) && !matches!(b, b'*' | b'%'))
        || !name.strip_prefix('/').is_some_and(|rest| rest.split('/').all(good))
    {
        return Err(SyntaxError("an entry name is not valid"));
    }
    Ok(name)
}

/// `SETMETADATA mailbox (entry value …)`: values are strings, literals, or `NIL`.
fn set_metadata(c: &mut Cursor<'_>) -> Parsed<MetadataCommand> {
    c.sp()?;
    let mailbox = mailbox_or_server(c)?;
    c.sp()?;
    let entries = c.list(ENTRIES_MAX, false, |c| {
        let name = entry(c)?;
        c.sp()?;
        Ok((name, c.nstring()?))
    })?;
    Ok(MetadataCommand::Set { mailbox, entries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cursor::Fragment;
    use crate::codec::parse::command;

    fn read(text: &str) -> Result<Command, SyntaxError> {
        command(&[Fragment::Line(format!("a {text}").into_bytes())]).map(|tagged| tagged.command)
    }

    #[test]
    fn rights_and_room() {
        let inbox = || MailboxName::new("INBOX");
        let acl = |c| Ok(Command::Acl(c));
        assert_eq!(read("getacl INBOX"), acl(AclCommand::Get(inbox())));
        assert_eq!(read("LISTRIGHTS INBOX \"smith\""), acl(AclCommand::List(inbox(), "smith".into())));
        let set = |change| acl(AclCommand::Set(inbox(), "smith".into(), change));
        assert_eq!(read("SETACL INBOX smith +lr"), set(RightsChange::Add("lr".into())));
        assert_eq!(read("SETACL INBOX smith -\"\""), Err(SyntaxError("too many arguments")));
        assert_eq!(read("SETACL INBOX smith \"-cd\""), set(RightsChange::Remove("cd".into())));
        assert_eq!(read("SETACL INBOX smith \"\""), set(RightsChange::Replace(String::new())));
        for bad in ["SETACL INBOX smith lr0", "SETACL INBOX smith LR", "SETACL INBOX smith +é", "MYRIGHTS", "GETQUOTA"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(read("GETQUOTA \"\""), Ok(Command::Quota(QuotaCommand::Root(Vec::new()))));
        assert_eq!(read("GETQUOTAROOT INBOX"), Ok(Command::Quota(QuotaCommand::Mailbox(inbox()))));
        assert!(read(&format!("GETQUOTA {}", "x".repeat(NAME_MAX + 1))).is_err());
    }

    #[test]
    fn annotations() {
        let get = |max_size, depth, entries: &[&str]| {
            let entries = entries.iter().map(|e| (*e).to_owned()).collect();
            Ok(Command::Metadata(MetadataCommand::Get {
                mailbox: Some(MailboxName::new("INBOX")),
                entries,
                max_size,
                depth,
            }))
        };
        assert_eq!(read("GETMETADATA INBOX /Shared/Comment"), get(None, Depth::Zero, &["/shared/comment"]));
        let options = get(Some(1024), Depth::One, &["/private/a", "/shared"]);
        assert_eq!(read("GETMETADATA (MAXSIZE 1024 DEPTH 1) INBOX (/private/a /shared)"), options);
        assert_eq!(read("GETMETADATA \"INBOX\" (maxsize 1024 depth 1) (/private/a /shared)"), options);
        let set = |mailbox, entries| Ok(Command::Metadata(MetadataCommand::Set { mailbox, entries }));
        let entries = vec![("/private/a".to_owned(), Some(b"x".to_vec())), ("/private/b".to_owned(), None)];
        assert_eq!(read("SETMETADATA \"\" (/private/a \"x\" /private/b NIL)"), set(None, entries));
        for bad in ["/", "a", "/a//b", "/a/", "\"/a%\"", "\"/a\u{7f}\""] {
            assert!(read(&format!("GETMETADATA INBOX {bad}")).is_err(), "{bad}");
        }
    }
}
