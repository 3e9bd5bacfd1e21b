//! Answers that are sent smaller (gzip, RFC 1952) to whoever takes them so.
//!
//! Promises: only texts of ours that are made whole, never what is somebody else's (a message in its sandboxed frame), a piece of something, or a stream
//! of events. The length of what is sent tells little of what stands in it: the word of each form is another one each time, and a comment of random length
//! stands in the head of each answer, so that whoever has a text of theirs shown beside somebody's and counts bytes must count very many (BREACH).
use crate::Problem;
use crate::assets::unpacks;
use aws_lc_rs::rand;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::{Compression, GzBuilder};
use hyper::body::Body as _;
use sceau_domain::RefusalCode;
use std::io::Write;
use std::ops::RangeInclusive;

/// What is made smaller.
const KINDS: [&str; 5] = ["text/html", "text/css", "text/javascript", "application/json", "image/svg+xml"];
/// Of which size, bytes: less gains nothing, more is no page.
const SIZES: RangeInclusive<u64> = 1 << 10..=4 << 20;
/// From here on, bytes, apart from the thread that serves others too.
const APART: usize = 256 << 10;
/// Pages are made once and sent once: quickly rather than as small as can be.
const LEVEL: Compression = Compression::new(3);

/// The layer.
pub(crate) async fn pack(request: Request, next: Next) -> Response {
    let wanted = *request.method() != Method::HEAD && unpacks(request.headers());
    let mut response = next.run(request).await;
    if !may_be_packed(response.headers()) {
        return response;
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let fits = response.body().size_hint().exact().is_some_and(|size| SIZES.contains(&size));
    if !wanted || !fits {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    match packed(body).await {
        Some(smaller) => {
            parts.headers.remove(header::CONTENT_LENGTH);
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Response::from_parts(parts, Body::from(smaller))
        }
        None => Problem::from(RefusalCode::Defect).into_response(),
    }
}

/// A text of ours, whole, of which there is no other form yet, and no version that a change would name (`ETag`).
fn may_be_packed(headers: &HeaderMap) -> bool {
    let taken = [header::CONTENT_ENCODING, header::CONTENT_RANGE, header::ETAG, header::VARY];
    let said = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).unwrap_or_default();
    let kind = said(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    KINDS.contains(&kind)
        && !taken.iter().any(|name| headers.contains_key(name))
        && !said(header::CONTENT_SECURITY_POLICY).contains("sandbox")
}

async fn packed(body: Body) -> Option<Vec<u8>> {
    let bytes = to_bytes(body, usize::try_from(*SIZES.end()).unwrap_or(usize::MAX)).await.ok()?;
    if bytes.len() < APART {
        return Some(gzip(&bytes));
    }
    tokio::task::spawn_blocking(move || gzip(&bytes)).await.ok()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut length = [0];
    // Without chance there is no comment: nothing is wrong with the page.
    let _ = rand::fill(&mut length);
    let builder = GzBuilder::new().comment(vec![b'.'; usize::from(length[0])]);
    let mut packer = builder.write(Vec::with_capacity(bytes.len() / 3), LEVEL);
    // Into memory: it cannot fail.
    let _ = packer.write_all(bytes);
    packer.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use flate2::read::GzDecoder;
    use std::io::Read;
    use tower::ServiceExt;

    const PAGE: &str = "text/html; charset=utf-8";

    async fn ask(path: &str, accept: &'static str) -> Response {
        let text = || "é".repeat(2_000);
        let app = Router::new()
            .route("/page", get(move || async move { ([(header::CONTENT_TYPE, PAGE)], text()) }))
            .route("/short", get(|| async { ([(header::CONTENT_TYPE, PAGE)], "é") }))
            .route("/file", get(move || async move { ([(header::CONTENT_TYPE, "application/octet-stream")], text()) }))
            .route(
                "/letter",
                get(move || async move {
                    let frame = "sandbox allow-popups; default-src 'none'";
                    ([(header::CONTENT_TYPE, PAGE), (header::CONTENT_SECURITY_POLICY, frame)], text())
                }),
            )
            .route(
                "/version",
                get(move || async move { ([(header::CONTENT_TYPE, PAGE), (header::ETAG, "\"1\"")], text()) }),
            )
            .route(
                "/piece",
                get(move || async move {
                    let head = [(header::CONTENT_TYPE, PAGE), (header::CONTENT_RANGE, "bytes 0-1/9")];
                    (StatusCode::PARTIAL_CONTENT, head, text())
                }),
            )
            .layer(from_fn(pack));
        let request = Request::builder().uri(path).header(header::ACCEPT_ENCODING, accept);
        app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn body(response: Response) -> Vec<u8> {
        to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn a_page_is_packed_for_whoever_takes_it() {
        let mut lengths = Vec::new();
        for _ in 0..20 {
            let page = ask("/page", "br, gzip").await;
            assert_eq!(page.headers()[header::CONTENT_ENCODING], "gzip");
            assert_eq!(page.headers()[header::VARY], "accept-encoding");
            let said = page.headers().get(header::CONTENT_LENGTH).cloned();
            let packed = body(page).await;
            assert!(said.is_none_or(|length| length == packed.len().to_string()), "the length of something else");
            let mut whole = String::new();
            GzDecoder::new(&packed[..]).read_to_string(&mut whole).unwrap();
            assert_eq!(whole, "é".repeat(2_000));
            lengths.push(packed.len());
        }
        lengths.dedup();
        assert!(lengths.len() > 1, "the length says what is in it: {lengths:?}");
        let plain = ask("/page", "br, gzip;q=0").await;
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
        assert_eq!(plain.headers()[header::VARY], "accept-encoding");
        assert_eq!(body(plain).await.len(), 4_000);
    }

    #[tokio::test]
    async fn the_rest_is_sent_as_it_is() {
        for path in ["/short", "/file", "/letter", "/version", "/piece"] {
            let answer = ask(path, "gzip").await;
            assert!(!answer.headers().contains_key(header::CONTENT_ENCODING), "{path}");
            let bytes = body(answer).await;
            assert!(bytes.starts_with("é".as_bytes()), "{path}");
        }
    }
}
