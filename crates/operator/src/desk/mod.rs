//! The desk: what pages for mail ask beyond what mail programs do. Lists that are windows, acts that can be taken back, drafts and what leaves later, what
//! became of each recipient, what colleagues do, rules, one's own activity, choices.
//!
//! Promises: every call takes the actor as it sits ([`sit`]) and asks its seat in its own transaction; nothing here is a second way around a rule that
//! another door keeps (reading, filing and sending are the calls of [`crate::mailbox`] and [`crate::mail`], with their traces).
pub mod activity;
pub mod acts;
mod aging;
pub mod beside;
pub mod choices;
pub mod colleagues;
pub mod correspondents;
pub mod deliveries;
pub mod directory;
pub mod figures;
mod filing;
mod forward;
mod giving;
pub mod labels;
pub mod letters;
pub mod list;
pub mod message;
pub mod outbox;
pub mod parts;
pub mod presence;
pub mod push;
pub mod recipients;
mod removal;
pub mod rules;
pub mod sender;
pub mod settings;
pub mod sit;
pub mod sources;
pub mod suggest;
pub mod uploads;
pub mod writings;

pub use settings::Settings;
