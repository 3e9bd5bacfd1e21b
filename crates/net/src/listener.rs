//! Accept loops with caps and drain.
use crate::{Conn, HotTls};
use std::net::SocketAddr;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Caps of one listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one IP address.
    pub per_address: usize,
    /// TLS handshake deadline.
    pub handshake: Duration,
    /// Default idle deadline.
    pub idle: Duration,
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {}

impl Listener {
    /// Binds.
    pub async fn bind(address: SocketAddr, limits: Limits) -> std::io::Result<Self> {
        let _ = (address, limits);
        todo!()
    }
    /// The address bound (port 0 resolved).
    pub fn local(&self) -> SocketAddr {
        todo!()
    }
    /// Accepts until `drain` is cancelled, then waits for the running sessions (at most `grace`), then ends them.
    /// With `implicit_tls` the handshake comes first. A connection over a cap gets `busy` (a line in the door's protocol) and is closed.
    /// Each session gets the drain token, to say goodbye in its protocol.
    pub async fn serve<F, Fut>(self, implicit_tls: Option<HotTls>, busy: &'static [u8], drain: CancellationToken, grace: Duration, session: F)
    where
        F: Fn(Conn, CancellationToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let _ = (implicit_tls, busy, drain, grace, session);
        todo!()
    }
}
