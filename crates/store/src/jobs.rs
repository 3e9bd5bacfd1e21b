//! jobs: see the crate's documentation.
