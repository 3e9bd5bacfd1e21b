//! LIST (RFC 9051 §6.3.9; LIST-EXTENDED RFC 5258, LIST-STATUS RFC 5819, SPECIAL-USE RFC 6154, LIST-MYRIGHTS RFC 8440, CHILDREN RFC 3348).
use super::{acl, status};
use crate::codec::command::{List, StatusItem};
use crate::codec::{MailboxName, Out, name};
use crate::session::{Done, Mailbox, Mailboxes, Reply, Session, Stop};
use sceau_domain::RefusalCode;
use sceau_operator::mailbox::folders::SpecialUse;
use std::collections::HashSet;

pub(crate) async fn run(s: &mut Session, list: &List) -> Done {
    s.actor()?;
    if !list.extended && list.patterns.first().is_some_and(|p| p.raw().is_empty()) {
        // RFC 9051 §6.3.9: an empty pattern asks for the delimiter.
        s.out.raw("* LIST (\\Noselect) \"/\" \"\"").end();
        return Ok(Reply::Ok);
    }
    let patterns = patterns(s, &list.reference, &list.patterns)?;
    let Mailboxes { actors, list: mailboxes } = s.mailboxes(&patterns, list.recursive_match).await?;
    let lines = choose(&mailboxes, list, &patterns);
    if list.return_status.contains(&StatusItem::HighestModSeq) {
        s.enable_condstore();
    }
    for line in &lines {
        write(&mut s.out, line, list);
        if let (Some(_), Some(actor), true) =
            (&line.mailbox.folder, actors.get(line.mailbox.seat), list.return_my_rights)
        {
            acl::write_my_rights(s, &line.mailbox.shown, actor);
        }
        if let (Some(folder), Some(actor), true) = (&line.mailbox.folder, actors.get(line.mailbox.seat), line.selected)
            && !list.return_status.is_empty()
        {
            match status::look(s, actor, &folder.name, &list.return_status).await {
                Ok(found) => status::write(s, &line.mailbox.shown, &list.return_status, &found),
                // Deleted meanwhile, or no longer this person's to see: RFC 5819 §2 leaves it out.
                Err(refusal) if matches!(refusal.code, RefusalCode::FolderUnknown | RefusalCode::RightMissing) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        s.relieve().await?;
    }
    Ok(Reply::Ok)
}

/// Reference and patterns joined, decoded.
pub(super) fn patterns(s: &Session, reference: &[u8], patterns: &[MailboxName]) -> Result<Vec<String>, Stop> {
    let joined = patterns.iter().map(|p| {
        let whole = MailboxName::new([reference, p.raw()].concat());
        whole.decode_pattern(s.out.utf8()).ok_or_else(|| Stop::No(RefusalCode::FolderName.into()))
    });
    joined.collect()
}

/// A mailbox to list.
#[derive(Debug)]
struct Line<'a> {
    mailbox: &'a Mailbox,
    has_children: bool,
    /// It meets the selection options itself.
    selected: bool,
    /// A descendant meets them (RECURSIVEMATCH).
    child_subscribed: bool,
}

/// Which mailboxes to list. Linear in their number.
fn choose<'a>(mailboxes: &'a [Mailbox], list: &List, patterns: &[String]) -> Vec<Line<'a>> {
    let selects = list.select_subscribed || list.select_special_use;
    let meets = |m: &Mailbox| match &m.folder {
        Some(f) => (!list.select_subscribed || f.subscribed) && (!list.select_special_use || f.special_use.is_some()),
        None => !selects,
    };
    let above = |m: &'a Mailbox| m.shown.match_indices('/').map(|(at, _)| &m.shown[..at]);
    let parents: HashSet<&str> = mailboxes.iter().flat_map(above).collect();
    let told: HashSet<&str> = match list.recursive_match {
        true => mailboxes.iter().filter(|m| meets(m)).flat_map(above).collect(),
        false => HashSet::new(),
    };
    let mut lines = Vec::new();
    for mailbox in mailboxes {
        if !patterns.iter().any(|p| name::matches(p, &mailbox.shown)) {
            continue;
        }
        let name = mailbox.shown.as_str();
        let (selected, child_subscribed) = (meets(mailbox), told.contains(name));
        if selected || child_subscribed {
            // A level that is no mailbox is there for what is below it.
            let has_children = mailbox.folder.is_none() || parents.contains(name);
            lines.push(Line { mailbox, has_children, selected, child_subscribed });
        }
    }
    lines
}

