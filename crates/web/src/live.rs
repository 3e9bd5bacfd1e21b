//! What changes while a page is open, told to it as it happens (server-sent events). A page without scripts is asked again by whoever reads it.
//!
//! Promises: what is told ends with what lets its reader in (access, session, the operator's rights), and after a time in any case: the browser comes again by
//! itself and is judged anew; a silent stream says now and then that it is there, so that no one between cuts it.
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::once;
use futures_util::{Stream, StreamExt, future};
use sceau_operator::login::Leash;
use std::convert::Infallible;
use std::time::Duration;

/// How often a stream without events shows that it is there.
const PING: Duration = Duration::from_secs(25);

/// Tells events until the reader's leash is taken away, or for so long at most. The last one is `fin`.
pub fn stream(events: impl Stream<Item = Event> + Send + 'static, mut leash: Leash, most: Duration) -> Response {
    let end = async move {
        tokio::select! {
            () = leash.pulled() => {}
            () = tokio::time::sleep(most) => {}
        }
    };
    let last = once(future::ready(Event::default().event("fin").data("")));
    let all = events.take_until(Box::pin(end)).chain(last).map(Ok::<_, Infallible>);
    let mut response = Sse::new(all).keep_alive(KeepAlive::new().interval(PING)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
