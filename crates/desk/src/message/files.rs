//! What is attached, as files: downloaded as it is, shown where its bytes are a picture or a PDF; and the message itself as a file.
//!
//! Promise: nothing that a sender wrote is ever answered as a type that a browser would run.
use super::IN_QUERY;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use percent_encoding::utf8_percent_encode;
use sceau_domain::plain::is_treacherous;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::desk::parts::PartReader;
use sceau_operator::mailbox::read::MessageReader;
use sceau_web::{Visitor, seated};
use std::io;

/// Longest name that is given to a file, characters.
const NAME: usize = 150;
/// Bytes of a message that are read at a time.
const PIECE: usize = 64 << 10;
/// A file that is kept: nothing of it runs even where a browser shows it.
pub(super) const KEPT: &str = "sandbox; default-src 'none'";
/// A picture of its own.
const PICTURE: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'";
/// A PDF in the browser's own viewer, which every browser refuses to a sandbox; the viewer is a process of its own, not our origin.
const PDF: &str = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'";

/// The headers of a file.
pub(super) fn headers(kind: &'static str, policy: &'static str, disposition: &str) -> HeaderMap {
    let fixed = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let mut headers: HeaderMap =
        fixed.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    if let Ok(value) = HeaderValue::from_str(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers
}

/// The name of a file: what a sender wrote cannot leave the folder of downloads, turn the name around, or hide its ending.
pub(super) fn called(name: &str, otherwise: &str) -> String {
    let fine = |c: &char| !is_treacherous(*c) && !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    let mut name: Vec<char> = name.chars().filter(fine).collect();
    // The ending says what it is: of a long name, the beginning goes.
    if name.len() > NAME {
        let _ = name.drain(..name.len() - NAME);
    }
    let name: String = name.into_iter().collect();
    match name.trim_matches(|c: char| c == '.' || c.is_whitespace()) {
        "" => otherwise.to_owned(),
        name => name.to_owned(),
    }
}

/// `Content-Disposition` with a name (RFC 6266).
pub(super) fn disposition(how: &str, name: &str, otherwise: &str) -> String {
    let name = called(name, otherwise);
    let plain: String = name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect();
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, IN_QUERY))
}

/// What is told of a file that breaks off: the connection does, so that nobody takes a part for the whole.
pub(super) fn broken(refusal: &Refusal) -> io::Error {
    tracing::warn!(code = refusal.code.as_str(), "a piece of a message breaks off");
    io::Error::other(refusal.code.as_str())
}

fn body(reader: PartReader) -> Body {
    Body::from_stream(try_unfold(reader, |mut reader: PartReader| async move {
        match reader.next().await {
            Ok(Some(piece)) => Ok(Some((Bytes::from(piece), reader))),
            Ok(None) => Ok(None),
            Err(refusal) => Err(broken(&refusal)),
        }
    }))
}

async fn opened(visitor: &Visitor, (b, m, p): (&str, &str, &str)) -> Result<PartReader, Box<Response>> {
    let actor = seated(visitor, b).await?;
    visitor.op.open_part(&actor, m, p).await.map_err(|refusal| Box::new(visitor.refused(&refusal)))
}

/// `GET /bal/{b}/message/{m}/piece/{p}`: the piece, to be kept.
pub(super) async fn download(visitor: Visitor, Path((b, m, p)): Path<(String, String, String)>) -> Response {
    match opened(&visitor, (&b, &m, &p)).await {
        Ok(reader) => {
            let disposition = disposition("attachment", &reader.name, &format!("piece-{p}"));
            (StatusCode::OK, headers("application/octet-stream", KEPT, &disposition), body(reader)).into_response()
        }
        Err(answer) => *answer,
    }
}

/// `GET /bal/{b}/message/{m}/piece/{p}/voir`: the piece, where its bytes are a picture or a PDF.
pub(super) async fn view(visitor: Visitor, Path((b, m, p)): Path<(String, String, String)>) -> Response {
    let reader = match opened(&visitor, (&b, &m, &p)).await {
        Ok(reader) => reader,
        Err(answer) => return *answer,
    };
    let Some(kind) = reader.shown() else { return visitor.refused(&RefusalCode::PartUnshown.into()) };
    let policy = if kind == "application/pdf" { PDF } else { PICTURE };
    let disposition = disposition("inline", &reader.name, &format!("piece-{p}"));
    (StatusCode::OK, headers(kind, policy, &disposition), body(reader)).into_response()
}

/// `GET /bal/{b}/message/{m}/source`: the message as mail programs have it.
pub(super) async fn source(visitor: Visitor, Path((b, m)): Path<(String, String)>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let reader: MessageReader = match visitor.op.message_source(&actor, &m).await {
        Ok(reader) => reader,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let pieces =
        try_unfold((reader, 0), async |(mut reader, at): (MessageReader, u64)| match reader.read(at, PIECE).await {
            Ok(piece) if piece.is_empty() => Ok(None),
            Ok(piece) => {
                let next = at + piece.len() as u64;
                Ok(Some((Bytes::from(piece), (reader, next))))
            }
            Err(refusal) => Err(broken(&refusal)),
        });
    let disposition = disposition("attachment", "message.eml", "message.eml");
    (StatusCode::OK, headers("application/octet-stream", KEPT, &disposition), Body::from_stream(pieces)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        for (name, plain, whole) in [
            ("Compte rendu.pdf", "Compte rendu.pdf", "Compte%20rendu.pdf"),
            ("été.pdf", "_t_.pdf", "%C3%A9t%C3%A9.pdf"),
            ("../../etc/passwd", "etcpasswd", "etcpasswd"),
            ("a\"b\r\nSet-Cookie: x.exe", "abSet-Cookie x.exe", "abSet-Cookie%20x.exe"),
            ("gpj\u{202e}exe.pdf", "gpjexe.pdf", "gpjexe.pdf"),
            ("...", "piece-2", "piece-2"),
            ("", "piece-2", "piece-2"),
        ] {
            let made = disposition("attachment", name, "piece-2");
            assert_eq!(made, format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"), "{name:?}");
        }
        let long = disposition("attachment", &format!("{}.exe", "a".repeat(10_000)), "x");
        assert!(long.len() < 400 && long.ends_with(".exe"), "{long}");
    }
}
