//! The summary of a message, computed once at delivery and kept sealed: listing never parses again (design §5).
use crate::envelope::Envelope;
use crate::scan::{Limits, Part, Scan};
use serde::{Deserialize, Serialize};

/// Everything that ENVELOPE, BODY, BODYSTRUCTURE, header search and section offsets need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Envelope.
    pub envelope: Envelope,
    /// Structure with offsets into the message as received (the server's own prefix not counted).
    pub root: Part,
    /// The message's header section as received.
    pub header: Vec<u8>,
    /// True when a part other than the text looks like an attachment.
    pub has_attachment: bool,
    /// Message-IDs of References and In-Reply-To, in order.
    pub references: Vec<String>,
}

impl Summary {
    /// From a finished scan.
    pub fn of(scan: &Scan, limits: &Limits) -> Self {
        let _ = (scan, limits);
        todo!()
    }
    /// Versioned bytes (first byte = version), to be sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
    /// Reads what [`Summary::to_bytes`] wrote in this or an earlier version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let _ = bytes;
        todo!()
    }
}
