//! clamd over a socket of the machine or TCP: INSTREAM, VERSION.
//!
//! A scan has a connection of its own, so that no answer can be taken for another one's, whatever the engine does; how many there are at once is
//! bounded, and whoever waits longer than the deadline gets none. What is scanned goes in pieces as it is read: nothing is held whole.
use crate::ScanError;
use crate::reply::{self, LONGEST, Verdict, Version};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Largest piece given at a time.
const PIECE: usize = 64 << 10;

/// Where the engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A socket of the machine.
    Unix(PathBuf),
    /// `host:port`. What is scanned passes in clear.
    Tcp(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl std::str::FromStr for Place {
    type Err = ();
    /// `unix:/path` or `tcp:host:port`.
    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(path) = text.strip_prefix("unix:").filter(|p| p.starts_with('/')) {
            return Ok(Self::Unix(path.into()));
        }
        let address = text.strip_prefix("tcp:").ok_or(())?;
        let (host, port) = address.rsplit_once(':').ok_or(())?;
        let port = port.parse::<u16>().ok().filter(|p| *p > 0);
        if host.is_empty() || port.is_none() {
            return Err(());
        }
        Ok(Self::Tcp(address.to_owned()))
    }
}

/// A way of bytes in both directions.
trait Way: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Way for T {}

/// The engine. Cheap to clone: clones share the bound on connections.
#[derive(Debug, Clone)]
pub struct Clamd {
    place: Place,
    deadline: Duration,
    slots: Arc<Semaphore>,
}

/// A scan under way. Dropped unfinished, the engine throws away what it got.
pub struct Scan {
    way: Box<dyn Way>,
    until: Instant,
    _slot: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").finish_non_exhaustive()
    }
}

impl Clamd {
    /// An engine at a place; each scan ends within `deadline`, waiting for its turn included; at most `connections` at once.
    pub fn new(place: Place, deadline: Duration, connections: usize) -> Self {
        Self { place, deadline, slots: Arc::new(Semaphore::new(connections.max(1))) }
    }
    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }
    /// Its engine and signatures.
    ///
    /// # Errors
    /// Any but [`ScanError::TooLarge`].
    pub async fn version(&self) -> Result<Version, ScanError> {
        let mut scan = self.open(b"zVERSION\0").await?;
        reply::version(&scan.answer().await?)
    }
    /// Begins a scan.
    ///
    /// # Errors
    /// [`ScanError::Away`], [`ScanError::Slow`], [`ScanError::Cut`].
    pub async fn scan(&self) -> Result<Scan, ScanError> {
        self.open(b"zINSTREAM\0").await
    }

    async fn open(&self, command: &[u8]) -> Result<Scan, ScanError> {
        let until = Instant::now() + self.deadline;
        let slot = timeout_at(until, Arc::clone(&self.slots).acquire_owned()).await;
        let slot = slot.map_err(|_| ScanError::Slow)?.map_err(|e| ScanError::Away(e.to_string()))?;
        let connecting = async {
            Ok::<Box<dyn Way>, std::io::Error>(match &self.place {
                Place::Unix(path) => Box::new(UnixStream::connect(path).await?),
                Place::Tcp(address) => {
                    let stream = TcpStream::connect(address.as_str()).await?;
                    stream.set_nodelay(true)?;
                    Box::new(stream)
                }
            })
        };
        let way = timeout_at(until, connecting).await.map_err(|_| ScanError::Slow)?;
        let way = way.map_err(|e| ScanError::Away(e.to_string()))?;
        let mut scan = Scan { way, until, _slot: slot };
        scan.write(command).await?;
        Ok(scan)
    }
}

