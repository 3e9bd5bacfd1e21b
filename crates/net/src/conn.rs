//! One accepted connection: plain, then maybe TLS; buffered reading of lines and bytes under limits and deadlines.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the TLS handshake established.
#[derive(Debug, Clone)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// Cipher suite, IANA name.
    pub suite: String,
    /// Peer's chain, leaf first, empty when none was shown.
    pub peer: Vec<rustls_pki_types::CertificateDer<'static>>,
}

/// The transport underneath.
#[derive(Debug)]
pub enum Stream {
    /// Clear text.
    Plain(tokio::net::TcpStream),
    /// TLS, server side.
    Tls(Box<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>),
}

/// Why reading a line ended without one.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The peer closed (cleanly or not) before the line's end.
    #[error("closed by peer")]
    Closed,
    /// Deadline.
    #[error("timed out")]
    Timeout,
    /// The line is longer than the limit; the caller decides to answer and close, or to discard.
    #[error("line too long")]
    TooLong,
    /// Anything else.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// An accepted connection with its read and write buffers.
#[derive(Debug)]
pub struct Conn {
    _stream: Stream,
}

impl Conn {
    /// Remote address.
    pub fn remote(&self) -> SocketAddr {
        todo!()
    }
    /// Local address.
    pub fn local(&self) -> SocketAddr {
        todo!()
    }
    /// What TLS established, when there is TLS.
    pub fn tls(&self) -> Option<&TlsInfo> {
        todo!()
    }
    /// Sets the deadline of each following read and write.
    pub fn set_timeout(&mut self, idle: Duration) {
        let _ = idle;
        todo!()
    }
    /// Reads up to and including the next LF (returned as read: bare LF is visible), at most `max` bytes. Cancel-safe: nothing read is lost.
    pub async fn read_line(&mut self, max: usize) -> Result<Vec<u8>, ReadError> {
        let _ = max;
        todo!()
    }
    /// Reads whatever comes next (buffered bytes first), at most `max`; empty at end of stream. Cancel-safe.
    pub async fn read_some(&mut self, max: usize) -> Result<Vec<u8>, ReadError> {
        let _ = max;
        todo!()
    }
    /// True when bytes already read wait in the buffer (pipelining; STARTTLS injection check).
    pub fn has_buffered(&self) -> bool {
        todo!()
    }
    /// Queues bytes to send; flushed by [`Conn::flush`] or when the buffer is large.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        let _ = bytes;
        todo!()
    }
    /// Sends what is queued.
    pub async fn flush(&mut self) -> Result<(), ReadError> {
        todo!()
    }
    /// Server side of STARTTLS: handshake within `deadline`. Bytes buffered before it are an injection: an error.
    pub async fn start_tls(&mut self, config: Arc<rustls::ServerConfig>, deadline: Duration) -> Result<(), ReadError> {
        let _ = (config, deadline);
        todo!()
    }
    /// Sends what is queued, TLS close_notify, and closes.
    pub async fn close(self) {
        todo!()
    }
}
