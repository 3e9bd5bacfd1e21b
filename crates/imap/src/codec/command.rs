//! Commands as values.
mod append;

pub use append::{AppendLiteral, AppendStart, AppendStep, Replaced};

use super::extras::{AclCommand, MetadataCommand, QuotaCommand};
use super::name::MailboxName;
use super::notify::Notify;
use super::partial::Partial;
use super::secret::Secret;
use super::sequence::SequenceSet;
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::mailbox::folders::SpecialUse;
use sceau_operator::mailbox::search::{Algorithm, SortBy};

/// A command with its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// Tag.
    pub tag: String,
    /// Command.
    pub command: Command,
}

/// What a client asks (APPEND and REPLACE come as [`AppendStart`], their messages apart).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// RFC 9051 §6.1.1.
    Capability,
    /// §6.1.2.
    Noop,
    /// §6.1.3.
    Logout,
    /// §6.2.1.
    StartTls,
    /// §6.2.2.
    Authenticate {
        /// Mechanism, upper case.
        mechanism: String,
        /// Initial response in base64 (SASL-IR, RFC 4959); `=` is the empty one.
        initial: Option<Secret>,
    },
    /// RFC 8437.
    Unauthenticate,
    /// §6.2.3.
    Login {
        /// Name.
        user: String,
        /// Token.
        password: Secret,
    },
    /// RFC 2971.
    Id,
    /// RFC 4978: mechanism, upper case.
    Compress(String),
    /// RFC 5465.
    Notify(Box<Notify>),
    /// §6.3.1: names, upper case.
    Enable(Vec<String>),
    /// SELECT and EXAMINE, §6.3.2, §6.3.3.
    Select {
        /// Which.
        mailbox: MailboxName,
        /// EXAMINE.
        read_only: bool,
        /// `(CONDSTORE)`, RFC 7162 §3.1.8.
        condstore: bool,
        /// `(QRESYNC (…))`, RFC 7162 §3.2.5.
        qresync: Option<Box<Qresync>>,
    },
    /// §6.3.4, with `(USE (…))` of RFC 6154.
    Create {
        /// Which.
        mailbox: MailboxName,
        /// Special uses asked for.
        uses: Vec<SpecialUse>,
    },
    /// §6.3.5.
    Delete(MailboxName),
    /// §6.3.6: from, to.
    Rename(MailboxName, MailboxName),
    /// SUBSCRIBE (true) and UNSUBSCRIBE, §6.3.7, §6.3.8.
    Subscribe(MailboxName, bool),
    /// §6.3.9.
    List(List),
    /// RFC 3501 §6.3.9: reference and pattern.
    Lsub(MailboxName, MailboxName),
    /// §6.3.10.
    Namespace,
    /// §6.3.11.
    Status(MailboxName, Vec<StatusItem>),
    /// §6.3.13.
    Idle,
    /// RFC 3501 §6.4.1.
    Check,
    /// §6.4.1.
    Close,
    /// §6.4.2.
    Unselect,
    /// EXPUNGE, §6.4.3, and UID EXPUNGE with its set.
    Expunge(Option<SequenceSet>),
    /// §6.4.4.
    Search(Search),
    /// RFC 5256 §3.
    Sort(Sort),
    /// RFC 5256 §3.
    Thread(Thread),
    /// ESEARCH, RFC 7377.
    MultiSearch(MultiSearch),
    /// §6.4.5.
    Fetch(Fetch),
    /// §6.4.6.
    Store(Store),
    /// COPY and MOVE, §6.4.7, §6.4.8.
    Copy(Copy),
    /// RFC 4314.
    Acl(AclCommand),
    /// RFC 9208.
    Quota(QuotaCommand),
    /// RFC 5464.
    Metadata(MetadataCommand),
}

