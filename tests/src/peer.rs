//! A scripted SMTP peer: says exactly what a test tells it to say, certificate and all, and checks what it hears.
//!
//! ```no_run
//! # let sandbox = sceau_e2e::Sandbox::start();
//! # let tls = sandbox.tls(None);
//! let mut peer = sceau_e2e::Peer::connect(&sandbox.b().endpoints.mx);
//! peer.expect("220").send("EHLO x").expect("250").starttls(&tls).send("MAIL FROM:<>").refused("554", "peer.no_certificate");
//! ```
//! A failed expectation panics with the whole dialogue. [`Wire`] is the same without expectations, for peers that retry.
use crate::sandbox::{Account, KeyPair};
use base64::Engine as _;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sceau_domain::text::{template, to_ascii};
use sceau_domain::{Address, Lang};
use std::fmt::Write as _;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a server may keep silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a peer does TLS: whom it believes, which certificate it shows.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Believes these anchors (PEM); shows this certificate when asked for one.
    pub fn new(anchors: &Path, shown: Option<&KeyPair>) -> Self {
        let mut roots = RootCertStore::empty();
        for anchor in CertificateDer::pem_file_iter(anchors).expect("anchors") {
            roots.add(anchor.expect("anchor")).expect("anchor");
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let chain: Vec<_> = CertificateDer::pem_file_iter(&pair.cert)
                    .and_then(Iterator::collect::<std::result::Result<_, _>>)
                    .expect("certificate");
                let key = PrivateKeyDer::from_pem_file(&pair.key).expect("key");
                builder.with_client_auth_cert(chain, key).expect("pair")
            }
        };
        Self(Arc::new(config))
    }
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// Between the two, or closed by us.
    Gone,
}

/// A connection, line by line; every failure is an error to the caller.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects to `host:port` from 127.0.0.`place`: servers count errors by address, and tests must not count for each other.
    pub fn connect_from(place: u8, endpoint: &str) -> Result<Self> {
        use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
        let to: SocketAddr = endpoint.parse().map_err(|_| Error::new(ErrorKind::InvalidInput, endpoint.to_owned()))?;
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, place), 0))?;
        connect(&socket, &to)?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: Stream::Plain(stream), buffer: Vec::new() })
    }
    /// The TLS handshake, to its end.
    pub fn handshake(&mut self, tls: &Tls) -> Result<()> {
        let Stream::Plain(mut socket) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(Error::other("not in clear"));
        };
        if !self.buffer.is_empty() {
            return Err(Error::other("the server spoke before the handshake"));
        }
        let name = ServerName::try_from("localhost").map_err(Error::other)?;
        let mut session = ClientConnection::new(tls.0.clone(), name).map_err(Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        self.stream = Stream::Secure(Box::new(StreamOwned::new(session, socket)));
        Ok(())
    }
    /// Sends bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.stream {
            Stream::Plain(s) => s.write_all(bytes).and_then(|()| s.flush()),
            Stream::Secure(s) => s.write_all(bytes).and_then(|()| s.flush()),
            Stream::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }
    /// The next line with its CRLF; `UnexpectedEof` when the server closed.
    pub fn line(&mut self) -> Result<String> {
        let mut block = [0; 4096];
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return String::from_utf8(line).map_err(Error::other);
            }
            let read = self.read(&mut block)?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&block[..read]);
        }
    }
    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut block = [0; 4096];
        while self.buffer.len() < count {
            let read = self.read(&mut block)?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&block[..read]);
        }
        Ok(self.buffer.drain(..count).collect())
    }
    fn read(&mut self, block: &mut [u8]) -> Result<usize> {
        match &mut self.stream {
            Stream::Plain(s) => s.read(block),
            Stream::Secure(s) => s.read(block),
            Stream::Gone => Ok(0),
        }
    }
    /// The next SMTP reply, all its lines.
    pub fn reply(&mut self) -> Result<String> {
        let mut all = String::new();
        loop {
            let line = self.line()?;
            let last = line.as_bytes().get(3) == Some(&b' ');
            all.push_str(&line);
            if last {
                return Ok(all);
            }
        }
    }
    /// Says a line and hears a reply that begins so; another reply is an error.
    pub fn ask(&mut self, line: &str, begins: &str) -> Result<String> {
        self.put(format!("{line}\r\n").as_bytes())?;
        let reply = self.reply()?;
        if reply.starts_with(begins) { Ok(reply) } else { Err(Error::other(format!("{line}: {reply}"))) }
    }
    /// Greeting, EHLO, STARTTLS, EHLO.
    pub fn secure(&mut self, tls: &Tls) -> Result<()> {
        self.reply()?;
        self.ask("EHLO pair.exemple.fr", "250")?;
        self.ask("STARTTLS", "220")?;
        self.handshake(tls)?;
        self.ask("EHLO pair.exemple.fr", "250").map(drop)
    }
    /// Cuts the connection without a word.
    pub fn cut(&mut self) {
        self.stream = Stream::Gone;
    }
}

/// See the module.
#[derive(Debug)]
pub struct Peer {
    wire: Wire,
    said: String,
    last: String,
}

