//! Searching a folder with IMAP's meaning (RFC 9051 §6.4.4): substring, case-insensitive, decoded text.
use crate::mailbox::entries::{Entry, Flags};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, Timestamp};

/// A query. Sequence numbers are resolved to UIDs by the door.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Query {
    All,
    And(Vec<Query>),
    Or(Box<Query>, Box<Query>),
    Not(Box<Query>),
    /// One of these UIDs (sorted).
    Uids(Vec<u32>),
    Flag(Flags),
    Keyword(String),
    Larger(u64),
    Smaller(u64),
    /// INTERNALDATE's day (UTC) ≥ / < these instants (midnights).
    Since(Timestamp),
    Before(Timestamp),
    /// Date header's day, disregarding time and zone.
    SentSince(Timestamp),
    SentBefore(Timestamp),
    /// Header field contains (empty text: exists).
    Header(String, String),
    From(String),
    To(String),
    Cc(String),
    Bcc(String),
    Subject(String),
    /// Decoded text of the body parts.
    Body(String),
    /// Header or body.
    Text(String),
    /// Modseq at least.
    ModSeq(u64),
}

impl Operator {
    /// The UIDs among `entries` (the session's view) that match, ascending.
    pub async fn search(&self, actor: &Actor, entries: &[Entry], query: &Query) -> Result<Vec<u32>, Refusal> {
        let _ = (actor, entries, query);
        todo!()
    }
}
