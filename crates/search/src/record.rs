//! The text of a message, as search sees it: made once, kept sealed, indexed and scanned from here.
use serde::{Deserialize, Serialize};

/// First byte of [`TextRecord::to_bytes`].
const FORMAT: u8 = 1;

/// The text of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRecord {
    /// Message id in the store.
    pub message: i64,
    /// Date of the message (Date header, else its arrival), milliseconds since 1970.
    pub date: i64,
    /// Size, bytes.
    pub size: u64,
    /// Names and addresses of From, Sender, Reply-To.
    pub from: Vec<String>,
    /// Names and addresses of To, Cc, Bcc.
    pub to: Vec<String>,
    /// Subject, decoded.
    pub subject: String,
    /// Text of the body parts, HTML stripped.
    pub body: String,
    /// Attachments.
    pub attachments: Vec<Attachment>,
}

/// An attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name, decoded.
    pub name: String,
    /// Its text, empty when it has none that can be read.
    pub text: String,
}

impl TextRecord {
    /// Versioned bytes, to be sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Serialising into memory cannot fail: every length is known and nothing refuses.
        postcard::to_extend(self, vec![FORMAT]).unwrap_or_default()
    }
    /// Reads them back; none when they are of another format.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&FORMAT, rest) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }
}
