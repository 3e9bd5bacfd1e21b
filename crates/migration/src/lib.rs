//! Mailboxes brought in and taken out (F265): from Maildir, mbox and another server's IMAP into a BAL; from a BAL into Maildir or mbox, with a
//! manifest that says what was written.
//!
//! Knows no operator: the BAL's side is IMAP too ([`client`]), spoken with the person's own token, so that rights, quota, antivirus and traces are
//! those of any mail program. Promises:
//! * a server at the other end is not believed: what it sends has budgets before it is kept, each command has a deadline as a whole, its certificate
//!   is judged by the system's authorities or those that were given, and no secret is said outside TLS;
//! * messages stream: memory does not grow with their size; nothing is written to the disk but what was asked for;
//! * an import that is run again, after a cut or its end, brings nothing twice ([`import`]); what the BAL refuses is told and the rest goes on;
//! * an export is whole when its manifest is ended, and anybody can verify it ([`manifest`], [`verify`]).
pub mod client;
pub mod content;
pub mod door;
pub mod error;
pub mod export;
mod files;
pub mod flags;
pub mod folders;
pub mod import;
pub mod journal;
pub mod maildir;
pub mod manifest;
pub mod mbox;
pub mod source;
pub mod stock;
pub mod time;
pub mod verify;

pub use error::Error;
