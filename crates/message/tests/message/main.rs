//! Behaviour of the crate as its users see it, one subject a module.
mod common;
mod corpus;
mod laws;
mod limits;
mod mime_fields;
mod structure;
mod writing;