fn write(out: &mut Out, line: &Line<'_>, list: &List) {
    let folder = line.mailbox.folder.as_ref();
    out.raw("* LIST (").raw(if folder.is_none() { "\\Noselect " } else { "" });
    out.raw(if line.has_children { "\\HasChildren" } else { "\\HasNoChildren" });
    if folder.is_some_and(|f| f.subscribed) && (list.select_subscribed || list.return_subscribed) {
        out.raw(" \\Subscribed");
    }
    use_attribute(out, folder.and_then(|f| f.special_use), false);
    out.raw(") \"/\" ").mailbox(&line.mailbox.shown);
    if line.child_subscribed && list.select_subscribed {
        out.raw(" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    out.end();
}

/// ` \Sent` and its like; without the space when it comes `first`.
pub(crate) fn use_attribute(out: &mut Out, special_use: Option<SpecialUse>, first: bool) {
    let name = match special_use {
        None => return,
        Some(SpecialUse::Archive) => "\\Archive",
        Some(SpecialUse::Drafts) => "\\Drafts",
        Some(SpecialUse::Junk) => "\\Junk",
        Some(SpecialUse::Sent) => "\\Sent",
        Some(SpecialUse::Trash) => "\\Trash",
    };
    out.raw(if first { "" } else { " " }).raw(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_operator::mailbox::folders::Folder;

    fn folder(name: &str, subscribed: bool, special_use: Option<SpecialUse>) -> Mailbox {
        let folder =
            Folder { id: 1, name: name.into(), special_use, subscribed, uidvalidity: 1, uidnext: 1, modseq: 1 };
        Mailbox { shown: name.into(), folder: Some(folder), seat: 0 }
    }

    fn listed(list: &List, pattern: &str) -> String {
        let folders = [
            folder("INBOX", true, None),
            folder("Sent", true, Some(SpecialUse::Sent)),
            folder("a", false, None),
            folder("a/b", true, None),
            folder("a/b/c", false, None),
            folder("ab", false, None),
            Mailbox { shown: "o".into(), folder: None, seat: 0 },
            Mailbox { shown: "o/x".into(), folder: None, seat: 0 },
            folder("o/x/INBOX", true, None),
        ];
        let mut out = Out::new();
        for line in choose(&folders, list, &[pattern.to_owned()]) {
            write(&mut out, &line, list);
        }
        String::from_utf8(out.bytes().to_vec()).unwrap().replace("* LIST ", "").replace("\r\n", ";")
    }

    #[test]
    fn levels_and_children() {
        let plain = List::default();
        assert_eq!(
            listed(&plain, "%"),
            "(\\HasNoChildren) \"/\" \"INBOX\";(\\HasNoChildren \\Sent) \"/\" \"Sent\";(\\HasChildren) \"/\" \"a\";(\\HasNoChildren) \"/\" \"ab\";(\\Noselect \\HasChildren) \"/\" \"o\";"
        );
        assert_eq!(listed(&plain, "a/%"), "(\\HasChildren) \"/\" \"a/b\";");
        assert_eq!(listed(&plain, "o/%"), "(\\Noselect \\HasChildren) \"/\" \"o/x\";");
        assert_eq!(listed(&plain, "none"), "");
    }

    #[test]
    fn selection_options() {
        let list = List { select_subscribed: true, recursive_match: true, ..List::default() };
        assert_eq!(listed(&list, "a%"), "(\\HasChildren) \"/\" \"a\" (\"CHILDINFO\" (\"SUBSCRIBED\"));");
        assert_eq!(listed(&list, "o"), "(\\Noselect \\HasChildren) \"/\" \"o\" (\"CHILDINFO\" (\"SUBSCRIBED\"));");
        let list = List { select_special_use: true, return_subscribed: true, ..List::default() };
        assert_eq!(listed(&list, "*"), "(\\HasNoChildren \\Subscribed \\Sent) \"/\" \"Sent\";");
    }
}
