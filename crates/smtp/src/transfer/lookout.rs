//! Looking at another operator's server as it shows itself: greeting, EHLO, STARTTLS, handshake with our certificate, EHLO, QUIT. Nothing is sent, and
//! nothing is judged: whoever asked does that with the chain.
use super::client::no;
use super::route::Server as Found;
use super::{HotClientTls, Routes};
use crate::codec::capabilities::Capabilities;
use crate::codec::response::{MAX_LINE, ReplyParser, Response};
use rustls::pki_types::ServerName;
use sceau_domain::mail_setup::RecordKind;
use sceau_domain::{DomainName, Refusal, RefusalCode};
use sceau_net::{Conn, ReadError};
use sceau_operator::trusted::probe::{Answer, Probe, Server, Shown};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Each step of a look.
const STEP: Duration = Duration::from_secs(10);
/// A look as a whole: a server that says one line a step is not waited for.
const WHOLE: Duration = Duration::from_secs(30);
/// Extensions told of.
const TOLD: usize = 40;

/// Looks at servers with our certificate.
#[derive(Debug, Clone)]
pub struct Lookout {
    /// Where domains' mail goes.
    pub routes: Routes,
    /// What we call ourselves in EHLO.
    pub hostname: String,
    /// Our certificate towards operators.
    pub tls: HotClientTls,
}

impl Probe for Lookout {
    fn servers<'a>(&'a self, domain: &'a DomainName) -> Answer<'a, Vec<Server>> {
        Box::pin(async move {
            let found = self.routes.servers(domain).await?;
            Ok(found.into_iter().map(|Found { name, addresses }| Server { name, addresses }).collect())
        })
    }
    fn handshake<'a>(&'a self, server: &'a Server, address: SocketAddr) -> Answer<'a, Shown> {
        Box::pin(async move {
            let late = Refusal::new(RefusalCode::TransferConnect).with("server", &server.name).with("cause", "timeout");
            tokio::time::timeout(WHOLE, self.look(server, address)).await.unwrap_or(Err(late))
        })
    }
    fn records<'a>(&'a self, name: &'a str, kind: RecordKind) -> Answer<'a, Vec<String>> {
        Box::pin(self.routes.records(name, kind))
    }
    fn addresses<'a>(&'a self, host: &'a str) -> Answer<'a, Vec<IpAddr>> {
        Box::pin(self.routes.addresses(host))
    }
}

impl Lookout {
    async fn look(&self, server: &Server, address: SocketAddr) -> Result<Shown, Refusal> {
        let refusal = |code| Refusal::new(code).with("server", &server.name);
        let broken = |e: ReadError| refusal(RefusalCode::TransferCut).with("cause", e);
        let said = |reply: Response| refusal(no(&reply)).with("reply", reply.text());
        let conn = Conn::connect(address, STEP).await;
        let mut conn = conn.map_err(|e| refusal(RefusalCode::TransferConnect).with("cause", e))?;
        conn.set_timeout(STEP);
        let greeting = reply(&mut conn).await.map_err(broken)?;
        if greeting.code != 220 {
            return Err(said(greeting));
        }
        let hello = format!("EHLO {}\r\n", self.hostname);
        let first = ask(&mut conn, &hello).await.map_err(broken)?;
        if !Capabilities::of(&first).starttls {
            return Err(refusal(RefusalCode::TransferNoStartTls));
        }
        let answer = ask(&mut conn, "STARTTLS\r\n").await.map_err(broken)?;
        // What comes before the handshake is nobody's word.
        if answer.code != 220 || conn.has_buffered() {
            return Err(refusal(RefusalCode::TransferNoStartTls).with("reply", answer.text()));
        }
        let name = ServerName::try_from(server.name.clone()).unwrap_or_else(|_| ServerName::from(address.ip()));
        let tls = |e: ReadError| refusal(RefusalCode::TransferTls).with("cause", e);
        conn.start_tls_client(self.tls.load_full(), name, STEP).await.map_err(tls)?;
        let info = conn.tls().ok_or_else(|| refusal(RefusalCode::TransferTls))?.clone();
        let mut shown = Shown { tls: info.summary(), chain: info.peer, extensions: Vec::new() };
        // A server that does not like our certificate says so here, or by silence: what it showed is told all the same.
        if let Some(again) = ask(&mut conn, &hello).await.ok().filter(Response::is_positive) {
            shown.extensions = again.lines.iter().skip(1).take(TOLD).cloned().collect();
            let _ = ask(&mut conn, "QUIT\r\n").await;
        }
        conn.close().await;
        Ok(shown)
    }
}

async fn ask(conn: &mut Conn, line: &str) -> Result<Response, ReadError> {
    conn.write(line.as_bytes()).await?;
    conn.flush().await?;
    reply(conn).await
}

async fn reply(conn: &mut Conn) -> Result<Response, ReadError> {
    let mut parser = ReplyParser::default();
    loop {
        let line = conn.read_line(MAX_LINE).await?;
        match parser.push(&line) {
            Ok(Some(reply)) => return Ok(reply),
            Ok(None) => {}
            Err(_) => return Err(ReadError::TooLong),
        }
    }
}
