//! A small IMAP client (RFC 3501, RFC 9051) that moves mail: it lists, reads and files, with any server. Blocking, one connection, one command at a
//! time. Nothing that a server says is kept without a budget ([`wire`]), and each command has a deadline as a whole ([`stream`]).
mod append;
mod fetch;
mod folders;
mod login;
pub mod response;
pub mod stream;
mod turn;
pub mod value;
pub mod wire;

pub use append::Appended;
pub use fetch::{Entry, Outcome, Selected, Taker, UNREAD};
pub use folders::Mailbox;
pub use login::{Auth, Secret};

use crate::Error;
use crate::door::Door;
use crate::error::No;
use response::{Response, Status};
use std::io::Write;
use std::time::Duration;
use stream::Stream;
use wire::{Cut, Wire};

/// What a command may take.
const COMMAND: Duration = Duration::from_secs(120);
/// What a listing may take.
const LISTING: Duration = Duration::from_secs(900);
/// What a message may take, beside its octets.
const MESSAGE: Duration = Duration::from_secs(180);
/// Octets a second that a message moves at least.
const SLOWEST: u64 = 8 * 1024;
/// Responses to one command that are heard.
const RESPONSES: u64 = 4_000_000;

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    wire: Wire,
    out: Vec<u8>,
    can: Vec<String>,
    tags: u32,
    /// Nothing more can be asked on it: it broke, or something was left in the middle.
    broken: bool,
    /// Octets of the message being filed that were not given yet.
    left: u64,
}

