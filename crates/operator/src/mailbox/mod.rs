//! Reading and filing: folders and entries of a BAL, as IMAP (and later JMAP and the web) needs them.
//!
//! Folder names are paths with `/`, in UTF-8 NFC; `INBOX` is canonical upper case. Every call checks the actor's access to
//! its BAL and is traced (reading: one trace a command, batched).
//!
//! Every act that changes something locks the BAL's row first, takes one modseq, leaves folder counts, quota and tombstones
//! right, writes its trace, and wakes those who watch the BAL after the commit.
pub mod across;
mod act;
pub mod annotations;
pub mod append;
pub(crate) mod damage;
pub(crate) mod deliver;
pub mod entries;
mod expunge;
mod flags;
pub mod folders;
mod importing;
mod named;
pub(crate) mod names;
mod objects;
mod overview;
pub(crate) mod personal;
mod preview;
pub mod read;
mod rename;
pub mod resync;
pub mod room;
pub(crate) mod seal;
pub mod search;
mod structure;
mod transfer;
pub mod words;

#[cfg(test)]
pub(crate) mod tests;
