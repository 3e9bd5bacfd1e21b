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
