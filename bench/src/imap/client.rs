//! The client's side of IMAP (RFC 9051, RFC 3501), with STARTTLS, AUTHENTICATE PLAIN and IDLE.
use super::response::{Response, Status, code_capabilities, literal, parse, refusal_key};
use crate::Failure;
use crate::dial::{Dial, Phases};
use crate::wire::Wire;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::time::{Duration, Instant};

/// Longest line: the answer to a search in a very large folder.
const LONGEST: usize = 16 << 20;
/// Most literals of one response.
const MOST_LITERALS: usize = 10_000;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// An open, authenticated session.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    next_tag: u32,
    capabilities: String,
    /// Messages in the selected folder.
    pub exists: u32,
}

/// What a command gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// FETCH responses.
    pub fetched: u64,
    /// Bytes of its responses.
    pub bytes: u64,
}

/// Why a command gave nothing.
#[derive(Debug)]
pub enum Trouble {
    /// NO or BAD, with its code: the session goes on.
    Refused(String),
    /// The session is of no more use.
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(f: Failure) -> Self {
        Self::Failed(f)
    }
}

/// How a command ended: status, text, what it gave.
type Ended = (Status, String, Answer);

impl Client {
    /// Connects, secures, logs in.
    pub async fn open(dial: &Dial, index: u32, user: &str, password: &str) -> Result<(Self, Phases), Failure> {
        dial.limited(Self::open_unlimited(dial, index, user, password)).await
    }

    async fn open_unlimited(dial: &Dial, index: u32, user: &str, password: &str) -> Result<(Self, Phases), Failure> {
        let began = Instant::now();
        let mut phases = Phases::default();
        let (wire, tls) = dial.open(index, LONGEST).await?;
        let mut client = Self { wire, next_tag: 0, capabilities: String::new(), exists: 0 };
        let greeting = client.wire.line().await?;
        match parse(&String::from_utf8_lossy(&greeting)) {
            Some(Response::Untagged(Status::Ok, text)) => {
                client.capabilities = code_capabilities(text).unwrap_or_default().into()
            }
            Some(Response::Bye) => return Err(Failure::Refused { stage: "greeting", code: "BYE".into() }),
            // A session that is somebody's already cannot be secured or measured as asked.
            Some(Response::Preauth(_)) => return Err(Failure::Protocol("PREAUTH")),
            _ => return Err(Failure::Protocol("no greeting")),
        }
        if let Some(at) = tls {
            phases.handshake = at.elapsed();
        }
        if dial.starttls() {
            client.must("STARTTLS", "STARTTLS").await?;
            let at = Instant::now();
            client.wire = dial.secure(client.wire).await?;
            // What was said in clear is not believed (RFC 9051 §6.2.1).
            client.capabilities.clear();
            client.must("CAPABILITY", "CAPABILITY").await?;
            phases.handshake = at.elapsed();
        } else if client.capabilities.is_empty() {
            client.must("CAPABILITY", "CAPABILITY").await?;
        }
        client.log_in(user, password).await?;
        phases.whole = began.elapsed();
        Ok((client, phases))
    }

    async fn log_in(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        let offers = |name: &str| self.capabilities.split(' ').any(|c| c.eq_ignore_ascii_case(name));
        if !offers("AUTH=PLAIN") {
            return self.must(&format!("LOGIN {} {}", quoted(user), quoted(password)), "LOGIN").await;
        }
        let initial = STANDARD.encode(format!("\0{user}\0{password}"));
        if offers("SASL-IR") {
            return self.must(&format!("AUTHENTICATE PLAIN {initial}"), "AUTHENTICATE").await;
        }
        let tag = self.start("AUTHENTICATE PLAIN").await?;
        if let Some((status, text, _)) = self.until(&tag, true).await? {
            return Err(Failure::Refused { stage: "AUTHENTICATE", code: refusal_key(status, &text) });
        }
        self.wire.send(format!("{initial}\r\n").as_bytes()).await?;
        good(self.end(&tag).await?, "AUTHENTICATE")
    }

    /// Version and suite of TLS.
    pub fn tls(&self) -> Option<String> {
        self.wire.tls()
    }

    /// A command that must succeed.
    async fn must(&mut self, command: &str, stage: &'static str) -> Result<(), Failure> {
        let tag = self.start(command).await?;
        good(self.end(&tag).await?, stage)
    }

    /// Runs a command.
    pub async fn command(&mut self, dial: &Dial, command: &str) -> Result<Answer, Trouble> {
        let ended = dial
            .limited(async {
                let tag = self.start(command).await?;
                self.end(&tag).await
            })
            .await?;
        judged(ended)
    }

    /// Selects a folder.
    pub async fn select(&mut self, dial: &Dial, folder: &str) -> Result<Answer, Trouble> {
        self.exists = 0;
        self.command(dial, &format!("SELECT {}", quoted(folder))).await
    }

    /// Appends a message with a synchronising literal, as every client can.
    pub async fn append(&mut self, dial: &Dial, folder: &str, message: &[u8]) -> Result<Answer, Trouble> {
        let ended = dial
            .limited(async {
                let tag = self.start(&format!("APPEND {} () {{{}}}", quoted(folder), message.len())).await?;
                if let Some(refused) = self.until(&tag, true).await? {
                    return Ok(refused);
                }
                self.wire.send(message).await?;
                self.wire.send(b"\r\n").await?;
                self.end(&tag).await
            })
            .await?;
        judged(ended)
    }

