//! Text out of documents that strangers sent: PDF, archives (IHE_XDM), CDA, HTML, plain text.
//!
//! Whoever opens a document runs in a child process of its own (`sceau extract`): limited in memory, processor time and open files,
//! without network, with a deadline kept by the parent. A hostile document costs its own text, nothing else.
