//! HTTP/2 (RFC 9113), for browsers: many requests at once over one connection.
//!
//! Promises: a connection costs what is bounded here, whatever its other end does. Requests at once, what is kept of headers and of bodies that nobody reads
//! yet, and what is made ahead of an answer have their limits; requests that are given up again and again end the connection, for each had us begin
//! something (CVE-2023-44487); an answer of which nothing is taken ends; a connection without a request ends as idle ones do. What HTTP/1.1 needs where
//! two readers may differ (lengths, `Host`) this protocol says in one way only, or [`crate::gate`] asks it.
use crate::Via;
use crate::idle::IDLE;
use crate::serve::{HEADER_BYTES, answer};
use crate::slow::{TAKEN, Writing};
use axum::Router;
use axum::body::{Body as AxumBody, Bytes};
use axum::extract::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How it is called in a handshake (ALPN, RFC 9113 §3.2).
pub(crate) const NAME: &[u8] = b"h2";
/// Requests at once on a connection.
const AT_ONCE: u32 = 64;
/// Requests that are given up before we took them: more end the connection.
const GIVEN_UP_UNSEEN: usize = 20;
/// Requests that we gave up because they were no requests, or came when there was no room: more end the connection.
const MALFORMED: usize = 64;
/// What an answer has ready for a connection that takes slowly.
const AHEAD: usize = 64 << 10;
/// What may come of one body, and of all bodies, before somebody reads it.
const UNREAD: (u32, u32) = (128 << 10, 256 << 10);
/// How often the other end is asked whether it is there, and how long it may take to say so.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));
/// Bytes of an answer that are given away at once: what is given counts until it is taken.
const PIECE: usize = 16 << 10;

/// What may be, and for how long.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Without a request.
    idle: Duration,
    /// From the end that we announced to the end.
    leave: Duration,
    /// Without a piece of an answer being taken.
    taken: Duration,
    /// Requests given up, within so long.
    given_up: (u32, Duration),
}

const BOUNDS: Bounds = Bounds {
    idle: IDLE,
    leave: Duration::from_secs(10),
    taken: TAKEN,
    // Whoever goes from page to page gives up some at each; whoever types, one a letter.
    given_up: (100, Duration::from_secs(10)),
};

/// The requests of a connection.
#[derive(Debug, Clone)]
struct Streams(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    count: Mutex<Count>,
    /// Too many were given up.
    overdone: Notify,
}

#[derive(Debug)]
struct Count {
    open: usize,
    /// When the last one ended.
    quiet: Instant,
    /// How many were given up since when.
    given_up: (u32, Instant),
}

impl Streams {
    fn new(bounds: Bounds) -> Self {
        let now = Instant::now();
        let count = Mutex::new(Count { open: 0, quiet: now, given_up: (0, now) });
        Self(Arc::new(Shared { bounds, count, overdone: Notify::new() }))
    }
    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// A request began; it is under way until what is given is dropped.
    fn begin(&self) -> Open {
        self.count().open += 1;
        Open { streams: self.clone(), answered: false }
    }
    /// Since when there is none.
    fn quiet(&self) -> Option<Instant> {
        let count = self.count();
        (count.open == 0).then_some(count.quiet)
    }
}

/// A request under way.
#[derive(Debug)]
struct Open {
    streams: Streams,
    /// All of its answer was made.
    answered: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        let (now, (most, within)) = (Instant::now(), self.streams.0.bounds.given_up);
        let mut count = self.streams.count();
        count.open = count.open.saturating_sub(1);
        count.quiet = now;
        if self.answered {
            return;
        }
        if now - count.given_up.1 > within {
            count.given_up = (0, now);
        }
        count.given_up.0 += 1;
        if count.given_up.0 > most {
            self.streams.0.overdone.notify_one();
        }
    }
}

tokio::task_local! {
    /// Of the answer that this task sends: since when a piece of it waits to be taken.
    static WAITING: Arc<Mutex<Option<Instant>>>;
}

