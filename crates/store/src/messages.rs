//! messages: see the crate's documentation.
