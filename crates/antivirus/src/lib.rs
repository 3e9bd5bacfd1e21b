//! The antivirus engine next door: ClamAV's daemon over its protocol (F209), and which documents are under a password.
//!
//! Promises: an answer that is not exactly the engine's word for "clean" is never taken for it; every wait ends within the deadline that was given;
//! what the engine says is bounded before it is kept, and is one line of printable text. Nothing is unpacked here.
pub mod clamd;
pub mod encrypted;
pub mod reply;

pub use clamd::{Clamd, Place, Scan};
pub use reply::{Verdict, Version};

/// Why there is no verdict. None of them says that a content is clean.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// It does not take connections.
    #[error("the engine does not answer: {0}")]
    Away(String),
    /// It did not end in time, or too many were waiting.
    #[error("the engine took too long")]
    Slow,
    /// The connection ended before its answer did.
    #[error("the engine hung up")]
    Cut,
    /// More than it takes (`StreamMaxLength`).
    #[error("the message is larger than what the engine takes")]
    TooLarge,
    /// It said that it failed, or something that is no answer.
    #[error("the engine answered: {0}")]
    Failed(String),
}

impl ScanError {
    /// Stable word, for metrics and traces.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Away(_) => "away",
            Self::Slow => "slow",
            Self::Cut => "cut",
            Self::TooLarge => "too_large",
            Self::Failed(_) => "failed",
        }
    }
}
