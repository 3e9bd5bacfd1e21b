//! What is refused before anything is done with a request, whoever sends it: what two readers could understand differently.
use crate::Problem;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sceau_domain::{Refusal, RefusalCode};

/// What a request says once or not at all.
const ONCE: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::HOST,
    header::IF_MATCH,
    HeaderName::from_static("idempotency-key"),
];

/// The layer: headers that are there twice, bodies in an encoding (none is undone here, so that nothing can unfold).
pub(crate) async fn gate(request: Request, next: Next) -> Response {
    match ambiguous(&request) {
        Some(refusal) => Problem(refusal).into_response(),
        None => next.run(request).await,
    }
}

fn ambiguous(request: &Request) -> Option<Refusal> {
    let headers = request.headers();
    if let Some(twice) = ONCE.iter().find(|name| headers.get_all(*name).iter().nth(1).is_some()) {
        return Some(invalid(twice.as_str(), "twice"));
    }
    let encoded =
        headers.get(header::CONTENT_ENCODING).is_some_and(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity"));
    encoded.then(|| Refusal::new(RefusalCode::MediaType).with("name", "Content-Encoding: identity"))
}

/// One `Host`, which HTTP/1.1 demands (RFC 9112 §3.2). Asked where connections are served: a request made in the process has none.
pub(crate) fn host(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts == 1 || (hosts == 0 && version < Version::HTTP_11) { Ok(()) } else { Err(invalid("Host", "once")) }
}

fn invalid(name: &str, cause: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name).with("cause", cause)
}
