//! Slow clients: a body that does not come and an answer that is not taken end the connection, so that whoever holds many costs little.
//!
//! (Silence has its deadlines in `idle`; connections at once are bounded by the listener.)
use axum::body::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, SizeHint};
use std::io::{Error, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Longest wait for the next piece of a body.
const PIECE: Duration = Duration::from_secs(30);
/// Longest time a whole body may take.
const WHOLE: Duration = Duration::from_secs(300);
/// Longest time without a byte of an answer being taken.
pub(crate) const TAKEN: Duration = Duration::from_secs(30);

/// A body with deadlines.
pub(crate) struct Patient {
    body: UnsyncBoxBody<Bytes, axum::Error>,
    piece: Duration,
    until: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Patient {
    /// From the body of a request that has just begun.
    pub fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        Self::within(body, PIECE, WHOLE)
    }

    fn within<B>(body: B, piece: Duration, whole: Duration) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        use http_body_util::BodyExt;
        let body = body.map_err(axum::Error::new).boxed_unsync();
        Self { body, piece, until: Instant::now() + whole, sleep: Box::pin(sleep(piece)) }
    }
}

impl Body for Patient {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let late = || Poll::Ready(Some(Err(axum::Error::new(Error::from(ErrorKind::TimedOut)))));
        if Instant::now() >= self.until {
            return late();
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let next = (Instant::now() + self.piece).min(self.until);
            self.sleep.as_mut().reset(next);
            return Poll::Ready(frame);
        }
        match self.sleep.as_mut().poll(cx) {
            Poll::Ready(()) => late(),
            Poll::Pending => Poll::Pending,
        }
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose other end must take what is written.
pub(crate) struct Writing<I> {
    io: I,
    patience: Duration,
    /// Runs while a write waits.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<I> Writing<I> {
    /// Around a connection.
    pub fn new(io: I) -> Self {
        Self { io, patience: TAKEN, sleep: None }
    }

    fn watched<T>(&mut self, cx: &mut Context<'_>, written: Poll<std::io::Result<T>>) -> Poll<std::io::Result<T>> {
        if written.is_ready() {
            self.sleep = None;
            return written;
        }
        let patience = self.patience;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(patience)));
        match sleep.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Writing<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Writing<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, data);
        self.watched(cx, written)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, data);
        self.watched(cx, written)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.watched(cx, flushed)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(cx);
        self.watched(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Empty, StreamBody};
    use tokio::io::AsyncWriteExt;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_body_that_stops_coming_ends() {
        let whole = Patient::new(Empty::<Bytes>::new()).collect().await.unwrap().to_bytes();
        assert!(whole.is_empty());
        let never = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, std::io::Error>>());
        assert!(Patient::within(never, SHORT, WHOLE).collect().await.is_err());
    }

    #[tokio::test]
    async fn a_body_that_drips_ends_too() {
        let drops = futures_util::stream::unfold((), |()| async {
            sleep(SHORT / 4).await;
            Some((Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x"))), ()))
        });
        assert!(Patient::within(StreamBody::new(Box::pin(drops)), WHOLE, SHORT * 2).collect().await.is_err());
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_ends() {
        let (ours, _theirs) = tokio::io::duplex(10);
        let mut writing = Writing { patience: SHORT, ..Writing::new(ours) };
        let refused = writing.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TimedOut);
    }
}
