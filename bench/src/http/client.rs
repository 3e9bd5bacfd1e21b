//! The client's side of HTTP/1.1 over one kept connection: requests without bodies, answers read and forgotten.
use crate::Failure;
use crate::dial::{Dial, Phases};
use crate::wire::Wire;
use std::time::Instant;

/// Longest line of a head.
const LONGEST: usize = 64 << 10;
/// Most lines of a head, and most pieces of an answer.
const MOST: usize = 1 << 20;

/// An open connection.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    /// What stands behind the path of each request.
    head: String,
}

/// What was answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Bytes of its body as they came: compressed, where they were.
    pub bytes: u64,
    /// Nothing more is answered on this connection.
    pub last: bool,
}

/// How a body ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy)]
enum Length {
    Bytes(u64),
    Chunks,
}

impl Client {
    /// Connects and secures. `head`: what stands behind the path of each request.
    pub async fn open(dial: &Dial, index: u32, head: &str) -> Result<(Self, Phases), Failure> {
        let began = Instant::now();
        let (wire, tls) = dial.limited(dial.open(index, LONGEST)).await?;
        let handshake = tls.map(|at| at.elapsed()).unwrap_or_default();
        Ok((Self { wire, head: head.to_owned() }, Phases { whole: began.elapsed(), handshake }))
    }

    /// Version and suite of TLS.
    pub fn tls(&self) -> Option<String> {
        self.wire.tls()
    }

    /// Asks for a page, and reads it.
    pub async fn get(&mut self, dial: &Dial, path: &str) -> Result<Answer, Failure> {
        dial.limited(async {
            let (mut answer, length) = self.asked(path).await?;
            match length {
                Length::Bytes(bytes) => {
                    self.wire.skip(bytes).await?;
                    answer.bytes = bytes;
                }
                Length::Chunks => {
                    for _ in 0..MOST {
                        match self.chunk().await? {
                            0 => return Ok(answer),
                            bytes => answer.bytes += bytes,
                        }
                    }
                    return Err(Failure::Protocol("an answer in too many pieces"));
                }
            }
            Ok(answer)
        })
        .await
    }

    /// Asks for a stream of events, up to its head.
    pub async fn park(&mut self, dial: &Dial, path: &str) -> Result<(), Failure> {
        match dial.limited(self.asked(path)).await? {
            (Answer { status: 200, .. }, Length::Chunks) => Ok(()),
            (answer, _) => Err(Failure::Refused { stage: "park", code: answer.status.to_string() }),
        }
    }

    /// Reads what comes; returns only when the stream ends. Safe to drop at any time.
    pub async fn parked(&mut self) -> Failure {
        loop {
            match self.chunk().await {
                Ok(0) => return Failure::Refused { stage: "park", code: "ended".into() },
                Ok(_) => {}
                Err(failure) => return failure,
            }
        }
    }

    /// Leaves.
    pub async fn close(self) {
        self.wire.close().await;
    }

    async fn asked(&mut self, path: &str) -> Result<(Answer, Length), Failure> {
        self.wire.send(format!("GET {path}{}", self.head).as_bytes()).await?;
        let first = self.wire.line().await?;
        let first = String::from_utf8_lossy(&first);
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|s| s.parse().ok());
        let mut answer = Answer { status: status.ok_or(Failure::Protocol("no status line"))?, ..Answer::default() };
        let mut length = None;
        for _ in 0..MOST {
            let line = self.wire.line().await?;
            if line.is_empty() {
                let none = matches!(answer.status, 204 | 304);
                let length = if none { Some(Length::Bytes(0)) } else { length };
                return Ok((answer, length.ok_or(Failure::Protocol("an answer of no known length"))?));
            }
            let line = String::from_utf8_lossy(&line).to_ascii_lowercase();
            let (name, value) = line.split_once(':').ok_or(Failure::Protocol("a header without a name"))?;
            match (name, value.trim()) {
                ("content-length", value) => {
                    let bytes = value.parse().map_err(|_| Failure::Protocol("a length that is none"))?;
                    length = Some(Length::Bytes(bytes));
                }
                ("transfer-encoding", "chunked") => length = Some(Length::Chunks),
                ("connection", "close") => answer.last = true,
                _ => {}
            }
        }
        Err(Failure::Protocol("too many headers"))
    }

    /// One piece (RFC 9112 §7.1); of none, the end.
    async fn chunk(&mut self) -> Result<u64, Failure> {
        let line = self.wire.line().await?;
        let line = String::from_utf8_lossy(&line);
        let size = u64::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16);
        let size = size.map_err(|_| Failure::Protocol("a piece without its length"))?;
        self.wire.skip(size).await?;
        // Behind the last one there is nothing more than behind each: an empty line.
        if self.wire.line().await?.is_empty() { Ok(size) } else { Err(Failure::Protocol("a piece without its end")) }
    }
}
