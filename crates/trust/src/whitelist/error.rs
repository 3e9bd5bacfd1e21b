//! Why a list is not put in force.

/// Why a list is not put in force. [`WhiteListError::code`] is stable (alarms use it).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhiteListError {
    /// Could not be fetched.
    #[error("fetch: {0}")]
    Fetch(String),
    /// Not the format.
    #[error("format: {0}")]
    Format(String),
    /// No signature, or not the one accepted profile.
    #[error("signature profile: {0}")]
    Profile(String),
    /// Signature does not verify.
    #[error("signature invalid")]
    Signature,
    /// Signer is not the configured one, or its chain is not trusted.
    #[error("signer: {0}")]
    Signer(String),
    /// Older than the list in force.
    #[error("rollback: generated {0}, in force {1}")]
    Rollback(String, String),
    /// Of the same second as the list in force, and other than it: one of the two is not what the authority published.
    #[error("another list of the same second is in force: {0}")]
    Twin(String),
    /// Generated further in the future than clocks may differ.
    #[error("generated in the future: {0}, now {1}")]
    Future(String, String),
}

impl WhiteListError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetch(_) => "white_list.fetch",
            Self::Format(_) => "white_list.format",
            Self::Profile(_) => "white_list.profile",
            Self::Signature => "white_list.signature",
            Self::Signer(_) => "white_list.signer",
            Self::Rollback(..) => "white_list.rollback",
            Self::Twin(_) => "white_list.twin",
            Self::Future(..) => "white_list.future",
        }
    }
}
