//! Who is signed in now: for a page whose session ended while it was open, and that somebody came back to.
//!
//! Promises: it tells a script of ours alone, and only what its own browser's session is; the words are those that a page of that session would have.
use super::layout;
use super::session::Visitor;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use sceau_domain::RefusalCode;
use sceau_operator::Who;
use serde_json::json;
use std::collections::BTreeMap;

/// Most forms of a page.
const FORMS: usize = 64;

/// `GET /bureau/session?pour=/bal/B1/agir&pour=…`: the login, and the words of these forms.
pub(super) async fn show(visitor: Visitor, Query(asked): Query<Vec<(String, String)>>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let Who::Person(person) = &actor.who else { return visitor.refused(&RefusalCode::LoginRequired.into()) };
    // Whoever has no script has pages.
    if visitor.part.is_none() {
        return visitor.see("/bureau");
    }
    let forms = asked.into_iter().filter(|(name, path)| name == "pour" && path.starts_with('/')).take(FORMS);
    let words: BTreeMap<String, String> = forms.map(|(_, path)| (path.clone(), visitor.field(&path))).collect();
    let body = json!({ "person": person.login, "words": words }).to_string();
    visitor.answer((layout::headers("application/json", "no-store"), body).into_response())
}
