//! Who asks: a bearer token over TLS, or the peer credentials of the administration socket.
use crate::{Problem, State};
use axum::extract::{FromRequestParts, Request, State as AxumState};
use axum::http::{header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::{Actor, Door, Origin};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a connection came, as whoever accepted it knows.
#[derive(Debug, Clone)]
pub enum Via {
    /// Over TLS, from here.
    Tls {
        /// Remote address.
        remote: IpAddr,
        /// Version and suite.
        tls: Option<String>,
    },
    /// Over TLS, at the door that asks for a professional's card.
    Card {
        /// Remote address.
        remote: IpAddr,
        /// Version and suite.
        tls: Option<String>,
        /// The chain that was shown, leaf first; empty for none. Nobody judged it.
        shown: Arc<[CertificateDer<'static>]>,
    },
    /// Over the administration socket: the named administrator behind the peer credentials, or why there is none.
    Socket(Arc<Result<Actor, Refusal>>),
}

/// The asker of an operation that wants to know; `login.required`, or why the asker is not believed.
#[derive(Debug, Clone)]
pub struct Asker(pub Actor);

/// What [`identify`] found, before an operation asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Found(pub Result<Actor, Refusal>);

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Found>() {
            Some(Found(Ok(actor))) => Ok(Self(actor.clone())),
            Some(Found(Err(refusal))) => Err(refusal.clone().into()),
            None => Err(RefusalCode::LoginRequired.into()),
        }
    }
}

static SESSIONS: AtomicU64 = AtomicU64::new(1);

/// Finds who asks. A token that is wrong is refused even where none is needed; no token at all is nobody.
pub(crate) async fn identify(AxumState(state): AxumState<State>, mut request: Request, next: Next) -> Response {
    let found = match request.extensions().get::<Via>() {
        Some(Via::Socket(who)) => who.as_ref().clone(),
        Some(Via::Tls { .. }) if is_apart(request.uri().path()) => Err(RefusalCode::LoginRequired.into()),
        Some(Via::Tls { remote, tls }) => {
            let session = format!("api-{:x}", SESSIONS.fetch_add(1, Ordering::Relaxed));
            let origin = Origin { door: Door::Api, remote: Some(*remote), session, tls: tls.clone(), once: None };
            match bearer(&request) {
                None => Err(RefusalCode::LoginRequired.into()),
                Some(token) => match state.0.login_api(token, &origin).await {
                    Ok(actor) => Ok(actor),
                    Err(refusal) => return Problem(refusal).into_response(),
                },
            }
        }
        Some(Via::Card { .. }) | None => Err(RefusalCode::LoginRequired.into()),
    };
    request.extensions_mut().insert(Found(found));
    next.run(request).await
}

/// Paths where `Authorization` is not ours to judge: programs say there who they are themselves, and by `Basic` (RFC 6749 §2.3.1); Outlook brings its
/// person's password along when it looks for settings, which are everybody's.
fn is_apart(path: &str) -> bool {
    let outlook = "/autodiscover/";
    path.starts_with("/oauth/") || path.get(..outlook.len()).is_some_and(|p| p.eq_ignore_ascii_case(outlook))
}

/// The token of `Authorization: Bearer …`. Anything else in that header counts as a wrong token.
fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer") => Some(token.trim()),
        _ => Some(""),
    }
}
