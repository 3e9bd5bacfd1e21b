//! A destination's server: SMTP under mutual TLS, and whatever goes wrong with it.
use super::ledger::{Ledger, Taken};
use super::places::{ABSENT, BUSY, Does, Fault, Server, Step, Struck};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a client may keep silent, or a server that hangs is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// One message in so many meets a fault.
const MESSAGES: u32 = 3;
/// What is said without end ends here, octets.
const ENDLESS: usize = 4 << 20;

/// What all connections of a server share.
#[derive(Debug)]
struct Shared {
    server: Server,
    tls: Arc<ServerConfig>,
    ledger: Arc<Ledger>,
    struck: Arc<Struck>,
    connections: AtomicU32,
    messages: AtomicU32,
    early: Vec<Fault>,
    late: Vec<Fault>,
    put_off: AtomicU32,
}

/// Starts a server on its address and this port.
pub fn start(server: &Server, port: u16, tls: Arc<ServerConfig>, ledger: &Arc<Ledger>, struck: &Arc<Struck>) {
    let listener = TcpListener::bind((server.at, port)).expect("a loopback address");
    let (early, late) = server.faults.iter().copied().partition(|(step, _)| step.is_early());
    let shared = Arc::new(Shared {
        server: server.clone(),
        tls,
        ledger: ledger.clone(),
        struck: struck.clone(),
        connections: AtomicU32::new(0),
        messages: AtomicU32::new(0),
        early,
        late,
        put_off: AtomicU32::new(0),
    });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = shared.clone();
            std::thread::spawn(move || {
                if let Ok(connection) = Connection::new(&shared, stream) {
                    connection.serve();
                }
            });
        }
    });
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ServerConnection, TcpStream>>),
}

/// What to do after a command.
enum Next {
    GoOn,
    Close,
}

struct Connection<'a> {
    shared: &'a Shared,
    stream: Option<Stream>,
    buffer: Vec<u8>,
    /// Its fault before any message, and that of the message under way.
    early: Option<Fault>,
    late: Option<Fault>,
    chunking: bool,
    /// It lied: it takes nothing, and leaves at the next message.
    sour: bool,
    /// What the last answer took, and those before it.
    last: Vec<Taken>,
    before: Vec<Taken>,
    from: String,
    to: Vec<String>,
    content: Vec<u8>,
}

/// The next of these faults, at every `often`th call.
fn turn(faults: &[Fault], count: &AtomicU32, often: u32) -> Option<Fault> {
    let nth = count.fetch_add(1, Ordering::SeqCst);
    if faults.is_empty() || !nth.is_multiple_of(often) {
        return None;
    }
    Some(faults[(nth / often) as usize % faults.len()])
}

impl<'a> Connection<'a> {
    fn new(shared: &'a Shared, stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        shared.ledger.connected();
        // Two with, two without: of each two, one may have a fault of its own.
        let chunking = shared.server.chunking && shared.connections.load(Ordering::SeqCst) / 2 % 2 == 1;
        Ok(Self {
            early: turn(&shared.early, &shared.connections, 2),
            shared,
            stream: Some(Stream::Plain(stream)),
            buffer: Vec::new(),
            late: None,
            chunking,
            sour: false,
            last: Vec::new(),
            before: Vec::new(),
            from: String::new(),
            to: Vec::new(),
            content: Vec::new(),
        })
    }

    fn serve(mut self) {
        // An error is the end of the connection: how it ended is the client's to judge.
        let _ = self.dialogue();
    }

