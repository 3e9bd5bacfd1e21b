//! The antivirus engine next door: ClamAV's daemon over its protocol (F209), and which documents are under a password.
//!
//! Promises: an answer that is not exactly the engine's word for "clean" is never taken for it; every wait ends within the deadline that was given;
//! what the engine says is bounded before it is kept, and is one line of printable text. No document is unpacked here, but for the headers of 7-Zip.
pub mod clamd;
pub mod encrypted;
mod lzma;
pub mod reply;
mod seven;

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
    /// It did not read to the end what documents unfold to: which of its limits (`MaxRecursion`, `MaxScanSize`…; its `AlertExceedsMax`).
    #[error("a document goes beyond the engine's limits: {0}")]
    Exceeded(String),
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
            Self::Exceeded(_) => "exceeded",
            Self::Failed(_) => "failed",
        }
    }
}
