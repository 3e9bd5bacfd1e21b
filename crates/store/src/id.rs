//! Ids: 63 bits, time-ordered, unique over nodes without talking (41 bits of milliseconds since 2020, 10 of node, 12 of counter).

/// An id of any row.
pub type Id = i64;

/// Makes ids.
#[derive(Debug)]
pub struct IdMaker {}

impl IdMaker {
    /// The next id, greater than any before it from this maker.
    pub fn make(&self) -> Id {
        todo!()
    }
}
