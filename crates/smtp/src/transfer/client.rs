//! One connection to another operator's server: greeting, STARTTLS, judgment of the server, EHLO; then messages.
use super::route::Server;
use super::{Timeouts, TransferConfig};
use crate::codec::capabilities::Capabilities;
use crate::codec::response::{MAX_LINE, ReplyParser, Response};
use rustls::pki_types::ServerName;
use sceau_domain::{DomainName, Refusal, RefusalCode};
use sceau_net::{Conn, ReadError};
use sceau_operator::Operator;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a server is heard from which nothing more is needed.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A connection on which mail may be sent.
#[derive(Debug)]
pub struct Client {
    conn: Conn,
    /// Name of the server.
    pub server: String,
    /// DN of its certificate.
    pub dn: String,
    /// TLS version and suite.
    pub tls: String,
    /// What it announced, inside TLS.
    pub can: Capabilities,
    /// It said 421, or cannot be understood: nothing more can be asked.
    pub leaving: bool,
    timeouts: Timeouts,
}

/// Tries the servers of a domain in order, and the addresses of each.
///
/// # Errors
/// The last refusal, and the name of the server when one answered.
pub async fn connect(
    operator: &Operator,
    config: &TransferConfig,
    domain: &DomainName,
    servers: &[Server],
) -> Result<Client, (Refusal, Option<String>)> {
    let mut last = (Refusal::new(RefusalCode::TransferDns).with("domain", domain), None);
    for server in servers {
        for address in &server.addresses {
            match open(operator, config, domain, server, *address).await {
                Ok(client) => return Ok(client),
                Err(refusal) => last = (refusal, Some(server.name.clone())),
            }
        }
    }
    Err(last)
}

async fn open(
    operator: &Operator,
    config: &TransferConfig,
    domain: &DomainName,
    server: &Server,
    address: SocketAddr,
) -> Result<Client, Refusal> {
    let refusal = |code| Refusal::new(code).with("server", &server.name).with("domain", domain);
    let conn = Conn::connect(address, config.timeouts.connect)
        .await
        .map_err(|e| refusal(RefusalCode::TransferConnect).with("cause", cause(&e)))?;
    let mut client = Client {
        conn,
        server: server.name.clone(),
        dn: String::new(),
        tls: String::new(),
        can: Capabilities::default(),
        leaving: false,
        timeouts: config.timeouts,
    };
    client.conn.set_timeout(config.timeouts.reply);
    let said = |reply: &Response| refusal(RefusalCode::TransferRefused).with("reply", reply.text());
    let greeting = client.reply().await?;
    if greeting.code != 220 {
        return Err(said(&greeting));
    }
    if !client.ehlo(&config.hostname).await?.starttls {
        return Err(refusal(RefusalCode::TransferNoStartTls));
    }
    let answer = client.command("STARTTLS\r\n").await?;
    if answer.code != 220 {
        return Err(refusal(RefusalCode::TransferNoStartTls).with("reply", answer.text()));
    }
    // The name only routes the handshake (SNI): the certificate is judged by its chain and its DN.
    let name = ServerName::try_from(server.name.clone()).unwrap_or_else(|_| ServerName::from(address.ip()));
    let tls = config.tls.load_full();
    client
        .conn
        .start_tls_client(tls, name, config.timeouts.reply)
        .await
        .map_err(|e| refusal(RefusalCode::TransferTls).with("cause", cause(&e)))?;
    let info = client.conn.tls().ok_or_else(|| refusal(RefusalCode::TransferTls))?;
    client.tls = format!("{} {}", info.version, info.suite);
    let peer = operator.check_server(domain, &info.peer)?;
    client.dn = peer.dn.to_string();
    client.can = client.ehlo(&config.hostname).await?;
    Ok(client)
}

impl Client {
    /// The connection broke, or what came is no SMTP.
    fn broken(&mut self, e: &ReadError) -> Refusal {
        self.leaving = true;
        let code = match e {
            ReadError::TooLong => RefusalCode::TransferProtocol,
            // In TLS 1.3 what a server thinks of our certificate comes after the handshake.
            ReadError::Io(io) if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
                RefusalCode::TransferTls
            }
            _ => RefusalCode::TransferCut,
        };
        Refusal::new(code).with("server", &self.server).with("cause", cause(e))
    }

    /// Reads a reply. After 421 (the server closes) nothing more can be asked.
    pub async fn reply(&mut self) -> Result<Response, Refusal> {
        let mut parser = ReplyParser::default();
        loop {
            let line = match self.conn.read_line(MAX_LINE).await {
                Ok(line) => line,
                Err(e) => return Err(self.broken(&e)),
            };
            match parser.push(&line) {
                Ok(Some(reply)) => {
                    self.leaving |= reply.code == 421;
                    return Ok(reply);
                }
                Ok(None) => {}
                Err(e) => {
                    self.leaving = true;
                    let refusal = Refusal::new(RefusalCode::TransferProtocol).with("server", &self.server);
                    return Err(refusal.with("reply", e));
                }
            }
        }
    }

    /// What a server that stopped taking content still says, if it says no.
    pub async fn last_words(&mut self) -> Option<Response> {
        self.conn.set_timeout(LAST_WORDS);
        let reply = self.reply().await.ok().filter(|r| !r.is_positive());
        self.leaving = true;
        reply
    }

    /// Reads the reply after the final dot, which may take long.
    pub async fn last_reply(&mut self) -> Result<Response, Refusal> {
        self.conn.set_timeout(self.timeouts.end_of_data);
        let reply = self.reply().await;
        self.conn.set_timeout(self.timeouts.reply);
        reply
    }

    /// Queues bytes without sending them yet.
    pub async fn queue(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let queued = self.conn.write(bytes).await;
        queued.map_err(|e| self.broken(&e))
    }

    /// Sends what is queued, content within its own deadline.
    pub async fn send(&mut self) -> Result<(), Refusal> {
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

    async fn ehlo(&mut self, hostname: &str) -> Result<Capabilities, Refusal> {
        let reply = self.command(&format!("EHLO {hostname}\r\n")).await?;
        if reply.is_positive() {
            return Ok(Capabilities::of(&reply));
        }
        Err(Refusal::new(RefusalCode::TransferRefused).with("server", &self.server).with("reply", reply.text()))
    }

    /// Says goodbye and closes; how it ends does not matter.
    pub async fn quit(mut self) {
        if !self.leaving && self.queue(b"QUIT\r\n").await.is_ok() && self.send().await.is_ok() {
            self.conn.set_timeout(LAST_WORDS);
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
