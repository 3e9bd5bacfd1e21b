//! One connection to another server: greeting, STARTTLS, judgment of the server, EHLO; then messages.
//!
//! Each phase has its deadline as a whole (RFC 5321 §4.5.3.2): a server that says one line of a reply a minute is cut as one that says nothing. What
//! it says before it was asked ends the connection.
use super::route::Server;
use super::way::{Judge, Way};
use super::{Timeouts, TransferConfig, dial};
use crate::codec::capabilities::Capabilities;
use crate::codec::response::{MAX_LINE, ReplyParser, Response};
use rustls::pki_types::ServerName;
use sceau_domain::{DomainName, Refusal, RefusalCode};
use sceau_net::{Conn, ReadError};
use sceau_operator::ledger::Direction;
use sceau_operator::{Operator, Peer};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a server is heard from which nothing more is needed.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is asked whether it still is one.
const FRESH: Duration = Duration::from_millis(200);
/// What a server may take over all of its addresses, connection and handshake.
const BEGINNING: Duration = Duration::from_secs(300);

/// A connection on which mail may be sent.
#[derive(Debug)]
pub struct Client {
    conn: Conn,
    /// Name of the server.
    pub server: String,
    /// Who it is.
    pub peer: Peer,
    /// By which rule that was judged.
    pub judge: Judge,
    /// TLS version and suite.
    pub tls: String,
    /// What it announced, inside TLS.
    pub can: Capabilities,
    /// It said 421, or cannot be understood: nothing more can be asked.
    pub leaving: bool,
    /// Messages begun on it.
    pub begun: u32,
    /// It served a message before, and ended before it answered MAIL of the next: that says nothing of the message.
    pub stale: bool,
    /// Servers of the domain that come after this one.
    pub others: Vec<Server>,
    last_used: Instant,
    patience: Duration,
    timeouts: Timeouts,
}

/// Tries the servers of a domain in order; the addresses of each as they answer, IPv6 and IPv4 by turns (RFC 8305).
///
/// # Errors
/// The last refusal, and the name of the server when one answered.
pub async fn connect(
    operator: &Operator,
    config: &TransferConfig,
    domain: &DomainName,
    way: &Way,
) -> Result<Client, (Refusal, Option<String>)> {
    let mut last = (Refusal::new(RefusalCode::TransferDns).with("domain", domain), None);
    let tried = async {
        let servers = dial::rested_first(&way.servers);
        for (place, server) in servers.iter().enumerate() {
            let mut left = dial::by_turns(&server.addresses);
            while !left.is_empty() {
                let (at, conn) = match dial::first(&left, config.timeouts.connect).await {
                    Ok(found) => found,
                    Err(e) => {
                        dial::failed(&left);
                        let refusal = Refusal::new(RefusalCode::TransferConnect).with("server", &server.name);
                        last = (refusal.with("domain", domain).with("cause", cause(&e)), Some(server.name.clone()));
                        break;
                    }
                };
                let address = left.remove(at);
                match open(operator, config, domain, (server, address), &way.judge, conn).await {
                    Ok(client) => {
                        let others = servers[place + 1..].iter().map(|s| (*s).clone()).collect();
                        return Some(Client { others, ..client });
                    }
                    Err(refusal) => {
                        dial::failed(&[address]);
                        last = (refusal, Some(server.name.clone()));
                    }
                }
            }
        }
        None
    };
    match tokio::time::timeout(BEGINNING, tried).await {
        Ok(Some(client)) => Ok(client),
        _ => {
            if way.judge == Judge::Peers {
                operator.peer_failed(Direction::Out, Some(domain), None, last.0.code);
            }
            Err(last)
        }
    }
}

