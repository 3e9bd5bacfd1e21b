//! What is refused before anything is done with a request, whoever sends it: what two readers could understand differently.
use crate::Problem;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Request as HttpRequest, Version, header};
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

/// One `Host`, which HTTP/1.1 demands (RFC 9112 §3.2). HTTP/2 says it as `:authority`, and a `Host` beside it says the same (RFC 9113 §8.3.1); whoever
/// reads on finds it as `Host` then. Asked where connections are served: a request made in the process has none.
pub(crate) fn host<B>(request: &mut HttpRequest<B>) -> Result<(), Refusal> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if request.version() < Version::HTTP_2 {
        let one = hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11);
        return if one { Ok(()) } else { Err(invalid("Host", "once")) };
    }
    let authority = request.uri().authority().map(|a| a.as_str().to_owned());
    let said = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
    let same = match (&authority, said) {
        (Some(authority), Some(host)) => authority.as_bytes().eq_ignore_ascii_case(host),
        (Some(_), None) => true,
        (None, host) => host.is_some(),
    };
    if hosts > 1 || !same || authority.as_ref().is_some_and(|a| a.contains('@')) {
        return Err(invalid(":authority", "once"));
    }
    if let Some(host) = authority.and_then(|a| HeaderValue::from_str(&a).ok()) {
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

fn invalid(name: &str, cause: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name).with("cause", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_once_for_whom_it_is() {
        let ask = |version, uri: &str, hosts: &[&str]| {
            let mut request = HttpRequest::builder().version(version).uri(uri);
            for one in hosts {
                request = request.header(header::HOST, *one);
            }
            let mut request = request.body(()).unwrap();
            host(&mut request).is_ok().then(|| request.headers().get(header::HOST).cloned())
        };
        let (old, new) = (Version::HTTP_11, Version::HTTP_2);
        assert_eq!(ask(old, "/", &["a.fr"]), Some(Some(HeaderValue::from_static("a.fr"))));
        assert_eq!(ask(Version::HTTP_10, "/", &[]), Some(None));
        for good in [&[][..], &["A.fr:8443"]] {
            let heard = ask(new, "https://a.fr:8443/x", good);
            assert_eq!(heard, Some(Some(HeaderValue::from_static("a.fr:8443"))), "{good:?}");
        }
        assert_eq!(ask(new, "/x", &["a.fr"]), Some(Some(HeaderValue::from_static("a.fr"))));
        for (version, uri, hosts) in [
            (old, "/", &[][..]),
            (old, "/", &["a.fr", "a.fr"]),
            (new, "/", &[]),
            (new, "https://a.fr/", &["b.fr"]),
            (new, "https://a.fr/", &["a.fr", "a.fr"]),
            (new, "https://x@a.fr/", &[]),
        ] {
            assert_eq!(ask(version, uri, hosts), None, "{version:?} {uri} {hosts:?}");
        }
    }
}
