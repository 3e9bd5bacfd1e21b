//! The words of what is attached: for screen readers, for telephones, for whoever would not open a file.
use super::{at, way_out, word};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_message::safe_html::linked;
use sceau_web::{Shell, Visitor, seated};

#[derive(Template)]
#[template(path = "message/words.html")]
struct Page {
    shell: Shell,
    back: String,
    file: String,
    /// Markup of ours, as is what follows.
    name: String,
    /// None: there are no words that can be read.
    text: Option<String>,
    cut: bool,
}

/// `GET /bal/{b}/message/{m}/piece/{p}/texte`
pub(super) async fn show(visitor: Visitor, Path((b, m, p)): Path<(String, String, String)>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let found = match visitor.op.part_text(&actor, &m, &p).await {
        Ok(found) => found,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let (path, cut) = (at(&b, &m), found.as_ref().is_some_and(|f| f.cut));
    let page = Page {
        shell: visitor.shell(&format!("{path}/piece/{p}/texte")).of_bal(&b),
        back: visitor.to(&path),
        file: format!("{path}/piece/{p}"),
        name: found.as_ref().map(|f| word(&f.name)).unwrap_or_default(),
        text: found.filter(|f| !f.text.trim().is_empty()).map(|f| linked(&f.text, &*way_out(&visitor.op, &b))),
        cut,
    };
    visitor.screen(StatusCode::OK, &page)
}