async fn open(
    operator: &Operator,
    config: &TransferConfig,
    domain: &DomainName,
    (server, address): (&Server, SocketAddr),
    judge: &Judge,
    mut conn: Conn,
) -> Result<Client, Refusal> {
    let refusal = |code| Refusal::new(code).with("server", &server.name).with("domain", domain);
    let reply = config.timeouts.reply;
    conn.set_timeout(reply);
    let mut talk = Talk { conn, server: &server.name, patience: config.timeouts.greeting, leaving: false };
    let said = |reply: &Response| refusal(no(reply)).with("reply", reply.text());
    let greeting = talk.reply().await?;
    talk.patience = reply;
    if greeting.code != 220 {
        return Err(said(&greeting));
    }
    if !talk.ehlo(&config.hostname).await?.starttls {
        return Err(refusal(RefusalCode::TransferNoStartTls));
    }
    let answer = talk.command("STARTTLS\r\n").await?;
    if answer.code != 220 {
        return Err(refusal(RefusalCode::TransferNoStartTls).with("reply", answer.text()));
    }
    // The name only routes the handshake (SNI): the certificate is judged by its chain and its DN.
    let name = judge.name(server).to_owned();
    let name = ServerName::try_from(name).unwrap_or_else(|_| ServerName::from(address.ip()));
    let tls = judge.tls(operator, config).await?;
    let Talk { mut conn, .. } = talk;
    conn.start_tls_client(tls, name, reply)
        .await
        .map_err(|e| refusal(RefusalCode::TransferTls).with("cause", cause(&e)))?;
    let info = conn.tls().ok_or_else(|| refusal(RefusalCode::TransferTls))?;
    let tls = format!("{} {}", info.version, info.suite);
    let peer = judge.check(operator, domain, &info.peer).await?;
    if *judge == Judge::Peers {
        operator.peer_contact(Direction::Out, Some(domain), &peer, Some(&tls));
    }
    let mut talk = Talk { conn, server: &server.name, patience: reply, leaving: false };
    let can = talk.ehlo(&config.hostname).await?;
    let Talk { conn, leaving, .. } = talk;
    Ok(Client {
        conn,
        server: server.name.clone(),
        peer,
        judge: judge.clone(),
        tls,
        can,
        leaving,
        begun: 0,
        stale: false,
        others: Vec::new(),
        last_used: Instant::now(),
        patience: reply,
        timeouts: config.timeouts,
    })
}

/// Lines and replies, before and inside TLS.
struct Talk<'a> {
    conn: Conn,
    server: &'a str,
    patience: Duration,
    leaving: bool,
}

impl Talk<'_> {
    async fn reply(&mut self) -> Result<Response, Refusal> {
        hear(&mut self.conn, self.server, self.patience, &mut self.leaving).await
    }
    async fn command(&mut self, line: &str) -> Result<Response, Refusal> {
        let sent = async {
            self.conn.write(line.as_bytes()).await?;
            self.conn.flush().await
        };
        sent.await.map_err(|e| broken(self.server, &e))?;
        self.reply().await
    }
    async fn ehlo(&mut self, hostname: &str) -> Result<Capabilities, Refusal> {
        let reply = self.command(&format!("EHLO {hostname}\r\n")).await?;
        if reply.is_positive() {
            return Ok(Capabilities::of(&reply));
        }
        Err(Refusal::new(no(&reply)).with("server", self.server).with("reply", reply.text()))
    }
}

/// What a reply that is no acceptance says: wait (4yz), or no.
pub(super) fn no(reply: &Response) -> RefusalCode {
    if (400..500).contains(&reply.code) { RefusalCode::TransferPutOff } else { RefusalCode::TransferRefused }
}

/// Reads a reply, all of it within `patience`.
async fn hear(conn: &mut Conn, server: &str, patience: Duration, leaving: &mut bool) -> Result<Response, Refusal> {
    let mut parser = ReplyParser::default();
    let read = async {
        loop {
            let line = conn.read_line(MAX_LINE).await.map_err(|e| broken(server, &e))?;
            match parser.push(&line) {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(e) => {
                    return Err(Refusal::new(RefusalCode::TransferProtocol).with("server", server).with("reply", e));
                }
            }
        }
    };
    let heard = match tokio::time::timeout(patience, read).await {
        Ok(heard) => heard,
        Err(_) => Err(broken(server, &ReadError::Timeout)),
    };
    // After 421 the server closes; after what is no reply nothing can be asked.
    *leaving |= heard.as_ref().map_or(true, |reply| reply.code == 421);
    heard
}

