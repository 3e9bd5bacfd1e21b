//! What FETCH says about a message, computed from its summary: ENVELOPE, BODY, BODYSTRUCTURE, and where sections lie.
pub mod envelope;
pub mod section;
pub mod structure;
