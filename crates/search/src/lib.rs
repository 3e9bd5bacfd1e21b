//! Full-text search of one BAL, in French: what a message's text is ([`TextRecord`]), how it is asked for ([`Query`]), an index of it
//! ([`Index`]) over files that somebody else keeps ([`Files`]: sealed blobs in the program, memory in tests).
//!
//! One analyzer serves index and scan ([`Query::matches`]), so that a message not indexed yet is found by the very same rules.
//! Everything here blocks: call it on a blocking thread.
mod analysis;
mod field;
mod files;
mod index;
mod query;
mod record;

pub use field::Field;
pub use files::{Content, Files, NewFile};
pub use index::{Hit, Index, SearchError};
pub use query::{Query, QueryError, Snippet};
pub use record::{Attachment, TextRecord};

/// Version of the analyzer and of the index's schema. An index or a record of another version is made again.
pub const VERSION: i64 = 1;
