//! Reading and sending.
use super::{End, Session, seated, stirred};
use crate::codec::frame::Event;
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::ReadError;
use sceau_operator::login::Leash;
use sceau_operator::{Actor, Operator};
use tokio::time::timeout_at;

/// Largest piece of a message sent at once.
pub(crate) const PIECE: usize = 64 * 1024;
/// Longest line asked from the connection at once; longer ones, and literals, come in pieces of this size (a TLS record is no larger).
const LINE: usize = 16 * 1024;
/// Responses waiting beyond this are given to the connection before more are made.
const OUT_HIGH: usize = 32 * 1024;

impl Session {
    /// The next event of the stream.
    pub(crate) async fn next_event(&mut self) -> Result<Event, End> {
        loop {
            match self.framer.next_event() {
                Event::NeedMore if self.framer.stream_left() == 0 => self.read_more().await?,
                event => return Ok(event),
            }
        }
    }

    /// Waits for bytes and gives them to the framer. What is to be sent is sent first.
    pub(crate) async fn read_more(&mut self) -> Result<(), End> {
        if !self.out.is_empty() {
            Box::pin(self.hand_over()).await?;
        }
        if !self.framer.in_command() {
            self.framer.park();
            self.out.park();
        }
        // What NOTIFY asked for is told between commands, never within one.
        let told = self.wishes.as_ref().filter(|_| !self.framer.in_command());
        let selected = told.is_some_and(|w| w.selected.is_some()) && self.view.is_some();
        let told = told.is_some();
        let drain = self.drain.clone();
        let login_by = if self.actor.is_none() { Some(self.login_by) } else { None };
        let bytes = loop {
            let (mut leash, mut watch, mut wishes) = (self.leash.take(), self.watch.take(), self.wishes.take());
            let read = self.read_once();
            let woken = tokio::select! {
                biased;
                () = drain.cancelled() => Woken::Drain,
                () = pulled(&mut leash) => Woken::Pulled,
                bytes = async {
                    match login_by {
                        Some(by) => timeout_at(by, read).await.unwrap_or(Err(ReadError::Timeout)),
                        None => read.await,
                    }
                } => Woken::Bytes(bytes),
                () = stirred(&mut watch, selected, &mut wishes), if told => Woken::Stirred,
            };
            (self.leash, self.watch, self.wishes) = (leash, watch, wishes);
            match woken {
                Woken::Drain => return Err(End::Bye(RefusalCode::ShuttingDown.into())),
                Woken::Pulled => Box::pin(self.still_here()).await?,
                Woken::Stirred => Box::pin(self.tell_unasked()).await?,
                Woken::Bytes(bytes) => break bytes.map_err(end)?,
            }
        };
        self.framer.feed(&bytes);
        Ok(())
    }

    /// Tells between two commands what NOTIFY asked for. EXPUNGE only where the client said that it is ready for it at any time (RFC 5465 §6.1).
    async fn tell_unasked(&mut self) -> Result<(), End> {
        self.still_here().await?;
        let at_once = self.wishes.as_ref().and_then(|w| w.selected.as_ref()).is_some_and(|s| !s.delayed);
        if self.view.is_some() {
            self.news(at_once).await?;
        }
        self.tell_elsewhere().await?;
        self.hand_over().await?;
        self.out.park();
        Ok(())
    }

    /// One read: a line where lines are expected, bytes inside a literal. Cancel-safe.
    async fn read_once(&mut self) -> Result<Vec<u8>, ReadError> {
        let bytes = if self.framer.wants_bytes() {
            self.conn.read_some(LINE).await?
        } else {
            match self.conn.read_line(LINE).await {
                Err(ReadError::TooLong) => self.conn.read_some(LINE).await?,
                other => other?,
            }
        };
        if bytes.is_empty() { Err(ReadError::Closed) } else { Ok(bytes) }
    }

    /// One raw line of at most `max` bytes, outside of commands.
    pub(crate) async fn raw_line(&mut self, max: usize) -> Result<Vec<u8>, End> {
        loop {
            match self.framer.raw_line(max) {
                Some(Ok(line)) => return Ok(line),
                Some(Err(error)) => {
                    return Err(End::Bye(Refusal::new(RefusalCode::SyntaxLineTooLong).with("cause", error)));
                }
                None => self.read_more().await?,
            }
        }
    }

    /// Gives what waits in the buffer to the connection.
    pub(crate) async fn hand_over(&mut self) -> Result<(), End> {
        if !self.out.is_empty() {
            let giving = self.conn.write(self.out.bytes());
            tethered(giving, &mut self.leash, &self.operator, seated(self.actor.as_ref(), self.view.as_ref())).await?;
            self.out.clear();
        }
        Ok(())
    }

    /// Gives what waits to the connection when it is much.
    pub(crate) async fn relieve(&mut self) -> Result<(), End> {
        if self.out.len() >= OUT_HIGH { self.hand_over().await } else { Ok(()) }
    }

    /// Where the connection is compressed: what is written from here on is compressed apart from what was written before (decision 0021).
    pub(crate) async fn part(&mut self) -> Result<(), End> {
        if self.conn.compressed() {
            self.hand_over().await?;
            self.conn.apart().map_err(end)?;
        }
        Ok(())
    }

    /// Sends everything.
    pub(crate) async fn send(&mut self) -> Result<(), End> {
        self.hand_over().await?;
        let seats = seated(self.actor.as_ref(), self.view.as_ref());
        tethered(self.conn.flush(), &mut self.leash, &self.operator, seats).await
    }

    /// Writes bytes of a literal straight to the connection; what waits goes first. Rights that were taken away meanwhile cut it: within a
    /// literal nothing can be said.
    pub(crate) async fn write_direct(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.still_here().await.map_err(|_| End::Gone)?;
        self.hand_over().await?;
        let seats = seated(self.actor.as_ref(), self.view.as_ref());
        tethered(self.conn.write(bytes), &mut self.leash, &self.operator, seats).await
    }
}

/// Why a read stopped waiting.
enum Woken {
    Drain,
    Pulled,
    Stirred,
    Bytes(Result<Vec<u8>, ReadError>),
}

/// Waits until rights were taken away that may be this session's.
pub(crate) async fn pulled(leash: &mut Option<Leash>) {
    match leash {
        Some(leash) => leash.pulled().await,
        None => std::future::pending().await,
    }
}

/// Sends. A client that takes nothing must not keep a door open by it: rights that are taken away meanwhile cut the connection, for what waits
/// before the sentence will not be taken either.
async fn tethered(
    sending: impl Future<Output = Result<(), ReadError>>,
    leash: &mut Option<Leash>,
    operator: &Operator,
    seats: [Option<&Actor>; 2],
) -> Result<(), End> {
    let mut sending = std::pin::pin!(sending);
    loop {
        tokio::select! {
            biased;
            sent = &mut sending => return sent.map_err(end),
            () = pulled(leash) => {
                for actor in seats.into_iter().flatten() {
                    if operator.still_allowed(actor).await.is_err_and(|refusal| !refusal.is_temporary()) {
                        return Err(End::Gone);
                    }
                }
            }
        }
    }
}

/// How a failed read or write ends the session.
pub(crate) fn end(e: ReadError) -> End {
    match e {
        ReadError::Timeout => End::Bye(RefusalCode::Timeout.into()),
        ReadError::TooLong => End::Bye(RefusalCode::SyntaxLineTooLong.into()),
        ReadError::Closed | ReadError::Io(_) => End::Gone,
    }
}
