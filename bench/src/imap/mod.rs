//! IMAP load: operations on a folder, or many sessions parked in IDLE.
mod client;
mod idle;
mod operation;
mod options;
mod report;
mod response;
mod run;

pub use operation::Operation;
pub use options::Options;
pub use report::Report;
pub use response::{Response, Status, literal, parse};
pub use run::run;
