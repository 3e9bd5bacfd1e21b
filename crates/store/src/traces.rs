//! traces: see the crate's documentation.
