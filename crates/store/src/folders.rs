//! folders: see the crate's documentation.
