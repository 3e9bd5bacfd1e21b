//! « Paul répond en ce moment »: a hint where an answer is written or a message is read, so that two do not answer it. [`super::live`] keeps it up to date.
use super::beside::{Nothing, opened};
use super::{Speech, live};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sceau_domain::Refusal;
use sceau_operator::Actor;
use sceau_operator::desk::letters::{DraftView, How};
use sceau_web::{Sent, Shell, Visitor};

/// An answer of a colleague that is so old was there when one began to write, or nearly so, and the page said it: milliseconds.
const JUST_NOW: i64 = 30 * 60_000;

/// The place of what others do with a message, on a page.
#[derive(Template)]
#[template(path = "shared/present.html")]
struct Present {
    shell: Shell,
    /// Where it is told as it happens.
    live: String,
    /// Where it is said that one does not answer any more.
    form: Option<String>,
    /// What there is to say now.
    said: Vec<String>,
}

/// `POST /bal/{b}/message/{m}/presence`: whoever wrote an answer leaves the page. Said by a script as it goes, which takes no answer.
pub(super) async fn leave(Path((b, m)): Path<(String, String)>, Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    let (actor, message) = match opened(&visitor, &b, &m).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    match visitor.op.present(&actor, message, false).await {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// For a page on which the answer to a message is written: says that the actor answers it, and holds the place of what others do. Empty at a BAL of one
/// person, and where it cannot be said: a hint is never in the way.
pub(crate) async fn watched(visitor: &Visitor, actor: &Actor, b: &str, message: i64) -> String {
    if !super::shared(actor) {
        return String::new();
    }
    let at = format!("/bal/{b}/message/{}", visitor.op.email_object(message));
    let shell = visitor.shell(&at).of_bal(b);
    let said = writing(visitor, actor, message, Speech::of(visitor).await).await.unwrap_or_default();
    let (live, form) = (format!("{at}/direct?repond=1"), Some(format!("{at}/presence")));
    Present { shell, live, form, said }.render().unwrap_or_default()
}

/// What whoever writes an answer should know: others who write one, who takes care of it, others who have written one.
async fn writing(visitor: &Visitor, actor: &Actor, message: i64, speech: Speech) -> Result<Vec<String>, Refusal> {
    let names = visitor.op.present(actor, message, true).await?;
    let mut said = answering(speech, &names);
    said.extend(live::known(&visitor.op, actor, message, speech).await?);
    Ok(said)
}

/// Has a colleague answered the same message just now? Who is about to send another answer should know; the page says who. Not where it cannot be said.
pub(crate) async fn overtaken(visitor: &Visitor, actor: &Actor, view: &DraftView) -> bool {
    let Some((email, How::Answer)) = &view.source else { return false };
    let Some(message) = visitor.op.message_of_object(email).filter(|_| super::shared(actor)) else { return false };
    let since = visitor.op.clock().now().0 - JUST_NOW;
    let said = live::answered(&visitor.op, actor, message, Speech::of(visitor).await, since).await;
    said.is_ok_and(|said| !said.is_empty())
}

/// The place on a message's page: others who write an answer now. Empty where nothing can come.
pub(super) fn place(shell: Shell, speech: Speech, at: &str, names: &[String], comes: bool) -> String {
    if !comes {
        return String::new();
    }
    let said = answering(speech, names);
    Present { shell, live: format!("{at}/direct"), form: None, said }.render().unwrap_or_default()
}

/// Others who write an answer now, said.
pub(super) fn answering(speech: Speech, names: &[String]) -> Vec<String> {
    names.iter().map(|name| live::says(speech, "answers", name, "")).collect()
}