    fn dialogue(&mut self) -> Result<()> {
        if let Next::Close = self.answer(Step::Greeting, "220 chaos ESMTP\r\n")? {
            return Ok(());
        }
        loop {
            let line = self.line()?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            // Whoever goes on has recorded what it heard before the last answer, which it may be recording; whoever leaves has recorded that one too.
            let farewell = (verb == "QUIT").then(|| self.last.drain(..));
            let recorded = self.before.drain(..).chain(farewell.into_iter().flatten());
            recorded.for_each(|taken| taken.store(true, Ordering::SeqCst));
            let next = match verb.as_str() {
                "EHLO" => self.hello()?,
                "STARTTLS" => self.start_tls()?,
                "MAIL" => {
                    self.late = turn(&self.shared.late, &self.shared.messages, MESSAGES);
                    self.begin(&line)?
                }
                "RCPT" => self.recipient(&line)?,
                "DATA" => self.data()?,
                "BDAT" => self.chunk(&line)?,
                "RSET" => {
                    self.forget();
                    self.say("250 2.0.0 ok\r\n")?
                }
                "QUIT" => {
                    self.say("221 2.0.0 au revoir\r\n")?;
                    return Ok(());
                }
                _ => self.say("500 5.5.1 quoi\r\n")?,
            };
            if let Next::Close = next {
                return Ok(());
            }
        }
    }

