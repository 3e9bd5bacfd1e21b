//! accounts: see the crate's documentation.
