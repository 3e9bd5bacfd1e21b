//! Who cannot receive, told while one types.
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_operator::Actor;
use sceau_operator::desk::recipients::Verdict;
use sceau_web::part::{self, Asked, PartName};
use sceau_web::{Sent, Shell, Visitor, seated};
use serde::Deserialize;

/// A recipient who cannot receive.
struct Wrong {
    text: String,
    why: String,
}

/// Those who cannot: a piece of the page.
#[derive(askama::Template)]
#[template(path = "write/chips.html")]
pub(super) struct Chips {
    shell: Shell,
    wrong: Vec<Wrong>,
}

/// The fields of recipients, as they are typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    a: String,
    cc: String,
    cci: String,
}

/// Where they are asked about.
pub(super) fn path(b: &str) -> String {
    format!("/bal/{b}/destinataires")
}

/// Who of these cannot receive a message of so many bytes. `counted`: somebody asked.
pub(super) async fn chips(
    visitor: &Visitor,
    actor: &Actor,
    fields: [&str; 3],
    bytes: u64,
    counted: bool,
) -> Result<Chips, Refusal> {
    let verdicts = visitor.op.look_at_recipients(actor, &fields, bytes, counted).await?;
    let wrong = |v: Verdict| {
        let why = visitor.told(&v.why?).1;
        Some(Wrong { text: v.text, why })
    };
    Ok(Chips { shell: visitor.shell("/bal"), wrong: verdicts.into_iter().filter_map(wrong).collect() })
}

/// `POST /bal/{b}/destinataires`
pub(super) async fn look(Path(b): Path<String>, Sent(visitor, fields): Sent<Fields>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match chips(&visitor, &actor, [&fields.a, &fields.cc, &fields.cci], 0, true).await {
        Ok(chips) => part::answer(&visitor, &Asked(visitor.part), &chips, &[(PartName::Chips, &chips)]),
        Err(refusal) => visitor.refused(&refusal),
    }
}
