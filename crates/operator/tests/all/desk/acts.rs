//! Acts and taking them back.
