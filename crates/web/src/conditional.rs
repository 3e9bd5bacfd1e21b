//! Versions: an answer carries its ETag, a change says from which one it starts (RFC 9110 §13.1.1).
use crate::{Json, Problem};
use axum::extract::FromRequestParts;
use axum::http::{HeaderValue, header, request::Parts};
use axum::response::{IntoResponse, Response};
use sceau_domain::RefusalCode;
use serde::Serialize;

/// The version that a change starts from. `edit.unconditional` when `If-Match` is missing or `*`; `edit.conflict` when it is none of ours.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub i64);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = parts.headers.get(header::IF_MATCH).ok_or(RefusalCode::EditUnconditional)?;
        let value = value.to_str().unwrap_or_default().trim();
        if value.is_empty() || value == "*" {
            return Err(RefusalCode::EditUnconditional.into());
        }
        let version = value.strip_prefix("\"v").and_then(|v| v.strip_suffix('"')).and_then(|v| v.parse().ok());
        version.map(Self).ok_or_else(|| RefusalCode::EditConflict.into())
    }
}

/// An answer with its version as ETag.
#[derive(Debug)]
pub struct Versioned<T>(pub i64, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"v{}\"", self.0)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}
