//! exchange (see the crate's owner)
