//! Drafts, files on their way, signatures.
