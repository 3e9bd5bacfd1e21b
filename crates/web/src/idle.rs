//! How long a connection may be silent: between two requests, and from the first byte of a header to its end.
//!
//! Whoever was idle too long is met with an end of file, so that the connection is closed in its protocol (TLS's `close_notify`) and not broken
//! off; programs that keep connections see a closed one, and connect again. While a request is under way nothing here counts: its body and its
//! answer have their own deadlines (`slow`).
use axum::body::{Body as AxumBody, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use std::io::{ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Longest silence between two requests. Longer than what programs that keep connections usually wait: they close first.
pub(crate) const IDLE: Duration = Duration::from_secs(90);
/// Longest time from the first byte of a header to its end.
pub(crate) const HEADER: Duration = Duration::from_secs(20);

/// Whose turn it is: odd while a request is under way, even while the next one is waited for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<AtomicU64>);

impl Turns {
    /// A request began (one at a time); it is under way until what is given is dropped.
    pub fn begin(&self) -> Turn {
        self.0.fetch_add(1, Ordering::SeqCst);
        Turn(self.clone())
    }
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Turn(Turns);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The body of an answer: its end is the end of the turn.
pub(crate) struct Ending {
    body: AxumBody,
    _turn: Turn,
}

impl Ending {
    /// This body, which ends this turn.
    pub fn new(body: AxumBody, turn: Turn) -> Self {
        Self { body, _turn: turn }
    }
}

impl Body for Ending {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose silence is bounded.
pub(crate) struct Timed<I> {
    io: I,
    turns: Turns,
    /// The turn that was seen last.
    seen: u64,
    /// The first byte of the next header came.
    begun: bool,
    sleep: Pin<Box<Sleep>>,
    idle: Duration,
    header: Duration,
}

impl<I> Timed<I> {
    /// Around a connection; who serves it says by the turns when requests begin and end.
    pub fn new(io: I) -> (Self, Turns) {
        Self::within(io, IDLE, HEADER)
    }

    fn within(io: I, idle: Duration, header: Duration) -> (Self, Turns) {
        let turns = Turns::default();
        let timed =
            Self { io, turns: turns.clone(), seen: 0, begun: false, sleep: Box::pin(sleep(idle)), idle, header };
        (timed, turns)
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Timed<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let turn = self.turns.0.load(Ordering::SeqCst);
        if turn != self.seen {
            (self.seen, self.begun) = (turn, false);
            let until = Instant::now() + self.idle;
            self.sleep.as_mut().reset(until);
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if turn % 2 == 1 {
            return read;
        }
        if read.is_ready() {
            if buf.filled().len() > before && !self.begun {
                self.begun = true;
                let until = Instant::now() + self.header;
                self.sleep.as_mut().reset(until);
            }
            return read;
        }
        match self.sleep.as_mut().poll(cx) {
            Poll::Ready(()) if self.begun => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Timed<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, data)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, data)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn who_is_idle_meets_the_end_of_the_file() {
        let (ours, mut theirs) = tokio::io::duplex(100);
        let (mut timed, turns) = Timed::within(ours, SHORT, LONG);
        assert_eq!(timed.read(&mut [0; 10]).await.unwrap(), 0);
        // Not while a request is under way, and anew when it has ended.
        let turn = turns.begin();
        let silent = tokio::time::timeout(SHORT * 3, timed.read(&mut [0; 10])).await;
        assert!(silent.is_err(), "{silent:?}");
        drop(turn);
        theirs.write_all(b"GET").await.unwrap();
        assert_eq!(timed.read(&mut [0; 10]).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_header_that_drips_is_an_error() {
        let (ours, mut theirs) = tokio::io::duplex(100);
        let (mut timed, _turns) = Timed::within(ours, LONG, SHORT);
        let drip = tokio::spawn(async move {
            while theirs.write_all(b"x").await.is_ok() {
                sleep(SHORT / 4).await;
            }
        });
        let mut header = Vec::new();
        assert_eq!(timed.read_to_end(&mut header).await.unwrap_err().kind(), ErrorKind::TimedOut);
        drop(timed);
        drip.await.unwrap();
    }
}
