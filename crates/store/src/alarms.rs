//! alarms: see the crate's documentation.
