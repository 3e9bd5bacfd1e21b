//! Who is meant, and who cannot receive, told while one types; and a page to look for somebody.
use crate::list::{Rail, rail};
use axum::extract::{Path, Query};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_domain::text::text;
use sceau_message::letter::written;
use sceau_operator::Actor;
use sceau_operator::desk::directory::{Source, Suggested};
use sceau_operator::desk::recipients::Verdict;
use sceau_web::part::{self, Asked, PartName};
use sceau_web::{Sent, Shell, Visitor, layout, seated};
use serde::Deserialize;

/// Most who are suggested under a field.
const FEW: usize = 8;
/// Most who are shown by a search.
const MANY: usize = 20;
/// From how many recipients on their number is told.
const TOLD: usize = 2;

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
    /// How many of how many; empty for one.
    count: String,
}

/// The fields of recipients, as they are typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    a: String,
    cc: String,
    cci: String,
    /// Bytes of the message.
    octets: u64,
}

/// Somebody to write to.
pub(super) struct Choice {
    pub name: String,
    pub address: String,
    /// Profession, structure, town.
    pub about: String,
    /// From where.
    pub from: String,
    pub paperless: bool,
    /// As it stands in a field.
    pub written: String,
}

/// Those who are meant: a piece of the page, for the script.
#[derive(askama::Template)]
#[template(path = "write/choices.html")]
struct Choices<'a> {
    shell: &'a Shell,
    found: &'a [Choice],
}

/// The page of a search.
#[derive(askama::Template)]
#[template(path = "write/find.html")]
struct Find {
    shell: Shell,
    rail: Rail,
    asked: String,
    /// Who was found, with where one writes to them.
    found: Vec<(Choice, String)>,
    to: String,
    write: String,
}

/// What is looked for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Question {
    q: String,
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
    let limits = visitor.op.letter_limits(actor).await?;
    let (all, most) = (verdicts.len(), limits.recipients.to_string());
    let count = match all >= TOLD {
        true => layout::set(&text(visitor.lang, "write.count", &[("n", &all.to_string()), ("limit", &most)])),
        false => String::new(),
    };
    let wrong = |v: Verdict| {
        let why = visitor.told(&v.why?).1;
        Some(Wrong { text: v.text, why })
    };
    Ok(Chips { shell: visitor.shell("/bal"), wrong: verdicts.into_iter().filter_map(wrong).collect(), count })
}

/// `POST /bal/{b}/destinataires`
pub(super) async fn look(Path(b): Path<String>, Sent(visitor, fields): Sent<Fields>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match chips(&visitor, &actor, [&fields.a, &fields.cc, &fields.cci], fields.octets, true).await {
        Ok(chips) => part::answer(&visitor, &Asked(visitor.part), &chips, &[(PartName::Chips, &chips)]),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// Who is meant by what was typed.
async fn found(visitor: &Visitor, actor: &Actor, asked: &str, most: usize) -> Result<Vec<Choice>, Refusal> {
    let choice = |s: Suggested| {
        let from = match s.source {
            Source::Correspondent => "write.find.correspondent",
            Source::Colleague => "write.find.colleague",
            Source::Directory => "write.find.directory",
        };
        let about = [s.what, s.place].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
        let written = written(&[(s.name.clone(), s.address.clone())]);
        Choice { name: s.name, address: s.address, about, from: visitor.t(from), paperless: s.paperless, written }
    };
    Ok(visitor.op.complete(actor, asked, most).await?.into_iter().map(choice).collect())
}

/// Those whom a form without a script looked for.
pub(super) async fn looked_for(visitor: &Visitor, actor: &Actor, asked: &str) -> Result<Vec<Choice>, Refusal> {
    found(visitor, actor, asked, MANY).await
}

/// `GET /bal/{b}/destinataires?q=`: who is meant, for the script; else a page to look for somebody.
pub(super) async fn search(visitor: Visitor, Path(b): Path<String>, uri: Uri) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let Question { q } = Query::try_from_uri(&uri).map(|Query(asked)| asked).unwrap_or_default();
    let answer = match visitor.part {
        Some(_) => suggest(&visitor, &actor, &q).await,
        None => page(&visitor, &actor, &b, q).await,
    };
    answer.unwrap_or_else(|refusal| visitor.refused(&refusal))
}

async fn suggest(visitor: &Visitor, actor: &Actor, asked: &str) -> Result<Response, Refusal> {
    let (found, shell) = (found(visitor, actor, asked, FEW).await?, visitor.shell("/bal"));
    let choices = Choices { shell: &shell, found: &found };
    Ok(part::answer(visitor, &Asked(visitor.part), &choices, &[(PartName::Chips, &choices)]))
}

async fn page(visitor: &Visitor, actor: &Actor, b: &str, asked: String) -> Result<Response, Refusal> {
    let write = |to: &str| visitor.to(&super::page::At { b, mode: to, ..Default::default() }.beginning());
    let found = found(visitor, actor, &asked, MANY).await?.into_iter();
    let found = found.map(|choice| {
        let to = write(&choice.written);
        (choice, to)
    });
    let page = Find {
        shell: visitor.shell(&path(b)).of_bal(b),
        rail: rail(visitor, actor, b, None).await?,
        found: found.collect(),
        to: path(b),
        write: write(""),
        asked,
    };
    Ok(visitor.screen(StatusCode::OK, &page))
}
