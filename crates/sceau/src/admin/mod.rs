//! The administration socket: a local Unix socket through which the command line asks the running server, in REST (HTTP/1.1).
//!
//! Who asks is known by the socket's peer credentials: the system account must be one of the configured administrators, each a named person
//! (F157); there is no other way in, root included.
pub mod api;
pub mod client;
pub mod server;
mod upload;
