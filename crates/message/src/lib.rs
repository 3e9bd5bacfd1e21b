//! Reading and writing of messages: streaming MIME structure, header fields, envelope, trace fields, delivery reports.
//!
//! Parsers here have budgets ([`scan::Limits`]) and never need the whole message in memory: a message is pushed through
//! a [`scan::Scanner`] while it streams into its spool, and only its header and the offsets of its parts are kept.
pub mod decode;
pub mod envelope;
pub mod header;
pub mod report;
pub mod scan;
pub mod summary;
pub mod trace_field;
