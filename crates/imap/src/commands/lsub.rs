//! LSUB (RFC 3501 §6.3.9).
use super::list;
use crate::codec::{MailboxName, name};
use crate::session::{Done, Reply, Session};
use sceau_operator::mailbox::folders::Folder;

pub(crate) async fn run(s: &mut Session, reference: &MailboxName, pattern: &MailboxName) -> Done {
    let actor = s.actor()?;
    let patterns = list::patterns(s, reference.raw(), std::slice::from_ref(pattern))?;
    let folders = s.operator.folders(&actor).await?;
    for pattern in &patterns {
        for (name, selectable) in choose(&folders, pattern) {
            s.out.raw(if selectable { "* LSUB () \"/\" " } else { "* LSUB (\\Noselect) \"/\" " }).mailbox(name).end();
        }
    }
    Ok(Reply::Ok)
}

/// Subscribed names that match, and names above subscribed ones that match where the subscribed ones do not
/// (`foo` for `%` when `foo/bar` is subscribed and `foo` is not), marked `\Noselect`.
fn choose<'a>(folders: &'a [Folder], pattern: &str) -> Vec<(&'a str, bool)> {
    let mut found: Vec<(&str, bool)> = Vec::new();
    for folder in folders.iter().filter(|f| f.subscribed) {
        if name::matches(pattern, &folder.name) {
            found.retain(|(n, _)| *n != folder.name);
            found.push((&folder.name, true));
            continue;
        }
        for (at, _) in folder.name.match_indices('/') {
            let above = &folder.name[..at];
            if name::matches(pattern, above) && !found.iter().any(|(n, _)| *n == above) {
                found.push((above, false));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_above_subscribed_ones_are_marked() {
        let folder = |name: &str, subscribed| Folder {
            id: 1,
            name: name.into(),
            special_use: None,
            subscribed,
            uidvalidity: 1,
            uidnext: 1,
            modseq: 1,
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
