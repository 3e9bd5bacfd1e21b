//! HTTP load: pages asked for over kept connections (HTTP/1.1, RFC 9112), or streams of events that stay open (server-sent events).
mod client;
mod options;
mod park;
mod report;
mod run;

pub use client::{Answer, Client};
pub use options::{Options, Page};
pub use report::{Parked, Report};
pub use run::run;
