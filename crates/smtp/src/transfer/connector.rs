//! Structures' own servers: how they are reached, and tried out without sending anything.
use super::route::Server;
use super::{HotClientTls, TransferConfig};
use crate::codec::capabilities::Capabilities;
use crate::codec::response::{MAX_LINE, ReplyParser, Response};
use rustls::pki_types::ServerName;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_net::Conn;
use sceau_operator::Operator;
use sceau_operator::connectors::ConnectorRoute;
use sceau_operator::connectors::probe::{Asked, Heard, Probe};
use std::fmt::Display;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Resolving a structure's host.
const RESOLVING: Duration = Duration::from_secs(10);
/// Addresses tried of one host.
const ADDRESSES: usize = 4;
/// A test's connection, each reply, the handshake.
const STEP: Duration = Duration::from_secs(10);

/// The host of a structure's server, resolved as the system does: it may stand in a network that no public DNS knows.
pub(super) async fn server(route: &ConnectorRoute) -> Result<Server, Refusal> {
    match addresses(route).await {
        Ok(addresses) => Ok(Server { name: route.host.clone(), addresses }),
        Err(cause) => Err(Refusal::new(RefusalCode::TransferDns).with("domain", &route.host).with("cause", cause)),
    }
}

async fn addresses(route: &ConnectorRoute) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::time::timeout(RESOLVING, tokio::net::lookup_host((route.host.as_str(), route.port))).await;
    let found: Vec<SocketAddr> = match found {
        Err(_) => return Err("no answer in time".into()),
        Ok(Err(e)) => return Err(e.to_string()),
        Ok(Ok(found)) => found.take(ADDRESSES).collect(),
    };
    if found.is_empty() { Err("no address".into()) } else { Ok(found) }
}

/// Our side towards structures' servers: the certificate of our own authority, the operator's while there is none.
pub(super) async fn tls(operator: &Operator, config: &TransferConfig) -> Result<Arc<rustls::ClientConfig>, Refusal> {
    ours(operator, &config.tls).await
}

async fn ours(operator: &Operator, otherwise: &HotClientTls) -> Result<Arc<rustls::ClientConfig>, Refusal> {
    match operator.connector_identity().await? {
        None => Ok(otherwise.load_full()),
        Some(identity) => sceau_trust::tls::transfer_client(&identity)
            .map_err(|e| Refusal::new(RefusalCode::TransferTls).with("cause", e)),
    }
}

/// Tries structures' servers out over the network.
#[derive(Debug)]
pub struct NetworkProbe {
    /// What we call ourselves in EHLO.
    pub hostname: String,
    /// Our certificate while the operator has no authority for connectors.
    pub tls: HotClientTls,
}

impl Probe for NetworkProbe {
    fn try_out<'a>(
        &'a self,
        operator: &'a Operator,
        asked: &'a Asked,
    ) -> Pin<Box<dyn Future<Output = Heard> + Send + 'a>> {
        Box::pin(async move {
            let mut heard = Heard::default();
            if let Some(mut talk) = self.reach(operator, asked, &mut heard).await {
                talk.dialogue(&self.hostname, asked, &mut heard).await;
                let _ = talk.say("QUIT").await;
                talk.conn.close().await;
            }
            heard
        })
    }
}

