//! The page of a one-time link behind which a person makes a token: French first, English below.
//!
//! Looking makes nothing, for programs that guard mailboxes follow links; the button does. The token is on the page that answers it, and nowhere else.
use super::layout::{Page, escape, instant};
use super::link::refused;
use super::origin;
use crate::{State, Via};
use axum::extract::{Extension, Path, State as AxumState};
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::Lang;
use sceau_domain::text::text;
use sceau_operator::Operator;
use sceau_operator::accounts::OfferedToken;

/// A page of these texts (`page.<key>.title` and `.text`) about an offer; `below` is HTML.
async fn page(op: &Operator, key: &str, offer: &OfferedToken, below: &str) -> Response {
    let place = op.place().await;
    let bal = offer.bal.as_deref().unwrap_or_default();
    let kind = match (offer.api, &offer.bal) {
        (true, _) => "opens_api",
        (false, Some(_)) => "opens_bal",
        (false, None) => "opens_device",
    };
    let of = |lang, part: &str| {
        let opens = text(lang, &format!("page.token.{kind}"), &[("bal", bal)]);
        let until = offer.expires.map(|at| instant(lang, at, place));
        let mut values = vec![("name", offer.name.as_str()), ("opens", &opens), ("label", &offer.label)];
        values.extend(until.as_deref().map(|until| ("until", until)));
        escape(&text(lang, &format!("page.{key}.{part}"), &values))
    };
    let title = text(Lang::Fr, &format!("page.{key}.title"), &[]);
    let body = format!(
        "<section class=\"alone\"><h1>{}</h1><p>{}</p><div lang=\"en\"><h2>{}</h2><p>{}</p></div>{below}</section>",
        of(Lang::Fr, "title"),
        of(Lang::Fr, "text"),
        of(Lang::En, "title"),
        of(Lang::En, "text"),
    );
    let operator = op.config().name.as_str();
    Page { lang: Lang::Fr, title: &title, operator, languages: &[], body: &body }.answer(StatusCode::OK)
}

/// `GET /jeton/{secret}`: what the link offers, and the button.
pub(super) async fn look(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    Path(secret): Path<String>,
) -> Response {
    let origin = origin(via.as_ref().map(|Extension(via)| via));
    match op.look_at_token_link(&secret, &origin).await {
        Ok(offer) => {
            let button = |lang| escape(&text(lang, "page.token.button", &[]));
            // To where the page is: the secret is not written into it.
            let form = format!(
                "<form method=\"post\"><button type=\"submit\">{} / <span lang=\"en\">{}</span></button></form>",
                button(Lang::Fr),
                button(Lang::En)
            );
            page(&op, "token", &offer, &form).await
        }
        Err(refusal) => refused(&op, &refusal),
    }
}

/// `POST /jeton/{secret}`: makes the token and shows it, this once.
pub(super) async fn make(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    Path(secret): Path<String>,
) -> Response {
    let origin = origin(via.as_ref().map(|Extension(via)| via));
    match op.use_token_link(&secret, &origin).await {
        Ok((_, offer, token)) => {
            page(&op, "token_done", &offer, &format!("<p><code>{}</code></p>", escape(&token))).await
        }
        Err(refusal) => refused(&op, &refusal),
    }
}
