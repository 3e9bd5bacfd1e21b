//! Refusals as `application/problem+json` (RFC 9457), in the asker's language, with both sentences beside.
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::{Lang, Refusal, RefusalCode};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:sceau:problem:` and the stable code.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short name of the HTTP status.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened and what to do, in French.
    pub detail: String,
    /// The same in English.
    pub detail_en: String,
    /// Stable code: programs may rely on it.
    pub code: String,
}

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem(pub Refusal);

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}
impl From<RefusalCode> for Problem {
    fn from(code: RefusalCode) -> Self {
        Self(code.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let refusal = self.0;
        let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ProblemBody {
            kind: format!("urn:sceau:problem:{}", refusal.code.as_str()),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: refusal.sentence(Lang::Fr),
            detail_en: refusal.sentence(Lang::En),
            code: refusal.code.as_str().to_owned(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = wait(status) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sceau\""));
        }
        (status, headers, serde_json::to_string(&body).unwrap_or_default()).into_response()
    }
}

/// After how many seconds asking again makes sense: failures are counted by the minute.
fn wait(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some("60"),
        StatusCode::SERVICE_UNAVAILABLE => Some("10"),
        _ => None,
    }
}

/// No such path.
pub async fn nowhere() -> Problem {
    RefusalCode::NotFound.into()
}

/// The path has other methods (`Allow` names them).
pub async fn no_such_method() -> Problem {
    RefusalCode::SyntaxUnknown.into()
}
