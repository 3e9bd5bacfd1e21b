//! naming (see the crate's owner)
