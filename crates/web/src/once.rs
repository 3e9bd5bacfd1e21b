//! `Idempotency-Key`: a `POST` that is sent again is carried out once.
//!
//! The key is taken in the transaction of the act itself (`sceau_operator::record`), so that no crash and no second node carries it out twice. The
//! answer is kept afterwards: who asks again gets it, or `idempotency.done` when it was lost or held a secret.
use crate::asker::Found;
use crate::client_error::is_json;
use crate::{BODY, Problem, State};
use aws_lc_rs::digest::{Context, SHA256};
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State as AxumState};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::once::{Answer, Before};

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
    let mut digest = Context::new(&SHA256);
    digest.update(parts.uri.to_string().as_bytes());
    digest.update(b"\0");
    // A file is not held whole: its length stands for it.
    let body = if is_json(&parts.headers) || body.is_end_stream() {
        let bytes = whole(body).await?;
        digest.update(&bytes);
        Body::from(bytes)
    } else {
        digest.update(format!("{:?}", parts.headers.get(header::CONTENT_LENGTH)).as_bytes());
        body
    };
    let digest = digest.finish();
    let actor = match state.0.begin_once(actor, &key, digest.as_ref()).await? {
        Before::First(actor) => *actor,
        Before::Answered(answer) => return Ok(again(answer)),
    };
    request = Request::from_parts(parts, body);
    request.extensions_mut().insert(Found(Ok(actor.clone())));
    // Carried out to its end, and its answer kept, even when the client goes away: it asks again, and hears what was done.
    let carried = tokio::spawn(async move {
        let (parts, body) = next.run(request).await.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
        if parts.status.is_success() && parts.extensions.get::<Secret>().is_none() && bytes.len() <= KEPT {
            let text = |name| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            let answer = Answer {
                status: i64::from(parts.status.as_u16()),
                body: String::from_utf8_lossy(&bytes).into_owned(),
                location: text(header::LOCATION),
                etag: text(header::ETAG),
            };
            state.0.keep_answer(&actor, answer).await;
        } else if parts.status.is_client_error() {
            // Refused because its twin, under way at the same time, was faster? Then that one's answer is the one to give.
            if let Before::Answered(answer) = state.0.begin_once(actor, &key, digest.as_ref()).await? {
                return Ok(again(answer));
            }
        }
        Ok(Response::from_parts(parts, Body::from(bytes)))
    });
    match carried.await {
        Ok(answered) => answered,
        // As where it would have happened without a key.
        Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
        Err(_) => Err(RefusalCode::ShuttingDown.into()),
    }
}

/// The body, which is not too long.
async fn whole(body: Body) -> Result<Bytes, Refusal> {
    let said = body.size_hint().lower();
    if said > BODY as u64 {
        return Err(too_big());
    }
    let limited = Limited::new(body, BODY).collect().await;
    limited.map(Collected::to_bytes).map_err(|e| match e.downcast::<LengthLimitError>() {
        Ok(_) => too_big(),
        // It did not come, or ended too early.
        Err(_) => RefusalCode::Timeout.into(),
    })
}

fn too_big() -> Refusal {
    Refusal::new(RefusalCode::MessageTooBig).with("limit", BODY)
}

/// What was answered the first time.
fn again(answer: Answer) -> Response {
    let status = u16::try_from(answer.status).ok().and_then(|s| StatusCode::from_u16(s).ok());
    let mut response = (status.unwrap_or(StatusCode::OK), answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if status != Some(StatusCode::NO_CONTENT) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in [(header::LOCATION, answer.location), (header::ETAG, answer.etag)] {
        // They were headers' values before.
        if let Some(value) = value.and_then(|v| HeaderValue::try_from(v).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
