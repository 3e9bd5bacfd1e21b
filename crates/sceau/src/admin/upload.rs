//! A file as the body of a request: read as it is sent, never held whole.
use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// The body. Its length is the file's when it was opened.
#[derive(Debug)]
pub struct Upload {
    file: std::io::Take<File>,
    left: u64,
}

impl Upload {
    /// Opens a file. Its length must be known: a folder, a pipe or a terminal is an error.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(std::io::Error::other("not a regular file"));
        }
        let left = about.len();
        Ok(Self { file: file.take(left), left })
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = std::io::Error;
    /// Reads from the disk where it stands: a command line has nothing else to do meanwhile.
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = vec![0; PIECE];
        match self.file.read(&mut piece) {
            Ok(0) => Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into()))),
            Ok(read) => {
                piece.truncate(read);
                self.left -= read as u64;
                Poll::Ready(Some(Ok(Frame::data(piece.into()))))
            }
            Err(e) => Poll::Ready(Some(Err(e))),
        }
    }
    fn is_end_stream(&self) -> bool {
        self.left == 0
    }
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
