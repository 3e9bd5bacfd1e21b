//! The header of a message, and how it came in: what is proven apart from what is said.
use super::{at, word};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_web::{Shell, Visitor, seated};

#[derive(Template)]
#[template(path = "message/headers.html")]
struct Page {
    shell: Shell,
    back: String,
    source: String,
    subject: String,
    /// What the door noted: what it is, and markup of ours.
    proof: Vec<(String, String)>,
    /// Fields that were added on the way, then those that were written: name and markup of ours.
    added: Vec<(String, String)>,
    written: Vec<(String, String)>,
}

/// `GET /bal/{b}/message/{m}/entetes`
pub(super) async fn show(visitor: Visitor, Path((b, m)): Path<(String, String)>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let headers = match visitor.op.message_headers(&actor, &m).await {
        Ok(headers) => headers,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let mut proof = Vec::new();
    if let Some(passage) = headers.passage {
        let lines = [
            ("message.proof.peer", passage.peer),
            ("message.proof.tls", passage.tls),
            ("message.proof.with", Some(passage.with)),
            ("message.proof.from", Some(passage.from)),
            ("message.proof.sender", passage.sender),
            ("message.proof.by", Some(passage.by)),
            ("message.proof.at", Some(passage.at)),
            ("message.proof.id", Some(passage.id)),
        ];
        let said = lines.into_iter().filter_map(|(key, value)| Some((visitor.t(key), word(&value?))));
        proof.extend(said);
    }
    let mut fields = headers.fields.into_iter().map(|(name, value)| (name, word(&value)));
    let added = fields.by_ref().take(headers.added).collect();
    let path = at(&b, &m);
    let page = Page {
        shell: visitor.shell(&format!("{path}/entetes")).of_bal(&b),
        back: visitor.to(&path),
        source: format!("{path}/source"),
        subject: super::frame::title(visitor.lang, &headers.subject),
        proof,
        added,
        written: fields.collect(),
    };
    visitor.screen(StatusCode::OK, &page)
}
