//! A played server of another operator, that answers as a test says.
use crate::client::LONG;
use sceau_net::{Conn, Pace};
use sceau_testkit::pki::Pki;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What the server answers to a line (`.` stands for the end of content). `None`: the connection is cut.
pub type Rule = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Waited for before the end of a content is answered.
pub type Before = dyn Fn(Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

pub struct Fake {
    pub address: std::net::SocketAddr,
    /// Lines heard under TLS, connection by connection.
    pub heard: Arc<Mutex<Vec<Vec<String>>>>,
    /// Contents received, unstuffed by nobody.
    pub contents: Arc<Mutex<Vec<Vec<u8>>>>,
}

#[derive(Clone)]
pub struct Script {
    pub tls: Arc<rustls::ServerConfig>,
    /// EHLO keywords in clear, and under TLS.
    pub clear: &'static [&'static str],
    pub secure: &'static [&'static str],
    /// Sent right behind the reply to STARTTLS.
    pub injected: &'static [u8],
    pub rule: Arc<Rule>,
    /// Replies are held back until so many lines wait (proof of pipelining).
    pub hold: usize,
    /// See [`Before`].
    pub before: Option<Arc<Before>>,
    /// Said right behind the reply to EHLO under TLS, unasked.
    pub unasked: &'static str,
}

impl Script {
    /// The operator `beta`, which takes everything.
    pub fn new(pki: &Pki) -> Self {
        Self {
            tls: sceau_trust::tls::mx_server(&pki.identity("mss.beta.fr")).unwrap(),
            clear: &["STARTTLS"],
            secure: &["SIZE 10000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"],
            injected: b"",
            rule: Arc::new(|_| Some("250 2.0.0 Ok".into())),
            hold: 1,
            before: None,
            unasked: "",
        }
    }
    pub fn waiting(
        mut self,
        before: impl Fn(Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) -> Self {
        self.before = Some(Arc::new(before));
        self
    }
    pub fn answering(mut self, rule: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.rule = Arc::new(rule);
        self
    }
    pub async fn start(self) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Fake { address: listener.local_addr().unwrap(), heard: Arc::default(), contents: Arc::default() };
        let (heard, contents) = (fake.heard.clone(), fake.contents.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let conn = Conn::new(stream, LONG, Pace::default()).unwrap();
                let number = {
                    let mut heard = heard.lock().unwrap();
                    heard.push(Vec::new());
                    heard.len() - 1
                };
                tokio::spawn(talk(self.clone(), conn, number, heard.clone(), contents.clone()));
            }
        });
        fake
    }
}

fn ehlo(keywords: &[&str]) -> String {
    let lines: Vec<&str> = std::iter::once("mss.beta.fr").chain(keywords.iter().copied()).collect();
    let last = lines.len() - 1;
    let each = lines.iter().enumerate().map(|(i, l)| format!("250{}{l}\r\n", if i == last { ' ' } else { '-' }));
    each.collect()
}

async fn talk(
    script: Script,
    mut conn: Conn,
    number: usize,
    heard: Arc<Mutex<Vec<Vec<String>>>>,
    contents: Arc<Mutex<Vec<Vec<u8>>>>,
) -> Option<()> {
    let line = async |conn: &mut Conn| {
        let line = conn.read_line(2000).await.ok()?;
        String::from_utf8(line).ok()?.strip_suffix("\r\n").map(str::to_owned)
    };
    let greeting = (script.rule)("greeting").filter(|r| !r.starts_with("250")).unwrap_or("220 beta".into());
    conn.write(format!("{greeting}\r\n").as_bytes()).await.ok()?;
    if !greeting.starts_with("220") {
        conn.close().await;
        return None;
    }
    if script.clear.is_empty() {
        // No STARTTLS here: the client must leave.
        while let Some(said) = line(&mut conn).await {
            heard.lock().unwrap()[number].push(format!("clear: {said}"));
            conn.write(ehlo(&[]).as_bytes()).await.ok()?;
        }
        return None;
    }
    line(&mut conn).await?;
    conn.write(ehlo(script.clear).as_bytes()).await.ok()?;
    line(&mut conn).await.filter(|l| l == "STARTTLS")?;
    conn.write(&[b"220 2.0.0 go\r\n", script.injected].concat()).await.ok()?;
    conn.start_tls(script.tls.clone(), LONG).await.ok()?;
    assert_eq!(conn.tls().unwrap().peer.len(), 1, "the client shows its certificate");
    let (mut held, mut octets) = (Vec::new(), Vec::new());
    loop {
        while held.len() < script.hold {
            let said = line(&mut conn).await?;
            heard.lock().unwrap()[number].push(said.clone());
            let alone = ["EHLO", "DATA", "QUIT", "RSET", "BDAT"].iter().any(|v| said.starts_with(v));
            held.push(said);
            if alone {
                break;
            }
        }
        for said in std::mem::take(&mut held) {
            if let Some(rest) = said.strip_prefix("BDAT ") {
                let (size, last) = rest.split_once(' ').map_or((rest, false), |(size, _)| (size, true));
                let (size, mut chunk) = (size.parse::<usize>().ok()?, Vec::new());
                while chunk.len() < size {
                    let piece = conn.read_some(size - chunk.len()).await.ok().filter(|p| !p.is_empty())?;
                    chunk.extend(piece);
                }
                octets.extend(chunk);
                if last {
                    contents.lock().unwrap().push(std::mem::take(&mut octets));
                }
                conn.write(((script.rule)(if last { "." } else { "BDAT" })? + "\r\n").as_bytes()).await.ok()?;
                continue;
            }
            let reply = match said.as_str() {
                s if s.starts_with("EHLO") => ehlo(script.secure) + script.unasked,
                "DATA" => match (script.rule)("DATA")? {
                    taken if taken.starts_with("250") => "354 go\r\n".into(),
                    other => other + "\r\n",
                },
                other => (script.rule)(other)? + "\r\n",
            };
            conn.write(reply.as_bytes()).await.ok()?;
            if reply.starts_with("354") {
                let mut content = Vec::new();
                // A server that has heard enough answers in the middle, and closes.
                if let Some(enough) = (script.rule)("content").filter(|r| r.starts_with('5')) {
                    conn.read_some(10_000).await.ok()?;
                    conn.write(format!("{enough}\r\n").as_bytes()).await.ok()?;
                    conn.close().await;
                    return None;
                }
                while !content.ends_with(b"\r\n.\r\n") {
                    let piece = conn.read_some(70_000).await.ok().filter(|p| !p.is_empty())?;
                    content.extend(piece);
                }
                contents.lock().unwrap().push(content.clone());
                if let Some(before) = &script.before {
                    before(content).await;
                }
                conn.write(((script.rule)(".")? + "\r\n").as_bytes()).await.ok()?;
            }
        }
        conn.flush().await.ok()?;
    }
}