impl NetworkProbe {
    /// Until the handshake is over.
    async fn reach(&self, operator: &Operator, asked: &Asked, heard: &mut Heard) -> Option<Talk> {
        let found = addresses(&asked.route).await;
        let texts = |found: &Vec<SocketAddr>| found.iter().map(|a| a.ip().to_string()).collect();
        heard.addresses = Some(found.as_ref().map(texts).map_err(Clone::clone));
        let mut last = String::new();
        let mut open = None;
        for address in found.ok()? {
            match Conn::connect(address, STEP).await {
                Ok(conn) => {
                    open = Some((conn, address));
                    break;
                }
                Err(e) => last = why(&e),
            }
        }
        let Some((mut conn, address)) = open else {
            heard.connected = Some(Err(last));
            return None;
        };
        heard.connected = Some(Ok(()));
        conn.set_timeout(STEP);
        let mut talk = Talk { conn };
        let greeting = match talk.hear().await {
            Ok(reply) if reply.code == 220 => Ok(reply.text()),
            Ok(reply) => Err(reply.text()),
            Err(e) => Err(e),
        };
        let good = greeting.is_ok();
        heard.greeting = Some(greeting);
        if !good {
            return None;
        }
        let offered = match talk.ask(&format!("EHLO {}", self.hostname)).await {
            Ok(reply) => reply.is_positive() && Capabilities::of(&reply).starttls,
            Err(_) => false,
        };
        let taken = offered && talk.ask("STARTTLS").await.is_ok_and(|reply| reply.code == 220);
        heard.starttls = Some(taken);
        if !taken {
            return None;
        }
        let name = ServerName::try_from(asked.route.tls_name.clone()).ok();
        let sni = name.clone().unwrap_or_else(|| ServerName::from(address.ip()));
        let tls = match ours(operator, &self.tls).await {
            Ok(tls) => tls,
            Err(refusal) => {
                heard.tls = Some(Err(refusal.code.as_str().into()));
                return None;
            }
        };
        if let Err(e) = talk.conn.start_tls_client(tls, sni, STEP).await {
            heard.tls = Some(Err(why(&e)));
            return None;
        }
        let info = talk.conn.tls()?;
        heard.tls = Some(Ok(format!("{} {}", info.version, info.suite)));
        heard.chain.clone_from(&info.peer);
        heard.named = match (heard.chain.first(), name) {
            (Some(leaf), Some(name)) => Some(sceau_trust::authority::names(leaf, &name)),
            _ => None,
        };
        Some(talk)
    }
}

/// A dialogue line by line.
struct Talk {
    conn: Conn,
}

impl Talk {
    async fn say(&mut self, line: &str) -> Result<(), String> {
        let said = async {
            self.conn.write(format!("{line}\r\n").as_bytes()).await?;
            self.conn.flush().await
        };
        said.await.map_err(|e| why(&e))
    }
    async fn hear(&mut self) -> Result<Response, String> {
        let mut parser = ReplyParser::default();
        loop {
            let line = self.conn.read_line(MAX_LINE).await.map_err(|e| why(&e))?;
            if let Some(reply) = parser.push(&line).map_err(|e| e.to_string())? {
                return Ok(reply);
            }
        }
    }
    async fn ask(&mut self, line: &str) -> Result<Response, String> {
        self.say(line).await?;
        self.hear().await
    }
    async fn answered(&mut self, line: &str) -> (bool, String) {
        match self.ask(line).await {
            Ok(reply) => (reply.is_positive(), reply.text()),
            Err(e) => (false, e),
        }
    }

    /// EHLO, MAIL, RCPT; nothing is sent.
    async fn dialogue(&mut self, hostname: &str, asked: &Asked, heard: &mut Heard) {
        match self.ask(&format!("EHLO {hostname}")).await {
            Ok(reply) if reply.is_positive() => {
                let can = Capabilities::of(&reply);
                (heard.eight_bit, heard.size) = (can.eight_bit, can.max_size);
                heard.ehlo = Some(Ok(()));
            }
            Ok(reply) => heard.ehlo = Some(Err(reply.text())),
            Err(e) => heard.ehlo = Some(Err(e)),
        }
        if !matches!(heard.ehlo, Some(Ok(()))) {
            return;
        }
        let path = |a: &Option<Address>| a.as_ref().map(ToString::to_string).unwrap_or_default();
        let mail = self.answered(&format!("MAIL FROM:<{}>", path(&asked.from))).await;
        let taken = mail.0;
        heard.mail = Some(mail);
        if !taken {
            return;
        }
        if asked.to.is_some() {
            heard.rcpt = Some(self.answered(&format!("RCPT TO:<{}>", path(&asked.to))).await);
        }
        if asked.nobody.is_some() {
            heard.nobody = Some(self.answered(&format!("RCPT TO:<{}>", path(&asked.nobody))).await);
        }
        let _ = self.ask("RSET").await;
    }
}

/// A short technical reason.
fn why(e: &impl Display) -> String {
    e.to_string()
}
