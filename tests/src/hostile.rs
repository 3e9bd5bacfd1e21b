//! A played server of another operator that is not to be trusted: to each connection it does the next of the tricks that a test gave it, by the step of
//! the dialogue at which they happen; without a trick it is honest. What it heard and what was given to it is kept, connection by connection.
use crate::sandbox::KeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long it hears a client that says nothing: longer than any deadline of the client that a test sets.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most bytes that it says without end.
const ENOUGH: usize = 64 << 20;

/// How it shows itself: its certificate and version of TLS. It demands a certificate of the client and verifies it.
#[derive(Debug, Clone)]
pub struct Face(Arc<ServerConfig>);

impl Face {
    /// Shows this certificate, believes these anchors, speaks only these versions.
    pub fn new(shown: &KeyPair, anchors: &Path, versions: &[&'static SupportedProtocolVersion]) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for anchor in CertificateDer::pem_file_iter(anchors).expect("anchors") {
            roots.add(anchor.expect("anchor")).expect("anchor");
        }
        let chain: Vec<_> = CertificateDer::pem_file_iter(&shown.cert)
            .and_then(Iterator::collect::<std::result::Result<_, _>>)
            .expect("certificate");
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_client_cert_verifier(clients.expect("verifier"))
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(&shown.key).expect("key"));
        Self(Arc::new(config.expect("pair")))
    }
}

/// What it does instead of what it should at a step.
#[derive(Debug, Clone)]
pub enum Odd {
    /// Says this; then it goes on.
    Say(Vec<u8>),
    /// Says this a byte now and then, until the client is gone.
    Drip(Vec<u8>),
    /// Says this again and again, until the client is gone.
    Flood(Vec<u8>),
    /// Says nothing until the client is gone.
    Silence,
    /// Cuts the connection.
    Cut,
}

/// A trick: the step, what is done there, how it shows itself. Steps: `greeting`, `ehlo` (in clear), `starttls`, `hello` (the client's first bytes of
/// TLS), `EHLO` (under TLS), `MAIL`, `RCPT`, `DATA`, `.` (the end of the content), and any other command by its name.
#[derive(Debug, Clone)]
pub struct Trick {
    /// Step.
    pub at: &'static str,
    /// What is done.
    pub odd: Odd,
    /// How it shows itself.
    pub face: Face,
}

/// What one connection brought.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// Lines heard, in clear and under TLS.
    pub heard: Vec<String>,
    /// Contents received whole, as they were on the wire, the final dot's line included.
    pub contents: Vec<Vec<u8>>,
    /// Bytes that the client took of a flood.
    pub flooded: usize,
    /// Did it end?
    pub over: bool,
}

/// See the module. Its threads end with the test's process.
#[derive(Debug)]
pub struct Hostile {
    tricks: Arc<Mutex<VecDeque<Trick>>>,
    visits: Arc<Mutex<Vec<Visit>>>,
}

impl Hostile {
    /// Begins to serve at `host:port`, honestly with this face until it is given tricks.
    pub fn start(endpoint: &str, honest: &Face) -> Self {
        let listener = TcpListener::bind(endpoint).expect("the outsider's port");
        let hostile = Self { tricks: Arc::default(), visits: Arc::default() };
        let (tricks, visits) = (Arc::clone(&hostile.tricks), Arc::clone(&hostile.visits));
        let honest = Trick { at: "", odd: Odd::Cut, face: honest.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let trick = locked(&tricks).pop_front().unwrap_or_else(|| honest.clone());
                let number = {
                    let mut visits = locked(&visits);
                    visits.push(Visit::default());
                    visits.len() - 1
                };
                let visits = Arc::clone(&visits);
                std::thread::spawn(move || {
                    let mut guest = Guest { stream: Stream::Plain(stream), buffer: Vec::new(), visits, number };
                    // How it ends is the client's to explain.
                    let _ = guest.serve(&trick);
                    guest.visit(|v| v.over = true);
                });
            }
        });
        hostile
    }
    /// The next connection gets this trick, after those given before.
    pub fn next(&self, trick: Trick) {
        locked(&self.tricks).push_back(trick);
    }
    /// What each connection brought so far.
    pub fn visits(&self) -> Vec<Visit> {
        locked(&self.visits).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Stream {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ServerConnection, TcpStream>>),
    /// Between the two.
    Gone,
}

