//! Delivery reports (RFC 3462, RFC 3464): French then English for people, a machine part for programs, the header of the
//! message concerned.
use sceau_domain::{Address, Timestamp};

/// What became of one recipient.
#[derive(Debug, Clone)]
pub struct RecipientOutcome {
    /// The recipient.
    pub recipient: Address,
    /// `failed`, `delayed`, `delivered`, `relayed` (RFC 3464 §2.3.3).
    pub action: &'static str,
    /// Enhanced status (RFC 3463).
    pub status: String,
    /// Name of the server that answered, if one did.
    pub remote_mta: Option<String>,
    /// Its last reply, e.g. `550 5.1.1 unknown mailbox`, or ours.
    pub diagnostic: Option<String>,
    /// Sentences for people: French, English.
    pub sentence: (String, String),
}

/// A report to write.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// Our host name.
    pub reporting_mta: &'a str,
    /// Who signs: `postmaster@domain`.
    pub from: &'a Address,
    /// The message's sender, who receives the report.
    pub to: &'a Address,
    /// When the message was accepted.
    pub arrived: Timestamp,
    /// When the report is written.
    pub at: Timestamp,
    /// Unique part of our Message-ID (without angle brackets and domain).
    pub id: &'a str,
    /// Outcomes to report.
    pub outcomes: &'a [RecipientOutcome],
    /// Header section of the message concerned.
    pub original_header: &'a [u8],
}

impl Report<'_> {
    /// The report as a message with CRLF lines, 7-bit safe, `Auto-Submitted: auto-replied`, to be sent with a null reverse path.
    pub fn write(&self) -> Vec<u8> {
        todo!()
    }
}
