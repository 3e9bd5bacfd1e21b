//! identifier (see the crate's owner)
