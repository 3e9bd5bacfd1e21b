//! Putting a spool: it streams from its file, with a checksum that the service verifies.
use super::request::{Attempt, Failure};
use super::{Inner, SIGNED_FOR};
use crate::blob::BlobId;
use crate::files::NewFile;
use crate::{StoreError, blocking};
use aws_lc_rs::digest;
use base64::Engine;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::{Method, header};
use rusty_s3::S3Action;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes read from the file at a time.
const PIECE: usize = 128 << 10;
const CHECKSUM: &str = "x-amz-checksum-sha256";

impl Inner {
    /// Puts a spool under its id. Twice is harmless.
    pub(super) async fn upload(&self, id: &BlobId, spool: &Arc<NewFile>) -> Result<(), StoreError> {
        let hashed = Arc::clone(spool);
        let checksum = blocking(move || checksum(&hashed).map_err(|e| StoreError::io("spool file", &e))).await?;
        let (key, size) = (self.key(id), spool.len());
        let mut action = self.bucket.put_object(Some(&self.credentials), &key);
        action.headers_mut().insert(CHECKSUM, checksum.clone());
        let put = |patience| -> Attempt<'_, ()> {
            let request = self
                .client
                .request(Method::PUT, action.sign(SIGNED_FOR), patience)
                .header(CHECKSUM, &checksum)
                .header(header::CONTENT_LENGTH, size);
            Box::pin(async move {
                let file = tokio::fs::File::open(spool.path()).await;
                let file = file.map_err(|_| Failure::Away("the spool cannot be read".into()))?;
                let body = FileBody { file, left: size, buffer: vec![0; PIECE] };
                self.client.send(request.body(reqwest::Body::wrap(body))).await.map(drop)
            })
        };
        self.client.tried(put).await.map_err(StoreError::from)
    }
}

/// SHA-256 of a file in base64.
fn checksum(spool: &NewFile) -> io::Result<String> {
    let mut context = digest::Context::new(&digest::SHA256);
    let (mut buffer, mut at) = (vec![0; PIECE], 0);
    while at < spool.len() {
        let n = spool.file().read_at(&mut buffer, at)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        context.update(&buffer[..n]);
        at += n as u64;
    }
    Ok(base64::engine::general_purpose::STANDARD.encode(context.finish()))
}

/// The body of a request, from a file.
struct FileBody {
    file: tokio::fs::File,
    left: u64,
    buffer: Vec<u8>,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let most = usize::try_from(this.left).unwrap_or(PIECE).min(PIECE);
        let mut buffer = ReadBuf::new(&mut this.buffer[..most]);
        ready!(Pin::new(&mut this.file).poll_read(cx, &mut buffer))?;
        let read = buffer.filled();
        if read.is_empty() {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        let piece = Bytes::copy_from_slice(read);
        this.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
    fn is_end_stream(&self) -> bool {
        self.left == 0
    }
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