impl Command {
    /// Name, for metrics and answers.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Capability => "CAPABILITY",
            Self::Acl(command) => command.name(),
            Self::Quota(command) => command.name(),
            Self::Metadata(command) => command.name(),
            Self::Noop => "NOOP",
            Self::Logout => "LOGOUT",
            Self::StartTls => "STARTTLS",
            Self::Authenticate { .. } => "AUTHENTICATE",
            Self::Unauthenticate => "UNAUTHENTICATE",
            Self::Login { .. } => "LOGIN",
            Self::Id => "ID",
            Self::Compress(_) => "COMPRESS",
            Self::Notify(_) => "NOTIFY",
            Self::Enable(_) => "ENABLE",
            Self::Select { read_only: false, .. } => "SELECT",
            Self::Select { .. } => "EXAMINE",
            Self::Create { .. } => "CREATE",
            Self::Delete(_) => "DELETE",
            Self::Rename(..) => "RENAME",
            Self::Subscribe(_, true) => "SUBSCRIBE",
            Self::Subscribe(..) => "UNSUBSCRIBE",
            Self::List(_) => "LIST",
            Self::Lsub(..) => "LSUB",
            Self::Namespace => "NAMESPACE",
            Self::Status(..) => "STATUS",
            Self::Idle => "IDLE",
            Self::Check => "CHECK",
            Self::Close => "CLOSE",
            Self::Unselect => "UNSELECT",
            Self::Expunge(None) => "EXPUNGE",
            Self::Expunge(_) => "UID EXPUNGE",
            Self::Search(Search { uid: false, .. }) => "SEARCH",
            Self::Search(_) => "UID SEARCH",
            Self::Sort(Sort { search: Search { uid: false, .. }, .. }) => "SORT",
            Self::Sort(_) => "UID SORT",
            Self::Thread(Thread { search: Search { uid: false, .. }, .. }) => "THREAD",
            Self::Thread(_) => "UID THREAD",
            Self::MultiSearch(_) => "ESEARCH",
            Self::Fetch(Fetch { uid: false, .. }) => "FETCH",
            Self::Fetch(_) => "UID FETCH",
            Self::Store(Store { uid: false, .. }) => "STORE",
            Self::Store(_) => "UID STORE",
            Self::Copy(Copy { uid: false, moving: false, .. }) => "COPY",
            Self::Copy(Copy { uid: true, moving: false, .. }) => "UID COPY",
            Self::Copy(Copy { uid: false, .. }) => "MOVE",
            Self::Copy(_) => "UID MOVE",
        }
    }
}

/// What a client knows of a mailbox that it comes back to (RFC 7162 §3.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qresync {
    /// UIDVALIDITY that it knows.
    pub uidvalidity: u32,
    /// HIGHESTMODSEQ that it knows.
    pub modseq: u64,
    /// UIDs that it knows, without `*`; `None` is all that were ever given.
    pub known: Option<SequenceSet>,
    /// Sequence numbers that it knows, and the UIDs that they stand for, without `*`.
    pub matches: Option<(SequenceSet, SequenceSet)>,
}

/// LIST with the extensions of RFC 5258, RFC 5819, RFC 6154.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List {
    /// True when any extension's syntax was used.
    pub extended: bool,
    /// SUBSCRIBED selection.
    pub select_subscribed: bool,
    /// RECURSIVEMATCH.
    pub recursive_match: bool,
    /// SPECIAL-USE selection.
    pub select_special_use: bool,
    /// Reference.
    pub reference: Vec<u8>,
    /// Patterns as sent.
    pub patterns: Vec<MailboxName>,
    /// RETURN (SUBSCRIBED).
    pub return_subscribed: bool,
    /// RETURN (CHILDREN).
    pub return_children: bool,
    /// RETURN (SPECIAL-USE).
    pub return_special_use: bool,
    /// RETURN (MYRIGHTS), RFC 8440.
    pub return_my_rights: bool,
    /// RETURN (STATUS (…)).
    pub return_status: Vec<StatusItem>,
}

/// What STATUS tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the items of the same names
pub enum StatusItem {
    Messages,
    UidNext,
    UidValidity,
    Unseen,
    Deleted,
    Size,
    Recent,
    HighestModSeq,
    AppendLimit,
    /// RFC 9208 §4.1.4.
    DeletedStorage,
    /// RFC 8474 §4.
    MailboxId,
}

/// FETCH and UID FETCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// UID FETCH.
    pub uid: bool,
    /// Which.
    pub set: SequenceSet,
    /// What.
    pub items: Vec<FetchItem>,
    /// `(CHANGEDSINCE n)`.
    pub changed_since: Option<u64>,
    /// `(CHANGEDSINCE n VANISHED)` of UID FETCH, RFC 7162 §3.2.6.
    pub vanished: bool,
    /// `(PARTIAL range)`, RFC 9394 §3.3.
    pub partial: Option<Partial>,
}

/// What FETCH tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the items of the same names
pub enum FetchItem {
    Flags,
    Uid,
    InternalDate,
    Size,
    Envelope,
    /// BODY: structure without extension data.
    Body,
    BodyStructure,
    Rfc822,
    Rfc822Header,
    Rfc822Text,
    ModSeq,
    Section(BodySection),
    /// BINARY[…].
    Binary {
        part: Vec<u32>,
        partial: Option<(u64, u64)>,
        peek: bool,
    },
    BinarySize(Vec<u32>),
    /// RFC 8474 §5.
    EmailId,
    ThreadId,
    /// RFC 8514.
    SaveDate,
    /// RFC 8970.
    Preview {
        /// Only when it costs nothing.
        lazy: bool,
    },
}

/// BODY[section]<partial>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodySection {
    /// Which section.
    pub section: Section,
    /// First byte and count.
    pub partial: Option<(u64, u64)>,
    /// BODY.PEEK: does not set `\Seen`.
    pub peek: bool,
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// Part number; empty is the message.
    pub part: Vec<u32>,
    /// Which text of it; `None` is all.
    pub text: Option<SectionText>,
}

