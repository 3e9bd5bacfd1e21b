//! What stands around every answer: headers that keep it to who asked, and an answer even where a handler panics.
use crate::{Problem, State, Via};
use axum::extract::{MatchedPath, Request, State as AxumState};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use sceau_domain::RefusalCode;
use std::panic::AssertUnwindSafe;

/// For an answer that does not say otherwise: kept by no cache, taken for nothing else, framed by nobody, telling no other site where it was.
const QUIET: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];
/// Whoever came over TLS comes over TLS again (RFC 6797).
const ALWAYS_TLS: &str = "max-age=31536000";

/// The layer, outermost.
pub(crate) async fn frame(AxumState(state): AxumState<State>, request: Request, next: Next) -> Response {
    let over_tls = matches!(request.extensions().get::<Via>(), Some(Via::Tls { .. } | Via::Card { .. }));
    // The pattern, not the path: names and secrets may be in the path.
    let pattern = request.extensions().get::<MatchedPath>().map_or("?", MatchedPath::as_str);
    let operation = format!("{} {pattern}", request.method());
    // What a panic leaves is either behind locks that bear it, or gone with the request.
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            state.0.tell_of_defect(&operation).await;
            Problem::from(RefusalCode::Defect).into_response()
        }
    };
    quieten(response.headers_mut(), over_tls);
    response
}

fn quieten(headers: &mut HeaderMap, over_tls: bool) {
    for (name, value) in QUIET {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if over_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ALWAYS_TLS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{asked::Known, framed};
    use axum::body::{Body, to_bytes};
    use axum::http::{Method, StatusCode};
    use axum::routing::{get, post};
    use axum::{Json, Router};
    use std::sync::Arc;
    use tower::ServiceExt;

    /// With a key, work goes on apart from its connection: there too.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_is_answered_and_told_and_others_go_on() {
        async fn broken() -> Json<()> {
            panic!("as a defect would")
        }
        let store = sceau_store::testing::sqlite().await;
        let trust = sceau_trust::Trust::new(sceau_trust::Anchors::default());
        let (op, admin) = sceau_testkit::open(sceau_testkit::config(), store.clone(), trust).await;
        let routes = Router::new().route("/p/{name}", post(broken)).route("/q", get(async || "fine"));
        let app = framed(op.clone(), routes, Known::of(&utoipa::openapi::OpenApiBuilder::new().build()));
        let ask = async |method: Method, path: &str, key: Option<&str>| {
            let mut request = Request::builder().method(method).uri(path);
            request = request.extension(Via::Socket(Arc::new(Ok(admin.clone()))));
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let (parts, body) = response.into_parts();
            let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
            (parts.status, text, parts.headers)
        };
        for key in [None, Some("k1"), Some("k1")] {
            let (status, text, headers) = ask(Method::POST, "/p/anne", key).await;
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{text}");
            assert!(text.contains("system.defect") && !text.contains("as a defect would"), "{text}");
            assert_eq!(headers["cache-control"], "no-store");
        }
        assert_eq!(ask(Method::GET, "/q", None).await.1, "fine");
        let alarms = op.alarms(&admin, false).await.unwrap();
        let told: Vec<_> = alarms.iter().map(|a| (a.code.as_str(), a.subject.as_str(), a.count)).collect();
        assert_eq!(told, [("web.defect", "POST /p/{name}", 3)]);
    }
}
