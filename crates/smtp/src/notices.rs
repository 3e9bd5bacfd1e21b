//! The client that hands notices (ordinary mail without content) to the operator's own relay, outside the trust space.
//!
//! Promises: one message a connection; TLS is verified against the relay's name, and nothing (the password least of all) is sent in clear but to the
//! machine itself; a refusal of this recipient or of this message is final, anything else (the relay is away, refuses us, speaks no SMTP) is tried
//! again; what is told is the reply's code and status, never its text, which may name somebody.
use crate::codec::capabilities::Capabilities;
use crate::codec::response::{MAX_LINE, ReplyParser, Response};
use crate::codec::stuffing::DotStuffer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use sceau_domain::Address;
use sceau_net::Conn;
use sceau_operator::notices::{NotTaken, Relay};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Longest wait for each step.
const STEP: Duration = Duration::from_secs(30);
/// Longest wait for the end of one message.
const WHOLE: Duration = Duration::from_secs(120);

/// How the way to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None: only on the machine itself.
    Loopback,
}

/// A relay, and who we are there.
#[derive(Clone)]
pub struct RelayConfig {
    /// Name or address of its host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection.
    pub protection: Protection,
    /// Who is believed to be that host.
    pub tls: Arc<rustls::ClientConfig>,
    /// Login and password.
    pub login: Option<(String, Zeroizing<String>)>,
    /// Where notices come from.
    pub from: Address,
    /// What we call ourselves in EHLO.
    pub hostname: String,
}

impl std::fmt::Debug for RelayConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayConfig").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// A TLS configuration that believes the authorities of this PEM file, or those of the system.
///
/// # Errors
/// Why the file holds no authority, or the system's are not there.
pub fn client_tls(authorities: Option<&[u8]>) -> Result<Arc<rustls::ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let config = match authorities {
        None => tls.with_platform_verifier().map_err(|e| e.to_string())?.with_no_client_auth(),
        Some(pem) => {
            let mut roots = rustls::RootCertStore::empty();
            for cert in CertificateDer::pem_slice_iter(pem) {
                roots.add(cert.map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
            }
            if roots.is_empty() {
                return Err("no certificate in it".into());
            }
            tls.with_root_certificates(roots).with_no_client_auth()
        }
    };
    Ok(Arc::new(config))
}

/// The relay, for [`sceau_operator::Operator::set_relay`].
#[derive(Debug)]
pub struct SmtpRelay(RelayConfig);

impl SmtpRelay {
    /// To this relay.
    pub fn new(config: RelayConfig) -> Self {
        Self(config)
    }

    async fn hand_over(&self, back: &Address, to: &Address, message: &[u8]) -> Result<(), NotTaken> {
        let mut talk = self.connect().await?;
        if let Some((login, password)) = &self.0.login {
            let proof = Zeroizing::new(format!("\0{login}\0{}", password.as_str()));
            let line = Zeroizing::new(format!("AUTH PLAIN {}\r\n", STANDARD.encode(proof.as_bytes())));
            talk.expect(&line, 235).await?;
        }
        talk.expect(&format!("MAIL FROM:<{back}>\r\n"), 250).await?;
        talk.about_it(&format!("RCPT TO:<{to}>\r\n"), 250).await?;
        about_message(&talk.say(b"DATA\r\n").await?, 354)?;
        let (mut stuffer, mut wire) = (DotStuffer::default(), Vec::new());
        stuffer.push(message, &mut wire);
        stuffer.finish(&mut wire);
        about_message(&talk.say(&wire).await?, 250)?;
        // It is taken: how the goodbye ends does not matter.
        let _ = talk.say(b"QUIT\r\n").await;
        talk.0.close().await;
        Ok(())
    }

