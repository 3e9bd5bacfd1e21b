//! Signatures and templates.
use crate::list::{Rail, rail};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::{BalRights, Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::desk::writings::{Kind, Writing, WritingView};
use sceau_web::{Sent, Shell, Visitor, seated};
use serde::Deserialize;

/// One of them.
struct Line {
    id: String,
    /// Its form, with its word.
    to: String,
    jeton: String,
    what: String,
    /// Where one begins with it.
    begin: Option<String>,
    writing: WritingView,
}

#[derive(askama::Template)]
#[template(path = "write/writings.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    error: Option<String>,
    lines: Vec<Line>,
    to: String,
    jeton: String,
    kinds: Vec<(&'static str, String)>,
    whose: Vec<(&'static str, String)>,
    /// What was typed of a new one that was refused.
    typed: Form,
}

/// One, as a form says it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    version: i64,
    sorte: String,
    qui: String,
    nom: String,
    texte: String,
    faire: String,
}

impl Form {
    fn writing(&self) -> Writing {
        Writing { name: self.nom.trim().to_owned(), text: self.texte.replace("\r\n", "\n") }
    }
}

fn place(b: &str) -> String {
    format!("/bal/{b}/modeles")
}

/// `GET /bal/{b}/modeles`
pub(super) async fn show(visitor: Visitor, Path(b): Path<String>) -> Response {
    match seated(&visitor, &b).await {
        Ok(actor) => answer(&visitor, &actor, &b, Form::default(), None).await,
        Err(answer) => *answer,
    }
}

async fn answer(visitor: &Visitor, actor: &Actor, b: &str, typed: Form, refusal: Option<Refusal>) -> Response {
    let told = refusal.map(|refusal| visitor.told(&refusal));
    let (status, error) = told.map_or((StatusCode::OK, None), |(status, sentence)| (status, Some(sentence)));
    match page(visitor, actor, b, typed, error).await {
        Ok(page) => visitor.screen(status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn page(visitor: &Visitor, actor: &Actor, b: &str, typed: Form, error: Option<String>) -> Result<Page, Refusal> {
    let word = |key: &str| visitor.t(&format!("write.writings.{key}"));
    let line = |writing: WritingView| {
        let to = format!("{}/{}", place(b), writing.code);
        let whose = word(if writing.shared { "shared" } else { "mine" });
        Line {
            id: writing.code.clone(),
            jeton: visitor.field(&to),
            to: visitor.to(&to),
            what: format!("{} · {whose}", word(writing.kind.as_str())),
            begin: (writing.kind == Kind::Template)
                .then(|| visitor.to(&format!("/bal/{b}/ecrire?modele={}", writing.code))),
            writing,
        }
    };
    let lines = visitor.op.writings(actor).await?.into_iter().map(line).collect();
    let chair = actor.bal.as_ref().and_then(|bal| bal.chair.as_ref());
    let mut whose = vec![("moi", word("mine"))];
    if chair.is_some_and(|c| c.rights.has(BalRights::MANAGE)) {
        whose.push(("bal", word("shared")));
    }
    Ok(Page {
        shell: visitor.shell(&place(b)).of_bal(b),
        rail: rail(visitor, actor, b, None).await?,
        error,
        lines,
        jeton: visitor.field(&place(b)),
        to: visitor.to(&place(b)),
        kinds: Kind::ALL.iter().map(|kind| (kind.as_str(), word(kind.as_str()))).collect(),
        whose,
        typed,
    })
}

/// `POST /bal/{b}/modeles`
pub(super) async fn add(Path(b): Path<String>, Sent(visitor, form): Sent<Form>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == form.sorte).unwrap_or(Kind::Template);
    match visitor.op.new_writing(&actor, kind, form.qui == "bal", &form.writing()).await {
        Ok(()) => visitor.see(&place(&b)),
        Err(refusal) => answer(&visitor, &actor, &b, form, Some(refusal)).await,
    }
}

/// `POST /bal/{b}/modeles/{w}`
pub(super) async fn change(Path((b, w)): Path<(String, String)>, Sent(visitor, form): Sent<Form>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let Some(id) = visitor.op.writing_of_object(&w) else { return visitor.refused(&RefusalCode::NotFound.into()) };
    let done = match form.faire.as_str() {
        "supprimer" => visitor.op.remove_writing(&actor, id).await,
        _ => visitor.op.set_writing(&actor, id, form.version, &form.writing()).await,
    };
    match done {
        Ok(()) => visitor.see(&place(&b)),
        Err(refusal) => answer(&visitor, &actor, &b, form, Some(refusal)).await,
    }
}
