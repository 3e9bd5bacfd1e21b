//! Accept loops with caps and drain.
use crate::caps::{Caps, Full, Place};
use crate::proxy::{self, Header, Network};
use crate::{Conn, HotTls, Pace};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections that the kernel completes before we accept them.
const BACKLOG: u32 = 1024;
/// How long a balancer may take for its header.
const HEADER: Duration = Duration::from_secs(5);
/// Pause after a failed accept (out of file descriptors): trying again at once would burn a processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Caps of one listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one IP address (from one /64 in IPv6).
    pub per_address: usize,
    /// New connections in a minute from one IP address (from one /64 in IPv6); 0 for no limit.
    pub per_minute: u32,
    /// Balancers: what comes from these addresses begins with a PROXY header, and is counted for whom it names. Never at another address.
    pub proxies: Vec<Network>,
    /// TLS handshake deadline.
    pub handshake: Duration,
    /// Default idle deadline.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            per_address: 200,
            per_minute: 0,
            proxies: Vec::new(),
            handshake: Duration::from_secs(30),
            idle: Duration::from_secs(300),
        }
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    local: SocketAddr,
    limits: Limits,
    pace: Pace,
    name: &'static str,
}

impl Listener {
    /// Binds.
    pub async fn bind(address: SocketAddr, limits: Limits) -> std::io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        // Accepted connections inherit it: a peer that vanished is noticed even where a door waits without end.
        socket.set_keepalive(true)?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local, limits, pace: Pace::default(), name: "other" })
    }
    /// Names the listener in metrics and logs (`mx`, `imaps`…).
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }
    /// Slow-client limits of its connections.
    #[must_use]
    pub fn with_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }
    /// The address bound (port 0 resolved).
    pub fn local(&self) -> SocketAddr {
        self.local
    }
    /// Accepts until `drain` is cancelled, then waits for the running sessions (at most `grace`), then ends them.
    /// With `implicit_tls` the handshake comes first. A connection over a cap gets `busy` (a line in the door's protocol; not
    /// where TLS should come first) and is closed. Each session gets the drain token, to say goodbye in its protocol.
    pub async fn serve<F, Fut>(
        self,
        implicit_tls: Option<HotTls>,
        busy: &'static [u8],
        drain: CancellationToken,
        grace: Duration,
        session: F,
    ) where
        F: Fn(Conn, CancellationToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let session = Arc::new(session);
        let caps = Caps::new(self.limits.connections, self.limits.per_address, self.limits.per_minute);
        let mut sessions = JoinSet::new();
        let open = metrics::gauge!("sceau_connections", "listener" => self.name);
        loop {
            tokio::select! {
                biased;
                () = drain.cancelled() => break,
                Some(ended) = sessions.join_next(), if !sessions.is_empty() => report(ended, self.name),
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, remote)) => {
                        let proxied = self.limits.proxies.iter().any(|n| n.contains(remote.ip()));
                        let place = if proxied { caps.enter_unknown() } else { caps.enter(remote.ip()) };
                        let busy = if implicit_tls.is_none() { busy } else { b"" };
                        let outcome = match place {
                            Ok(place) => {
                                let door = Door { tls: implicit_tls.clone(), busy, proxied };
                                self.start(&mut sessions, stream, door, place, &open, &drain, &session);
                                "accepted"
                            }
                            Err(full) => {
                                refuse(&stream, busy);
                                full.outcome()
                            }
                        };
                        metrics::counter!("sceau_connections_total", "listener" => self.name, "outcome" => outcome)
                            .increment(1);
                    }
                    Err(e) => {
                        tracing::warn!(listener = self.name, error = %e, "accept failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        let name = self.name;
        drop(self);
        tracing::info!(listener = name, sessions = sessions.len(), "draining");
        let all = async {
            while let Some(ended) = sessions.join_next().await {
                report(ended, name);
            }
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!(listener = name, sessions = sessions.len(), "grace is over, sessions are ended");
            sessions.shutdown().await;
        }
    }

    #[allow(clippy::too_many_arguments)] // the pieces of one accepted connection, used once
    fn start<F, Fut>(
        &self,
        sessions: &mut JoinSet<()>,
        stream: TcpStream,
        door: Door,
        place: Place,
        open: &metrics::Gauge,
        drain: &CancellationToken,
        session: &Arc<F>,
    ) where
        F: Fn(Conn, CancellationToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let counted = Open::new(open.clone());
        let begin = Begin { limits: self.limits.clone(), pace: self.pace, name: self.name };
        let (drain, session) = (drain.clone(), session.clone());
        // Boxed, each in its turn: a parked session costs what it holds, not the largest state of its connection's set-up.
        let begun = Box::pin(begin.conn(stream, door, place));
        sessions.spawn(async move {
            let (running, place) = match begun.await {
                Some((conn, place)) => (Box::pin(session(conn, drain)), place),
                None => return,
            };
            let _held = (place, counted);
            running.await;
        });
    }
}

/// What a connection begins with.
struct Begin {
    limits: Limits,
    pace: Pace,
    name: &'static str,
}

impl Begin {
    /// The connection, once it is known who is there and TLS is established where it comes first.
    async fn conn(self, mut stream: TcpStream, door: Door, mut place: Place) -> Option<(Conn, Place)> {
        let Self { limits, pace, name } = self;
        let mut remote = None;
        if door.proxied {
            match named(&mut stream, &mut place).await {
                Ok(from) => remote = Some(from),
                Err(unnamed) => {
                    refuse(&stream, if unnamed == "proxy" { b"" } else { door.busy });
                    metrics::counter!("sceau_connections_refused_total", "listener" => name, "outcome" => unnamed)
                        .increment(1);
                    return None;
                }
            }
        }
        let mut conn = match Conn::new(stream, limits.idle, pace) {
            Ok(conn) => conn,
            // Gone between accept and here.
            Err(e) => {
                tracing::debug!(listener = name, error = %e, "connection lost");
                return None;
            }
        };
        if let Some(remote) = remote {
            conn.comes_from(remote);
        }
        if let Some(tls) = door.tls
            && let Err(e) = conn.start_tls(tls.load_full(), limits.handshake).await
        {
            tracing::debug!(listener = name, remote = %conn.remote(), error = %e, "handshake failed");
            return None;
        }
        Some((conn, place))
    }
}

/// How one connection begins.
struct Door {
    tls: Option<HotTls>,
    /// What it is told over a cap; nothing where TLS comes first.
    busy: &'static [u8],
    /// It comes from a balancer.
    proxied: bool,
}

/// Says a line to somebody who does not get a place.
fn refuse(stream: &TcpStream, busy: &'static [u8]) {
    if !busy.is_empty() {
        // A fresh socket takes a line at once or never: nobody waits for it.
        let _ = stream.try_write(busy);
    }
}

/// For whom a balancer opened this connection, once that one has a place; or why not, as metrics name it.
async fn named(stream: &mut TcpStream, place: &mut Place) -> Result<SocketAddr, &'static str> {
    let header = tokio::time::timeout(HEADER, proxy::read(stream)).await;
    let own = stream.peer_addr().map_err(|_| "proxy")?;
    let remote = match header {
        Ok(Ok(Header::From(remote))) => remote,
        Ok(Ok(Header::Local)) => own,
        Ok(Err(e)) => {
            tracing::warn!(balancer = %own, error = %e, "connection refused");
            return Err("proxy");
        }
        Err(_) => {
            tracing::warn!(balancer = %own, "connection refused: no PROXY header in time");
            return Err("proxy");
        }
    };
    place.is_for(remote.ip()).map_err(Full::outcome)?;
    Ok(remote)
}

/// One open connection in the gauge.
struct Open(metrics::Gauge);
impl Open {
    fn new(gauge: metrics::Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}
impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>, name: &'static str) {
    if let Err(e) = ended
        && e.is_panic()
    {
        metrics::counter!("sceau_session_panics_total", "listener" => name).increment(1);
        tracing::error!(listener = name, "a session panicked: its connection was closed, the others live on");
    }
}
