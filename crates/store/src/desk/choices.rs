//! What a person chose of the desk: JSON without content.

/// The choices of a person who made some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// JSON.
    pub choices: String,
    /// When they were changed, milliseconds.
    pub changed: i64,
}
