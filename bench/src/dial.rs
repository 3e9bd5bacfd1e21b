//! Opening connections, each phase with its duration.
use crate::common::Common;
use crate::wire::Wire;
use crate::{Failure, SetupError};
use rustls_pki_types::ServerName;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

/// Everything needed to open connections to the target.
#[derive(Clone)]
pub struct Dial {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    implicit: bool,
    spread: u32,
    /// Limit of a connection's set-up, and of each operation.
    pub timeout: Duration,
}

/// How long the parts of a connection's set-up took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Phases {
    /// From the first packet until the session could do its first useful work.
    pub whole: Duration,
    /// TLS, until the server's first answer under it: a TLS 1.3 client is done first, and what the server does with its
    /// certificate shows only there. Zero in clear.
    pub handshake: Duration,
}

impl Dial {
    /// Checks the options and resolves the target.
    pub async fn new(common: &Common) -> Result<Self, SetupError> {
        let address = common.target.resolve(common.yes_remote).await?;
        let tls = match common.security.plain {
            true => None,
            false => Some((common.tls_options.connector()?, common.tls_options.name(&common.target.host)?)),
        };
        if common.spread > 1 && !matches!(address, SocketAddr::V4(v4) if v4.ip().is_loopback()) {
            return Err(SetupError::Option("--spread only works towards 127.0.0.0/8".into()));
        }
        Ok(Self {
            address,
            tls,
            implicit: common.security.tls,
            spread: common.spread.into(),
            timeout: Duration::from_secs(common.timeout),
        })
    }

    /// Is STARTTLS to be done?
    pub fn starttls(&self) -> bool {
        self.tls.is_some() && !self.implicit
    }

    /// Connects, with TLS at once where it is implicit. `index` is the session's number. Gives the instant at which the
    /// handshake began.
    pub async fn open(&self, index: u32, longest: usize) -> Result<(Wire, Option<Instant>), Failure> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let socket = socket.map_err(Failure::Connect)?;
        if self.spread > 1 {
            // At most 250: the sum stays in 127.0.0.0/24.
            let source = Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + index % self.spread);
            socket.bind((source, 0).into()).map_err(Failure::Connect)?;
        }
        let stream = socket.connect(self.address).await.map_err(Failure::Connect)?;
        stream.set_nodelay(true).map_err(Failure::Connect)?;
        let wire = Wire::plain(stream, longest);
        if !self.implicit {
            return Ok((wire, None));
        }
        let began = Instant::now();
        Ok((self.secure(wire).await?, Some(began)))
    }

    /// Goes on under TLS, where TLS is wanted.
    pub async fn secure(&self, wire: Wire) -> Result<Wire, Failure> {
        match &self.tls {
            Some((connector, name)) => wire.start_tls(connector, name.clone()).await,
            None => Ok(wire),
        }
    }

    /// Runs a step under the time limit.
    pub async fn limited<T>(&self, step: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::time::timeout(self.timeout, step).await.unwrap_or(Err(Failure::Timeout))
    }
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dial").field("address", &self.address).field("implicit", &self.implicit).finish_non_exhaustive()
    }
}