/// The connection broke, or what came is no SMTP.
fn broken(server: &str, e: &ReadError) -> Refusal {
    let code = match e {
        ReadError::TooLong => RefusalCode::TransferProtocol,
        // In TLS 1.3 what a server thinks of our certificate comes after the handshake.
        ReadError::Io(io) if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => RefusalCode::TransferTls,
        _ => RefusalCode::TransferCut,
    };
    Refusal::new(code).with("server", server).with("cause", cause(e))
}

impl Client {
    fn broken(&mut self, e: &ReadError) -> Refusal {
        self.leaving = true;
        broken(&self.server, e)
    }

    /// Reads a reply. After 421 (the server closes) nothing more can be asked.
    pub async fn reply(&mut self) -> Result<Response, Refusal> {
        self.last_used = Instant::now();
        hear(&mut self.conn, &self.server, self.patience, &mut self.leaving).await
    }

    /// A server that speaks before it is asked is out of step with us: what it says next would be taken for the answer to something else.
    pub fn in_step(&mut self) -> Result<(), Refusal> {
        if !self.conn.has_buffered() {
            return Ok(());
        }
        self.leaving = true;
        let refusal = Refusal::new(RefusalCode::TransferProtocol).with("server", &self.server);
        Err(refusal.with("reply", "a reply before it was asked"))
    }

    /// Did the server say something already, as one that has heard enough does?
    pub fn has_spoken(&self) -> bool {
        self.conn.has_buffered()
    }

    /// What a server that stopped taking content still says, if it says no.
    pub async fn last_words(&mut self) -> Option<Response> {
        self.conn.set_timeout(LAST_WORDS);
        self.patience = LAST_WORDS;
        let reply = self.reply().await.ok().filter(|r| !r.is_positive());
        self.leaving = true;
        reply
    }

    /// Reads the reply after the end of the content, which may take long.
    pub async fn last_reply(&mut self) -> Result<Response, Refusal> {
        self.conn.set_timeout(self.timeouts.end_of_data);
        self.patience = self.timeouts.end_of_data;
        let reply = self.reply().await;
        self.conn.set_timeout(self.timeouts.reply);
        self.patience = self.timeouts.reply;
        reply
    }

    /// Queues bytes without sending them yet.
    pub async fn queue(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let queued = self.conn.write(bytes).await;
        queued.map_err(|e| self.broken(&e))
    }

    /// Sends what is queued, content within its own deadline.
    pub async fn send(&mut self) -> Result<(), Refusal> {
        self.last_used = Instant::now();
        self.conn.set_timeout(self.timeouts.write);
        let sent = self.conn.flush().await;
        self.conn.set_timeout(self.timeouts.reply);
        sent.map_err(|e| self.broken(&e))
    }

    /// Sends one command and reads its reply.
    pub async fn command(&mut self, line: &str) -> Result<Response, Refusal> {
        self.queue(line.as_bytes()).await?;
        self.send().await?;
        self.reply().await
    }

    /// Is a connection that was kept open still one? Asked only when it was idle for a while.
    pub async fn is_alive(&mut self) -> bool {
        if self.leaving || self.conn.has_buffered() {
            return false;
        }
        self.last_used.elapsed() < FRESH
            || self.command("RSET\r\n").await.is_ok_and(|r| r.is_positive()) && !self.leaving
    }

    /// No more messages are taken on it (LIMITS MAILMAX).
    pub fn is_spent(&self) -> bool {
        self.can.mail_max.is_some_and(|most| self.begun >= most)
    }

    /// Says goodbye and closes; how it ends does not matter.
    pub async fn quit(mut self) {
        if !self.leaving && self.queue(b"QUIT\r\n").await.is_ok() && self.send().await.is_ok() {
            self.conn.set_timeout(LAST_WORDS);
            self.patience = LAST_WORDS;
            let _ = self.reply().await;
        }
        self.conn.close().await;
    }
}

/// A short technical reason.
fn cause(e: &ReadError) -> String {
    match e {
        ReadError::Closed => "closed by the server".into(),
        ReadError::Timeout => "no answer in time".into(),
        other => other.to_string(),
    }
}
