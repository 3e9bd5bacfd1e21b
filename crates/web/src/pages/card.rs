//! Signing in by a card: at the main door the way there and back; at the door for cards the one page that it has. The operator's
//! `identity::card` says what goes between them.
use super::layout::{Page, escape, set};
use super::session::{Sent, Visitor};
use super::sign_in::To;
use super::{layout, origin};
use crate::route::get;
use crate::{Problem, State, Via, problem};
use axum::Router;
use axum::extract::{Extension, Query, State as AxumState};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::Operator;
use serde::Deserialize;

/// The ticket with which the main door sends a browser.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    t: String,
}

/// The word with which the door for cards sends it back.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Back {
    c: String,
}

/// Everything at the door for cards.
pub(crate) fn at_its_door() -> Router<State> {
    Router::new()
        .route("/carte", get(read))
        .route(layout::SHEET, get(layout::sheet))
        .merge(crate::assets::routes())
        .fallback(problem::nowhere)
        .method_not_allowed_fallback(problem::no_such_method)
}

/// `POST /connexion/carte`
pub(super) async fn begin(Sent(visitor, to): Sent<To>) -> Response {
    let session = visitor.actor.as_ref().ok();
    let begun = visitor.op.begin_attempt(&visitor.browser(), &visitor.to(&to.vers), session).await;
    match begun.and_then(|attempt| visitor.op.card_door(&attempt)) {
        Ok(url) => visitor.leave(&url),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /connexion/carte/retour`
pub(super) async fn back(visitor: Visitor, Query(back): Query<Back>) -> Response {
    visitor.entered(visitor.op.return_card(visitor.attempt(), &back.c, &visitor.origin).await)
}

/// `GET /carte`, at its own door: what the handshake showed.
async fn read(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    Query(asked): Query<Asked>,
) -> Response {
    let via = via.map(|Extension(via)| via);
    let Some(Via::Card { shown, .. }) = &via else { return Problem::from(RefusalCode::NotFound).into_response() };
    let mut response = match op.sign_in_card(shown, &asked.t, &origin(via.as_ref())).await {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(refusal) => refused(&op, &refusal),
    };
    // Whoever puts the card in only now has to be asked again: on this connection nobody is.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Why a card did not sign in, and what to do: French first, English below.
fn refused(op: &Operator, refusal: &Refusal) -> Response {
    let operator = op.config().name.as_str();
    let say = |lang, key: &str| text(lang, &format!("page.card.{key}"), &[]);
    // Sentences about certificates are for those who run servers.
    let why = |lang| match refusal.code {
        RefusalCode::PeerNoCertificate => say(lang, "none"),
        RefusalCode::PeerExpired => say(lang, "expired"),
        RefusalCode::PeerRevoked => say(lang, "revoked"),
        RefusalCode::PeerOtherEnvironment => say(lang, "elsewhere"),
        RefusalCode::PeerUnknownIssuer
        | RefusalCode::PeerNotYetValid
        | RefusalCode::PeerWrongUsage
        | RefusalCode::PeerInvalid
        | RefusalCode::PeerWeak => say(lang, "other"),
        _ => refusal.sentence(lang),
    };
    let title = say(Lang::Fr, "title");
    let body = format!(
        "<section class=\"alone\"><h1>{}</h1><p role=\"alert\">{}</p><div lang=\"en\"><h2>{}</h2><p>{}</p></div>\
         <p><a href=\"{}/connexion\">{} / <span lang=\"en\">{}</span></a></p></section>",
        escape(&set(&title)),
        escape(&set(&why(Lang::Fr))),
        escape(&say(Lang::En, "title")),
        escape(&why(Lang::En)),
        escape(&op.config().public_url),
        escape(&set(&say(Lang::Fr, "again"))),
        escape(&say(Lang::En, "again")),
    );
    let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::FORBIDDEN);
    Page { lang: Lang::Fr, title: &title, operator, languages: &[], body: &body }.answer(status)
}
