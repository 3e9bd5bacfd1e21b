//! imap
pub mod codec;
pub mod content;
pub mod view;
