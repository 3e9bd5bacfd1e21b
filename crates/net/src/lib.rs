//! Listeners for every door: TLS with hot reload, connection caps, slow-client limits, graceful drain.
//! Holds no protocol and no rule.
pub mod conn;
pub mod listener;

pub use conn::{Conn, Stream, TlsInfo};
pub use listener::{Limits, Listener};

use arc_swap::ArcSwap;
use std::sync::Arc;

/// A TLS server configuration that can be replaced while running: new handshakes use the new one.
pub type HotTls = Arc<ArcSwap<rustls::ServerConfig>>;
