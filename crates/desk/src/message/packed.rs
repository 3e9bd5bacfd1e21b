//! All that is attached, in one file (ZIP): made as it is sent, so that none of it is held whole.
use super::files::{broken, called, disposition, headers};
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::desk::parts::Piece;
use sceau_operator::{Actor, Operator};
use sceau_web::{Visitor, seated};
use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{Sender, channel};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Pieces that wait to be sent.
const WAITING: usize = 4;

/// What was written and is not yet sent.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Bytes {
        // A panic while it is held leaves bytes in their order.
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Most bytes of all pieces together.
pub(super) fn most(op: &Operator) -> u64 {
    u64::from(op.config().desk.zip_mib) << 20
}

/// `GET /bal/{b}/message/{m}/pieces.zip`
pub(super) async fn all(visitor: Visitor, Path((b, m)): Path<(String, String)>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let pieces = match visitor.op.message_pieces(&actor, &m).await {
        Ok(pieces) => pieces.into_iter().filter(|piece| !piece.within).collect::<Vec<_>>(),
        Err(refusal) => return visitor.refused(&refusal),
    };
    let most = most(&visitor.op);
    if pieces.iter().map(|piece| piece.size).sum::<u64>() > most {
        return visitor.refused(&Refusal::new(RefusalCode::MessageTooBig).with("limit", most));
    }
    let (to, from) = channel(WAITING);
    let op = visitor.op.clone();
    drop(tokio::spawn(async move {
        if let Err(e) = write(&op, (&actor, &m), &pieces, &to).await {
            // Whoever is gone hears nothing of it.
            let _ = to.send(Err(e)).await;
        }
    }));
    let body = Body::from_stream(unfold(from, |mut from| async move { from.recv().await.map(|piece| (piece, from)) }));
    let disposition = disposition("attachment", "pieces-jointes.zip", "pieces.zip");
    (StatusCode::OK, headers("application/zip", super::files::KEPT, &disposition), body).into_response()
}

async fn write(
    op: &Operator,
    (actor, m): (&Actor, &str),
    pieces: &[Piece],
    to: &Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
    let written = Written::default();
    let mut zip = ZipWriter::new_stream(written.clone());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut names = HashSet::new();
    for piece in pieces {
        let mut reader = op.open_part(actor, m, &piece.number).await.map_err(|refusal| broken(&refusal))?;
        let name = unlike(&mut names, called(&piece.name, &format!("piece-{}", piece.number)));
        zip.start_file(name, options)?;
        while let Some(bytes) = reader.next().await.map_err(|refusal| broken(&refusal))? {
            zip.write_all(&bytes)?;
            to.send(Ok(written.take())).await.map_err(gone)?;
        }
    }
    drop(zip.finish()?);
    to.send(Ok(written.take())).await.map_err(gone)
}

/// A name that no other file has: two pieces may be called alike.
fn unlike(names: &mut HashSet<String>, name: String) -> String {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) => (stem.to_owned(), format!(".{ending}")),
        None => (name.clone(), String::new()),
    };
    let mut tried = name;
    let mut n = 1;
    // Without case: some systems know none.
    while !names.insert(tried.to_lowercase()) {
        n += 1;
        tried = format!("{stem} ({n}){ending}");
    }
    tried
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_files_have_one_name() {
        let mut names = HashSet::new();
        let made = ["a.pdf", "A.pdf", "a.pdf", "a", "a", "a (2).pdf"].map(|n| unlike(&mut names, n.to_owned()));
        assert_eq!(made, ["a.pdf", "A (2).pdf", "a (3).pdf", "a", "a (2)", "a (2) (2).pdf"]);
    }
}
