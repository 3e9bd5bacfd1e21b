//! One connection, accepted or made: plain, then maybe TLS; buffered reading of lines and bytes under limits and deadlines.
use crate::Pace;
use crate::deflate::Deflate;
use crate::pace::Meter;
use crate::stream::{Stream, TlsInfo};
use rustls_pki_types::ServerName;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes asked from the transport at a time: one TLS record.
const CHUNK: usize = 16 * 1024;
/// Queued bytes that are sent without waiting for a flush.
const WRITE_HIGH: usize = 64 * 1024;
/// How long a closing connection may still be read and drained, so that the peer sees our last line.
const LINGER: Duration = Duration::from_millis(500);
/// How long the mark behind a flush is waited for.
const MARK: Duration = Duration::from_secs(2);
/// Bytes a closing connection still takes.
const LINGER_BYTES: usize = 1 << 20;

/// Why reading or writing ended.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The peer closed (cleanly or not) before the line's end.
    #[error("closed by peer")]
    Closed,
    /// Deadline.
    #[error("timed out")]
    Timeout,
    /// The line is longer than the limit; the caller decides to answer and close, or to discard ([`Conn::skip_line`]).
    #[error("line too long")]
    TooLong,
    /// Anything else.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    /// A peer that went away is `Closed`, however its system says it; a truncated TLS stream too.
    fn from(e: io::Error) -> Self {
        use io::ErrorKind as K;
        match e.kind() {
            K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::NotConnected => {
                Self::Closed
            }
            K::TimedOut => Self::Timeout,
            _ => Self::Io(e),
        }
    }
}

/// A connection with its read and write buffers. Both are freed while it waits with nothing in them.
#[derive(Debug)]
pub struct Conn {
    /// None only while a handshake owns it, and after one that failed.
    stream: Option<Stream>,
    remote: SocketAddr,
    local: SocketAddr,
    tls: Option<Box<TlsInfo>>,
    /// Bytes read from `start` on wait for the caller.
    read: Vec<u8>,
    start: usize,
    /// Up to here (from `start`) no LF was found.
    scanned: usize,
    write: Vec<u8>,
    /// Once both sides agreed to compress.
    deflate: Option<Box<Deflate>>,
    idle: Duration,
    pace: Pace,
    /// When the first byte of an unfinished line came.
    line_since: Option<Instant>,
    meter: Meter,
    /// When a data read began to wait (survives a cancelled read).
    waiting_since: Option<Instant>,
}

