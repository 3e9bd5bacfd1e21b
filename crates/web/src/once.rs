//! `Idempotency-Key`: a `POST` that is sent again is carried out once.
//!
//! The key is taken in the transaction of the act itself (`sceau_operator::record`), so that no crash and no second node carries it out twice. The
//! answer is kept afterwards: who asks again gets it, or `idempotency.done` when it was lost or held a secret.
use crate::asker::Found;
use crate::{BODY, Problem, State};
use aws_lc_rs::digest::{Context, SHA256};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as AxumState};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::once::Before;

/// Says that an answer is the one of the first request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, characters.
const LONGEST: usize = 200;
/// Longest answer that is kept, bytes.
const KEPT: usize = 64 << 10;

/// Put into the extensions of an answer that holds a secret: it is not kept.
#[derive(Debug, Clone, Copy)]
pub struct Secret;

/// The layer.
pub(crate) async fn once(AxumState(state): AxumState<State>, request: Request, next: Next) -> Response {
    match carry_out(state, request, next).await {
        Ok(response) => response,
        Err(refusal) => Problem(refusal).into_response(),
    }
}

async fn carry_out(state: State, mut request: Request, next: Next) -> Result<Response, Refusal> {
    let key = match request.headers().get("idempotency-key") {
        Some(key) if request.method() == Method::POST => key.to_str().unwrap_or_default().to_owned(),
        _ => return Ok(next.run(request).await),
    };
    if key.is_empty() || key.len() > LONGEST || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "Idempotency-Key"));
    }
    let Some(Found(Ok(actor))) = request.extensions().get::<Found>().cloned() else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY).await.map_err(|_| Refusal::new(RefusalCode::MessageTooBig).with("limit", BODY))?;
    let mut digest = Context::new(&SHA256);
    digest.update(parts.uri.to_string().as_bytes());
    digest.update(b"\0");
    digest.update(&body);
    let actor = match state.0.begin_once(actor, &key, digest.finish().as_ref()).await? {
        Before::First(actor) => *actor,
        Before::Answered(status, body) => {
            let status =
                u16::try_from(status).ok().and_then(|s| StatusCode::from_u16(s).ok()).unwrap_or(StatusCode::OK);
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (REPLAYED, HeaderValue::from_static("true")),
            ];
            return Ok((status, headers, body).into_response());
        }
    };
    request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(Found(Ok(actor.clone())));
    let (parts, body) = next.run(request).await.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
    if parts.status.is_success() && parts.extensions.get::<Secret>().is_none() && bytes.len() <= KEPT {
        state.0.keep_answer(&actor, i64::from(parts.status.as_u16()), &String::from_utf8_lossy(&bytes)).await;
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}
