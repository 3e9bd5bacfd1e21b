//! Why a command does not succeed.

/// Why there is no answer, as a sentence in the user's language, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// Sentence.
    pub sentence: String,
    /// Process exit code: 1 refused, 2 the line or a file is wrong, 3 no server.
    pub exit: u8,
}
