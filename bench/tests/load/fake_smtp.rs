//! An SMTP server of a hundred lines that remembers what it acknowledged, and can be told to misbehave.
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// How to behave.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manners {
    pub pipelining: bool,
    pub implicit: bool,
    /// Every n-th end of content is stored, and the connection cut instead of the answer.
    pub cut_every: Option<u64>,
    /// Every n-th end of content is answered 451.
    pub defer_every: Option<u64>,
    /// Bytes sent in clear after the reply to STARTTLS.
    pub inject: bool,
    /// Greet with 421.
    pub busy: bool,
}

#[derive(Default)]
pub struct Seen {
    /// Message-ID → contents stored under it.
    pub messages: Mutex<BTreeMap<String, Vec<Vec<u8>>>>,
    pub recipients: Mutex<Vec<String>>,
    pub connections: AtomicU64,
    pub logins: AtomicU64,
    pub most_commands_at_once: AtomicU64,
    ends: AtomicU64,
}

pub struct Fake {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

trait Both: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}
type Io = BufReader<Box<dyn Both>>;

impl Fake {
    pub async fn start(manners: Manners, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let all = seen.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                all.connections.fetch_add(1, Ordering::SeqCst);
                let (seen, acceptor) = (all.clone(), acceptor.clone());
                // A client that leaves in the middle is no fault of this server.
                tokio::spawn(async move { session(stream, manners, acceptor, &seen).await.unwrap_or_default() });
            }
        });
        Self { address, seen, task }
    }
}

async fn session(mut tcp: TcpStream, m: Manners, acceptor: Option<TlsAcceptor>, seen: &Seen) -> std::io::Result<()> {
    const GREETING: &[u8] = b"220 fake\r\n";
    let Some(acceptor) = acceptor else {
        let greeting: &[u8] = if m.busy { b"421 4.3.2 busy\r\n" } else { GREETING };
        tcp.write_all(greeting).await?;
        return commands(BufReader::new(Box::new(tcp)), m, seen).await;
    };
    if m.implicit {
        let mut tls = acceptor.accept(tcp).await?;
        tls.write_all(GREETING).await?;
        return commands(BufReader::new(Box::new(tls)), m, seen).await;
    }
    let mut clear = BufReader::new(tcp);
    clear.write_all(GREETING).await?;
    let mut line = String::new();
    clear.read_line(&mut line).await?;
    assert!(line.starts_with("EHLO "), "{line}");
    clear.write_all(b"250-fake\r\n250 STARTTLS\r\n").await?;
    line.clear();
    clear.read_line(&mut line).await?;
    assert_eq!(line, "STARTTLS\r\n");
    clear.write_all(if m.inject { b"220 go\r\n250 x\r\n" } else { b"220 go\r\n" }).await?;
    assert!(clear.buffer().is_empty(), "the client did not wait for the answer to STARTTLS");
    let tls = acceptor.accept(clear.into_inner()).await?;
    commands(BufReader::new(Box::new(tls)), m, seen).await
}

async fn commands(mut io: Io, m: Manners, seen: &Seen) -> std::io::Result<()> {
    let (mut line, mut recipients) = (String::new(), Vec::new());
    loop {
        line.clear();
        if io.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let waiting = io.buffer().iter().filter(|b| **b == b'\n').count() as u64 + 1;
        seen.most_commands_at_once.fetch_max(waiting, Ordering::SeqCst);
        let answer: &[u8] = match line.split([' ', ':']).next().unwrap().trim_end() {
            "EHLO" if m.pipelining => b"250-fake\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 AUTH PLAIN\r\n",
            "EHLO" => b"250-fake\r\n250-SIZE 1000000\r\n250 AUTH PLAIN\r\n",
            "AUTH" if line == "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n" => {
                seen.logins.fetch_add(1, Ordering::SeqCst);
                b"235 2.7.0 ok\r\n"
            }
            "AUTH" => b"535 5.7.8 no\r\n",
            "MAIL" => {
                recipients.clear();
                b"250 2.1.0 ok\r\n"
            }
            "RCPT" if line.contains("<nobody@") => b"550 5.1.1 unknown\r\n",
            "RCPT" => {
                recipients.push(line.trim_end().to_owned());
                b"250 2.1.5 ok\r\n"
            }
            "DATA" if recipients.is_empty() => b"503 5.5.1 nobody\r\n",
            "DATA" => {
                io.write_all(b"354 go\r\n").await?;
                io.flush().await?;
                let content = content(&mut io).await?;
                let end = seen.ends.fetch_add(1, Ordering::SeqCst) + 1;
                if m.defer_every.is_some_and(|n| end.is_multiple_of(n)) {
                    io.write_all(b"451 4.3.0 later\r\n").await?;
                    io.flush().await?;
                    continue;
                }
                let text = String::from_utf8(content.clone()).unwrap();
                let id = text.split_once("Message-ID: <").unwrap().1.split_once('>').unwrap().0.to_owned();
                seen.messages.lock().unwrap().entry(id).or_default().push(content);
                if m.cut_every.is_some_and(|n| end.is_multiple_of(n)) {
                    return Ok(());
                }
                seen.recipients.lock().unwrap().append(&mut recipients);
                b"250 2.0.0 kept\r\n"
            }
            "RSET" => b"250 ok\r\n",
            "QUIT" => b"221 bye\r\n",
            other => panic!("unexpected command {other:?}"),
        };
        io.write_all(answer).await?;
        io.flush().await?;
    }
}

async fn content(io: &mut Io) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let start = all.len();
        if io.read_until(b'\n', &mut all).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if &all[start..] == b".\r\n" {
            all.truncate(start);
            return Ok(all);
        }
    }
}