/// A part of a command.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    /// As it stands.
    Text(&'a str),
    /// A string: quoted where it can be, else a literal.
    String(&'a [u8]),
}

/// The good end of a command: response code with its arguments.
type Done = Vec<String>;

impl Client {
    /// Connects, inside TLS before anything else is said.
    pub fn connect(door: &Door) -> Result<Self, Error> {
        let mut stream = Stream::connect(door)?;
        stream.within(COMMAND);
        if door.starttls {
            let mut clear = Self::greeted(stream)?;
            clear.ask_capability()?;
            if !clear.can("STARTTLS") {
                return Err(Error::Tls("the server offers no STARTTLS".into()));
            }
            clear.command(&[Part::Text("STARTTLS")])?;
            if clear.wire.is_ahead() {
                return Err(Error::Tls("the server said more before the handshake".into()));
            }
            let mut client = Self::new(clear.stream.into_tls(door)?);
            client.ask_capability()?;
            return Ok(client);
        }
        let mut client = Self::greeted(stream.into_tls(door)?)?;
        client.ask_capability()?;
        Ok(client)
    }

    fn new(stream: Stream) -> Self {
        Self { stream, wire: Wire::default(), out: Vec::new(), can: Vec::new(), tags: 0, broken: false, left: 0 }
    }

    /// Hears the greeting.
    fn greeted(stream: Stream) -> Result<Self, Error> {
        let mut client = Self::new(stream);
        client.stream.within(COMMAND);
        match client.hear()? {
            Response::Status { tag: None, status: Status::Ok, .. } => Ok(client),
            Response::Status { tag: None, status: Status::Bye, text, .. } => {
                Err(Error::Cut(std::io::Error::other(text)))
            }
            _ => Err(Error::Protocol("no greeting")),
        }
    }

    /// Did the server announce this (upper case)?
    pub fn can(&self, what: &str) -> bool {
        self.can.iter().any(|c| c == what)
    }
    /// The value of an announcement, as in `APPENDLIMIT=10485760`.
    pub fn value(&self, name: &str) -> Option<u64> {
        self.can.iter().find_map(|c| c.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    }
    /// Can nothing more be asked on this connection?
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    fn ask_capability(&mut self) -> Result<(), Error> {
        let mut can = Vec::new();
        self.run(COMMAND, &[Part::Text("CAPABILITY")], &mut |r| {
            if let Response::Capability(list) = r {
                can = list;
            }
        })?;
        self.can = can;
        Ok(())
    }

    /// Ends the session.
    pub fn logout(mut self) {
        if !self.broken {
            // Whatever it answers, there is nothing left to lose.
            let _ = self.run(Duration::from_secs(5), &[Part::Text("LOGOUT")], &mut drop);
        }
    }

    fn command(&mut self, parts: &[Part<'_>]) -> Result<Done, Error> {
        self.run(COMMAND, parts, &mut drop)
    }

    /// Runs a command to its tagged end; `hear` is given everything else.
    fn run(&mut self, time: Duration, parts: &[Part<'_>], hear: &mut dyn FnMut(Response)) -> Result<Done, Error> {
        let tag = self.begin(time, parts)?;
        self.end(&tag, hear)
    }

    /// Sends a command. Its tag.
    fn begin(&mut self, time: Duration, parts: &[Part<'_>]) -> Result<String, Error> {
        if self.broken {
            return Err(Error::Cut(std::io::ErrorKind::NotConnected.into()));
        }
        self.stream.within(time);
        let tag = self.write(parts)?;
        self.out.extend_from_slice(b"\r\n");
        self.flush()?;
        Ok(tag)
    }

    /// Writes a command but for its end. Its tag.
    fn write(&mut self, parts: &[Part<'_>]) -> Result<String, Error> {
        self.tags += 1;
        let tag = format!("s{}", self.tags);
        self.out.extend_from_slice(tag.as_bytes());
        for part in parts {
            self.out.push(b' ');
            match part {
                Part::Text(text) => self.out.extend_from_slice(text.as_bytes()),
                Part::String(bytes) if bytes.len() < 1000 && bytes.iter().all(|b| (b' '..=b'~').contains(b)) => {
                    self.out.push(b'"');
                    for b in *bytes {
                        if matches!(b, b'"' | b'\\') {
                            self.out.push(b'\\');
                        }
                        self.out.push(*b);
                    }
                    self.out.push(b'"');
                }
                Part::String(bytes) => {
                    self.out.extend_from_slice(format!("{{{}}}\r\n", bytes.len()).as_bytes());
                    self.flush()?;
                    self.wait_to_go(&tag)?;
                    self.out.extend_from_slice(bytes);
                }
            }
        }
        Ok(tag)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let sent = self.stream.write_all(&self.out).and_then(|()| self.stream.flush());
        // What was said may have been a secret.
        zeroize::Zeroize::zeroize(&mut self.out);
        sent.map_err(|e| self.fail(e.into()))
    }

    /// The server wants the literal; its tagged no otherwise.
    fn wait_to_go(&mut self, tag: &str) -> Result<(), Error> {
        for _ in 0..RESPONSES {
            match self.hear()? {
                Response::Go => return Ok(()),
                Response::Status { tag: Some(t), status, code, text } if t == tag => {
                    self.out.clear();
                    return Err(match status {
                        Status::Ok => self.fail(Error::Protocol("a command ended before it was said")),
                        _ => Error::No(Response::no(&code, &text)),
                    });
                }
                _ => {}
            }
        }
        Err(self.fail(Error::Protocol("a command without an end")))
    }

    /// Hears everything up to the tagged end.
    fn end(&mut self, tag: &str, hear: &mut dyn FnMut(Response)) -> Result<Done, Error> {
        for _ in 0..RESPONSES {
            match self.hear()? {
                Response::Status { tag: Some(t), status, code, text } if t == tag => {
                    return match status {
                        Status::Ok => Ok(code),
                        _ => Err(Error::No(Response::no(&code, &text))),
                    };
                }
                Response::Status { tag: Some(_), .. } => {
                    return Err(self.fail(Error::Protocol("an answer to what was not asked")));
                }
                other => hear(other),
            }
        }
        Err(self.fail(Error::Protocol("a command without an end")))
    }

    /// The next response; the content of a message that nobody wants is read and thrown away.
    fn hear(&mut self) -> Result<Response, Error> {
        let mut pieces = Vec::new();
        while let Cut::Message(_) = self.part(&mut pieces)? {
            while !self.wire.take(&mut self.stream).map_err(|e| fail(&mut self.broken, e))?.is_empty() {}
        }
        self.understood(&pieces)
    }

    fn part(&mut self, pieces: &mut Vec<wire::Piece>) -> Result<Cut, Error> {
        self.wire.next(&mut self.stream, pieces).map_err(|e| fail(&mut self.broken, e))
    }

    fn understood(&mut self, pieces: &[wire::Piece]) -> Result<Response, Error> {
        let response = Response::read(pieces).map_err(|e| fail(&mut self.broken, e))?;
        if let Response::Status { tag: None, status: Status::Bye, text, .. } = &response {
            // It closes; what it said is why the next words will not come.
            self.broken = true;
            return Err(Error::Cut(std::io::Error::other(text.clone())));
        }
        Ok(response)
    }

    fn fail(&mut self, e: Error) -> Error {
        fail(&mut self.broken, e)
    }
}

fn fail(broken: &mut bool, e: Error) -> Error {
    *broken = true;
    e
}

/// What a message of this size may take.
pub(crate) fn patience(size: u64) -> Duration {
    MESSAGE + Duration::from_secs(size / SLOWEST)
}

/// A login's no. One that is put off (RFC 5530 §3) may succeed later, as a connection that was not taken.
fn login_no(e: Error) -> Error {
    match e {
        Error::No(no) if no.is("UNAVAILABLE") => Error::Cut(std::io::Error::other(no.text)),
        Error::No(no) => Error::Login(no),
        other => other,
    }
}

/// A no of our own making.
fn own_no(code: &str, text: &str) -> Error {
    Error::No(No { code: Some(code.to_owned()), text: text.to_owned() })
}
