//! NOTIFY as a value (RFC 5465).
use super::command::FetchItem;
use super::name::MailboxName;

/// What a client wants to hear without asking (RFC 5465 §3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// Nothing at all.
    None,
    /// This, in place of what was asked for before.
    Set {
        /// STATUS of every mailbox concerned at once.
        status: bool,
        /// The first group that names a mailbox counts for it.
        groups: Vec<EventGroup>,
    },
}

/// Events of some mailboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventGroup {
    /// Which mailboxes.
    pub mailboxes: MailboxFilter,
    /// Which events; none for `NONE`.
    pub events: Events,
}

/// Mailboxes (RFC 5465 §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxFilter {
    /// The selected one, at once; with `delayed` EXPUNGE waits for a command at which it may be told.
    Selected {
        /// SELECTED-DELAYED.
        delayed: bool,
    },
    /// Those where mail is delivered.
    Inboxes,
    /// Those of the personal namespace.
    Personal,
    /// Those that are subscribed at that moment.
    Subscribed,
    /// These and what is below them.
    Subtree(Vec<MailboxName>),
    /// These.
    Mailboxes(Vec<MailboxName>),
}

/// Events (RFC 5465 §5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Events {
    /// MessageNew and MessageExpunge, which only come together.
    pub messages: bool,
    /// What to tell of each new message of the selected mailbox.
    pub fetch: Vec<FetchItem>,
    /// FlagChange.
    pub flags: bool,
    /// MailboxName.
    pub names: bool,
    /// SubscriptionChange.
    pub subscriptions: bool,
    /// MailboxMetadataChange.
    pub metadata: bool,
    /// ServerMetadataChange, of whichever mailboxes it is said.
    pub server: bool,
    /// An event that we do not know: the command is refused with those that we do.
    pub unsupported: bool,
}
