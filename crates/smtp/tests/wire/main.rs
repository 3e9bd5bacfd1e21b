//! The doors and the transfer on the wire: real sockets, real TLS, a real operator on a temporary store.
#![allow(clippy::unwrap_used, clippy::expect_used)]
mod bad_input;
mod bdat;
mod certificates;
mod client;
mod fake;
mod manners;
mod mechanisms;
mod mx;
mod notices;
mod patience;
mod proxy;
mod rights;
mod smuggling;
mod submission;
mod transfer;
mod world;
