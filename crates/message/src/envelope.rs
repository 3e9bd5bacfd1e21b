//! The envelope of a message as IMAP means it (RFC 9051 §7.5.2): header values as written, not decoded.
use crate::scan::Limits;
use serde::{Deserialize, Serialize};

/// One address of an address list, or a group marker (RFC 9051 §7.5.2 ENVELOPE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailAddress {
    /// Display name as written (encoded words kept, quotes removed).
    pub name: Option<String>,
    /// Local part; for a group start, the group's name; `None` for a group end.
    pub mailbox: Option<String>,
    /// Domain as written; `None` in group markers.
    pub host: Option<String>,
}

/// Envelope fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[allow(missing_docs)] // the RFC 5322 fields of the same names
pub struct Envelope {
    pub date: Option<String>,
    pub subject: Option<String>,
    pub from: Vec<MailAddress>,
    pub sender: Vec<MailAddress>,
    pub reply_to: Vec<MailAddress>,
    pub to: Vec<MailAddress>,
    pub cc: Vec<MailAddress>,
    pub bcc: Vec<MailAddress>,
    pub in_reply_to: Option<String>,
    pub message_id: Option<String>,
}

impl Envelope {
    /// Reads the envelope from a header section. Never fails: what cannot be read is absent. Invalid UTF-8 is replaced.
    pub fn read(header: &[u8], limits: &Limits) -> Self {
        let _ = (header, limits);
        todo!()
    }
}
