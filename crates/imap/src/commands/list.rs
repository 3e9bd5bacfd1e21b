//! LIST (RFC 9051 §6.3.9; LIST-EXTENDED RFC 5258, LIST-STATUS RFC 5819, SPECIAL-USE RFC 6154, CHILDREN RFC 3348).
use super::status;
use crate::codec::command::{List, StatusItem};
use crate::codec::{MailboxName, Out, name};
use crate::session::{Done, Reply, Session, Stop};
use sceau_domain::RefusalCode;
use sceau_operator::mailbox::folders::{Folder, SpecialUse};

pub(crate) async fn run(s: &mut Session, list: &List) -> Done {
    let actor = s.actor()?;
    if !list.extended && list.patterns.first().is_some_and(|p| p.raw().is_empty()) {
        // RFC 9051 §6.3.9: an empty pattern asks for the delimiter.
        s.out.raw("* LIST (\\Noselect) \"/\" \"\"").end();
        return Ok(Reply::Ok);
    }
    let patterns = patterns(s, &list.reference, &list.patterns)?;
    let folders = s.operator.folders(&actor).await?;
    let lines = choose(&folders, list, &patterns);
    if list.return_status.contains(&StatusItem::HighestModSeq) {
        s.enable_condstore();
    }
    for line in &lines {
        write(&mut s.out, line, list);
        if !list.return_status.is_empty() && line.selected {
            match s.operator.folder_status(&actor, &line.folder.name).await {
                Ok(found) => {
                    status::write(&mut s.out, &line.folder.name, &list.return_status, &found, s.config.max_append)
                }
                // Deleted meanwhile: RFC 5819 §2 leaves it out.
                Err(refusal) if refusal.code == RefusalCode::FolderUnknown => {}
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
    folder: &'a Folder,
    has_children: bool,
    /// It meets the selection options itself.
    selected: bool,
    /// A descendant meets them (RECURSIVEMATCH).
    child_subscribed: bool,
}

/// Which mailboxes to list.
fn choose<'a>(folders: &'a [Folder], list: &List, patterns: &[String]) -> Vec<Line<'a>> {
    let meets =
        |f: &Folder| (!list.select_subscribed || f.subscribed) && (!list.select_special_use || f.special_use.is_some());
    let below = |f: &'a Folder| {
        folders.iter().filter(move |c| c.name.strip_prefix(f.name.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };
    let mut lines = Vec::new();
    for folder in folders {
        if !patterns.iter().any(|p| name::matches(p, &folder.name)) {
            continue;
        }
        let selected = meets(folder);
        let child_subscribed = list.recursive_match && below(folder).any(meets);
        if selected || child_subscribed {
            let has_children = below(folder).next().is_some();
            lines.push(Line { folder, has_children, selected, child_subscribed });
        }
    }
    lines
}

fn write(out: &mut Out, line: &Line<'_>, list: &List) {
    out.raw("* LIST (").raw(if line.has_children { "\\HasChildren" } else { "\\HasNoChildren" });
    if line.folder.subscribed && (list.select_subscribed || list.return_subscribed) {
        out.raw(" \\Subscribed");
    }
    use_attribute(out, line.folder.special_use, false);
    out.raw(") \"/\" ").mailbox(&line.folder.name);
    if line.child_subscribed && list.select_subscribed {
        out.raw(" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    out.end();
}

/// ` \Sent` and its like; without the space when it comes `first`.
pub(super) fn use_attribute(out: &mut Out, special_use: Option<SpecialUse>, first: bool) {
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

    fn folder(name: &str, subscribed: bool, special_use: Option<SpecialUse>) -> Folder {
        Folder { id: 1, name: name.into(), special_use, subscribed, uidvalidity: 1, uidnext: 1, modseq: 1 }
    }

    fn listed(list: &List, pattern: &str) -> String {
        let folders = [
            folder("INBOX", true, None),
            folder("Sent", true, Some(SpecialUse::Sent)),
            folder("a", false, None),
            folder("a/b", true, None),
            folder("a/b/c", false, None),
            folder("ab", false, None),
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
            "(\\HasNoChildren) \"/\" \"INBOX\";(\\HasNoChildren \\Sent) \"/\" \"Sent\";(\\HasChildren) \"/\" \"a\";(\\HasNoChildren) \"/\" \"ab\";"
        );
        assert_eq!(listed(&plain, "a/%"), "(\\HasChildren) \"/\" \"a/b\";");
        assert_eq!(listed(&plain, "none"), "");
    }

    #[test]
    fn selection_options() {
        let list = List { select_subscribed: true, recursive_match: true, ..List::default() };
        assert_eq!(listed(&list, "a%"), "(\\HasChildren) \"/\" \"a\" (\"CHILDINFO\" (\"SUBSCRIBED\"));");
        let list = List { select_special_use: true, return_subscribed: true, ..List::default() };
        assert_eq!(listed(&list, "*"), "(\\HasNoChildren \\Subscribed \\Sent) \"/\" \"Sent\";");
    }
}
