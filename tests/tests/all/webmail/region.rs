//! A regional body.
