//! What `sceau fsck` looks at in the rows: counts against entries, references that lead nowhere, rows that nothing shows.
//!
//! Promises: looking changes nothing; each look takes a page or a bounded number of objects; what a look costs does not grow with the
//! square of anything. What is sealed is opened by the caller, who knows what stands in it.
pub mod counts;
pub mod engine;
pub mod loose;
pub mod sealed;

/// Objects that one reading tells of at most; the walk goes on behind the last of them.
pub const PAGE: i64 = 1_000;
