//! Commands on rights (RFC 4314), room (RFC 9208) and annotations (RFC 5464), as values.
use super::name::MailboxName;

/// A command on who may do what with a mailbox (RFC 4314 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclCommand {
    /// §3.5.
    MyRights(MailboxName),
    /// §3.3.
    Get(MailboxName),
    /// §3.4: of whom.
    List(MailboxName, String),
    /// §3.1: to whom, and what.
    Set(MailboxName, String, RightsChange),
    /// §3.2: of whom.
    Delete(MailboxName, String),
}

impl AclCommand {
    /// Name, for metrics and answers.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MyRights(_) => "MYRIGHTS",
            Self::Get(_) => "GETACL",
            Self::List(..) => "LISTRIGHTS",
            Self::Set(..) => "SETACL",
            Self::Delete(..) => "DELETEACL",
        }
    }
}

/// What SETACL does to rights: letters in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RightsChange {
    /// These and no others.
    Replace(String),
    /// `+`.
    Add(String),
    /// `-`.
    Remove(String),
}

/// A command on room (RFC 9208 §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaCommand {
    /// GETQUOTA: of a root.
    Root(Vec<u8>),
    /// GETQUOTAROOT: of a mailbox.
    Mailbox(MailboxName),
}

impl QuotaCommand {
    /// Name, for metrics and answers.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Root(_) => "GETQUOTA",
            Self::Mailbox(_) => "GETQUOTAROOT",
        }
    }
}

/// A command on annotations (RFC 5464 §4). The mailbox is none for the server (`""`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataCommand {
    /// GETMETADATA.
    Get {
        /// Whose.
        mailbox: Option<MailboxName>,
        /// Which, in lower case.
        entries: Vec<String>,
        /// `MAXSIZE`.
        max_size: Option<u64>,
        /// `DEPTH`.
        depth: Depth,
    },
    /// SETMETADATA.
    Set {
        /// Whose.
        mailbox: Option<MailboxName>,
        /// Names in lower case, and values; none removes.
        entries: Vec<(String, Option<Vec<u8>>)>,
    },
}

impl MetadataCommand {
    /// Name, for metrics and answers.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Get { .. } => "GETMETADATA",
            Self::Set { .. } => "SETMETADATA",
        }
    }
}

/// How far below an entry GETMETADATA looks (RFC 5464 §4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// The entry alone.
    #[default]
    Zero,
    /// One level below it too.
    One,
    /// Everything below it too.
    Infinity,
}
