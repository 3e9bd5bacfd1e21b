//! settings: see the crate's documentation.
