//! How long an interaction takes.
