//! Signatures and templates.