fn wait_since(since: Option<Instant>) {
    // Nobody watches an answer that is read elsewhere.
    let _ = WAITING.try_with(|waiting| *waiting.lock().unwrap_or_else(PoisonError::into_inner) = since);
}

/// Each request has a task, which ends when nothing of its answer is taken any more: what it held is given back, and the other end hears of it.
impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, request: F) {
        let (patience, waiting) = (self.0.bounds.taken, Arc::<Mutex<Option<Instant>>>::default());
        let request = WAITING.scope(waiting.clone(), request);
        tokio::spawn(async move {
            let mut request = pin!(request);
            loop {
                let since = *waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let until = since.unwrap_or_else(Instant::now) + patience;
                tokio::select! {
                    _ = &mut request => return,
                    () = sleep_until(until) => {}
                }
                let since = *waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if since.is_some_and(|since| since.elapsed() >= patience) {
                    return;
                }
            }
        });
    }
}

/// The body of an answer, in pieces, each of which waits to be taken.
struct Pieces {
    body: AxumBody,
    rest: Bytes,
    open: Open,
}

impl Pieces {
    fn new(body: AxumBody, mut open: Open) -> Self {
        open.answered = body.is_end_stream();
        Self { body, rest: Bytes::new(), open }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // Asked for more: what was given is taken, and now they wait for us.
        wait_since(None);
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose() {
                Ok(Some(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                ended => {
                    self.open.answered = true;
                    return Poll::Ready(ended.transpose());
                }
            }
        }
        let piece = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(piece);
        self.open.answered = self.is_end_stream();
        wait_since(Some(Instant::now()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        let (of_body, held) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + held);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + held);
        }
        hint
    }
}

/// Serves a connection until its other end leaves, or `drain`.
pub(crate) async fn connection<I>(io: I, app: Router, via: Via, drain: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    within(BOUNDS, io, app, via, drain).await;
}

async fn within<I>(bounds: Bounds, io: I, app: Router, via: Via, drain: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let streams = Streams::new(bounds);
    let begin = streams.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (open, app, via) = (begin.begin(), app.clone(), via.clone());
        async move { Ok::<_, Infallible>(answer(request, app, via).await.map(|body| Pieces::new(body, open))) }
    });
    let mut served = pin!(
        http2::Builder::new(streams.clone())
            .timer(TokioTimer::new())
            .max_concurrent_streams(AT_ONCE)
            .max_header_list_size(HEADER_BYTES as u32)
            .max_pending_accept_reset_streams(GIVEN_UP_UNSEEN)
            .max_local_error_reset_streams(MALFORMED)
            .max_send_buf_size(AHEAD)
            .initial_stream_window_size(UNREAD.0)
            .initial_connection_window_size(UNREAD.1)
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1)
            .serve_connection(TokioIo::new(Writing::new(io)), service)
    );
    // When we said that we leave.
    let mut leaving: Option<Instant> = None;
    loop {
        let patience = if leaving.is_some() { bounds.leave } else { bounds.idle };
        let end = |quiet: Instant| leaving.map_or(quiet, |since| quiet.max(since)) + patience;
        let until = end(streams.quiet().unwrap_or_else(Instant::now));
        tokio::select! {
            ended = served.as_mut() => {
                if let Err(e) = ended {
                    tracing::debug!(error = %e, "HTTP/2 connection");
                }
                return;
            }
            () = drain.cancelled(), if leaving.is_none() => {}
            () = streams.0.overdone.notified() => {
                tracing::info!("an HTTP/2 connection ends: too many of its requests were given up");
                return;
            }
            () = sleep_until(until) => {
                if streams.quiet().is_none_or(|quiet| end(quiet) > Instant::now()) {
                    continue;
                }
                if leaving.is_some() {
                    return;
                }
            }
        }
        // It ends by itself as soon as what is under way is answered and the other end has heard it.
        leaving = Some(Instant::now());
        served.as_mut().graceful_shutdown();
    }
}

#[cfg(test)]
mod tests;
