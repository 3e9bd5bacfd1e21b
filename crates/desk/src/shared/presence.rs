//! « Paul répond en ce moment »: a hint beside what is being written.
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use sceau_operator::Actor;
use sceau_web::part::{self, Asked, PartName};
use sceau_web::{Sent, Shell, Visitor};
use serde::Deserialize;

/// Who else answers.
#[derive(Template)]
#[template(path = "shared/present.html")]
struct Present {
    shell: Shell,
    names: Vec<String>,
}

/// What a page of writing holds: the place that a script keeps up to date.
#[derive(Template)]
#[template(path = "shared/watched.html")]
struct Watched {
    shell: Shell,
    form: String,
    block: String,
}

/// What is said.
#[derive(Deserialize)]
pub(super) struct Said {
    /// `1`: answers; else not any more.
    #[serde(default)]
    repond: String,
}

/// `POST /bal/{b}/message/{m}/presence`
pub(super) async fn say(Path((b, m)): Path<(String, String)>, Sent(visitor, said): Sent<Said>) -> Response {
    let (actor, message) = match super::beside::opened(&visitor, &b, &m).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    match visitor.op.present(&actor, message, said.repond == "1").await {
        Ok(names) => {
            let back = format!("/bal/{b}/message/{m}");
            if visitor.part != Some(PartName::Told) {
                return visitor.see(&back);
            }
            let shell = || visitor.shell(&back).of_bal(&b);
            let block = block(shell(), names.clone());
            let whole = Present { shell: shell(), names };
            part::answer(&visitor, &Asked(visitor.part), &whole, &[(PartName::Told, &block)])
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// For a page on which the answer to a message is written: says that the actor answers it, and holds the place that `shared.js` keeps up to date. Empty at a
/// BAL of one person, and where it cannot be said: a hint is never in the way.
pub(crate) async fn watched(visitor: &Visitor, actor: &Actor, b: &str, message: i64) -> String {
    let shared = actor.bal.as_ref().is_some_and(|bal| sceau_domain::personal::is_shared(bal.kind));
    let Ok(names) = visitor.op.present(actor, message, true).await else { return String::new() };
    if !shared {
        return String::new();
    }
    let form = format!("/bal/{b}/message/{}/presence", visitor.op.email_object(message));
    let shell = || visitor.shell(&form).of_bal(b);
    let watched = Watched { block: block(shell(), names), shell: shell(), form: form.clone() };
    watched.render().unwrap_or_default()
}

/// Who else answers; empty when nobody does.
pub(super) fn block(shell: Shell, names: Vec<String>) -> String {
    if names.is_empty() { String::new() } else { Present { shell, names }.render().unwrap_or_default() }
}
