//! LSUB (RFC 3501 §6.3.9).
use super::list;
use crate::codec::{MailboxName, name};
use crate::session::{Done, Mailbox, Reply, Session};
use std::collections::HashSet;

pub(crate) async fn run(s: &mut Session, reference: &MailboxName, pattern: &MailboxName) -> Done {
    s.actor()?;
    let patterns = list::patterns(s, reference.raw(), std::slice::from_ref(pattern))?;
    let mailboxes = s.mailboxes(&patterns, true).await?.list;
    for pattern in &patterns {
        for (name, selectable) in choose(&mailboxes, pattern) {
            s.out.raw(if selectable { "* LSUB () \"/\" " } else { "* LSUB (\\Noselect) \"/\" " }).mailbox(name).end();
            s.relieve().await?;
        }
    }
    Ok(Reply::Ok)
}

/// Subscribed names that match, and names above subscribed ones that match where the subscribed ones do not
/// (`foo` for `%` when `foo/bar` is subscribed and `foo` is not), marked `\Noselect`.
fn choose<'a>(mailboxes: &'a [Mailbox], pattern: &str) -> Vec<(&'a str, bool)> {
    let subscribed = || mailboxes.iter().filter(|m| m.folder.as_ref().is_some_and(|f| f.subscribed));
    let whole: HashSet<&str> =
        subscribed().map(|m| m.shown.as_str()).filter(|shown| name::matches(pattern, shown)).collect();
    let (mut found, mut marked) = (Vec::new(), HashSet::new());
    for mailbox in subscribed() {
        let shown = mailbox.shown.as_str();
        if whole.contains(shown) {
            found.push((shown, true));
            continue;
        }
        for (at, _) in shown.match_indices('/') {
            let above = &shown[..at];
            if name::matches(pattern, above) && !whole.contains(above) && marked.insert(above) {
                found.push((above, false));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_operator::mailbox::folders::Folder;

    #[test]
    fn names_above_subscribed_ones_are_marked() {
        let folder = |name: &str, subscribed| {
            let (special_use, name) = (None, name.to_owned());
            let shown = name.clone();
            let folder = Folder { id: 1, name, special_use, subscribed, uidvalidity: 1, uidnext: 1, modseq: 1 };
            Mailbox { shown, folder: Some(folder), seat: 0 }
        };
        let folders = [
            folder("INBOX", true),
            folder("a", false),
            folder("a/b", true),
            folder("c", true),
            folder("c/d", true),
            folder("e", false),
        ];
        assert_eq!(choose(&folders, "%"), [("INBOX", true), ("a", false), ("c", true)]);
        assert_eq!(choose(&folders, "*"), [("INBOX", true), ("a/b", true), ("c", true), ("c/d", true)]);
    }
}
