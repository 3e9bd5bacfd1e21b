//! Harness of the end-to-end tests: starts the built binary's sandbox on free ports, runs outside programs against it, and
//! records which feature rows a passing test proved.
pub mod browser;
pub mod bucket;
pub mod card_reader;
pub mod clamd;
pub mod curl;
pub mod database;
pub mod dns;
pub mod doors;
pub mod hostile;
pub mod letter;
pub mod mailbox;
pub mod maildir;
pub mod outside;
pub mod peer;
pub mod postfix;
pub mod program;
pub mod proof;
pub mod psc;
pub mod reference;
pub mod sandbox;
pub mod schema;
mod template;
pub mod visit;
pub mod wait;
mod watching;

pub use browser::{Authenticator, Browser};
pub use database::Database;
pub use hostile::Hostile;
pub use letter::Letter;
pub use mailbox::Mailbox;
pub use outside::{House, Outside};
pub use peer::{Peer, Tls, Wire};
pub use postfix::Postfix;
pub use program::Run;
pub use proof::proves;
pub use sandbox::Sandbox;
