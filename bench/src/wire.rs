//! A connection read line by line, in clear or under TLS. Lines and blocks are bounded before they are kept.
use crate::Failure;
use memchr::memchr;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Bytes asked for at once.
const CHUNK: usize = 8 << 10;

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// See the module.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    used: usize,
    longest: usize,
}

impl Wire {
    /// Over a new TCP connection; a line is at most `longest` bytes.
    pub fn plain(stream: TcpStream, longest: usize) -> Self {
        Self { stream: Stream::Plain(stream), buffer: Vec::new(), used: 0, longest }
    }

    /// Goes on under TLS. Bytes that came before the handshake are a fault of the server (or somebody else's injection).
    pub async fn start_tls(self, connector: &TlsConnector, name: ServerName<'static>) -> Result<Self, Failure> {
        if self.used != self.buffer.len() {
            return Err(Failure::Protocol("bytes before the TLS handshake"));
        }
        let Stream::Plain(tcp) = self.stream else { return Err(Failure::Protocol("TLS inside TLS")) };
        let tls = connector.connect(name, tcp).await.map_err(Failure::Tls)?;
        Ok(Self { stream: Stream::Tls(Box::new(tls)), buffer: Vec::new(), used: 0, longest: self.longest })
    }

    /// Version and suite, e.g. `TLSv1_3 TLS13_AES_256_GCM_SHA384`; nothing in clear.
    pub fn tls(&self) -> Option<String> {
        let Stream::Tls(tls) = &self.stream else { return None };
        let session = tls.get_ref().1;
        Some(format!("{:?} {:?}", session.protocol_version()?, session.negotiated_cipher_suite()?.suite()))
    }

    /// Was an earlier TLS session taken up again, without certificates?
    pub fn resumed(&self) -> bool {
        let Stream::Tls(tls) = &self.stream else { return false };
        tls.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// Writes and flushes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let done = match &mut self.stream {
            Stream::Plain(s) => s.write_all(bytes).await,
            // One flush: rustls would otherwise keep the last record.
            Stream::Tls(s) => match s.write_all(bytes).await {
                Ok(()) => s.flush().await,
                Err(e) => Err(e),
            },
        };
        done.map_err(Failure::Io)
    }

    /// Next line, without its CRLF.
    pub async fn line(&mut self) -> Result<Vec<u8>, Failure> {
        let mut searched = self.used;
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[searched..]) {
                let end = searched + at;
                let line = self.buffer[self.used..end]
                    .strip_suffix(b"\r")
                    .ok_or(Failure::Protocol("a line without CR"))?
                    .to_vec();
                self.consume(end + 1 - self.used);
                return Ok(line);
            }
            if self.buffer.len() - self.used > self.longest {
                return Err(Failure::Protocol("a line too long"));
            }
            self.compact();
            searched = self.buffer.len();
            self.fill().await?;
        }
    }

    /// Reads and forgets a block.
    pub async fn skip(&mut self, mut bytes: u64) -> Result<(), Failure> {
        loop {
            let held = (self.buffer.len() - self.used).min(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.consume(held);
            bytes -= held as u64;
            if bytes == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    /// Ends the connection, politely under TLS.
    pub async fn close(mut self) {
        // The answer to this does not matter: everything that counts was said.
        let _ = match &mut self.stream {
            Stream::Plain(s) => s.shutdown().await,
            Stream::Tls(s) => s.shutdown().await,
        };
    }

    fn consume(&mut self, bytes: usize) {
        self.used += bytes;
        if self.used == self.buffer.len() {
            self.buffer.clear();
            self.used = 0;
        }
    }

    fn compact(&mut self) {
        self.buffer.drain(..self.used);
        self.used = 0;
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        self.buffer.reserve(CHUNK);
        let read = match &mut self.stream {
            Stream::Plain(s) => s.read_buf(&mut self.buffer).await,
            Stream::Tls(s) => s.read_buf(&mut self.buffer).await,
        };
        match read {
            Ok(0) => Err(Failure::Closed),
            Ok(_) => Ok(()),
            Err(e) => Err(Failure::Io(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A wire whose other end says these pieces, each in a write of its own, and leaves.
    async fn hearing(pieces: &'static [&'static [u8]]) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.set_nodelay(true).unwrap();
        tokio::spawn(async move {
            for piece in pieces {
                server.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        Wire::plain(client, 64)
    }

    #[tokio::test]
    async fn lines_and_blocks_in_any_pieces() {
        let mut w = hearing(&[b"on", b"e\r", b"\ntwo {4}\r\na\r", b"\nb", b") end\r\n\r\n"]).await;
        assert_eq!(w.line().await.unwrap(), b"one");
        assert_eq!(w.line().await.unwrap(), b"two {4}");
        w.skip(4).await.unwrap();
        assert_eq!(w.line().await.unwrap(), b") end");
        assert_eq!(w.line().await.unwrap(), b"");
        assert!(matches!(w.line().await, Err(Failure::Closed)));
    }

    #[tokio::test]
    async fn bare_line_feeds_and_endless_lines_are_faults() {
        let mut w = hearing(&[b"no return\n"]).await;
        assert!(matches!(w.line().await, Err(Failure::Protocol(_))));
        let mut w = hearing(&[&[b'x'; 200]]).await;
        assert!(matches!(w.line().await, Err(Failure::Protocol(_))));
    }
}
