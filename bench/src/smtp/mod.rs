//! SMTP load: sends unique messages and counts what the server acknowledged.
mod client;
mod message;
mod options;
mod reply;
mod report;
mod run;
mod tally;

pub use message::{Body, Message, Template};
pub use options::Options;
pub use reply::{Reply, parse_line};
pub use report::Report;
pub use run::run;