struct Guest {
    stream: Stream,
    buffer: Vec<u8>,
    visits: Arc<Mutex<Vec<Visit>>>,
    number: usize,
}

impl Guest {
    fn visit(&self, change: impl FnOnce(&mut Visit)) {
        change(&mut locked(&self.visits)[self.number]);
    }
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.stream {
            Stream::Plain(s) => s.write_all(bytes),
            Stream::Secure(s) => s.write_all(bytes).and_then(|()| s.flush()),
            Stream::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }
    fn more(&mut self) -> Result<()> {
        let mut block = [0; 16 << 10];
        let read = match &mut self.stream {
            Stream::Plain(s) => s.read(&mut block)?,
            Stream::Secure(s) => s.read(&mut block)?,
            Stream::Gone => 0,
        };
        self.buffer.extend_from_slice(&block[..read]);
        if read == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
    fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                self.visit(|v| v.heard.push(line.clone()));
                return Ok(line);
            }
            self.more()?;
        }
    }
    /// Says what belongs to a step, or does the trick of it.
    fn step(&mut self, trick: &Trick, step: &str, right: &str) -> Result<()> {
        if trick.at != step {
            return self.put(right.as_bytes());
        }
        match &trick.odd {
            Odd::Say(bytes) => self.put(bytes),
            Odd::Drip(bytes) => {
                let until = Instant::now() + PATIENCE;
                for byte in bytes.iter().cycle().take_while(|_| Instant::now() < until) {
                    self.put(&[*byte])?;
                    sleep(Duration::from_millis(100));
                }
                Err(ErrorKind::TimedOut.into())
            }
            Odd::Flood(bytes) => {
                let block = bytes.repeat((16 << 10) / bytes.len() + 1);
                let mut said = 0;
                while said < ENOUGH {
                    self.put(&block)?;
                    said += block.len();
                    self.visit(|v| v.flooded = said);
                }
                Err(ErrorKind::TimedOut.into())
            }
            Odd::Silence => loop {
                self.more()?;
            },
            Odd::Cut => Err(ErrorKind::ConnectionAborted.into()),
        }
    }
    fn serve(&mut self, trick: &Trick) -> Result<()> {
        if let Stream::Plain(socket) = &self.stream {
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.set_write_timeout(Some(PATIENCE))?;
        }
        self.step(trick, "greeting", "220 mx.exterieur.example ESMTP\r\n")?;
        self.line()?;
        self.step(trick, "ehlo", "250-mx.exterieur.example\r\n250 STARTTLS\r\n")?;
        while self.line()? != "STARTTLS" {
            self.put(b"250 2.0.0 Ok\r\n")?;
        }
        self.step(trick, "starttls", "220 2.0.0 go\r\n")?;
        if trick.at == "hello" {
            self.more()?;
            self.step(trick, "hello", "")?;
            return self.more();
        }
        let Stream::Plain(mut socket) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(Error::other("not in clear"));
        };
        let mut session = ServerConnection::new(Arc::clone(&trick.face.0)).map_err(Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        self.stream = Stream::Secure(Box::new(StreamOwned::new(session, socket)));
        loop {
            let line = self.line()?;
            let verb = line.split([' ', ':']).next().unwrap_or_default();
            match verb {
                "EHLO" => self.step(trick, verb, "250-mx.exterieur.example\r\n250-8BITMIME\r\n250 SIZE\r\n")?,
                "DATA" => {
                    self.step(trick, verb, "354 go\r\n")?;
                    if matches!(&trick.odd, Odd::Say(said) if trick.at == verb && !said.starts_with(b"354")) {
                        continue;
                    }
                    while !self.buffer.ends_with(b"\r\n.\r\n") {
                        self.more()?;
                    }
                    let content = std::mem::take(&mut self.buffer);
                    self.visit(|v| v.contents.push(content));
                    self.step(trick, ".", "250 2.0.0 taken\r\n")?;
                }
                "QUIT" => return self.put(b"221 2.0.0 bye\r\n"),
                other => self.step(trick, other, "250 2.0.0 Ok\r\n")?,
            }
        }
    }
}
