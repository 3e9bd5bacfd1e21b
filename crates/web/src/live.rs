//! What changes while a page is open, told to it as it happens (server-sent events). A page without scripts is asked again by whoever reads it.
//!
//! Promises: what is told ends with what lets its reader in (access, session, the operator's rights), and after a time in any case: the browser comes again by
//! itself and is judged anew; a silent stream says now and then that it is there, so that no one between cuts it; a session and a node hold so many streams
//! and no more, and one that is left, however it ends, leaves its place.
use crate::Visitor;
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::once;
use futures_util::{Stream, StreamExt, future};
use sceau_operator::login::Leash;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a stream without events shows that it is there.
const PING: Duration = Duration::from_secs(25);
/// Most streams of a session at once, on this node: a list and a message in each of several windows.
const OF_SESSION: usize = 8;
/// Most streams of this node at once.
const OF_NODE: usize = 20_000;
/// When a browser comes again after a stream that ended: what browsers do by themselves, said because [`LATER`] may have been said before.
const AGAIN: Duration = Duration::from_secs(5);
/// When one comes again for whom there was no place.
const LATER: Duration = Duration::from_secs(60);

/// A session, by the digest of its token.
type Session = [u8; 32];

/// The places for streams.
static PLACES: LazyLock<Arc<Places>> = LazyLock::new(|| Places::of(OF_SESSION, OF_NODE));

/// So many for a session, so many in all.
#[derive(Debug)]
struct Places {
    session: usize,
    all: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    sessions: HashMap<Session, usize>,
}

impl Places {
    fn of(session: usize, all: usize) -> Arc<Self> {
        Arc::new(Self { session, all, held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing in between leaves the numbers half changed.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, session: Session) -> Option<Place> {
        let mut held = self.held();
        let own = held.sessions.get(&session).copied().unwrap_or(0);
        if own >= self.session || held.all >= self.all {
            return None;
        }
        held.all += 1;
        held.sessions.insert(session, own + 1);
        drop(held);
        Some(Place { places: self.clone(), session })
    }
}

/// A stream's place. Whoever drops it leaves it to another.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    session: Session,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held();
        held.all = held.all.saturating_sub(1);
        let left = held.sessions.get(&self.session).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            held.sessions.remove(&self.session);
        } else {
            held.sessions.insert(self.session, left);
        }
    }
}

/// A place for a stream of whoever asks, taken before anything is done for it; else what to answer.
///
/// It is the newest that is told that there is none: were the oldest ended, its page would come again by itself and end the next one, and nine windows would
/// push one another out every few seconds. Nor is it told by a status: `EventSource` gives up for good at any but 200 (at 204 and 503 alike, and it reads no
/// `Retry-After`), and the page would stay deaf when the others are long closed. A stream that says when to come again and ends is asked for once a minute.
pub fn place(visitor: &Visitor) -> Result<Place, Box<Response>> {
    visitor.signed_in()?;
    PLACES.take(visitor.session_digest()).ok_or_else(|| {
        let full = Event::default().retry(LATER).event("plein").data("");
        Box::new(unkept(Sse::new(once(future::ready(Ok::<_, Infallible>(full)))).into_response()))
    })
}

/// Tells events until the reader's leash is taken away, or for so long at most. The last one is `fin`.
pub fn stream(
    place: Place,
    events: impl Stream<Item = Event> + Send + 'static,
    mut leash: Leash,
    most: Duration,
) -> Response {
    let end = async move {
        tokio::select! {
            () = leash.pulled() => {}
            () = tokio::time::sleep(most) => {}
        }
    };
    let first = once(future::ready(Event::default().retry(AGAIN)));
    // Whatever drops the stream drops its place; before the last event, so that whoever comes again at once finds it free.
    let last = once(async move {
        drop(place);
        Event::default().event("fin").data("")
    });
    let all = first.chain(events.take_until(Box::pin(end))).chain(last).map(Ok::<_, Infallible>);
    unkept(Sse::new(all).keep_alive(KeepAlive::new().interval(PING)).into_response())
}

fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_and_a_node_hold_so_many_and_what_is_left_is_free() {
        let places = Places::of(2, 3);
        let [first, second] = [places.take([1; 32]), places.take([1; 32])].map(Option::unwrap);
        assert!(places.take([1; 32]).is_none(), "of the session");
        let other = places.take([2; 32]).unwrap();
        assert!(places.take([2; 32]).is_none() && places.take([3; 32]).is_none(), "of the node");
        drop(first);
        let again = places.take([1; 32]).unwrap();
        assert!(places.take([1; 32]).is_none());
        drop((second, other, again));
        let held = places.held();
        assert!(held.all == 0 && held.sessions.is_empty(), "nothing is kept of whoever left: {held:?}");
    }

    /// 500 people with two windows, a list and a message in each, are far from what a node holds.
    #[test]
    fn many_people_fit() {
        let places = Places::of(OF_SESSION, OF_NODE);
        let person = |n: u16| {
            let mut session = [0; 32];
            session[..2].copy_from_slice(&n.to_be_bytes());
            session
        };
        let held: Vec<_> = (0..2_000_u16).map(|n| places.take(person(n / 4))).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(places.held().all * 4 <= OF_NODE);
    }
}
