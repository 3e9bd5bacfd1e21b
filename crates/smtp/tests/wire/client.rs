//! A client that says exactly what it is told to say.
use sceau_net::{Conn, ReadError};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub const LONG: Duration = Duration::from_secs(30);

pub struct Client(pub Conn);

impl Client {
    /// Connects and hears the greeting.
    pub async fn connect(address: SocketAddr) -> Self {
        let mut client = Self(Conn::connect(address, LONG).await.unwrap());
        assert!(client.reply().await.starts_with("220 "));
        client
    }
    /// Connects with TLS first.
    pub async fn implicit(address: SocketAddr, tls: Arc<rustls::ClientConfig>) -> Self {
        let name = "localhost".try_into().unwrap();
        let mut client = Self(Conn::connect_tls(address, tls, name, LONG).await.unwrap());
        assert!(client.reply().await.starts_with("220 "));
        client.expect("EHLO client.exemple.fr", "250").await;
        client
    }
    /// Connects, STARTTLS, EHLO.
    pub async fn secure(address: SocketAddr, tls: &Arc<rustls::ClientConfig>) -> Self {
        let mut client = Self::connect(address).await;
        client.starttls(tls).await;
        client.expect("EHLO client.exemple.fr", "250").await;
        client
    }
    pub async fn starttls(&mut self, tls: &Arc<rustls::ClientConfig>) {
        self.expect("STARTTLS", "220 2.0.0").await;
        self.0.start_tls_client(tls.clone(), "localhost".try_into().unwrap(), LONG).await.unwrap();
    }
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write(bytes.as_ref()).await.unwrap();
        self.0.flush().await.unwrap();
    }
    /// The next reply, all its lines; empty when the server closed.
    pub async fn reply(&mut self) -> String {
        let mut all = String::new();
        loop {
            let line = match self.0.read_line(600).await {
                Ok(line) => String::from_utf8(line).unwrap(),
                Err(ReadError::Closed) => return all,
                Err(e) => panic!("{e} after {all:?}"),
            };
            assert!(line.len() <= 512 && line.ends_with("\r\n") && line.is_ascii(), "{line:?}");
            let last = line.as_bytes()[3] == b' ';
            all.push_str(&line);
            if last {
                return all;
            }
        }
    }
    /// Says a line and hears its reply.
    pub async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        self.reply().await
    }
    /// Says a line; the reply begins so.
    #[track_caller]
    pub fn expect<'a>(&'a mut self, line: &'a str, begins: &'a str) -> impl Future<Output = String> + 'a {
        let at = std::panic::Location::caller();
        async move {
            let reply = self.say(line).await;
            assert!(reply.starts_with(begins), "{at}: {line:?} got {reply:?}, not {begins:?}");
            reply
        }
    }
    /// Says a line; the reply begins so and names this stable code.
    #[track_caller]
    pub fn refused<'a>(&'a mut self, line: &'a str, begins: &'a str, code: &'a str) -> impl Future<Output = ()> + 'a {
        let at = std::panic::Location::caller();
        async move {
            let reply = self.say(line).await;
            let named = reply.ends_with(&format!("[{code}]\r\n"));
            assert!(reply.starts_with(begins) && named, "{at}: {line:?} got {reply:?}, not {begins} {code}");
        }
    }
    /// MAIL, RCPT and DATA up to 354.
    pub async fn up_to_data(&mut self, from: &str, to: &[&str]) {
        self.expect(&format!("MAIL FROM:<{from}>"), "250 2.1.0").await;
        for to in to {
            self.expect(&format!("RCPT TO:<{to}>"), "250 2.1.5").await;
        }
        self.expect("DATA", "354").await;
    }
    /// A whole transaction; gives the last reply. `content` is sent as it is, then the end.
    pub async fn transact(&mut self, from: &str, to: &[&str], content: impl AsRef<[u8]>) -> String {
        self.up_to_data(from, to).await;
        self.send(content).await;
        self.send(".\r\n").await;
        self.reply().await
    }
    /// True when the server closed without another word.
    pub async fn is_closed(&mut self) -> bool {
        matches!(self.0.read_some(100).await.as_deref(), Ok([]) | Err(ReadError::Closed))
    }
}

pub fn letter(from: &str, subject: &str) -> String {
    format!(
        "From: {from}\r\nTo: quelqu'un <x@exemple.fr>\r\nSubject: {subject}\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{subject}@exemple.fr>\r\n\r\nBonjour {subject}\r\n"
    )
}
