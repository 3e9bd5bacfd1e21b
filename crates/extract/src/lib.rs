//! Text out of documents that strangers sent: PDF, archives (IHE_XDM), CDA, office documents, RTF, HTML, plain text.
//!
//! Whoever opens a document runs in a child process of its own (`sceau extract`, [`child`]): limited in memory, processor time and
//! open files, without network, with a deadline kept by the parent ([`Extractor`]). A hostile document costs its own text, nothing
//! else: whatever happens in the child, the parent gets an [`Extracted`] in bounded time and memory. Nothing is written to the
//! disk, no path found in an archive is ever used as one, and no content reaches a log.
pub mod child;
mod formats;
mod kind;
mod limits;
mod outcome;
mod parent;
pub mod wire;

pub use formats::text_of;
pub use kind::Kind;
pub use limits::Limits;
pub use outcome::{Extracted, Why};
pub use parent::Extractor;

/// For fuzzing and measuring: the parsers, each alone.
pub mod parsers {
    pub use crate::formats::archive::text as archive;
    pub use crate::formats::html::text as html;
    pub use crate::formats::pdf::text as pdf;
    pub use crate::formats::rtf::text as rtf;
    pub use crate::formats::xml::text as xml;
}