impl Conn {
    /// Wraps a TCP stream; `idle` as in [`Conn::set_timeout`].
    pub fn new(stream: TcpStream, idle: Duration, pace: Pace) -> io::Result<Self> {
        let (remote, local) = (stream.peer_addr()?, stream.local_addr()?);
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: Some(Stream::Plain(stream)),
            remote,
            local,
            tls: None,
            read: Vec::new(),
            start: 0,
            scanned: 0,
            write: Vec::new(),
            deflate: None,
            idle,
            pace,
            line_since: None,
            meter: Meter::default(),
            waiting_since: None,
        })
    }
    /// Connects to a server. `deadline` bounds the connection, and then each read until [`Conn::set_timeout`].
    pub async fn connect(address: SocketAddr, deadline: Duration) -> Result<Self, ReadError> {
        let stream = timeout(deadline, TcpStream::connect(address)).await.map_err(|_| ReadError::Timeout)??;
        Ok(Self::new(stream, deadline, Pace::default())?)
    }
    /// Connects and shakes hands at once (implicit TLS).
    pub async fn connect_tls(
        address: SocketAddr,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
        deadline: Duration,
    ) -> Result<Self, ReadError> {
        let mut conn = Self::connect(address, deadline).await?;
        conn.start_tls_client(config, name, deadline).await?;
        Ok(conn)
    }

    /// The transport itself, for a protocol with buffers of its own (HTTP). `None` when bytes were read already, or a handshake failed.
    pub fn into_stream(self) -> Option<Stream> {
        if self.has_buffered() { None } else { self.stream }
    }

    /// A balancer says that it comes from there.
    pub(crate) fn comes_from(&mut self, remote: SocketAddr) {
        self.remote = remote;
    }
    /// Remote address; behind a balancer, the client's.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }
    /// Local address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }
    /// What TLS established, when there is TLS.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_deref()
    }
    /// Compresses everything from here on, in both directions (RFC 4978), after what is queued was sent as it is. Bytes that wait to be read were not
    /// compressed: an error.
    pub async fn compress(&mut self) -> Result<(), ReadError> {
        if self.has_buffered() {
            return Err(invalid("bytes before the compression"));
        }
        self.flush().await?;
        self.deflate.get_or_insert_default();
        Ok(())
    }
    /// Waits for the end of what the peer flushed last: a line can be read before the mark behind it has come (RFC 1951 §3.2.4), and what comes of it
    /// after [`Conn::uncompress`] would be taken for clear text. A peer that flushes without a mark is waited for in vain, not for long.
    pub async fn flushed(&mut self) -> Result<(), ReadError> {
        let deadline = Instant::now() + MARK;
        while self.awaits_mark() && !self.has_buffered() {
            let Ok(got) = timeout_at(deadline, self.fill(true)).await else { break };
            if got? == 0 && self.awaits_mark() {
                return Err(ReadError::Closed);
            }
        }
        Ok(())
    }
    fn awaits_mark(&self) -> bool {
        self.deflate.as_ref().is_some_and(|d| !d.is_between())
    }
    /// Ends the compression, after what is queued was sent compressed: who was let in by it has left (RFC 8437 §4.2). Bytes that the peer sent
    /// without waiting for this are neither one nor the other: an error.
    pub async fn uncompress(&mut self) -> Result<(), ReadError> {
        self.flush().await?;
        self.flushed().await?;
        if self.has_buffered() || self.deflate.as_ref().is_some_and(|d| !d.is_drained()) {
            return Err(invalid("bytes before the end of the compression"));
        }
        self.deflate = None;
        Ok(())
    }
    /// True when everything is compressed.
    pub fn compressed(&self) -> bool {
        self.deflate.is_some()
    }
    /// What is written from here on is not compressed together with what was written before, so that the size of the whole tells nothing about whether
    /// they resemble each other. Nothing to do, and nothing is sent, where nothing is compressed.
    pub fn apart(&mut self) -> Result<(), ReadError> {
        if let Some(deflate) = &mut self.deflate {
            deflate.pack(&self.write)?;
            self.write.clear();
        }
        Ok(())
    }
    /// Sets the deadline of each following read and write.
    pub fn set_timeout(&mut self, idle: Duration) {
        self.idle = idle;
    }

    /// Reads up to and including the next LF (returned as read: bare LF is visible), at most `max` bytes. Cancel-safe: nothing
    /// read is lost. After `TooLong` the line is still there: [`Conn::skip_line`], or close.
    pub async fn read_line(&mut self, max: usize) -> Result<Vec<u8>, ReadError> {
        self.meter = Meter::default();
        self.waiting_since = None;
        let deadline = Instant::now() + self.idle;
        let end = loop {
            match self.find_line(max)? {
                Some(end) => break end,
                None => {
                    if self.start < self.read.len() && self.line_since.is_none() {
                        self.line_since = Some(Instant::now());
                    }
                    let until = self.line_since.map_or(deadline, |since| deadline.min(since + self.pace.line));
                    self.send_before_wait().await?;
                    if self.fill_until(until).await? == 0 {
                        return Err(ReadError::Closed);
                    }
                }
            }
        };
        self.line_since = None;
        Ok(self.take(end))
    }
    /// Discards up to and including the next LF; `TooLong` when more than `max` bytes came without one. Cancel-safe.
    pub async fn skip_line(&mut self, max: usize) -> Result<(), ReadError> {
        let deadline = Instant::now() + self.idle.min(self.pace.line);
        let mut skipped = 0;
        loop {
            let found = self.read[self.start..].iter().position(|b| *b == b'\n');
            let end = found.map_or(self.read.len(), |at| self.start + at + 1);
            skipped += end - self.start;
            self.consume(end);
            if skipped > max {
                return Err(ReadError::TooLong);
            }
            if found.is_some() {
                self.line_since = None;
                return Ok(());
            }
            self.send_before_wait().await?;
            if self.fill_until(deadline).await? == 0 {
                return Err(ReadError::Closed);
            }
        }
    }
    /// Reads whatever comes next (buffered bytes first), at most `max`; empty at end of stream. Cancel-safe.
    pub async fn read_some(&mut self, max: usize) -> Result<Vec<u8>, ReadError> {
        self.line_since = None;
        if self.start == self.read.len() {
            self.send_before_wait().await?;
            let idle = Instant::now() + self.idle;
            loop {
                let since = *self.waiting_since.get_or_insert_with(Instant::now);
                let window = since + self.meter.left(&self.pace);
                let got = self.fill_until(idle.min(window)).await;
                self.waiting_since = None;
                let in_pace = self.meter.count(&self.pace, since.elapsed(), *got.as_ref().unwrap_or(&0));
                match got {
                    Ok(0) => return Ok(Vec::new()),
                    Ok(_) if in_pace => break,
                    Ok(_) => return Err(ReadError::Timeout),
                    // Only the window ended, and it brought enough: the next one begins.
                    Err(ReadError::Timeout) if in_pace && window < idle => {}
                    Err(e) => return Err(e),
                }
            }
        }
        let end = self.read.len().min(self.start.saturating_add(max));
        Ok(self.take(end))
    }
    /// Puts bytes back before everything else that waits to be read: a reader of data that took more than was its own.
    pub fn unread(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.read.splice(..self.start, bytes.iter().copied());
        self.start = 0;
        self.scanned = 0;
    }
    /// True when bytes already read wait in the buffer (pipelining; STARTTLS injection check).
    pub fn has_buffered(&self) -> bool {
        self.start < self.read.len()
    }

    /// What was read and waits: after [`ReadError::TooLong`], how the line begins.
    pub fn buffered(&self) -> &[u8] {
        &self.read[self.start..]
    }

    /// Queues bytes to send; sent by [`Conn::flush`], when much is queued, and before a read waits.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        for piece in bytes.chunks(WRITE_HIGH) {
            self.write.extend_from_slice(piece);
            let packed = self.deflate.as_mut().map_or(0, |d| d.packed().len());
            if self.write.len() + packed >= WRITE_HIGH {
                self.flush().await?;
            }
        }
        Ok(())
    }
    /// Sends what is queued. Cancel-safe: what was not sent stays queued.
    pub async fn flush(&mut self) -> Result<(), ReadError> {
        self.apart()?;
        let write = match &mut self.deflate {
            Some(deflate) => deflate.packed(),
            None => &mut self.write,
        };
        if write.is_empty() {
            return Ok(());
        }
        let needed = Duration::from_millis(write.len() as u64 * 1000 / u64::from(self.pace.rate.max(1)));
        let deadline = self.idle.min(self.pace.write) + needed;
        let stream = self.stream.as_mut().ok_or(ReadError::Closed)?;
        let sending = async {
            while !write.is_empty() {
                match stream.write(write).await? {
                    0 => return Err(io::ErrorKind::BrokenPipe.into()),
                    n => drop(write.drain(..n)),
                }
            }
            stream.flush().await
        };
        Ok(timeout(deadline, sending).await.map_err(|_| ReadError::Timeout)??)
    }

    /// Server side of STARTTLS: handshake within `deadline`. Bytes buffered before it are an injection: an error.
    pub async fn start_tls(&mut self, config: Arc<rustls::ServerConfig>, deadline: Duration) -> Result<(), ReadError> {
        let tcp = self.ready_for_tls().await?;
        let stream = timeout(deadline, tokio_rustls::TlsAcceptor::from(config).accept(tcp)).await;
        let stream = handshake(stream, "server")?;
        self.tls = Some(Box::new(TlsInfo::of(stream.get_ref().1)));
        self.stream = Some(Stream::Tls(Box::new(stream)));
        Ok(())
    }
    /// Client side of STARTTLS: handshake within `deadline`. Bytes buffered before it are an injection: an error.
    pub async fn start_tls_client(
        &mut self,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
        deadline: Duration,
    ) -> Result<(), ReadError> {
        let tcp = self.ready_for_tls().await?;
        let stream = timeout(deadline, tokio_rustls::TlsConnector::from(config).connect(name, tcp)).await;
        let stream = handshake(stream, "client")?;
        self.tls = Some(Box::new(TlsInfo::of(stream.get_ref().1)));
        self.stream = Some(Stream::TlsClient(Box::new(stream)));
        Ok(())
    }
    /// Sends what is queued, TLS close_notify, and closes. Takes what the peer still sends for a moment, so that our last
    /// line is not lost in a reset.
    pub async fn close(mut self) {
        if self.flush().await.is_err() {
            return;
        }
        let Some(mut stream) = self.stream.take() else { return };
        let closing = async {
            stream.shutdown().await?;
            let mut sink = [0; 1024];
            let mut taken = 0;
            while taken < LINGER_BYTES {
                match stream.read(&mut sink).await? {
                    0 => break,
                    n => taken += n,
                }
            }
            io::Result::Ok(())
        };
        // Nothing is owed any more: how it ends does not matter.
        let _ = timeout(LINGER, closing).await;
    }

    /// Gives the TCP stream to a handshake, after what is queued was sent.
    async fn ready_for_tls(&mut self) -> Result<TcpStream, ReadError> {
        if self.has_buffered() {
            return Err(invalid("clear bytes before the TLS handshake"));
        }
        self.flush().await?;
        match self.stream.take() {
            Some(Stream::Plain(tcp)) => Ok(tcp),
            other => {
                self.stream = other;
                Err(invalid("TLS is already established"))
            }
        }
    }
    /// The end of the line in the buffer, if it is there.
    fn find_line(&mut self, max: usize) -> Result<Option<usize>, ReadError> {
        let from = self.start + self.scanned;
        if let Some(at) = self.read[from..].iter().position(|b| *b == b'\n') {
            let end = from + at + 1;
            return if end - self.start > max { Err(ReadError::TooLong) } else { Ok(Some(end)) };
        }
        self.scanned = self.read.len() - self.start;
        if self.scanned >= max { Err(ReadError::TooLong) } else { Ok(None) }
    }
    /// Takes the bytes before `end` out of the buffer.
    fn take(&mut self, end: usize) -> Vec<u8> {
        if self.start == 0 && end == self.read.len() {
            self.scanned = 0;
            return std::mem::take(&mut self.read);
        }
        let taken = self.read[self.start..end].to_vec();
        self.consume(end);
        taken
    }
    fn consume(&mut self, end: usize) {
        self.scanned = 0;
        if end == self.read.len() {
            self.read.clear();
            self.start = 0;
        } else {
            self.start = end;
        }
    }
    /// Does something wait to be sent?
    fn unsent(&self) -> bool {
        !self.write.is_empty() || self.deflate.as_ref().is_some_and(|d| d.has_packed())
    }
    async fn send_before_wait(&mut self) -> Result<(), ReadError> {
        if self.unsent() { self.flush().await } else { Ok(()) }
    }
    async fn fill_until(&mut self, deadline: Instant) -> Result<usize, ReadError> {
        Ok(timeout_at(deadline, self.fill(false)).await.map_err(|_| ReadError::Timeout)??)
    }
    /// Reads once from the transport into the buffer; with `to_mark`, ends too where the peer is between two blocks of what it compressed. The chunk lives on
    /// the stack of a poll, never across a wait.
    async fn fill(&mut self, to_mark: bool) -> io::Result<usize> {
        if self.start > 0 {
            self.read.drain(..self.start);
            self.start = 0;
        }
        poll_fn(|cx| {
            loop {
                if let Some(deflate) = &mut self.deflate {
                    let unpacked = deflate.unpack(&mut self.read, CHUNK)?;
                    if unpacked > 0 || (to_mark && deflate.is_between()) {
                        return Poll::Ready(Ok(unpacked));
                    }
                }
                let Some(stream) = self.stream.as_mut() else { return Poll::Ready(Ok(0)) };
                let mut chunk = [MaybeUninit::uninit(); CHUNK];
                let mut chunk = ReadBuf::uninit(&mut chunk);
                match Pin::new(stream).poll_read(cx, &mut chunk) {
                    Poll::Ready(done) => {
                        done?;
                        match &mut self.deflate {
                            Some(deflate) if !chunk.filled().is_empty() => deflate.feed(chunk.filled()),
                            _ => {
                                self.read.extend_from_slice(chunk.filled());
                                return Poll::Ready(Ok(chunk.filled().len()));
                            }
                        }
                    }
                    Poll::Pending => {
                        // Parked: give memory back.
                        if self.read.is_empty() {
                            self.read = Vec::new();
                        }
                        if self.write.is_empty() {
                            self.write = Vec::new();
                        }
                        // Not within data, which may hold what looks like the end of a block.
                        if let Some(deflate) = self.deflate.as_mut().filter(|_| self.waiting_since.is_none()) {
                            deflate.park();
                        }
                        return Poll::Pending;
                    }
                }
            }
        })
        .await
    }
}

