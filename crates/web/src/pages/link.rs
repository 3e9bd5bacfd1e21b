//! The page of a one-time link that shows that an ordinary address reaches its person: French first, English below.
//!
//! Looking confirms nothing, for programs that guard mailboxes follow links; the button does.
use super::layout::{Page, escape, set};
use super::origin;
use crate::{State, Via};
use axum::extract::{Extension, Path, State as AxumState};
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::Operator;

/// A page of these texts (`page.<key>.title` and `.text`), which may name the address; `below` is HTML.
fn page(op: &Operator, status: StatusCode, key: &str, address: &str, below: &str) -> Response {
    let operator = op.config().name.as_str();
    let of =
        |lang, part: &str| text(lang, &format!("page.{key}.{part}"), &[("address", address), ("operator", operator)]);
    let [(title, french), (english_title, english)] = Lang::ALL.map(|lang| (of(lang, "title"), of(lang, "text")));
    let body = format!(
        "<section class=\"alone\"><h1>{}</h1><p>{}</p><div lang=\"en\"><h2>{}</h2><p>{}</p></div>{below}</section>",
        escape(&set(&title)),
        marked(&set(&french), address),
        escape(&english_title),
        marked(&english, address)
    );
    Page { lang: Lang::Fr, title: &title, operator, languages: &[], body: &body }.answer(status)
}

/// The address within a sentence stands out, and on one line.
fn marked(sentence: &str, address: &str) -> String {
    let (sentence, address) = (escape(sentence), escape(address));
    if address.is_empty() {
        return sentence;
    }
    sentence.replace(&address, &format!("<strong class=\"address\">{address}</strong>"))
}

pub(super) fn refused(op: &Operator, refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let key = if refusal.code == RefusalCode::LinkInvalid { "link_invalid" } else { "link_later" };
    page(op, status, key, "", "")
}

/// `GET /lien/{secret}`: what the link confirms, and the button.
pub(super) async fn look(AxumState(State(op)): AxumState<State>, Path(secret): Path<String>) -> Response {
    match op.look_at_link(&secret).await {
        Ok(link) => {
            let button = |lang| escape(&text(lang, "page.link.button", &[]));
            // To where the page is: the secret is not written into it.
            let form = format!(
                "<form method=\"post\"><button type=\"submit\">{} / <span lang=\"en\">{}</span></button></form>",
                button(Lang::Fr),
                button(Lang::En)
            );
            page(&op, StatusCode::OK, "link", &link.address, &form)
        }
        Err(refusal) => refused(&op, &refusal),
    }
}

/// `POST /lien/{secret}`: confirms.
pub(super) async fn confirm(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    Path(secret): Path<String>,
) -> Response {
    let origin = origin(via.as_ref().map(|Extension(via)| via));
    match op.confirm_link(&secret, &origin).await {
        Ok(link) => page(&op, StatusCode::OK, "link_done", &link.address, ""),
        Err(refusal) => refused(&op, &refusal),
    }
}
