//! dedupe: see the crate's documentation.
