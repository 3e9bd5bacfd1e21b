//! What is asked: words, phrases, prefixes, fields, dates, sizes.
mod days;
pub(crate) mod node;
mod parse;
mod scan;
mod snippet;
mod words;

use crate::TextRecord;
use crate::field::{Field, Fields};
use node::Node;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(crate) node: Node,
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
    /// A prefix of less than two letters (`a*`).
    #[error("a prefix needs two letters at least: {0}")]
    Prefix(String),
    /// An operator without what it joins, a filter without a value, a parenthesis alone.
    #[error("the question cannot be read from: {0}")]
    Syntax(String),
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
    /// Reads a question.
    ///
    /// - Words: all must stand in the message, in any field, in any form of theirs (plural, participle…), with or without accents. `le`,
    ///   `de`, `l'`… are not required when there are other words. What is written as one (`mg/kg`, `10mg`, `compte-rendu`) must stand
    ///   together; so must a number and its unit (`500 mg`).
    /// - `"phrases"` (« » too): these very words, one after the other. A star ends an open one: `"compte rend*"`.
    /// - `prefix*`: two letters at least.
    /// - `-word`, `-"phrase"`, `-de:x`, `-(…)`, `SAUF x`, `NOT x`: must not stand.
    /// - `x OU y` (`OR`, `|`): takes its two neighbours; `a b OU c` is `a (b OU c)`. Parentheses group.
    /// - Fields: `de:`/`from:`, `a:`/`to:`/`pour:`, `objet:`/`subject:`, `corps:`/`body:`, `pj:`/`attachment:`; a word, a phrase, or a group.
    /// - Attachments: `pj:*`, `avec:pj`/`has:attachment`, `sans:pj`; `type:pdf`.
    /// - Dates (YYYY-MM-DD, DD/MM/YYYY, YYYY-MM, MM/YYYY, YYYY; days of metropolitan France): `avant:`/`before:` (that day is excluded),
    ///   `apres:`/`after:`/`depuis:`/`since:` (that day is included), `le:`/`on:`.
    /// - Sizes (bytes, K or Ko, M or Mo: of 1024): `plus:`/`larger:`, `moins:`/`smaller:`.
    ///
    /// Blank text asks for every message; text without a letter or digit for none. Budgets: 2,000 bytes, 100 terms, 10 parentheses deep.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parse::parse(text).map(|node| Self { node })
    }

    /// Every message.
    pub fn all() -> Self {
        Self { node: Node::All }
    }

    /// Plain words, no operators: all must stand in the message, wherever.
    pub fn words(text: &str) -> Result<Self, QueryError> {
        Self::plain(Fields::ALL, text)
    }

    /// Plain words, no operators, in one field.
    pub fn field(field: Field, text: &str) -> Result<Self, QueryError> {
        Self::plain(Fields::of(field), text)
    }

    fn plain(fields: Fields, text: &str) -> Result<Self, QueryError> {
        if text.len() > parse::LONGEST {
            return Err(QueryError::TooLarge);
        }
        let node =
            parse::plain(fields, text)?.unwrap_or(if text.trim().is_empty() { Node::All } else { Node::Nothing });
        Ok(Self { node })
    }

    /// All of these; every message when there are none. The caller bounds how deep it nests.
    pub fn and(queries: impl IntoIterator<Item = Query>) -> Self {
        Self { node: Node::and(queries.into_iter().map(|q| q.node).collect()) }
    }

    /// One of these at least; no message when there are none.
    pub fn or(queries: impl IntoIterator<Item = Query>) -> Self {
        Self { node: Node::or(queries.into_iter().map(|q| q.node).collect()) }
    }

    /// What does not match.
    #[expect(clippy::should_implement_trait, reason = "a constructor beside and() and or()")]
    pub fn not(query: Query) -> Self {
        Self { node: Node::not(query.node) }
    }

    /// Dated then or later, milliseconds since 1970.
    pub fn since(instant: i64) -> Self {
        Self { node: Node::Date(Some(instant), None) }
    }

    /// Dated earlier, milliseconds since 1970.
    pub fn before(instant: i64) -> Self {
        Self { node: Node::Date(None, Some(instant)) }
    }

    /// Of more bytes.
    pub fn larger(bytes: u64) -> Self {
        Self { node: Node::Size(Some(bytes), None) }
    }

    /// Of fewer bytes.
    pub fn smaller(bytes: u64) -> Self {
        Self { node: Node::Size(None, Some(bytes)) }
    }

    /// With an attachment.
    pub fn attached() -> Self {
        Self { node: Node::Attached }
    }

    /// Does a message match? By the same analyzer as the index.
    pub fn matches(&self, record: &TextRecord) -> bool {
        scan::Scan::of(record).holds(&self.node)
    }

    /// An excerpt of about `width` characters around what was found: of the body, else of an attachment; the beginning of the body when
    /// neither has any of it. Whole words, one line, `…` where text was left out.
    pub fn snippet(&self, record: &TextRecord, width: usize) -> Snippet {
        snippet::snippet(&self.node, record, width)
    }

    /// What matched of a text that is shown (a subject, a name): byte ranges in it, in order, apart.
    pub fn found(&self, field: Field, text: &str) -> Vec<(usize, usize)> {
        snippet::found(&self.node, field, text)
    }
}