/// A handshake's outcome, counted.
fn handshake<S>(
    outcome: Result<io::Result<S>, tokio::time::error::Elapsed>,
    side: &'static str,
) -> Result<S, ReadError> {
    let result = match outcome {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(e)) => Err(ReadError::from(e)),
        Err(_) => Err(ReadError::Timeout),
    };
    let outcome = match &result {
        Ok(_) => "ok",
        Err(ReadError::Timeout) => "timeout",
        Err(_) => "failed",
    };
    metrics::counter!("sceau_tls_handshakes_total", "side" => side, "outcome" => outcome).increment(1);
    result
}

fn invalid(what: &'static str) -> ReadError {
    ReadError::Io(io::Error::new(io::ErrorKind::InvalidData, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pair() -> (TcpStream, Conn) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (client, Conn::new(server, Duration::from_secs(20), Pace::default()).unwrap())
    }

    #[tokio::test]
    async fn data_that_looks_like_the_end_of_a_block_is_data() {
        let (mut client, mut server) = pair().await;
        server.compress().await.unwrap();
        // A stored block (RFC 1951 §3.2.4), cut where what it holds looks like a flush.
        let data = *b"\0\0\xff\xffabcd";
        let block = [&[0, 8, 0, 0xf7, 0xff][..], &data].concat();
        client.write_all(&block[..9]).await.unwrap();
        let mut got = server.read_some(100).await.unwrap();
        assert!(timeout(Duration::from_millis(50), server.read_some(100)).await.is_err());
        client.write_all(&block[9..]).await.unwrap();
        while got.len() < data.len() {
            got.extend(server.read_some(100).await.unwrap());
        }
        assert_eq!(got, data);
    }

    #[tokio::test]
    async fn compression_ends_behind_the_mark_of_a_flush() {
        let (mut client, mut server) = pair().await;
        server.compress().await.unwrap();
        // A stored block, and the mark of the flush behind it, which comes late.
        client.write_all(&[&[0, 5, 0, 0xfa, 0xff][..], b"end\r\n", &[0, 0]].concat()).await.unwrap();
        assert_eq!(server.read_line(100).await.unwrap(), b"end\r\n");
        let sent = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            client.write_all(&[0, 0xff, 0xff]).await.unwrap();
        };
        let (ended, ()) = tokio::join!(server.flushed(), sent);
        ended.unwrap();
        server.uncompress().await.unwrap();
        client.write_all(b"clear\r\n").await.unwrap();
        assert_eq!(server.read_line(100).await.unwrap(), b"clear\r\n");
    }

    #[tokio::test]
    async fn a_parked_connection_holds_no_buffer() {
        let (mut client, mut server) = pair().await;
        client.write_all(&[b'\n'; 5000]).await.unwrap();
        server.write(&[b'x'; 10_000]).await.unwrap();
        for _ in 0..5000 {
            server.read_line(10).await.unwrap();
        }
        assert!(timeout(Duration::from_millis(50), server.read_line(10)).await.is_err());
        assert_eq!((server.read.capacity(), server.write.capacity()), (0, 0));
        assert!(size_of::<Conn>() <= 512, "{}", size_of::<Conn>());
    }
}