    fn hello(&mut self) -> Result<Next> {
        match self.stream {
            Some(Stream::Plain(_)) => self.answer(Step::Hello, "250-chaos\r\n250 STARTTLS\r\n"),
            _ if self.chunking => {
                self.answer(Step::Inside, "250-chaos\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 CHUNKING\r\n")
            }
            _ => self.answer(Step::Inside, "250-chaos\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
        }
    }

    fn start_tls(&mut self) -> Result<Next> {
        if let Some(does) = self.struck(Step::StartTls) {
            return self.strikes(does);
        }
        self.say("220 2.0.0 allez\r\n")?;
        if let Some(does) = self.struck(Step::Handshake) {
            return self.strikes(does);
        }
        let Some(Stream::Plain(mut socket)) = self.stream.take() else { return Ok(Next::Close) };
        let mut session = ServerConnection::new(self.shared.tls.clone()).map_err(Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        self.stream = Some(Stream::Secure(Box::new(StreamOwned::new(session, socket))));
        Ok(Next::GoOn)
    }

    fn begin(&mut self, line: &str) -> Result<Next> {
        self.forget();
        if let Some(does) = self.struck(Step::Mail) {
            return self.strikes(does);
        }
        self.from = path(line);
        self.say("250 2.1.0 ok\r\n")
    }

    fn recipient(&mut self, line: &str) -> Result<Next> {
        if self.from.is_empty() {
            return self.say("503 5.5.1 MAIL d'abord\r\n");
        }
        if let Some(does) = self.struck(Step::Rcpt) {
            return self.strikes(does);
        }
        let to = path(line);
        let local = to.split('@').next().unwrap_or_default();
        if local == ABSENT {
            return self.say("550 5.1.1 inconnu\r\n");
        }
        if local == BUSY && self.shared.put_off.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            return self.say("450 4.2.1 occupe\r\n");
        }
        self.to.push(to);
        self.say("250 2.1.5 ok\r\n")
    }

    fn data(&mut self) -> Result<Next> {
        if self.to.is_empty() {
            return self.say("503 5.5.1 RCPT d'abord\r\n");
        }
        if let Some(does) = self.struck(Step::Data) {
            // One that says 354 and more at once must read what it asked for.
            let asked = matches!(does, Does::Lies(text) if text.starts_with("354"));
            let next = self.strikes(does)?;
            if asked {
                self.read_lines()?;
                self.forget();
            }
            return Ok(next);
        }
        self.say("354 allez\r\n")?;
        if let Some(does) = self.struck(Step::Content) {
            self.line()?;
            return self.strikes(does);
        }
        self.read_lines()?;
        self.end()
    }

    /// Lines up to the one with a single dot; a dot before others taken off.
    fn read_lines(&mut self) -> Result<()> {
        loop {
            let line = self.octets_of_line()?;
            match line.as_slice() {
                b".\r\n" => return Ok(()),
                [b'.', rest @ ..] => self.content.extend_from_slice(rest),
                whole => self.content.extend_from_slice(whole),
            }
        }
    }

    fn chunk(&mut self, line: &str) -> Result<Next> {
        let mut words = line.split_whitespace().skip(1);
        let size = words.next().and_then(|n| n.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let last = words.next().is_some_and(|w| w.eq_ignore_ascii_case("LAST"));
        let first = self.content.is_empty();
        while self.buffer.len() < size {
            self.fill()?;
        }
        let piece: Vec<u8> = self.buffer.drain(..size).collect();
        self.content.extend(piece);
        if self.to.is_empty() {
            return self.say("503 5.5.1 RCPT d'abord\r\n");
        }
        let step = if first { Step::Data } else { Step::Content };
        if let Some(does) = self.struck(step) {
            self.to.clear();
            return self.strikes(does);
        }
        match last {
            false => self.say("250 2.0.0 encore\r\n"),
            true => self.end(),
        }
    }

    /// The whole of a message is here.
    fn end(&mut self) -> Result<Next> {
        if let Some(does) = self.struck(Step::End) {
            self.forget();
            return self.strikes(does);
        }
        if self.sour {
            return self.strikes(Does::Leaves("421 4.3.0 rien de plus\r\n"));
        }
        // Noted first: nobody may look for it in vain who has heard the answer. An answer that cannot be written is none.
        self.before.append(&mut self.last);
        self.last = self.shared.ledger.take(&self.from, &self.to, &self.content);
        self.forget();
        self.say("250 2.0.0 pris\r\n").inspect_err(|_| self.shared.ledger.give_back(&self.last))
    }

    fn forget(&mut self) {
        self.from.clear();
        self.to.clear();
        self.content.clear();
    }

    /// Does a fault strike here? Each once.
    fn struck(&mut self, step: Step) -> Option<Does> {
        if let Some((at, does)) = self.shared.server.refuses
            && at == step
        {
            return Some(does);
        }
        let fault = [&mut self.early, &mut self.late].into_iter().find_map(|f| f.take_if(|(at, _)| *at == step))?;
        self.shared.struck.note(fault);
        Some(fault.1)
    }

    /// The usual answer, unless a fault strikes.
    fn answer(&mut self, step: Step, usual: &str) -> Result<Next> {
        match self.struck(step) {
            Some(does) => self.strikes(does),
            None => self.say(usual),
        }
    }

    fn strikes(&mut self, does: Does) -> Result<Next> {
        match does {
            Does::Cuts => return Ok(Next::Close),
            Does::Says(text) => return self.say(text),
            Does::Leaves(text) => {
                self.say(text)?;
                return Ok(Next::Close);
            }
            Does::Lies(text) => {
                self.sour = true;
                return self.say(text);
            }
            Does::Hangs => {
                self.buffer.clear();
                while self.fill().is_ok() {
                    self.buffer.clear();
                }
            }
            Does::Trickles => {
                let until = std::time::Instant::now() + PATIENCE;
                while std::time::Instant::now() < until && self.say("2").is_ok() {
                    std::thread::sleep(Duration::from_millis(300));
                }
            }
            Does::Floods => {
                let block = "250-encore et encore et encore et encore et encore\r\n".repeat(500);
                let mut said = 0;
                while said < ENDLESS && self.say(&block).is_ok() {
                    said += block.len();
                }
            }
        }
        Ok(Next::Close)
    }

    fn say(&mut self, text: &str) -> Result<Next> {
        match self.stream.as_mut().ok_or(ErrorKind::NotConnected)? {
            Stream::Plain(s) => s.write_all(text.as_bytes()).and_then(|()| s.flush()),
            Stream::Secure(s) => s.write_all(text.as_bytes()).and_then(|()| s.flush()),
        }?;
        Ok(Next::GoOn)
    }

    fn line(&mut self) -> Result<String> {
        let line = self.octets_of_line()?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn octets_of_line(&mut self) -> Result<Vec<u8>> {
        let mut looked = 0;
        loop {
            if let Some(end) = self.buffer[looked..].iter().position(|b| *b == b'\n') {
                return Ok(self.buffer.drain(..=looked + end).collect());
            }
            looked = self.buffer.len();
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<()> {
        let mut block = [0; 16 << 10];
        let read = match self.stream.as_mut().ok_or(ErrorKind::NotConnected)? {
            Stream::Plain(s) => s.read(&mut block),
            Stream::Secure(s) => s.read(&mut block),
        }?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&block[..read]);
        Ok(())
    }
}

/// The address between angle brackets.
fn path(line: &str) -> String {
    line.split('<').nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_default().to_owned()
}
