//! APPEND and REPLACE as values.
use crate::codec::name::MailboxName;
use crate::codec::sequence::SequenceSet;
use sceau_domain::Timestamp;
use sceau_operator::mailbox::entries::FlagSet;

/// APPEND or REPLACE up to its first literal (RFC 9051 §6.3.12, RFC 8508 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendStart {
    /// Tag.
    pub tag: String,
    /// REPLACE: which message goes.
    pub replaces: Option<Replaced>,
    /// Destination.
    pub mailbox: MailboxName,
    /// What comes before the first literal, that literal included.
    pub steps: Vec<AppendStep>,
}

impl AppendStart {
    /// Name, for metrics and answers.
    pub fn name(&self) -> &'static str {
        match &self.replaces {
            None => "APPEND",
            Some(Replaced { uid: false, .. }) => "REPLACE",
            Some(_) => "UID REPLACE",
        }
    }
}

/// The message that REPLACE replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// UID REPLACE.
    pub uid: bool,
    /// One number, or `*`.
    pub set: SequenceSet,
}

/// What APPEND says, in its order: for each message [`AppendStep::Message`], one literal or (CATENATE, RFC 4469) many of
/// them and URLs, then [`AppendStep::End`]. Several messages are MULTIAPPEND (RFC 3502).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendStep {
    /// A message begins.
    Message {
        /// Flags.
        flags: FlagSet,
        /// INTERNALDATE.
        date: Option<Timestamp>,
        /// It is put together from parts.
        catenate: bool,
    },
    /// A literal follows: a message, or a part of one. Always the last of the steps that come together.
    Literal(AppendLiteral),
    /// A part of the message is what this URL names (RFC 5092).
    Url(Vec<u8>),
    /// The message is complete.
    End,
}

/// A literal whose bytes are streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendLiteral {
    /// Size, bytes.
    pub size: u64,
    /// The literal is non-synchronising: it comes whether we like it or not.
    pub unasked: bool,
    /// literal8 (RFC 3516 §4.4): may hold any octet.
    pub binary: bool,
}
