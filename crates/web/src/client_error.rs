//! axum's extractors, whose rejections are problems like every other refusal.
use crate::Problem;
use axum::body::{Bytes, HttpBody};
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::{Refusal, RefusalCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A JSON body; or a JSON answer.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Refusal::new(RefusalCode::MediaType).with("name", "application/json").into());
        }
        // What says itself that it is too long is not waited for.
        if request.body().size_hint().lower() > crate::BODY as u64 {
            return Err(too_big());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(unread)?;
        // A list is read as an object's fields in their order otherwise: nobody means that.
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(invalid("JSON", "an object is expected"));
        }
        Ok(Self(axum::Json::from_bytes(&bytes)?.0))
    }
}

/// Does it say that its body is JSON?
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case("application/json"))
}

/// A body that could not be read.
fn unread(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_big();
    }
    invalid("JSON", &rejection.body_text())
}

fn too_big() -> Problem {
    Refusal::new(RefusalCode::MessageTooBig).with("limit", crate::BODY).into()
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Parts of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(axum::extract::Path::from_request_parts(parts, state).await?.0))
    }
}

/// The query.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(axum::extract::Query::from_request_parts(parts, state).await?.0))
    }
}

pub(crate) fn invalid(name: &str, cause: &str) -> Problem {
    Refusal::new(RefusalCode::Invalid).with("name", name).with("cause", cause).into()
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        invalid("JSON", &rejection.body_text())
    }
}
impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        invalid("path", &rejection.body_text())
    }
}
impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        invalid("query", &rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use futures_util::FutureExt;
    use hyper::body::{Frame, SizeHint};
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// Says how long it is, and never comes.
    struct Announced;

    impl HttpBody for Announced {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(crate::BODY as u64 + 1)
        }
    }

    #[test]
    fn a_body_that_says_it_is_too_long_is_not_waited_for() {
        let request = Request::builder().header("content-type", "application/json").body(Body::new(Announced)).unwrap();
        let said = Json::<serde_json::Value>::from_request(request, &()).now_or_never().expect("an answer at once");
        assert_eq!(said.unwrap_err().0.code, RefusalCode::MessageTooBig);
    }
}
