//! A connection on which every wait ends: a deadline that is set before each command bounds all of its reads and writes together.
use crate::Error;
use crate::door::Door;
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How long an address may take to answer.
const CONNECT: Duration = Duration::from_secs(20);
/// Most addresses of a name that are tried.
const ADDRESSES: usize = 8;

/// A socket with a deadline.
#[derive(Debug)]
pub struct Timed {
    socket: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A timeout of a blocking socket is said as `WouldBlock`.
fn timed<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|e| if e.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { e })
}

impl Read for Timed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        timed(self.socket.read(buf))
    }
}

impl Write for Timed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        timed(self.socket.write(buf))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// A connection, before and inside TLS.
#[derive(Debug)]
pub enum Stream {
    /// Before STARTTLS: no secret is said on it.
    Clear(Timed),
    /// Inside TLS.
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Stream {
    /// Connects to the first address that answers.
    pub fn connect(door: &Door) -> Result<Self, Error> {
        let addresses = (door.host.name.as_str(), door.port()).to_socket_addrs()?;
        let mut last = io::Error::from(ErrorKind::NotFound);
        for address in addresses.take(ADDRESSES) {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(socket) => return Ok(Self::over(socket)?),
                Err(e) => last = e,
            }
        }
        Err(last.into())
    }
    /// Over a connected socket.
    pub fn over(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self::Clear(Timed { socket, until: Instant::now() }))
    }
    /// Goes on inside TLS; the handshake takes place with the next octets.
    pub fn into_tls(self, door: &Door) -> Result<Self, Error> {
        let Self::Clear(socket) = self else { return Ok(self) };
        let name = ServerName::try_from(door.host.name.clone()).map_err(|e| Error::Tls(e.to_string()))?;
        let connection = ClientConnection::new(door.tls()?, name).map_err(|e| Error::Tls(e.to_string()))?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, socket))))
    }
    /// All that is read and written from now on ends within this.
    pub fn within(&mut self, time: Duration) {
        let until = Instant::now() + time;
        match self {
            Self::Clear(socket) => socket.until = until,
            Self::Tls(tls) => tls.sock.until = until,
        }
    }
    /// Is it inside TLS?
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(buf),
            Self::Tls(tls) => tls.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.write(buf),
            Self::Tls(tls) => tls.write(buf),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(socket) => socket.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
