//! Reading and filing: folders and entries of a BAL, as IMAP (and later JMAP and the web) needs them.
//!
//! Folder names are paths with `/`, in UTF-8 NFC; `INBOX` is canonical upper case. Every call checks the actor's access to
//! its BAL and is traced (reading: one trace a command, batched).
pub(crate) mod deliver;
pub mod entries;
pub mod folders;
pub mod read;
pub mod search;