impl Peer {
    /// Connects; hears nothing yet.
    #[track_caller]
    pub fn connect(endpoint: &str) -> Self {
        Self::connect_from(1, endpoint)
    }
    /// The same, from 127.0.0.`place`.
    #[track_caller]
    pub fn connect_from(place: u8, endpoint: &str) -> Self {
        let wire = Wire::connect_from(place, endpoint).unwrap_or_else(|e| panic!("{endpoint}: {e}"));
        Self { wire, said: String::new(), last: String::new() }
    }
    /// Connects and goes as far as the second EHLO, under TLS.
    #[track_caller]
    pub fn secure(endpoint: &str, tls: &Tls) -> Self {
        Self::secure_from(1, endpoint, tls)
    }
    /// The same, from 127.0.0.`place`.
    #[track_caller]
    pub fn secure_from(place: u8, endpoint: &str, tls: &Tls) -> Self {
        let mut peer = Self::connect_from(place, endpoint);
        peer.expect("220").send("EHLO pair.exemple.fr").expect("250");
        peer.starttls(tls).send("EHLO pair.exemple.fr").expect("250");
        peer
    }
    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        panic!("{what}\n--- the dialogue\n{}", self.said)
    }
    /// Sends a line.
    #[track_caller]
    pub fn send(&mut self, line: &str) -> &mut Self {
        self.raw(format!("{line}\r\n").as_bytes())
    }
    /// Sends bytes as they are.
    #[track_caller]
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).escape_debug().to_string();
        let _ = writeln!(self.said, "> {shown}");
        if let Err(e) = self.wire.put(bytes) {
            self.fail(&format!("cannot send: {e}"));
        }
        self
    }
    /// Sends bytes; false when the server no longer takes them.
    pub fn try_raw(&mut self, bytes: &[u8]) -> bool {
        self.wire.put(bytes).is_ok()
    }
    /// Sends a message's content as DATA wants it: dots doubled, then the end.
    #[track_caller]
    pub fn content(&mut self, content: &[u8]) -> &mut Self {
        let wire = stuffed(content);
        self.raw(&wire)
    }
    /// Hears a reply.
    #[track_caller]
    pub fn hear(&mut self) -> String {
        match self.wire.reply() {
            Ok(reply) => {
                let _ = write!(self.said, "< {reply}");
                self.last.clone_from(&reply);
                reply
            }
            Err(e) => self.fail(&format!("no reply: {e}")),
        }
    }
    /// Hears a reply that begins so.
    #[track_caller]
    pub fn expect(&mut self, begins: &str) -> &mut Self {
        let reply = self.hear();
        if !reply.starts_with(begins) {
            self.fail(&format!("expected {begins:?}, got {reply:?}"));
        }
        self
    }
    /// Hears a reply that begins so, names this stable code, and says its sentence in French and in English.
    #[track_caller]
    pub fn refused(&mut self, begins: &str, code: &str) -> &mut Self {
        self.expect(begins);
        if let Err(what) = names(&self.last, code) {
            self.fail(&what);
        }
        self
    }
    /// The last reply heard.
    pub fn last(&self) -> &str {
        &self.last
    }
    /// STARTTLS and the handshake.
    #[track_caller]
    pub fn starttls(&mut self, tls: &Tls) -> &mut Self {
        self.send("STARTTLS").expect("220").handshake(tls)
    }
    /// The handshake alone.
    #[track_caller]
    pub fn handshake(&mut self, tls: &Tls) -> &mut Self {
        if let Err(e) = self.wire.handshake(tls) {
            self.fail(&format!("handshake: {e}"));
        }
        self.said.push_str("--- TLS\n");
        self
    }
    /// AUTH PLAIN with an account's token.
    #[track_caller]
    pub fn login(&mut self, account: &Account) -> &mut Self {
        let secret = base64(format!("\0{}\0{}", account.login, account.token).as_bytes());
        self.send(&format!("AUTH PLAIN {secret}")).expect("235")
    }
    /// MAIL, RCPT, DATA, up to 354.
    #[track_caller]
    pub fn up_to_data(&mut self, from: &str, to: &[&str]) -> &mut Self {
        self.send(&format!("MAIL FROM:<{from}>")).expect("250");
        for to in to {
            self.send(&format!("RCPT TO:<{to}>")).expect("250");
        }
        self.send("DATA").expect("354")
    }
    /// The server closed the connection and said nothing more.
    #[track_caller]
    pub fn closed(&mut self) {
        match self.wire.line() {
            Err(e) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            other => self.fail(&format!("not closed: {other:?}")),
        }
    }
    /// Cuts the connection without a word.
    pub fn cut(mut self) {
        self.wire.cut();
    }
}

/// Does a reply hold this stable code and the sentence's beginning in both languages?
pub fn names(reply: &str, code: &str) -> std::result::Result<(), String> {
    if !reply.contains(&format!("[{code}]")) && !reply.contains(&format!("({code})")) {
        return Err(format!("{reply:?} does not name {code}"));
    }
    for lang in Lang::ALL {
        let Some(sentence) = template(lang, &format!("refusal.{code}")) else {
            return Err(format!("{code} has no sentence in {}", lang.as_str()));
        };
        // Up to the first value.
        let begins = to_ascii(sentence.split(['[', '{']).next().unwrap_or_default());
        if begins.len() < 10 || !reply.contains(begins.trim_end()) {
            return Err(format!("{reply:?} does not say {begins:?} ({})", lang.as_str()));
        }
    }
    Ok(())
}

/// base64 (RFC 4648 §4).
pub fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Content as DATA wants it: dots doubled at the beginning of lines, the end after it. Content ends in CRLF.
pub fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 16);
    for line in content.split_inclusive(|b| *b == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// A small letter with CRLF: header From, To, Subject, Message-ID, and a body.
pub fn letter(from: &str, to: &str, id: &str, body: &str) -> String {
    // Not an address when a test wants nonsense there: then there is no domain to name.
    let domain = from.parse::<Address>().map_or_else(|_| "exemple.fr".to_owned(), |a| a.domain().to_string());
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: essai {id}\r\nMessage-ID: <{id}@{domain}>\r\n\
         Date: Mon, 05 Jan 2026 08:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    )
}