    /// Enters IDLE; gives the tag to leave it with.
    pub async fn idle(&mut self, dial: &Dial) -> Result<String, Trouble> {
        let (tag, refused) = dial
            .limited(async {
                let tag = self.start("IDLE").await?;
                let refused = self.until(&tag, true).await?;
                Ok((tag, refused))
            })
            .await?;
        match refused {
            None => Ok(tag),
            Some((status, text, _)) => Err(Trouble::Refused(refusal_key(status, &text))),
        }
    }

    /// Reads what comes during IDLE; returns only when the session breaks. Safe to drop at any time.
    pub async fn parked(&mut self) -> Failure {
        loop {
            match self.wire.line().await {
                Ok(line) => match parse(&String::from_utf8_lossy(&line)) {
                    Some(Response::Bye) => return Failure::Refused { stage: "IDLE", code: "BYE".into() },
                    Some(Response::Tagged(..)) => return Failure::Refused { stage: "IDLE", code: "ended".into() },
                    Some(Response::Exists(n)) => self.exists = n,
                    _ => {}
                },
                Err(failure) => return failure,
            }
        }
    }

    /// Leaves IDLE.
    pub async fn done(&mut self, dial: &Dial, tag: &str) -> Result<Answer, Trouble> {
        let ended = dial
            .limited(async {
                self.wire.send(b"DONE\r\n").await?;
                self.end(tag).await
            })
            .await?;
        judged(ended)
    }

    /// Logs out and leaves.
    pub async fn logout(mut self) {
        let polite = async {
            let tag = self.start("LOGOUT").await?;
            // BYE comes first, then OK or the end of the connection.
            let _ = self.until_with(&tag, false, true).await;
            self.wire.close().await;
            Ok::<_, Failure>(())
        };
        // Nothing that was measured depends on it.
        let _ = tokio::time::timeout(GOODBYE, polite).await;
    }

    async fn start(&mut self, command: &str) -> Result<String, Failure> {
        self.next_tag += 1;
        let tag = format!("a{}", self.next_tag);
        self.wire.send(format!("{tag} {command}\r\n").as_bytes()).await?;
        Ok(tag)
    }

    async fn end(&mut self, tag: &str) -> Result<Ended, Failure> {
        self.until(tag, false).await?.ok_or(Failure::Protocol("a continuation nobody asked for"))
    }

    async fn until(&mut self, tag: &str, go_on: bool) -> Result<Option<Ended>, Failure> {
        self.until_with(tag, go_on, false).await
    }

    /// Reads up to the tagged answer, or (with `go_on`) up to a continuation request, which gives nothing.
    async fn until_with(&mut self, tag: &str, go_on: bool, leaving: bool) -> Result<Option<Ended>, Failure> {
        let mut answer = Answer::default();
        loop {
            let raw = self.wire.line().await?;
            let line = String::from_utf8_lossy(&raw);
            answer.bytes += raw.len() as u64 + 2;
            let response = parse(&line).ok_or(Failure::Protocol("no response"))?;
            match &response {
                Response::Continue if go_on => return Ok(None),
                Response::Continue => return Err(Failure::Protocol("a continuation nobody asked for")),
                Response::Tagged(t, status, text) if *t == tag => {
                    if let Some(list) = code_capabilities(text) {
                        self.capabilities = list.into();
                    }
                    return Ok(Some((*status, (*text).to_owned(), answer)));
                }
                Response::Tagged(..) => return Err(Failure::Protocol("an unknown tag")),
                Response::Bye if !leaving => return Err(Failure::Refused { stage: "session", code: "BYE".into() }),
                Response::Capability(list) => self.capabilities = (*list).to_owned(),
                Response::Exists(n) => self.exists = *n,
                Response::Expunge => self.exists = self.exists.saturating_sub(1),
                Response::Fetch => answer.fetched += 1,
                _ => {}
            }
            if response.may_hold_literal() {
                answer.bytes += self.literals(&raw).await?;
            }
        }
    }

    /// Reads the rest of a response whose first line is given: literals and the lines between them.
    async fn literals(&mut self, first: &[u8]) -> Result<u64, Failure> {
        let mut bytes = 0;
        let mut next = literal(first).map_err(Failure::Protocol)?;
        for _ in 0..MOST_LITERALS {
            let Some(length) = next else { return Ok(bytes) };
            self.wire.skip(length).await?;
            let line = self.wire.line().await?;
            bytes += length + line.len() as u64 + 2;
            next = literal(&line).map_err(Failure::Protocol)?;
        }
        Err(Failure::Protocol("too many literals"))
    }
}

fn good((status, text, _): Ended, stage: &'static str) -> Result<(), Failure> {
    match status {
        Status::Ok => Ok(()),
        _ => Err(Failure::Refused { stage, code: refusal_key(status, &text) }),
    }
}

fn judged((status, text, answer): Ended) -> Result<Answer, Trouble> {
    match status {
        Status::Ok => Ok(answer),
        _ => Err(Trouble::Refused(refusal_key(status, &text))),
    }
}

/// A quoted string. Options with line breaks or other than ASCII were refused before.
fn quoted(s: &str) -> String {
    format!("\"{}\"", s.replace('\\', "\\\\").replace('"', "\\\""))
}
