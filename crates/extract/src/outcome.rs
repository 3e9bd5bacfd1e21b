//! What becomes of a document.
use serde::{Deserialize, Serialize};

/// The answer for one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extracted {
    /// Its text, cut at [`crate::Limits::text`]. May be empty: a scanned page holds none.
    Text(String),
    /// It has none that can be read.
    NoText(Why),
}

/// Why there is no text. The codes ([`Why::code`]) are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Why {
    /// Of a kind that holds no text we read (an image, a program…).
    Unsupported,
    /// Larger than [`crate::Limits::input`].
    TooLarge,
    /// Protected by a password.
    Encrypted,
    /// Not what it claims to be, or cut.
    Broken,
    /// It asks for more than a document may: depth, nodes, expansion.
    Excess,
    /// It took more processor time or more time than allowed.
    Time,
    /// Its reader died: out of memory or of stack.
    Crashed,
    /// The child process could not be started or asked. The one cause that may pass by itself: asking again makes sense.
    Unavailable,
}

impl Why {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::Unsupported,
        Self::TooLarge,
        Self::Encrypted,
        Self::Broken,
        Self::Excess,
        Self::Time,
        Self::Crashed,
        Self::Unavailable,
    ];
    /// Stable code, for logs, traces and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too_large",
            Self::Encrypted => "encrypted",
            Self::Broken => "broken",
            Self::Excess => "excess",
            Self::Time => "time",
            Self::Crashed => "crashed",
            Self::Unavailable => "unavailable",
        }
    }
    /// The cause may pass by itself: the document is worth another attempt later.
    pub fn passes(self) -> bool {
        self == Self::Unavailable
    }
}
