//! Signing in by Pro Santé Connect: out to its page and back, or a call to somebody's telephone (e-CPS or card); and what it tells of its logouts.
use super::session::{Sent, Visitor};
use super::shell::Shell;
use super::sign_in::To;
use crate::State;
use axum::extract::{Form, RawQuery, State as AxumState};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::RefusalCode;
use sceau_operator::identity::psc::Called;
use serde::Deserialize;

/// Where a call is begun and waited for.
const CALL: &str = "/connexion/ecps";

/// Whose telephone is called.
#[derive(Deserialize)]
pub(super) struct Wanted {
    /// RPPS or ADELI.
    numero: String,
    /// Where to go afterwards.
    #[serde(default)]
    vers: String,
}

/// What a provider sends when one of its sessions ended.
#[derive(Deserialize)]
pub(super) struct Ended {
    #[serde(default)]
    logout_token: String,
}

/// Waits for an answer on the telephone, or asks whom to call.
#[derive(askama::Template)]
#[template(path = "ecps.html")]
struct Page {
    shell: Shell,
    /// The code that both screens show; none: nobody is called yet.
    code: Option<String>,
}

/// `POST /connexion/psc`
pub(super) async fn begin(Sent(visitor, to): Sent<To>) -> Response {
    let session = visitor.actor.as_ref().ok();
    let begun = async {
        let attempt = visitor.op.begin_attempt(&visitor.browser(), &visitor.to(&to.vers), session).await?;
        visitor.op.begin_psc(attempt).await
    };
    match begun.await {
        Ok(url) => visitor.leave(&url),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /connexion/psc/retour`
pub(super) async fn back(visitor: Visitor, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    visitor.entered(visitor.op.return_psc(visitor.attempt(), &query, &visitor.origin).await)
}

/// `POST /connexion/ecps`
pub(super) async fn call(Sent(visitor, wanted): Sent<Wanted>) -> Response {
    let session = visitor.actor.as_ref().ok();
    let called = async {
        let attempt = visitor.op.begin_attempt(&visitor.browser(), &visitor.to(&wanted.vers), session).await?;
        visitor.op.begin_ciba(attempt, &wanted.numero).await
    };
    match called.await {
        Ok(()) => visitor.see(CALL),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /connexion/ecps`: comes back by itself until somebody answered.
pub(super) async fn wait(visitor: Visitor) -> Response {
    if let Err(refusal) = visitor.op.psc_offer().await.and_then(|o| match o.calls {
        true => Ok(()),
        false => Err(RefusalCode::NotFound.into()),
    }) {
        return visitor.refused(&refusal);
    }
    let page = |code| {
        let page = Page { shell: visitor.shell(CALL), code };
        visitor.page(StatusCode::OK, &page)
    };
    match visitor.op.poll_ciba(visitor.attempt(), &visitor.origin).await {
        Ok(Called::Waiting(code)) => page(Some(code)),
        Ok(Called::Done(entered)) => visitor.entered(Ok(entered)),
        Err(refusal) if refusal.code == RefusalCode::FormOld => page(None),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /connexion/psc/fin`: no browser sends it, so that it has neither cookie nor word; it only ever ends something (Back-Channel Logout §2.5, §2.8).
pub(super) async fn ended(AxumState(state): AxumState<State>, Form(said): Form<Ended>) -> Response {
    let status = match state.0.provider_logout(&said.logout_token).await {
        Ok(()) => StatusCode::OK,
        Err(refusal) if refusal.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
        Err(_) => StatusCode::BAD_REQUEST,
    };
    (status, [(header::CACHE_CONTROL, "no-store")]).into_response()
}