    async fn connect(&self) -> Result<Talk, NotTaken> {
        let c = &self.0;
        let found = tokio::net::lookup_host((c.host.as_str(), c.port)).await.map_err(|_| later("dns"))?;
        let mut last = later("dns");
        for address in found {
            match self.open(address).await {
                Ok(talk) => return Ok(talk),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    async fn open(&self, address: SocketAddr) -> Result<Talk, NotTaken> {
        let c = &self.0;
        if c.protection == Protection::Loopback && !address.ip().is_loopback() {
            return Err(later("clear"));
        }
        let name = || ServerName::try_from(c.host.clone()).unwrap_or_else(|_| ServerName::from(address.ip()));
        let conn = match c.protection {
            Protection::Tls => {
                Conn::connect_tls(address, Arc::clone(&c.tls), name(), STEP).await.map_err(|_| later("tls"))?
            }
            _ => Conn::connect(address, STEP).await.map_err(|_| later("connect"))?,
        };
        let mut talk = Talk(conn);
        let greeting = talk.hear().await?;
        expected(&greeting, 220)?;
        let announced = talk.ehlo(&c.hostname).await?;
        if c.protection == Protection::StartTls {
            if !announced.starttls {
                return Err(later("starttls"));
            }
            talk.expect("STARTTLS\r\n", 220).await?;
            talk.0.start_tls_client(Arc::clone(&c.tls), name(), STEP).await.map_err(|_| later("tls"))?;
            talk.ehlo(&c.hostname).await?;
        }
        Ok(talk)
    }
}

impl Relay for SmtpRelay {
    fn from(&self) -> &Address {
        &self.0.from
    }
    fn send<'a>(
        &'a self,
        back: &'a Address,
        to: &'a Address,
        message: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<(), NotTaken>> + Send + 'a>> {
        Box::pin(async move {
            match tokio::time::timeout(WHOLE, self.hand_over(back, to, message)).await {
                Ok(done) => done,
                Err(_) => Err(later("timeout")),
            }
        })
    }
}

fn later(why: &str) -> NotTaken {
    NotTaken::Later(why.to_owned())
}

/// Code and enhanced status of a reply: `550 5.1.1`.
fn status(reply: &Response) -> String {
    match &reply.status {
        Some(status) => format!("{} {status}", reply.code),
        None => reply.code.to_string(),
    }
}

/// Another answer than this one is about us or the relay, whatever its code: it is tried again.
fn expected(reply: &Response, code: u16) -> Result<(), NotTaken> {
    if reply.code == code { Ok(()) } else { Err(NotTaken::Later(status(reply))) }
}

/// A permanent answer is about this recipient or message, and final.
fn final_word(reply: &Response, code: u16) -> Result<(), NotTaken> {
    if reply.is_permanent() { Err(NotTaken::Never(status(reply))) } else { expected(reply, code) }
}

/// The same of the message as a whole: a code alone, which at RCPT speaks of the mailbox, says nothing of the address here (RFC 5321 §4.2.3).
fn about_message(reply: &Response, code: u16) -> Result<(), NotTaken> {
    final_word(reply, code).map_err(|said| match said {
        NotTaken::Never(_) if reply.status.is_none() => NotTaken::Never(format!("{} 5.0.0", reply.code)),
        said => said,
    })
}

/// A connection to the relay.
struct Talk(Conn);

impl Talk {
    async fn hear(&mut self) -> Result<Response, NotTaken> {
        let mut parser = ReplyParser::default();
        loop {
            let line = self.0.read_line(MAX_LINE).await.map_err(|_| later("cut"))?;
            if let Some(reply) = parser.push(&line).map_err(|_| later("protocol"))? {
                return Ok(reply);
            }
        }
    }
    async fn say(&mut self, bytes: &[u8]) -> Result<Response, NotTaken> {
        self.0.write(bytes).await.map_err(|_| later("cut"))?;
        self.0.flush().await.map_err(|_| later("cut"))?;
        self.hear().await
    }
    async fn expect(&mut self, line: &str, code: u16) -> Result<(), NotTaken> {
        let reply = self.say(line.as_bytes()).await?;
        expected(&reply, code)
    }
    async fn about_it(&mut self, line: &str, code: u16) -> Result<(), NotTaken> {
        let reply = self.say(line.as_bytes()).await?;
        final_word(&reply, code)
    }
    async fn ehlo(&mut self, hostname: &str) -> Result<Capabilities, NotTaken> {
        let reply = self.say(format!("EHLO {hostname}\r\n").as_bytes()).await?;
        expected(&reply, 250)?;
        Ok(Capabilities::of(&reply))
    }
}
