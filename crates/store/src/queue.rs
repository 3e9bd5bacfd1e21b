//! queue: see the crate's documentation.
