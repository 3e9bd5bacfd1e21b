//! Mailboxes of a server: what there is, by levels and uses; making one (RFC 9051 §6.3, RFC 6154).
use super::response::{Listed, Response, Space};
use super::{COMMAND, Client, LISTING, Part};
use crate::Error;
use crate::folders::{Role, decode};

/// Most mailboxes of a listing.
const MAILBOXES: usize = 50_000;
/// Octets of names that are kept of a listing.
const NAMES: usize = 16 << 20;

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its name on the wire.
    pub wire: Vec<u8>,
    /// Levels of its name, without the personal namespace's prefix; `INBOX` in upper case.
    pub levels: Vec<String>,
    /// Its special use, when the server says one.
    pub role: Option<Role>,
    /// It is a view of messages that lie elsewhere (`\All`, `\Flagged`…).
    pub is_view: bool,
    /// Messages can be read in it.
    pub selectable: bool,
}

impl Client {
    /// The person's own mailboxes, in the order of the server; others' and shared ones are left out.
    pub fn mailboxes(&mut self) -> Result<Vec<Mailbox>, Error> {
        let mut spaces = [Vec::new(), Vec::new(), Vec::new()];
        if self.can("NAMESPACE") {
            self.run(COMMAND, &[Part::Text("NAMESPACE")], &mut |r| {
                if let Response::Namespace(found) = r {
                    spaces = found;
                }
            })?;
        }
        let uses = self.can("SPECIAL-USE") && self.can("LIST-EXTENDED");
        let list = if uses { "LIST \"\" * RETURN (SPECIAL-USE)" } else { "LIST \"\" *" };
        let (mut found, mut octets) = (Vec::new(), 0);
        self.run(LISTING, &[Part::Text(list)], &mut |r| {
            if let Response::List(listed) = r {
                octets += listed.name.len();
                if found.len() < MAILBOXES && octets <= NAMES {
                    found.push(listed);
                }
            }
        })?;
        if found.len() == MAILBOXES || octets > NAMES {
            return Err(Error::Protocol("more mailboxes than may be"));
        }
        Ok(found.into_iter().filter_map(|l| own(l, &spaces)).collect())
    }

    /// Makes a mailbox and subscribes to it; one that is there is no error.
    pub fn create(&mut self, wire: &str) -> Result<(), Error> {
        match self.command(&[Part::Text("CREATE"), Part::String(wire.as_bytes())]) {
            Err(Error::No(no)) if !no.is("ALREADYEXISTS") => return Err(Error::No(no)),
            Err(Error::No(_)) | Ok(_) => {}
            Err(e) => return Err(e),
        }
        match self.command(&[Part::Text("SUBSCRIBE"), Part::String(wire.as_bytes())]) {
            // It is there: that nobody is subscribed loses nothing.
            Err(Error::No(_)) | Ok(_) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

/// A listed mailbox as the person's own; `None` for what is not.
fn own(listed: Listed, [personal, others, shared]: &[Vec<Space>; 3]) -> Option<Mailbox> {
    let has = |attribute: &str| listed.attributes.iter().any(|a| a == attribute);
    if has("\\nonexistent") {
        return None;
    }
    let within = |(prefix, _): &&Space| !prefix.is_empty() && listed.name.starts_with(prefix);
    if others.iter().chain(shared).any(|s| within(&s)) && !personal.iter().any(|s| within(&s)) {
        return None;
    }
    let is_inbox = |name: &[u8]| name.eq_ignore_ascii_case(b"INBOX");
    let prefix = personal.iter().find(within).map_or(0, |(prefix, _)| prefix.len());
    let name = if is_inbox(&listed.name) { &listed.name[..] } else { &listed.name[prefix..] };
    let mut levels: Vec<String> = match listed.delimiter {
        Some(delimiter) => name.split(|b| *b == delimiter).map(decode).collect(),
        None => vec![decode(name)],
    };
    levels.retain(|l| !l.is_empty());
    let first = levels.first_mut()?;
    if is_inbox(first.as_bytes()) {
        "INBOX".clone_into(first);
    }
    let role = Role::ALL.into_iter().find(|r| has(r.attribute()));
    let is_view = ["\\all", "\\flagged", "\\important"].iter().any(|a| has(a));
    Some(Mailbox { levels, role, is_view, selectable: !has("\\noselect"), wire: listed.name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, delimiter: u8, attributes: &[&str]) -> Listed {
        Listed {
            attributes: attributes.iter().map(|a| (*a).to_owned()).collect(),
            delimiter: Some(delimiter),
            name: name.as_bytes().to_vec(),
        }
    }

    #[test]
    fn names_of_other_houses() {
        let courier = [vec![(b"INBOX.".to_vec(), Some(b'.'))], vec![], vec![(b"shared.".to_vec(), Some(b'.'))]];
        let levels = |l: Listed| own(l, &courier).map(|m| m.levels);
        assert_eq!(levels(listed("INBOX", b'.', &[])), Some(vec!["INBOX".into()]));
        assert_eq!(levels(listed("INBOX.Envoy&AOk-s.2024", b'.', &[])), Some(vec!["Envoyés".into(), "2024".into()]));
        assert_eq!(levels(listed("shared.x", b'.', &[])), None);
        assert_eq!(levels(listed("x", b'.', &["\\nonexistent"])), None);
        let plain = [vec![(Vec::new(), Some(b'/'))], vec![(b"Autres/".to_vec(), Some(b'/'))], vec![]];
        assert_eq!(own(listed("Autres/a", b'/', &[]), &plain), None);
        let sent = own(listed("[Gmail]/Sent Mail", b'/', &["\\hasnochildren", "\\sent"]), &plain).unwrap();
        assert_eq!((sent.levels.len(), sent.role), (2, Some(Role::Sent)));
        assert_eq!(own(listed("inbox/Sous", b'/', &[]), &plain).unwrap().levels, ["INBOX", "Sous"]);
        // Raw UTF-8, and what is no modified UTF-7 at all, stay readable.
        assert_eq!(own(listed("Été", b'/', &[]), &plain).unwrap().levels, ["Été"]);
        assert_eq!(own(listed("R&D", b'/', &[]), &plain).unwrap().levels, ["R&D"]);
        assert_eq!(own(listed("//", b'/', &[]), &plain), None);
    }
}
