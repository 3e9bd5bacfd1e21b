//! Listeners for every door: TLS with hot reload, connection caps, slow-client limits, graceful drain. Also the client side
//! of a connection (outbound transfer). Holds no protocol and no rule.
//!
//! Promises:
//! * memory of a connection is bounded by what the door asks for (`max` of a line) plus one read chunk and one write
//!   buffer; a connection that waits holds no buffer at all, so that thousands of idle sessions can be parked;
//! * every wait has a deadline, and a peer that sends or reads a byte now and then does not move it ([`Pace`]);
//! * a connection that is compressed holds no compressor, and while it waits no decompressor; what was compressed together tells nothing about the rest;
//! * what was queued is sent before a read waits: a door that answers several pipelined commands sends one packet;
//! * who a connection comes from is what the system says, or what a configured balancer says before anything else ([`proxy`]);
//! * a handshake never begins while clear bytes wait in the buffer (STARTTLS injection).
mod caps;
pub mod conn;
mod deflate;
pub mod listener;
pub mod pace;
pub mod proxy;
pub mod stream;

pub use conn::{Conn, ReadError};
pub use listener::{Limits, Listener};
pub use pace::Pace;
pub use proxy::Network;
pub use stream::{Stream, TlsInfo};

use arc_swap::ArcSwap;
use std::sync::Arc;

/// A TLS server configuration that can be replaced while running: new handshakes use the new one.
pub type HotTls = Arc<ArcSwap<rustls::ServerConfig>>;
