//! The administration socket: a local Unix socket through which the CLI asks the running server.
//!
//! One JSON request a line, one JSON answer a line. Who asks is known by the socket's peer credentials: the system account
//! must be one of the configured administrators, each a named person (F157); there is no other way in, root included.
pub mod api;
pub mod client;
pub mod dispatch;
pub mod request;
pub mod server;
