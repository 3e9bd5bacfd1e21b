//! A message as the body of an answer: read and sent piece by piece, never whole in memory.
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use sceau_operator::mailbox::read::MessageReader;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;
/// Pieces that wait for a slow client.
const WAITING: usize = 2;

/// The answer that holds this message, as `message/rfc822`.
#[derive(Debug)]
pub(crate) struct WholeMessage(pub MessageReader);

#[derive(Debug)]
struct Pieces {
    from: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.from.poll_recv(cx).map(|piece| {
            piece.map(|piece| {
                let piece = piece?;
                self.left = self.left.saturating_sub(piece.len() as u64);
                Ok(Frame::data(piece))
            })
        })
    }
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl IntoResponse for WholeMessage {
    fn into_response(self) -> Response {
        let mut reader = self.0;
        let size = reader.size();
        let (to, from) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let mut at = 0;
            while at < size {
                // What the reader says of a fault is logged where it happens; the client sees a body that ends too early.
                let piece = reader.read(at, PIECE).await.map_err(|_| io::ErrorKind::UnexpectedEof.into());
                let (len, failed) = (piece.as_ref().map_or(0, Vec::len) as u64, piece.is_err());
                // Nobody listens any more, or nothing more can be said.
                if to.send(piece.map(Bytes::from)).await.is_err() || failed || len == 0 {
                    return;
                }
                at += len;
            }
        });
        let mut response = Response::new(Body::new(Pieces { from, left: size }));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("message/rfc822"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
