//! The SMTP wire, sans-I/O: bytes in, values out, and back. Nothing here waits, allocates more than its input or knows a rule.
//!
//! * [`command`], [`parameters`], [`path`]: command lines of a client (RFC 5321, RFC 1870, RFC 6152, RFC 6531, RFC 3461, RFC 3030, RFC 8689);
//! * [`auth`]: the payloads of AUTH (RFC 4954, RFC 4616);
//! * [`reply`]: what a server writes; [`response`], [`capabilities`]: what a client reads;
//! * [`data`]: the content of a message as it is received, with the strict end; [`stuffing`]: as it is sent.
//!   Content that comes in counted chunks is held to the same lines by [`sceau_message::lines`].
//!
//! Every parser has its budget, and refuses what a smuggler could read in two ways: a bare CR, a bare LF, a NUL.
pub mod auth;
pub mod capabilities;
pub mod command;
pub mod data;
pub mod parameters;
pub mod path;
pub mod reply;
pub mod response;
pub mod stuffing;

/// Longest command line in octets, CRLF included: 512 of RFC 5321 §4.5.3.1.4, and what its extensions add (MAIL with DSN
/// parameters: RFC 3461 §5.3; international paths: RFC 6531 §3.4), with room.
pub const COMMAND_LINE: usize = 2048;
/// Longest line of an AUTH exchange, CRLF included, and of the AUTH command itself (RFC 4954 §4).
pub const AUTH_LINE: usize = 12_288;
