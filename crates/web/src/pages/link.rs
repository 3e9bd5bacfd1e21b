//! The page of a one-time link that shows that an ordinary address reaches its person.
//!
//! Looking confirms nothing, for programs that guard mailboxes follow links; the button does.
use super::layout::{Escaped, HtmlPage};
use crate::{State, Via};
use axum::extract::{Extension, Path, State as AxumState};
use axum::http::StatusCode;
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::{Door, Operator, Origin};

/// A page of these texts (`page.<key>.title` and `.text`), which may name the address.
fn page(op: &Operator, status: StatusCode, key: &str, address: &str, below: String) -> HtmlPage {
    let operator = op.config().name.clone();
    let of =
        |lang, part: &str| text(lang, &format!("page.{key}.{part}"), &[("address", address), ("operator", &operator)]);
    let part = |lang, level: u8| {
        let (title, words) = (of(lang, "title"), of(lang, "text"));
        format!("<h{level}>{}</h{level}>\n<p>{}</p>", Escaped(&title), Escaped(&words))
    };
    let title = format!("{} / {}", of(Lang::Fr, "title"), of(Lang::En, "title"));
    HtmlPage { status, title, french: part(Lang::Fr, 1), english: part(Lang::En, 2), operator, below }
}

fn refused(op: &Operator, refusal: &Refusal) -> HtmlPage {
    let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let key = if refusal.code == RefusalCode::LinkInvalid { "link_invalid" } else { "link_later" };
    page(op, status, key, "", String::new())
}

/// Shows what the link confirms, and the button.
pub(super) async fn look(AxumState(State(op)): AxumState<State>, Path(secret): Path<String>) -> HtmlPage {
    match op.look_at_link(&secret).await {
        Ok(link) => {
            let (fr, en) = (text(Lang::Fr, "page.link.button", &[]), text(Lang::En, "page.link.button", &[]));
            // To where the page is: the secret is not written into it.
            let form = format!(
                "<form method=\"post\"><button type=\"submit\">{} / <span lang=\"en\">{}</span></button></form>",
                Escaped(&fr),
                Escaped(&en)
            );
            page(&op, StatusCode::OK, "link", &link.address, form)
        }
        Err(refusal) => refused(&op, &refusal),
    }
}

/// Confirms.
pub(super) async fn confirm(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    Path(secret): Path<String>,
) -> HtmlPage {
    let (remote, tls) = match via {
        Some(Extension(Via::Tls { remote, tls })) => (Some(remote), tls),
        _ => (None, None),
    };
    let origin = Origin { door: Door::Api, remote, session: "page".into(), tls, once: None };
    match op.confirm_link(&secret, &origin).await {
        Ok(link) => page(&op, StatusCode::OK, "link_done", &link.address, String::new()),
        Err(refusal) => refused(&op, &refusal),
    }
}
