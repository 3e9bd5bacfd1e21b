//! Names of folders: what other houses call them, what they are for, what they are called in the BAL.
use crate::Error;
use sceau_message::utf7;

/// Most levels of a name.
pub const LEVELS: usize = 20;

/// What a folder is for (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// What was sent.
    Sent,
    /// Drafts.
    Drafts,
    /// What was thrown away.
    Trash,
    /// Unwanted mail.
    Junk,
    /// Archives.
    Archive,
}

/// Names that programs give to such folders, folded.
const KNOWN: [(Role, &[&str]); 5] = [
    (
        Role::Sent,
        &[
            "sent",
            "sent items",
            "sent messages",
            "sent mail",
            "envoyés",
            "envoyes",
            "éléments envoyés",
            "messages envoyés",
            "courrier envoyé",
        ],
    ),
    (Role::Drafts, &["drafts", "draft", "brouillons", "brouillon"]),
    (
        Role::Trash,
        &[
            "trash",
            "deleted items",
            "deleted messages",
            "corbeille",
            "éléments supprimés",
            "messages supprimés",
            "supprimés",
        ],
    ),
    (
        Role::Junk,
        &["junk", "junk e-mail", "junk email", "spam", "bulk mail", "indésirables", "courrier indésirable", "pourriel"],
    ),
    (Role::Archive, &["archive", "archives"]),
];

impl Role {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Sent, Self::Drafts, Self::Trash, Self::Junk, Self::Archive];
    /// Its attribute in LIST, in lower case.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Sent => "\\sent",
            Self::Drafts => "\\drafts",
            Self::Trash => "\\trash",
            Self::Junk => "\\junk",
            Self::Archive => "\\archive",
        }
    }
    /// As a manifest says it.
    pub fn as_str(self) -> &'static str {
        &self.attribute()[1..]
    }
    /// What a folder is for by its name alone: a top one, or one below INBOX, that programs call so.
    pub fn by_name(levels: &[String]) -> Option<Self> {
        let [name] = levels.strip_prefix(&["INBOX".to_owned()][..]).filter(|l| !l.is_empty()).unwrap_or(levels) else {
            return None;
        };
        let name = name.to_lowercase();
        KNOWN.into_iter().find_map(|(role, names)| names.contains(&name.as_str()).then_some(role))
    }
}

/// A level of a name as servers write it: modified UTF-7, else UTF-8, else what can be read of it.
pub fn decode(bytes: &[u8]) -> String {
    match utf7::decode(bytes) {
        Some(name) => name,
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The name that levels have in the BAL: `/` between them, none within; nothing that cannot be seen.
pub fn name(levels: &[String]) -> String {
    let clean = |level: &String| -> String {
        let level: String = level.chars().filter(|c| !c.is_control()).collect();
        level.trim().replace('/', "-")
    };
    let levels: Vec<String> = levels.iter().map(clean).filter(|l| !l.is_empty()).take(LEVELS).collect();
    levels.join("/")
}

/// Is this folder the named one, or below it?
pub fn is_within(name: &str, named: &str) -> bool {
    name.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Is this folder wanted by somebody who named these, or none?
pub fn is_wanted(name: &str, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|named| is_within(name, named))
}

/// That each of those that were named is there.
pub fn all_there(names: &[String], only: &[String]) -> Result<(), Error> {
    let missing = only.iter().find(|named| !names.iter().any(|name| is_within(name, named)));
    missing.map_or(Ok(()), |named| Err(Error::NoFolder(named.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(name: &str) -> Vec<String> {
        name.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn uses_by_name() {
        for (name, role) in [
            ("Éléments envoyés", Some(Role::Sent)),
            ("INBOX|Sent", Some(Role::Sent)),
            ("[Gmail]|Corbeille", None),
            ("TRASH", Some(Role::Trash)),
            ("Courrier indésirable", Some(Role::Junk)),
            ("Archives|2024", None),
            ("INBOX", None),
            ("Patients", None),
        ] {
            assert_eq!(Role::by_name(&levels(name)), role, "{name}");
        }
    }

    #[test]
    fn names_in_the_mailbox() {
        assert_eq!(name(&levels("INBOX")), "INBOX");
        assert_eq!(name(&levels("Dossiers|A/B| été\u{7} ")), "Dossiers/A-B/été");
        assert_eq!(name(&vec!["a".to_owned(); 50]).len(), 2 * LEVELS - 1);
        assert_eq!(name(&levels("|")), "");
        assert_eq!(decode(b"Envoy&AOk-s"), "Envoyés");
        assert_eq!(decode("Envoyés".as_bytes()), "Envoyés");
        assert_eq!(decode(b"R&D \xff"), "R&D \u{FFFD}");
    }
}
