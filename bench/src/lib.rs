//! Load generators that any SMTP, IMAP or HTTP server can be pointed at.
//!
//! They share no code with Sceau, so that what they measure of it they measure of any other server in the same way. What they
//! promise: every run is bounded in time and in count; clocks are monotonic; a warm-up is never counted as a result; each
//! refusal and each error is counted under a stable key and shown; a target outside loopback needs an explicit yes.
//!
//! Load is *closed* by default: a session sends its next command when the last one was answered, so a slow server slows the
//! generator down. `smtp-load --rate` offers an *open* load, with latencies counted from the instant a message was due.
pub mod common;
pub mod dial;
pub mod failure;
pub mod histogram;
pub mod http;
pub mod imap;
pub mod machine;
pub mod smtp;
pub mod target;
pub mod tls;
pub mod window;
pub mod wire;

pub use failure::{Failure, SetupError};
pub use histogram::{Histogram, Percentiles};