/// Which text of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionText {
    /// HEADER.
    Header,
    /// HEADER.FIELDS, or HEADER.FIELDS.NOT when `not`.
    Fields {
        /// Names as sent.
        names: Vec<String>,
        /// All but these.
        not: bool,
    },
    /// TEXT.
    Text,
    /// MIME.
    Mime,
}

/// STORE and UID STORE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// UID STORE.
    pub uid: bool,
    /// Which.
    pub set: SequenceSet,
    /// `(UNCHANGEDSINCE n)`.
    pub unchanged_since: Option<u64>,
    /// How.
    pub change: FlagChange,
    /// `.SILENT`.
    pub silent: bool,
    /// Flags.
    pub flags: FlagSet,
}

/// COPY, MOVE and their UID forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// UID form.
    pub uid: bool,
    /// MOVE.
    pub moving: bool,
    /// Which.
    pub set: SequenceSet,
    /// Where to.
    pub to: MailboxName,
}

/// SEARCH and UID SEARCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// UID SEARCH.
    pub uid: bool,
    /// RETURN (…), when there is one.
    pub returns: Option<SearchReturn>,
    /// The charset named is unknown here.
    pub bad_charset: bool,
    /// A charset is named where UTF8=ACCEPT, once enabled, allows none: any for SEARCH and ESEARCH, another one than UTF-8 for SORT and THREAD, which must
    /// name one (RFC 9755 §3, RFC 6855 §3 with its erratum 4029).
    pub conflicts_utf8: bool,
    /// What to find.
    pub key: SearchKey,
}

/// SORT and UID SORT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// What to find.
    pub search: Search,
    /// In which order; the first criterion counts most.
    pub by: Vec<SortBy>,
}

/// THREAD and UID THREAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// What to find.
    pub search: Search,
    /// How conversations are found.
    pub algorithm: Algorithm,
}

/// ESEARCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiSearch {
    /// What to find; always in UIDs.
    pub search: Search,
    /// Where.
    pub sources: Vec<Source>,
}

/// Mailboxes to search (RFC 7377 §2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The selected one.
    Selected,
    /// Those where mail is delivered.
    Inboxes,
    /// Those of the personal namespace.
    Personal,
    /// Those that are subscribed.
    Subscribed,
    /// These and what is below them.
    Subtree(Vec<MailboxName>),
    /// These and the level below them.
    SubtreeOne(Vec<MailboxName>),
    /// These.
    Mailboxes(Vec<MailboxName>),
}

/// RETURN options of SEARCH (RFC 4731, RFC 5182).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the options of the same names
pub struct SearchReturn {
    pub min: bool,
    pub max: bool,
    pub count: bool,
    pub all: bool,
    pub save: bool,
    /// RFC 6203.
    pub relevancy: bool,
    /// RFC 9394.
    pub partial: Option<Partial>,
}

/// A search key (RFC 9051 §6.4.4), texts decoded from the search's charset. Days are counted from 1970-01-01.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the keys of the same names
pub enum SearchKey {
    All,
    /// Matches nothing: `RECENT` and `NEW` (this server has no recent messages).
    Nothing,
    And(Vec<SearchKey>),
    Or(Box<SearchKey>, Box<SearchKey>),
    Not(Box<SearchKey>),
    Set(SequenceSet),
    Uid(SequenceSet),
    Flag(Flags),
    Keyword(String),
    Larger(u64),
    Smaller(u64),
    /// INTERNALDATE is this many seconds ago or more, or less (RFC 5032).
    Older(u32),
    Younger(u32),
    /// INTERNALDATE's day is this one or later.
    Since(i64),
    Before(i64),
    SentSince(i64),
    SentBefore(i64),
    Header(String, String),
    From(String),
    To(String),
    Cc(String),
    Bcc(String),
    Subject(String),
    Body(String),
    Text(String),
    ModSeq(u64),
    /// RFC 8474 §6.
    EmailId(String),
    ThreadId(String),
    /// It came into the mailbox on this day or later (RFC 8514 §4.3).
    SavedSince(i64),
    SavedBefore(i64),
    /// RFC 6203: texts in this key are looked for as words, in any of their forms.
    Fuzzy(Box<SearchKey>),
}

impl SearchKey {
    /// Are message sequence numbers named anywhere in it? (`$` names messages by their UIDs.)
    pub fn names_numbers(&self) -> bool {
        match self {
            Self::Set(set) => matches!(set, SequenceSet::Ranges(_)),
            Self::And(keys) => keys.iter().any(Self::names_numbers),
            Self::Or(a, b) => a.names_numbers() || b.names_numbers(),
            Self::Not(key) | Self::Fuzzy(key) => key.names_numbers(),
            _ => false,
        }
    }
}
