//! An IMAP server of a hundred lines: one folder of messages in memory, shared by all sessions.
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How to behave.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manners {
    /// Offer SASL-IR.
    pub initial: bool,
    /// Offer no AUTH=PLAIN.
    pub login_only: bool,
    /// Sessions parked in IDLE that are cut.
    pub cut_idle: u64,
    /// FETCH is answered OK without a message.
    pub lazy: bool,
}

#[derive(Default)]
pub struct Seen {
    pub folder: Mutex<Vec<Vec<u8>>>,
    pub commands: Mutex<Vec<String>>,
    pub connections: AtomicU64,
    pub idling: AtomicU64,
    pub secured: AtomicBool,
}

impl Seen {
    pub fn count(&self, start: &str) -> usize {
        self.commands.lock().unwrap().iter().filter(|c| c.starts_with(start)).count()
    }
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

impl Fake {
    pub async fn start(manners: Manners, acceptor: TlsAcceptor) -> Self {
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

async fn session(tcp: TcpStream, m: Manners, acceptor: TlsAcceptor, seen: &Seen) -> std::io::Result<()> {
    let mut clear = BufReader::new(tcp);
    // What is offered in clear must not be believed afterwards.
    clear.write_all(b"* OK [CAPABILITY IMAP4rev1 STARTTLS SASL-IR AUTH=NONSENSE] hello {3}\r\n").await?;
    let mut line = String::new();
    clear.read_line(&mut line).await?;
    let tag = line.strip_suffix(" STARTTLS\r\n").expect("STARTTLS first");
    clear.write_all(format!("{tag} OK go\r\n").as_bytes()).await?;
    let mut io = BufReader::new(acceptor.accept(clear.into_inner()).await?);
    seen.secured.store(true, Ordering::SeqCst);
    loop {
        line.clear();
        if io.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let (tag, command) = line.trim_end().split_once(' ').expect("tag and command");
        seen.commands.lock().unwrap().push(command.to_owned());
        let answer = answer(&mut io, m, seen, tag, command).await?;
        io.write_all(answer.as_bytes()).await?;
        io.flush().await?;
        if answer.starts_with("* BYE") {
            return Ok(());
        }
    }
}

async fn say(io: &mut BufReader<TlsStream<TcpStream>>, text: &str) -> std::io::Result<()> {
    io.write_all(text.as_bytes()).await?;
    io.flush().await
}

async fn answer(
    io: &mut BufReader<TlsStream<TcpStream>>,
    m: Manners,
    seen: &Seen,
    tag: &str,
    command: &str,
) -> std::io::Result<String> {
    let exists = seen.folder.lock().unwrap().len();
    let verb = command.split(' ').next().unwrap();
    Ok(match verb {
        "CAPABILITY" => {
            let list = match m {
                Manners { login_only: true, .. } => "",
                Manners { initial: true, .. } => " AUTH=PLAIN SASL-IR",
                _ => " AUTH=PLAIN",
            };
            format!("* CAPABILITY IMAP4rev1 IDLE{list}\r\n{tag} OK done\r\n")
        }
        "AUTHENTICATE" => {
            let initial = match command.strip_prefix("AUTHENTICATE PLAIN ") {
                Some(initial) => initial.to_owned(),
                None => {
                    say(io, "+ \r\n").await?;
                    let mut line = String::new();
                    io.read_line(&mut line).await?;
                    line.trim_end().to_owned()
                }
            };
            match initial == "AHUAcA==" {
                true => format!("{tag} OK in\r\n"),
                false => format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n"),
            }
        }
        "LOGIN" => format!("{tag} {}\r\n", if command == r#"LOGIN "u" "p""# { "OK in" } else { "NO no" }),
        "SELECT" if command == r#"SELECT "INBOX""# => {
            format!("* FLAGS (\\Seen)\r\n* {exists} EXISTS\r\n{tag} OK [READ-WRITE] done\r\n")
        }
        "SELECT" => format!("{tag} NO [NONEXISTENT] no\r\n"),
        "FETCH" if m.lazy => format!("{tag} OK done\r\n"),
        "FETCH" => {
            let set = command.split(' ').nth(1).unwrap();
            let (first, last) = set.split_once(':').unwrap_or((set, set));
            let first: usize = first.parse().unwrap();
            let last = if last == "*" { exists } else { last.parse().unwrap() };
            assert!(1 <= first && last <= exists, "{set} of {exists}");
            let mut all = String::new();
            for n in first..=last {
                if command.contains("BODY.PEEK[]") {
                    let body = String::from_utf8(seen.folder.lock().unwrap()[n - 1].clone()).unwrap();
                    all += &format!("* {n} FETCH (BODY[] {{{}}}\r\n{body} UID {n})\r\n", body.len());
                } else {
                    all += &format!("* {n} FETCH (UID {n} FLAGS ())\r\n");
                }
            }
            all + &format!("{tag} OK done\r\n")
        }
        "STORE" => format!("{tag} OK done\r\n"),
        "SEARCH" if command == "SEARCH UNSEEN" => format!("* SEARCH 1 2\r\n{tag} OK done\r\n"),
        "SEARCH" => format!("{tag} BAD what\r\n"),
        "APPEND" => {
            let size = command.rsplit_once('{').unwrap().1.strip_suffix('}').unwrap().parse().unwrap();
            say(io, "+ go\r\n").await?;
            let mut message = vec![0; size];
            io.read_exact(&mut message).await?;
            let mut end = String::new();
            io.read_line(&mut end).await?;
            assert_eq!(end, "\r\n");
            let mut folder = seen.folder.lock().unwrap();
            folder.push(message);
            format!("* {} EXISTS\r\n{tag} OK [APPENDUID 1 1] done\r\n", folder.len())
        }
        "IDLE" => {
            say(io, "+ idling\r\n").await?;
            if seen.idling.fetch_add(1, Ordering::SeqCst) < m.cut_idle {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            say(io, "* OK still here\r\n").await?;
            let mut line = String::new();
            io.read_line(&mut line).await?;
            assert_eq!(line, "DONE\r\n");
            format!("{tag} OK done\r\n")
        }
        "LOGOUT" => format!("* BYE bye\r\n{tag} OK done\r\n"),
        other => panic!("unexpected command {other:?}"),
    })
}
