//! Commands as values.
use super::name::MailboxName;
use super::secret::Secret;
use super::sequence::SequenceSet;
use sceau_domain::Timestamp;
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::mailbox::folders::SpecialUse;

/// A command with its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// Tag.
    pub tag: String,
    /// Command.
    pub command: Command,
}

/// What a client asks (APPEND comes as [`AppendStart`], its message apart).
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
    /// §6.2.3.
    Login {
        /// Name.
        user: String,
        /// Token.
        password: Secret,
    },
    /// RFC 2971.
    Id,
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
    /// §6.4.5.
    Fetch(Fetch),
    /// §6.4.6.
    Store(Store),
    /// COPY and MOVE, §6.4.7, §6.4.8.
    Copy(Copy),
}

impl Command {
    /// Name, for metrics and answers.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Capability => "CAPABILITY",
            Self::Noop => "NOOP",
            Self::Logout => "LOGOUT",
            Self::StartTls => "STARTTLS",
            Self::Authenticate { .. } => "AUTHENTICATE",
            Self::Login { .. } => "LOGIN",
            Self::Id => "ID",
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

/// APPEND up to its message (RFC 9051 §6.3.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendStart {
    /// Tag.
    pub tag: String,
    /// Destination.
    pub mailbox: MailboxName,
    /// Flags.
    pub flags: FlagSet,
    /// INTERNALDATE.
    pub date: Option<Timestamp>,
    /// The message comes in `UTF8 (~{n} …)` (RFC 6855 §4).
    pub utf8: bool,
    /// Size of the message, bytes.
    pub size: u64,
    /// The literal is non-synchronising: it comes whether we like it or not.
    pub unasked: bool,
    /// literal8.
    pub binary: bool,
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
    /// What to find.
    pub key: SearchKey,
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
    /// RFC 6203: texts in this key are looked for as words, in any of their forms.
    Fuzzy(Box<SearchKey>),
}