impl Scan {
    /// Gives the next bytes of the content.
    ///
    /// # Errors
    /// What the engine says when it stops listening, [`ScanError::Slow`], [`ScanError::Cut`].
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        for piece in bytes.chunks(PIECE) {
            // At most PIECE.
            self.write(&(piece.len() as u32).to_be_bytes()).await?;
            self.write(piece).await?;
        }
        Ok(())
    }
    /// Ends the content and waits for the verdict.
    ///
    /// # Errors
    /// Any.
    pub async fn finish(mut self) -> Result<Verdict, ScanError> {
        self.write(&0_u32.to_be_bytes()).await?;
        reply::verdict(&self.answer().await?)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        let written = timeout_at(self.until, self.way.write_all(bytes)).await.map_err(|_| ScanError::Slow)?;
        if written.is_ok() {
            return Ok(());
        }
        // It hung up, perhaps after saying why: a stream over its limit. What it says now, in the middle, is never "clean".
        match self.answer().await.and_then(|said| reply::verdict(&said)) {
            Err(said @ (ScanError::TooLarge | ScanError::Exceeded(_))) => Err(said),
            Err(ScanError::Failed(why)) => Err(ScanError::Failed(why)),
            Err(ScanError::Slow) => Err(ScanError::Slow),
            _ => Err(ScanError::Cut),
        }
    }

    /// Reads as far as NUL, bounded.
    async fn answer(&mut self) -> Result<Vec<u8>, ScanError> {
        let (mut answer, mut buffer) = (Vec::new(), [0; 512]);
        while answer.len() < LONGEST {
            let read = timeout_at(self.until, self.way.read(&mut buffer)).await.map_err(|_| ScanError::Slow)?;
            let Ok(read @ 1..) = read else { return if answer.is_empty() { Err(ScanError::Cut) } else { Ok(answer) } };
            answer.extend_from_slice(&buffer[..read]);
            if buffer[..read].contains(&0) {
                break;
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    /// How a played engine behaves with a scan.
    #[derive(Clone, Copy)]
    enum Manner {
        /// Reads everything, then says this.
        Says(&'static [u8]),
        /// Says this after the first bytes and hangs up.
        Interrupts(&'static [u8]),
        /// Never says anything.
        Hangs,
        /// Writes without end.
        Floods,
    }

    fn engine(manner: Manner) -> (tempfile::TempDir, Clamd) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clamd");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            while let Ok((mut way, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut got = vec![0; 1 << 16];
                    let mut tail = Vec::new();
                    loop {
                        let n = way.read(&mut got).await.unwrap_or(0);
                        if n == 0 {
                            return;
                        }
                        tail.extend_from_slice(&got[..n]);
                        let over = tail.ends_with(&[0, 0, 0, 0]) || tail == b"zVERSION\0";
                        match manner {
                            Manner::Says(words) if over => return drop(way.write_all(words).await),
                            Manner::Interrupts(words) => return drop(way.write_all(words).await),
                            Manner::Floods if over => while way.write_all(&[b'x'; 1000]).await.is_ok() {},
                            _ => {}
                        }
                        tail.drain(..tail.len().saturating_sub(16));
                    }
                });
            }
        });
        (folder, Clamd::new(Place::Unix(path), Duration::from_millis(300), 2))
    }

    async fn scanned(clamd: &Clamd, content: &[u8]) -> Result<Verdict, ScanError> {
        let mut scan = clamd.scan().await?;
        scan.push(content).await?;
        scan.finish().await
    }

    #[tokio::test]
    async fn whatever_it_does_it_ends_and_is_never_clean() {
        let content = vec![b'a'; 1 << 20];
        for (manner, expected) in [
            (Manner::Says(b"stream: OK\0"), Ok(Verdict::Clean)),
            (Manner::Says(b"stream: X FOUND\0"), Ok(Verdict::Infected("X".into()))),
            (Manner::Says(b"stream: OK"), Err(ScanError::Cut)),
            (Manner::Says(b""), Err(ScanError::Cut)),
            (Manner::Says(b"HTTP/1.1 200 OK\r\n\r\n\0"), Err(ScanError::Failed("HTTP/1.1 200 OK?".into()))),
            (Manner::Hangs, Err(ScanError::Slow)),
            (Manner::Floods, Err(ScanError::Cut)),
        ] {
            let (_folder, clamd) = engine(manner);
            assert_eq!(scanned(&clamd, &content).await, expected);
        }
        // It says something before it has everything: whatever that is.
        let (_folder, clamd) = engine(Manner::Interrupts(b"INSTREAM size limit exceeded. ERROR\0"));
        assert!(matches!(scanned(&clamd, &content).await, Err(ScanError::TooLarge | ScanError::Cut)));
        let (_folder, clamd) = engine(Manner::Interrupts(b"stream: OK\0"));
        assert_eq!(scanned(&clamd, &content).await, Err(ScanError::Cut));
        // Nobody there.
        let gone = Clamd::new("unix:/nonexistent/clamd".parse().unwrap(), Duration::from_secs(1), 1);
        assert!(matches!(gone.scan().await, Err(ScanError::Away(_))));
    }

    #[tokio::test]
    async fn as_many_as_allowed_and_no_more() {
        let (_folder, clamd) = engine(Manner::Says(b"stream: OK\0"));
        let held = (clamd.scan().await.unwrap(), clamd.scan().await.unwrap());
        assert_eq!(scanned(&clamd, b"a").await, Err(ScanError::Slow), "waits for its turn, then gives up");
        drop(held);
        assert_eq!(scanned(&clamd, b"a").await, Ok(Verdict::Clean));
        assert_eq!(scanned(&clamd, b"").await, Ok(Verdict::Clean));
    }

    #[test]
    fn places_are_read_strictly() {
        for good in ["unix:/run/clamav/clamd.ctl", "tcp:127.0.0.1:3310", "tcp:[::1]:3310"] {
            assert_eq!(good.parse::<Place>().unwrap().to_string(), good);
        }
        for bad in ["", "/run/clamd", "unix:run/clamd", "tcp:3310", "tcp::3310", "tcp:h:0", "tcp:h:70000", "http://h"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
