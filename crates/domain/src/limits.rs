//! Limits of messages and BALs, by the name that most of the house knows them by: see [`crate::policy`].
pub use crate::policy::{Limits, MIB};
